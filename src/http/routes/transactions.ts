// The routes that carry out several operations in one commit.
import { errorEntry, insiError } from '../../contract/errors.ts'
import { BATCH_COMMANDS_MAX, TXN_OPERATIONS_MAX } from '../../contract/limits.ts'
import type { Caller } from '../../services/caller.ts'
import type { RateLimiter } from '../../services/rates/limiter.ts'
import type { Operation, TransactionService } from '../../services/transactions.ts'
import type { CommandResult } from '../../state/commands.ts'
import { sendJson } from '../answers.ts'
import type { Handlers } from '../endpoints.ts'
import { bodyFields } from '../fields.ts'
import { callerOf } from '../middleware/authenticate.ts'
import { comparisonsField, operationsField } from '../operation-fields.ts'
import { rateLimited } from '../rate-answer.ts'
import { revisionHeader } from './store.ts'
import { payloadWords } from './words.ts'

const BATCH = payloadWords('batch')
const TXN = payloadWords('txn')

export interface TransactionHandlerDeps {
  readonly transactions: TransactionService
  readonly rates: RateLimiter
}

export function transactionHandlers(
  { transactions, rates }: TransactionHandlerDeps,
  { valueSizeBytesMax }: { readonly valueSizeBytesMax: number },
): Handlers {
  return {
    batch: async (ctx) => {
      const fields = bodyFields(ctx, BATCH)
      const operations = operationsField(fields, 'operations', { countMax: BATCH_COMMANDS_MAX, valueSizeBytesMax })
      if (operations.length === 0) throw insiError('MISSING_FIELD', BATCH.missing('operations'))
      const caller = callerOf(ctx)
      await limitPublishes(rates, caller, publishCount(operations))
      const results = await transactions.batch(caller, operations)
      sendJson(ctx, JSON.stringify({ results: results.map(resultMembers) }))
    },
    txn: async (ctx) => {
      const fields = bodyFields(ctx, TXN)
      const bounds = { countMax: TXN_OPERATIONS_MAX, valueSizeBytesMax }
      const request = {
        compare: comparisonsField(fields, 'compare', bounds),
        then: operationsField(fields, 'then', bounds),
        else: operationsField(fields, 'else', bounds),
      }
      const caller = callerOf(ctx)
      await limitPublishes(rates, caller, Math.max(publishCount(request.then), publishCount(request.else)))
      const { succeeded, revision, results } = await transactions.txn(caller, request)
      const answer = { succeeded, revision, results: results.map(resultMembers) }
      sendJson(ctx, JSON.stringify(answer), revisionHeader(revision))
    },
  }
}

function publishCount(operations: readonly Operation[]): number {
  return operations.reduce((count, { op }) => (op === 'publish' ? count + 1 : count), 0)
}

/** Events count as they do when each is published for itself. Throws RATE_LIMITED; INVALID_FIELD when there could never be so many. */
async function limitPublishes(rates: RateLimiter, { entityId }: Caller, count: number): Promise<void> {
  if (count === 0) return
  const denial = await rates.admit(entityId, 'events', count)
  if (denial === null) return
  if (denial.limit === 0 || count <= denial.burst) throw rateLimited(denial)
  const message = `The request publishes ${count} events at once, and the limit of the key is ${denial.limit} a second`
  throw insiError('INVALID_FIELD', message)
}

function resultMembers(result: CommandResult) {
  if (!result.ok) {
    const { current, limit } = result.details ?? {}
    return { ok: false, error_type: result.code, message: errorEntry(result.code).meaning, current, limit }
  }
  const { revision, value, eventId } = result
  return { ok: true, revision, data: value, event_id: eventId }
}
