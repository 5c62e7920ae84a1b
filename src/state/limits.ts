// The command that changes the limits of an entity. They hold from the next entry on.
import type { CommandResult, LimitsSetCommand } from './commands.ts'
import { accepted, rejected } from './results.ts'
import type { Transaction } from './transaction.ts'

export function applyLimitsSet(tx: Transaction, command: LimitsSetCommand): CommandResult {
  const { entities } = tx.tables
  const entity = entities.activeEntity(command.entityId)
  if (entity === undefined) return rejected('ENTITY_NOT_FOUND')
  entities.putEntity(tx, { ...entity, limits: { ...entity.limits, ...command.limits } })
  return accepted(tx.index)
}
