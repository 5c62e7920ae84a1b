// Several operations in one log entry: txn carries out all of a branch or nothing, batch each for itself.
import { unreachable } from '../base/assert.ts'
import type { BatchCommand, CommandResult, Compare, EntityId, OperationCommand, TxnCommand } from './commands.ts'
import { applyEventPublish } from './events.ts'
import { applyKv } from './kv.ts'
import { liveRecord, slotOf } from './records.ts'
import { accepted, rejected } from './results.ts'
import type { Transaction } from './transaction.ts'

export async function applyTxn(tx: Transaction, command: TxnCommand): Promise<CommandResult> {
  const { entityId } = command
  if (tx.tables.entities.activeEntity(entityId) === undefined) return rejected('ENTITY_NOT_FOUND')
  const succeeded = command.compare.every((compare) => holds(tx, entityId, compare))
  const results: CommandResult[] = []
  const changeCount = tx.changes.count
  tx.writes.begin()
  for (const [operation, one] of (succeeded ? command.then : command.else).entries()) {
    const answer = applyOperation(tx, one)
    const result = answer instanceof Promise ? await answer : answer
    if (!result.ok) {
      tx.writes.rollback()
      tx.changes.truncate(changeCount)
      return rejected(result.code, { ...result.details, operation })
    }
    results.push(result)
  }
  tx.writes.keep()
  return accepted(tx.index, { succeeded, results })
}

export async function applyBatch(tx: Transaction, command: BatchCommand): Promise<CommandResult> {
  if (tx.tables.entities.activeEntity(command.entityId) === undefined) return rejected('ENTITY_NOT_FOUND')
  const results: CommandResult[] = []
  for (const one of command.commands) {
    const answer = applyOperation(tx, one)
    results.push(answer instanceof Promise ? await answer : answer)
  }
  return accepted(tx.index, { results })
}

export function applyOperation(tx: Transaction, command: OperationCommand): CommandResult | Promise<CommandResult> {
  return command.type === 'event.publish' ? applyEventPublish(tx, command) : applyKv(tx, command)
}

function holds(tx: Transaction, entityId: EntityId, compare: Compare): boolean {
  const record = liveRecord(tx, slotOf(tx, compare.space, entityId, compare.key))
  switch (compare.type) {
    case 'value':
      return record?.payload.equals(compare.value) ?? false
    case 'exists':
      return record !== undefined
    case 'missing':
      return record === undefined
    case 'revision':
      return record?.revision === compare.revision
    default:
      return unreachable(compare)
  }
}
