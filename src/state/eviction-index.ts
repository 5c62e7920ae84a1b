// The order in which the cache entries of an entity were written, to evict the oldest first. Only entries that were written with
// `evict` stand in it; without any of them it costs nothing.
import { evictionKey, evictionRange } from '../storage/keyspace.ts'
import type { EntityId } from './commands.ts'
import { MarkerWindow } from './marker-window.ts'
import type { Slot } from './records.ts'
import type { Transaction } from './transaction.ts'

/** Keys held for an entity, and entities that keys are held for: what is not held is read again. */
const WINDOW_COUNT = 32
const WINDOWS_MAX = 1024

export class EvictionWindows {
  readonly #windows = new Map<EntityId, MarkerWindow>()

  /** The window of an entity that has evicted lately. */
  get(entityId: EntityId): MarkerWindow | undefined {
    return this.#windows.get(entityId)
  }

  open(entityId: EntityId): MarkerWindow {
    const known = this.#windows.get(entityId)
    if (known !== undefined) return known
    const [oldest] = this.#windows.keys()
    if (oldest !== undefined && this.#windows.size >= WINDOWS_MAX) this.#windows.delete(oldest)
    const window = new MarkerWindow(evictionRange(entityId), WINDOW_COUNT)
    this.#windows.set(entityId, window)
    return window
  }

  remove(entityId: EntityId): void {
    this.#windows.delete(entityId)
  }
}

/** Puts a cache entry that is written in this log entry at the end of the eviction index. */
export function addEvictable(tx: Transaction, entityId: EntityId, storeKey: Buffer): void {
  putEvictionMarker(tx, entityId, evictionKey(tx.index, storeKey))
}

export function isEvictable(tx: Transaction, slot: Slot): boolean {
  return markerOf(tx, slot) !== undefined
}

/** Takes the record of a slot out of the eviction index; the key that it had there, or undefined when it was not in it. */
export function removeEvictable(tx: Transaction, slot: Slot): Buffer | undefined {
  const key = markerOf(tx, slot)
  if (key === undefined) return undefined
  const { entityId } = slot
  const { usage, evictionWindows } = tx.tables
  const row = usage.get(entityId)
  tx.writes.deleteMarker(key)
  evictionWindows.get(entityId)?.remove(key)
  if (tx.writes.isTentative) tx.writes.onRollback(() => evictionWindows.get(entityId)?.add(key))
  usage.set(tx, entityId, { ...row, evictableCount: row.evictableCount - 1 })
  return key
}

/** The key that the record of a slot has in the eviction index. */
function markerOf(tx: Transaction, { space, entityId, storeKey, stored }: Slot): Buffer | undefined {
  if (space !== 'cache' || stored === undefined || tx.tables.usage.get(entityId).evictableCount === 0) return undefined
  const key = evictionKey(stored.revision, storeKey)
  return tx.writes.get(key) === undefined ? undefined : key
}

/** Puts a key into the index; it is not there. */
export function putEvictionMarker(tx: Transaction, entityId: EntityId, key: Buffer): void {
  const { usage, evictionWindows } = tx.tables
  tx.writes.putMarker(key)
  evictionWindows.get(entityId)?.add(key)
  if (tx.writes.isTentative) tx.writes.onRollback(() => evictionWindows.get(entityId)?.remove(key))
  const row = usage.get(entityId)
  usage.set(tx, entityId, { ...row, evictableCount: row.evictableCount + 1 })
}
