// Entities and the keys that authenticate as them, in memory and as records.
//
//   entity record  version u8 | name, keyUuid, scopeUuid text | status u8 | createdAtMs u48 | limits | aliasCount u16 | alias texts
//   key record     version u8 | entityId u32 | alias u8 | tokenDigest (u16 length)
import { assert, must } from '../base/assert.ts'
import { authKey, entityIdOfKey, entityKey } from '../storage/keyspace.ts'
import { decodeRecord, encodeRecord } from '../storage/record.ts'
import { ByteReader, ByteWriter } from './byte-codec.ts'
import { ROOT_ENTITY_ID } from './commands.ts'
import type { EntityId } from './commands.ts'
import { readLimits, writeLimits } from './limits-codec.ts'
import { StagedMap } from './staged-map.ts'
import type { EntityRecord, KeyRecord } from './state-reader.ts'
import type { Transaction } from './transaction.ts'

const ENTITY_VERSION = 1
const KEY_VERSION = 1
const STATUS_CODES = { active: 0, deleting: 1 } as const
const RECORD_SIZE_BYTES_EXPECTED = 256

/** Root as it is until its limits are set: unlimited. Its key stands in the configuration, not in the state. */
const ROOT: EntityRecord = {
  entityId: ROOT_ENTITY_ID,
  name: 'root',
  keyUuid: '',
  scopeUuid: '',
  status: 'active',
  limits: {
    diskBytes: null,
    memoryBytes: null,
    eventsPerDay: null,
    subscribers: null,
    dataRequestsPerSecond: null,
    eventRequestsPerSecond: null,
  },
  createdAtMs: 0,
  aliasKeyUuids: [],
}

export class EntityTable {
  readonly #entities = new StagedMap<EntityId, EntityRecord>()
  readonly #keys = new StagedMap<string, KeyRecord>()
  /** Committed entities but root by key UUID; null when it must be made anew. */
  #sorted: readonly EntityRecord[] | null = null

  constructor() {
    this.#entities.set(ROOT_ENTITY_ID, ROOT)
    this.#entities.commit()
  }

  /** Takes a record from the store, at open. Throws InsiError RECORD_CORRUPT. */
  loadEntity(key: Buffer, value: Buffer): void {
    const entityId = entityIdOfKey(key)
    this.#entities.set(entityId, decodeEntity(entityId, decodeRecord(key, value).payload))
    this.commit()
  }

  loadKey(key: Buffer, value: Buffer): void {
    const keyUuid = key.subarray(1).toString('utf8')
    this.#keys.set(keyUuid, decodeKey(keyUuid, decodeRecord(key, value).payload))
    this.commit()
  }

  /** The entity as the transaction sees it. */
  entity(entityId: EntityId): EntityRecord | undefined {
    return this.#entities.get(entityId)
  }

  /** The entity unless it is being deleted. */
  activeEntity(entityId: EntityId): EntityRecord | undefined {
    const entity = this.#entities.get(entityId)
    return entity?.status === 'active' ? entity : undefined
  }

  key(keyUuid: string): KeyRecord | undefined {
    return this.#keys.get(keyUuid)
  }

  putEntity(tx: Transaction, entity: EntityRecord): void {
    const key = entityKey(entity.entityId)
    tx.writes.put(key, encodeRecord(key, tx.index, 0, encodeEntity(entity)), tx.writes.get(key))
    this.#entities.set(entity.entityId, entity)
  }

  deleteEntity(tx: Transaction, entityId: EntityId): void {
    const key = entityKey(entityId)
    tx.writes.delete(key, must(tx.writes.get(key), 'the entity is stored'))
    this.#entities.delete(entityId)
  }

  putKey(tx: Transaction, record: KeyRecord): void {
    const key = authKey(record.keyUuid)
    tx.writes.put(key, encodeRecord(key, tx.index, 0, encodeKey(record)), tx.writes.get(key))
    this.#keys.set(record.keyUuid, record)
  }

  deleteKey(tx: Transaction, keyUuid: string): void {
    const key = authKey(keyUuid)
    tx.writes.delete(key, must(tx.writes.get(key), 'the key is stored'))
    this.#keys.delete(keyUuid)
  }

  commit(): void {
    if (this.#entities.commit()) this.#sorted = null
    this.#keys.commit()
  }

  /** The entity as readers see it. */
  committedEntity(entityId: EntityId): EntityRecord | undefined {
    return this.#entities.getCommitted(entityId)
  }

  /** The key as readers see it; undefined while its entity is being deleted. */
  committedKey(keyUuid: string): KeyRecord | undefined {
    const key = this.#keys.getCommitted(keyUuid)
    if (key === undefined) return undefined
    return this.#entities.getCommitted(key.entityId)?.status === 'active' ? key : undefined
  }

  /** Entities but root as readers see them, by key UUID. */
  list(offset: number, limit: number): EntityRecord[] {
    this.#sorted ??= [...this.#entities.committedValues()]
      .filter((entity) => entity.entityId !== ROOT_ENTITY_ID)
      .sort((left, right) => (left.keyUuid < right.keyUuid ? -1 : 1))
    return this.#sorted.slice(offset, offset + limit)
  }
}

function encodeEntity(entity: EntityRecord): Buffer {
  const writer = new ByteWriter(RECORD_SIZE_BYTES_EXPECTED)
    .uint8(ENTITY_VERSION)
    .text(entity.name)
    .text(entity.keyUuid)
    .text(entity.scopeUuid)
    .uint8(STATUS_CODES[entity.status])
    .uint48(entity.createdAtMs)
  writeLimits(writer, entity.limits).uint16(entity.aliasKeyUuids.length)
  for (const keyUuid of entity.aliasKeyUuids) writer.text(keyUuid)
  return writer.finish()
}

function decodeEntity(entityId: EntityId, payload: Buffer): EntityRecord {
  const reader = new ByteReader(payload)
  assert(reader.uint8() === ENTITY_VERSION, 'the version of an entity record is known')
  const name = reader.text()
  const keyUuid = reader.text()
  const scopeUuid = reader.text()
  const status = reader.uint8() === STATUS_CODES.active ? 'active' : 'deleting'
  const createdAtMs = reader.uint48()
  const limits = readLimits(reader)
  const aliasKeyUuids = Array.from({ length: reader.uint16() }, () => reader.text())
  return { entityId, name, keyUuid, scopeUuid, status, limits, createdAtMs, aliasKeyUuids }
}

function encodeKey(record: KeyRecord): Buffer {
  return new ByteWriter(RECORD_SIZE_BYTES_EXPECTED)
    .uint8(KEY_VERSION)
    .uint32(record.entityId)
    .uint8(record.alias ? 1 : 0)
    .bytes16(record.tokenDigest)
    .finish()
}

function decodeKey(keyUuid: string, payload: Buffer): KeyRecord {
  const reader = new ByteReader(payload)
  assert(reader.uint8() === KEY_VERSION, 'the version of a key record is known')
  return { keyUuid, entityId: reader.uint32(), alias: reader.flag(), tokenDigest: Buffer.from(reader.bytes16()) }
}
