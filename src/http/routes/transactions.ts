// The routes that carry out several operations in one commit.
import { errorEntry, insiError } from '../../contract/errors.ts'
import { BATCH_COMMANDS_MAX, TXN_OPERATIONS_MAX } from '../../contract/limits.ts'
import type { TransactionService } from '../../services/transactions.ts'
import type { CommandResult } from '../../state/commands.ts'
import { sendJson } from '../answers.ts'
import type { Handlers } from '../endpoints.ts'
import { bodyFields } from '../fields.ts'
import { callerOf } from '../middleware/authenticate.ts'
import { comparisonsField, operationsField } from '../operation-fields.ts'
import { revisionHeader } from './store.ts'
import { payloadWords } from './words.ts'

const BATCH = payloadWords('batch')
const TXN = payloadWords('txn')

export function transactionHandlers(
  transactions: TransactionService,
  { valueSizeBytesMax }: { readonly valueSizeBytesMax: number },
): Handlers {
  return {
    batch: async (ctx) => {
      const fields = bodyFields(ctx, BATCH)
      const operations = operationsField(fields, 'operations', { countMax: BATCH_COMMANDS_MAX, valueSizeBytesMax })
      if (operations.length === 0) throw insiError('MISSING_FIELD', BATCH.missing('operations'))
      const results = await transactions.batch(callerOf(ctx), operations)
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
      const { succeeded, revision, results } = await transactions.txn(callerOf(ctx), request)
      const answer = { succeeded, revision, results: results.map(resultMembers) }
      sendJson(ctx, JSON.stringify(answer), revisionHeader(revision))
    },
  }
}

function resultMembers(result: CommandResult) {
  if (!result.ok) {
    const { current, limit } = result.details ?? {}
    return { ok: false, error_type: result.code, message: errorEntry(result.code).meaning, current, limit }
  }
  const { revision, value, eventId } = result
  return { ok: true, revision, data: value, event_id: eventId }
}
