// How services read: from the tables in memory and, synchronously, from the store.
import { DATA_KEY_OFFSET, dataKey, dataRange } from '../storage/keyspace.ts'
import type { StoreEntry } from '../storage/ordered-store.ts'
import { decodeRecord } from '../storage/record.ts'
import type { EntityId, Space } from './commands.ts'
import type { LoadedState } from './loaded-state.ts'
import { isExpired, prefixOf } from './records.ts'
import type { EntityRecord, EntityUsage, IterateOptions, KeyRecord, StateReader, StoredRecord } from './state-reader.ts'

/** Work of one step of listKeys(); other requests get their turn between two. */
const STEP_COUNT_MAX = 1000
const STEP_SIZE_BYTES_MAX = 1024 * 1024

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

  async listKeys(options: IterateOptions, nowMs: number): Promise<Buffer[]> {
    const { store, tables, applied } = this.#current()
    const atMs = Math.max(nowMs, applied.timeMs)
    // Values are read only when some record may have expired without being removed yet.
    const keysOnly = tables.expiry.leastMs > atMs
    const isLive = ({ key, value }: StoreEntry): boolean =>
      keysOnly || !isExpired(decodeRecord(key, value).expiresAtMs, atMs)
    const range = dataRange(prefixOf(options.space), options.entityId, options.prefix)
    const keys: Buffer[] = []
    let remainingOffset = options.offset
    const iterator = store.iterate({ ...range, keysOnly })
    try {
      while (keys.length < options.limit) {
        const wanted = Math.min(STEP_COUNT_MAX, remainingOffset + options.limit - keys.length)
        const entries = await iterator.next(wanted, STEP_SIZE_BYTES_MAX)
        if (entries.length === 0) break
        for (const entry of entries) {
          if (!isLive(entry)) continue
          if (remainingOffset > 0) remainingOffset -= 1
          else if (keys.length < options.limit) keys.push(entry.key.subarray(DATA_KEY_OFFSET))
        }
      }
    } finally {
      await iterator.close()
    }
    return keys
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
}
