// The commands on alias keys: further keys of an entity, with its data, limits and usage.
import { ALIASES_PER_ENTITY_MAX } from '../contract/limits.ts'
import type { AliasCreateCommand, AliasDeleteCommand, CommandResult } from './commands.ts'
import { accepted, rejected } from './results.ts'
import type { Transaction } from './transaction.ts'

/** Repeating a creation succeeds. */
export function applyAliasCreate(tx: Transaction, command: AliasCreateCommand): CommandResult {
  const { entityId, keyUuid, tokenDigest } = command
  const { entities } = tx.tables
  const entity = entities.activeEntity(entityId)
  if (entity === undefined) return rejected('ENTITY_NOT_FOUND')
  if (entities.key(keyUuid) !== undefined) {
    return entity.aliasKeyUuids.includes(keyUuid) ? accepted(tx.index) : rejected('KEY_EXISTS')
  }
  if (entity.aliasKeyUuids.length >= ALIASES_PER_ENTITY_MAX) return rejected('ALIAS_LIMIT_REACHED')
  entities.putEntity(tx, { ...entity, aliasKeyUuids: [...entity.aliasKeyUuids, keyUuid].sort() })
  entities.putKey(tx, { keyUuid, entityId, alias: true, tokenDigest: Buffer.from(tokenDigest) })
  return accepted(tx.index)
}

export function applyAliasDelete(tx: Transaction, command: AliasDeleteCommand): CommandResult {
  const { entityId, keyUuid } = command
  const { entities } = tx.tables
  const entity = entities.activeEntity(entityId)
  if (entity === undefined || !entity.aliasKeyUuids.includes(keyUuid)) return rejected('ALIAS_NOT_FOUND')
  const aliasKeyUuids = entity.aliasKeyUuids.filter((alias) => alias !== keyUuid)
  entities.putEntity(tx, { ...entity, aliasKeyUuids })
  entities.deleteKey(tx, keyUuid)
  tx.changes.add({ type: 'key-deleted', entityId, keyUuid, alias: true })
  return accepted(tx.index)
}

/** Whether an alias was deleted, as far as its own record says; commands look at the state of its entity themselves. */
export function isAliasGone(tx: Transaction, keyUuid: string): boolean {
  return tx.tables.entities.key(keyUuid)?.alias !== true
}
