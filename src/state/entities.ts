// The commands that create and remove entities. A removal is marked first and then carried out in bounded steps.
import { assert, must } from '../base/assert.ts'
import { CACHE_PREFIX, VALUE_PREFIX, dataRange, eventRange } from '../storage/keyspace.ts'
import type { KeyRange } from '../storage/keyspace.ts'
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
  if (entity.status === 'active') {
    entities.putEntity(tx, { ...entity, status: 'deleting' })
    addKeyDeleted(tx, entity.entityId, entity.keyUuid, false)
    for (const aliasKeyUuid of entity.aliasKeyUuids) addKeyDeleted(tx, entity.entityId, aliasKeyUuid, true)
  }
  return accepted(tx.index, { entityId: entity.entityId })
}

/** Repeating the purge of an entity that is gone says that it is done. */
export async function applyEntityPurge(tx: Transaction, command: EntityPurgeCommand): Promise<CommandResult> {
  const { entities } = tx.tables
  const entity = entities.entity(command.entityId)
  if (entity === undefined) return accepted(tx.index, { removedCount: 0, done: true })
  if (entity.status !== 'deleting') return rejected('ENTITY_NOT_FOUND')
  const changeCount = tx.changes.count
  const removedCount = await removeData(tx, command.entityId, command.countMax)
  // Its watchers have ended with its key.
  tx.changes.truncate(changeCount)
  if (removedCount === command.countMax) return accepted(tx.index, { removedCount, done: false })
  tx.tables.removeRows(tx, entity.entityId)
  for (const keyUuid of entity.aliasKeyUuids) entities.deleteKey(tx, keyUuid)
  entities.deleteKey(tx, entity.keyUuid)
  entities.deleteEntity(tx, entity.entityId)
  return accepted(tx.index, { removedCount, done: true })
}

function addKeyDeleted(tx: Transaction, entityId: EntityId, keyUuid: string, alias: boolean): void {
  tx.changes.add({ type: 'key-deleted', entityId, keyUuid, alias })
}

async function removeData(tx: Transaction, entityId: EntityId, countMax: number): Promise<number> {
  const removeDatum = (key: Buffer): void => removeRecord(tx, slotAt(tx, key))
  const removeEvent = (key: Buffer): void => tx.writes.delete(key, must(tx.writes.get(key), 'the event is stored'))
  const everyKey = Buffer.alloc(0)
  let removedCount = await removeRange(tx, dataRange(VALUE_PREFIX, entityId, everyKey), countMax, removeDatum)
  removedCount += await removeRange(
    tx,
    dataRange(CACHE_PREFIX, entityId, everyKey),
    countMax - removedCount,
    removeDatum,
  )
  return removedCount + (await removeRange(tx, eventRange(entityId), countMax - removedCount, removeEvent))
}

/** Removes the first `countMax` records of a range; how many there were. */
export async function removeRange(
  tx: Transaction,
  range: KeyRange,
  countMax: number,
  remove: (key: Buffer) => void,
): Promise<number> {
  let removedCount = 0
  let { start } = range
  while (removedCount < countMax) {
    const chunkCount = Math.min(PURGE_CHUNK_COUNT, countMax - removedCount)
    const keys = await tx.writes.keysIn({ start, end: range.end }, chunkCount)
    keys.forEach(remove)
    removedCount += keys.length
    const last = keys.at(-1)
    if (last === undefined || keys.length < chunkCount) break
    start = Buffer.concat([last, Buffer.of(0)])
  }
  return removedCount
}
