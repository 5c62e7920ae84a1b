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
  /** Events that count towards the limit: of the present window of EVENT_QUOTA_WINDOW_MS. */
  readonly events: number
  readonly subscribers: number
  /** Cache entries that made room for others, since the entity exists. */
  readonly evictions: number
}

/** A published event that is still in its entity's window. `data` is JSON text. */
export interface StoredEvent {
  readonly eventId: number
  readonly topic: string
  readonly data: Buffer
  readonly timeMs: number
}

/** Which events of an entity are stored: those with trimmedThrough < eventId <= lastEventId. 0: there was none yet. */
export interface EventWindow {
  /** The newest event that was removed. */
  readonly trimmedThrough: number
  /** The newest event. */
  readonly lastEventId: number
}

export interface SubscriberCounts {
  readonly total: number
  readonly byMember: ReadonlyMap<string, number>
}

export interface ListOptions {
  readonly space: Space
  readonly entityId: EntityId
  readonly prefix: Uint8Array
  /** A key with the prefix: the list begins behind it (before it when reverse). */
  readonly after?: Uint8Array
  readonly reverse: boolean
  readonly limit: number
  /** Of keys and values together; a first entry that is larger comes alone. */
  readonly sizeBytesMax: number
}

export interface ListedRecord extends StoredRecord {
  readonly key: Buffer
}

export interface ListPage {
  readonly records: readonly ListedRecord[]
  /** Whether the list ended because of a limit and there may be more behind. */
  readonly hasMore: boolean
}

export interface IterateOptions {
  readonly space: Space
  readonly entityId: EntityId
  readonly prefix: Uint8Array
  readonly offset: number
  readonly limit: number
  /** The keys end with the one that reaches so many bytes. */
  readonly sizeBytesMax?: number
}

export interface StateReader {
  readonly appliedIndex: number
  /** The state's own time: the newest `timeMs` of any applied command. */
  readonly timeMs: number
  /** Entries of the cache of all entities, expired ones until they are removed; null until they are counted after a start. */
  readonly cacheEntryCount: number | null
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
  /** `nowMs` decides which events still count; the state's own time when it is later, or not given. */
  usage(entityId: EntityId, nowMs?: number): EntityUsage
  /** Live records with the prefix in byte order, with their values. */
  list(options: ListOptions, nowMs: number): Promise<ListPage>
  /** How many live keys there are with the prefix. */
  count(space: Space, entityId: EntityId, prefix: Uint8Array, nowMs: number): Promise<number>
  /** Stored events after `afterEventId`, in order: at most `countMax`, and about `sizeBytesMax` bytes of data. */
  events(entityId: EntityId, afterEventId: number, countMax: number, sizeBytesMax?: number): StoredEvent[]
  eventWindow(entityId: EntityId): EventWindow
  subscriberCounts(entityId: EntityId): SubscriberCounts
  /** Slots that were acquired in an earlier epoch are void. */
  subscriptionEpoch(entityId: EntityId): number
  /** Every member that holds a slot of any entity: whoever is not in the cluster any more must be reported with no counts. */
  membersWithSubscribers(): string[]
  /** Slots that a member holds, of all entities together. */
  slotsOf(memberId: string): number
}
