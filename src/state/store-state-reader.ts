// How services read: from the tables in memory and, synchronously, from the store.
import { dataKey } from '../storage/keyspace.ts'
import { decodeRecord } from '../storage/record.ts'
import type { EntityId, Space } from './commands.ts'
import type { LoadedState } from './loaded-state.ts'
import { countKeys, listKeys, listRecords } from './record-lists.ts'
import { isExpired, prefixOf } from './records.ts'
import type {
  EntityRecord,
  EntityUsage,
  EventWindow,
  IterateOptions,
  KeyRecord,
  ListOptions,
  ListPage,
  StateReader,
  StoredEvent,
  StoredRecord,
  SubscriberCounts,
} from './state-reader.ts'

export class StoreStateReader implements StateReader {
  /** Asked anew by each call: installing a snapshot replaces the state. */
  readonly #current: () => LoadedState

  constructor(current: () => LoadedState) {
    this.#current = current
  }

  get appliedIndex(): number {
    return this.#current().applied.index
  }

  get timeMs(): number {
    return this.#current().applied.timeMs
  }

  get(space: Space, entityId: EntityId, key: Uint8Array, nowMs: number): StoredRecord | undefined {
    const { store, applied } = this.#current()
    const storeKey = dataKey(prefixOf(space), entityId, key)
    const bytes = store.get(storeKey)
    if (bytes === undefined) return undefined
    const { payload, revision, expiresAtMs } = decodeRecord(storeKey, bytes)
    // What commands saw as expired stays expired for a node whose clock is behind.
    if (isExpired(expiresAtMs, Math.max(nowMs, applied.timeMs))) return undefined
    return { value: payload, revision, expiresAtMs }
  }

  listKeys(options: IterateOptions, nowMs: number): Promise<Buffer[]> {
    return listKeys(this.#current(), options, nowMs)
  }

  list(options: ListOptions, nowMs: number): Promise<ListPage> {
    return listRecords(this.#current(), options, nowMs)
  }

  count(space: Space, entityId: EntityId, prefix: Uint8Array, nowMs: number): Promise<number> {
    return countKeys(this.#current(), { space, entityId, prefix }, nowMs)
  }

  entity(entityId: EntityId): EntityRecord | undefined {
    return this.#current().tables.entities.committedEntity(entityId)
  }

  key(keyUuid: string): KeyRecord | undefined {
    return this.#current().tables.entities.committedKey(keyUuid)
  }

  listEntities(offset: number, limit: number): EntityRecord[] {
    return this.#current().tables.entities.list(offset, limit)
  }

  usage(entityId: EntityId): EntityUsage {
    return this.#current().tables.usage.committed(entityId)
  }

  events(): StoredEvent[] {
    return []
  }

  eventWindow(): EventWindow {
    return { trimmedThrough: 0, lastEventId: 0 }
  }

  subscriberCounts(): SubscriberCounts {
    return { total: 0, byMember: new Map() }
  }

  subscriptionEpoch(): number {
    return 0
  }

  membersWithSubscribers(): string[] {
    return []
  }
}
