// How services read: from the tables in memory and, synchronously, from the store.
import { dataKey } from '../storage/keyspace.ts'
import { decodeRecord } from '../storage/record.ts'
import type { EntityId, Space } from './commands.ts'
import { quotaCountAt } from './event-windows.ts'
import { storedEvents, storedWindow } from './events.ts'
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

  get cacheEntryCount(): number | null {
    return this.#current().tables.cacheCount.committed
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

  usage(entityId: EntityId, nowMs = 0): EntityUsage {
    const { tables, applied } = this.#current()
    const { diskBytes, memoryBytes, evictions } = tables.usage.committed(entityId)
    const events = quotaCountAt(tables.eventWindows.committed(entityId), Math.max(nowMs, applied.timeMs))
    return { diskBytes, memoryBytes, events, subscribers: tables.subscribers.committed(entityId).total, evictions }
  }

  events(
    entityId: EntityId,
    afterEventId: number,
    countMax: number,
    sizeBytesMax = Number.POSITIVE_INFINITY,
  ): StoredEvent[] {
    return storedEvents(this.#current(), entityId, afterEventId, countMax, sizeBytesMax)
  }

  eventWindow(entityId: EntityId): EventWindow {
    return storedWindow(this.#current(), entityId)
  }

  subscriberCounts(entityId: EntityId): SubscriberCounts {
    const { total, byMember } = this.#current().tables.subscribers.committed(entityId)
    return { total, byMember }
  }

  subscriptionEpoch(entityId: EntityId): number {
    return this.#current().tables.subscribers.committed(entityId).epoch
  }

  membersWithSubscribers(): string[] {
    const memberIds = new Set<string>()
    for (const { byMember } of this.#current().tables.subscribers.committedRows()) {
      for (const memberId of byMember.keys()) memberIds.add(memberId)
    }
    return [...memberIds].sort()
  }

  slotsOf(memberId: string): number {
    let count = 0
    for (const { byMember } of this.#current().tables.subscribers.committedRows()) count += byMember.get(memberId) ?? 0
    return count
  }
}
