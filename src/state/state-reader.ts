// How services read the state: of this node, as of its applied index. A linearizable read calls the read barrier first.
import type { EntityId, EntityLimits, Space } from './commands.ts'

/** A stored record. `revision` is the log index of its last write; `expiresAtMs` 0: never. */
export interface StoredRecord {
  readonly value: Buffer
  readonly revision: number
  readonly expiresAtMs: number
}

export interface EntityRecord {
  readonly entityId: EntityId
  readonly name: string
  readonly keyUuid: string
  readonly scopeUuid: string
  readonly status: 'active' | 'deleting'
  readonly limits: EntityLimits
  readonly createdAtMs: number
  /** Key UUIDs of its aliases, sorted. */
  readonly aliasKeyUuids: readonly string[]
}

/** A key that can authenticate: the entity's own (`alias` false) or an alias of it. */
export interface KeyRecord {
  readonly keyUuid: string
  readonly entityId: EntityId
  readonly alias: boolean
  readonly tokenDigest: Uint8Array
}

export interface EntityUsage {
  readonly diskBytes: number
  readonly memoryBytes: number
  readonly events: number
  readonly subscribers: number
}

export interface IterateOptions {
  readonly space: Space
  readonly entityId: EntityId
  readonly prefix: Uint8Array
  readonly offset: number
  readonly limit: number
}

export interface StateReader {
  readonly appliedIndex: number
  /** The state's own time: the newest `timeMs` of any applied command. */
  readonly timeMs: number
  /** The live record, or undefined when missing or expired at `nowMs`. Throws InsiError RECORD_CORRUPT when its checksum is wrong. */
  get(space: Space, entityId: EntityId, key: Uint8Array, nowMs: number): StoredRecord | undefined
  /** Live keys with the prefix in byte order, without the entity's prefix. */
  listKeys(options: IterateOptions, nowMs: number): Promise<Buffer[]>
  /** Root's record is always there. An entity whose removal is under way has the status 'deleting' until its data is gone. */
  entity(entityId: EntityId): EntityRecord | undefined
  /** Undefined also while its entity is being deleted: such a key must not authenticate. */
  key(keyUuid: string): KeyRecord | undefined
  /** All entities but root, by key UUID. */
  listEntities(offset: number, limit: number): EntityRecord[]
  usage(entityId: EntityId): EntityUsage
}
