// The commands that create and remove entities. A removal is marked first and then carried out in bounded steps.
import { assert } from '../base/assert.ts'
import { CACHE_PREFIX, VALUE_PREFIX, dataRange } from '../storage/keyspace.ts'
import type {
  CommandResult,
  EntityCreateCommand,
  EntityDeleteCommand,
  EntityId,
  EntityPurgeCommand,
} from './commands.ts'
import { removeRecord, slotAt } from './records.ts'
import { accepted, rejected } from './results.ts'
import type { EntityRecord } from './state-reader.ts'
import type { Transaction } from './transaction.ts'

const ENTITY_ID_MAX = 0xffff_ffff
/** Keys that a purge holds in memory at a time. */
const PURGE_CHUNK_COUNT = 256

/** Repeating a creation answers the entity that it made. */
export function applyEntityCreate(tx: Transaction, command: EntityCreateCommand): CommandResult {
  const { keyUuid, scopeUuid, name, tokenDigest, limits } = command
  const { entities } = tx.tables
  const known = entities.key(keyUuid)
  if (known !== undefined) {
    const isSame = !known.alias && entities.entity(known.entityId)?.scopeUuid === scopeUuid
    return isSame ? accepted(tx.index, { entityId: known.entityId }) : rejected('KEY_EXISTS')
  }
  const entityId = tx.nextEntityId
  assert(entityId < ENTITY_ID_MAX, 'there are entity ids left')
  tx.nextEntityId += 1
  const entity: EntityRecord = {
    entityId,
    name,
    keyUuid,
    scopeUuid,
    status: 'active',
    limits,
    createdAtMs: command.timeMs,
    aliasKeyUuids: [],
  }
  entities.putEntity(tx, entity)
  entities.putKey(tx, { keyUuid, entityId, alias: false, tokenDigest: Buffer.from(tokenDigest) })
  return accepted(tx.index, { entityId })
}

/** Repeating a deletion succeeds until the entity is gone. An alias is not an entity: alias.delete removes it. */
export function applyEntityDelete(tx: Transaction, command: EntityDeleteCommand): CommandResult {
  const { entities } = tx.tables
  const key = entities.key(command.keyUuid)
  const entity = key === undefined || key.alias ? undefined : entities.entity(key.entityId)
  if (entity === undefined) return rejected('API_KEY_NOT_FOUND')
  if (entity.status === 'active') entities.putEntity(tx, { ...entity, status: 'deleting' })
  return accepted(tx.index, { entityId: entity.entityId })
}

/** Repeating the purge of an entity that is gone says that it is done. */
export async function applyEntityPurge(tx: Transaction, command: EntityPurgeCommand): Promise<CommandResult> {
  const { entities, usage } = tx.tables
  const entity = entities.entity(command.entityId)
  if (entity === undefined) return accepted(tx.index, { removedCount: 0, done: true })
  if (entity.status !== 'deleting') return rejected('ENTITY_NOT_FOUND')
  const removedCount = await removeData(tx, command.entityId, command.countMax)
  if (removedCount === command.countMax) return accepted(tx.index, { removedCount, done: false })
  usage.remove(tx.writes, entity.entityId)
  for (const keyUuid of entity.aliasKeyUuids) entities.deleteKey(tx, keyUuid)
  entities.deleteKey(tx, entity.keyUuid)
  entities.deleteEntity(tx, entity.entityId)
  return accepted(tx.index, { removedCount, done: true })
}

async function removeData(tx: Transaction, entityId: EntityId, countMax: number): Promise<number> {
  let removedCount = 0
  for (const prefix of [VALUE_PREFIX, CACHE_PREFIX] as const) {
    const whole = dataRange(prefix, entityId, Buffer.alloc(0))
    let start = whole.start
    while (removedCount < countMax) {
      const keys = await tx.writes.keysIn({ start, end: whole.end }, Math.min(PURGE_CHUNK_COUNT, countMax - removedCount))
      for (const key of keys) removeRecord(tx, slotAt(tx, key))
      removedCount += keys.length
      const last = keys.at(-1)
      if (last === undefined) break
      start = Buffer.concat([last, Buffer.of(0)])
    }
  }
  return removedCount
}
