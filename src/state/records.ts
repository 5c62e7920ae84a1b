// Writing and removing values and cache entries: record, expiry and eviction index, and usage always change
// together.
import { must } from '../base/assert.ts'
import { CACHE_PREFIX, DATA_KEY_OFFSET, VALUE_PREFIX, dataKey, entityIdOfKey, expiryKey } from '../storage/keyspace.ts'
import type { DataPrefix } from '../storage/keyspace.ts'
import { decodeRecord, encodeRecord } from '../storage/record.ts'
import type { RecordContent } from '../storage/record.ts'
import type { CommandResult, EntityId, EntityLimits, Space } from './commands.ts'
import { addEvictable, removeEvictable } from './eviction-index.ts'
import type { Transaction } from './transaction.ts'
import { quotaRejection } from './usage.ts'

/** What stands at a key now. `stored` may have expired: then it still counts as usage, but nobody may see it. */
export interface Slot {
  readonly storeKey: Buffer
  readonly space: Space
  readonly entityId: EntityId
  readonly raw: Buffer | undefined
  readonly stored: RecordContent | undefined
}

export function prefixOf(space: Space): DataPrefix {
  return space === 'value' ? VALUE_PREFIX : CACHE_PREFIX
}

/** Whether a record must be treated as missing at `timeMs`. */
export function isExpired(expiresAtMs: number, timeMs: number): boolean {
  return expiresAtMs !== 0 && expiresAtMs <= timeMs
}

export function slotOf(tx: Transaction, space: Space, entityId: EntityId, key: Uint8Array): Slot {
  return readSlot(tx, space, entityId, dataKey(prefixOf(space), entityId, key))
}

/** The slot of a key that was found in the store. */
export function slotAt(tx: Transaction, storeKey: Buffer): Slot {
  return readSlot(tx, storeKey[0] === VALUE_PREFIX ? 'value' : 'cache', entityIdOfKey(storeKey), storeKey)
}

/** The record unless it is missing or has expired. */
export function liveRecord(tx: Transaction, { stored }: Slot): RecordContent | undefined {
  return stored !== undefined && !isExpired(stored.expiresAtMs, tx.timeMs) ? stored : undefined
}

export interface RecordWrite {
  readonly limits: EntityLimits
  readonly value: Uint8Array
  readonly expiresAtMs: number
  /** Whether it may be evicted. */
  readonly evict: boolean
}

/** Writes a record within `limits`; the rejection when it does not fit, and then nothing has changed. */
export function writeRecord(tx: Transaction, slot: Slot, write: RecordWrite): CommandResult | undefined {
  const { storeKey, space, entityId, raw, stored } = slot
  const { limits, value, expiresAtMs } = write
  const { usage } = tx.tables
  const deltaBytes =
    stored === undefined ? storeKey.length - DATA_KEY_OFFSET + value.length : value.length - stored.payload.length
  const rejection = quotaRejection(limits, space, usage.bytesIn(entityId, space), deltaBytes)
  if (rejection !== undefined) return rejection
  const previousExpiresAtMs = stored?.expiresAtMs ?? 0
  if (previousExpiresAtMs !== expiresAtMs) {
    removeExpiry(tx, storeKey, previousExpiresAtMs)
    addExpiry(tx, storeKey, expiresAtMs)
  }
  removeEvictable(tx, slot)
  if (write.evict && space === 'cache') addEvictable(tx, entityId, storeKey)
  tx.writes.put(storeKey, encodeRecord(storeKey, tx.index, expiresAtMs, value), raw)
  if (space === 'cache' && stored === undefined) tx.tables.cacheCount.change(tx, 1)
  if (deltaBytes !== 0) usage.charge(tx, entityId, space, deltaBytes)
  if (tx.changes.isHeard) addChange(tx, slot, value, expiresAtMs)
  return undefined
}

/** Removes the record of a slot that has one, and releases what it used. */
export function removeRecord(tx: Transaction, slot: Slot): void {
  const { storeKey, space, entityId } = slot
  const raw = must(slot.raw, 'the slot has a record')
  const { expiresAtMs, payload } = must(slot.stored, 'the slot has a record')
  removeExpiry(tx, storeKey, expiresAtMs)
  removeEvictable(tx, slot)
  tx.writes.delete(storeKey, raw)
  if (space === 'cache') tx.tables.cacheCount.change(tx, -1)
  const releasedBytes = storeKey.length - DATA_KEY_OFFSET + payload.length
  if (releasedBytes !== 0) tx.tables.usage.charge(tx, entityId, space, -releasedBytes)
  if (tx.changes.isHeard) addChange(tx, slot, null, 0)
}

function addChange(
  tx: Transaction,
  { storeKey, space, entityId }: Slot,
  value: Uint8Array | null,
  expiresAtMs: number,
): void {
  const key = storeKey.subarray(DATA_KEY_OFFSET)
  tx.changes.add({ type: 'write', entityId, space, key, revision: tx.index, value, expiresAtMs })
}

function readSlot(tx: Transaction, space: Space, entityId: EntityId, storeKey: Buffer): Slot {
  const raw = tx.writes.get(storeKey)
  return { storeKey, space, entityId, raw, stored: raw === undefined ? undefined : decodeRecord(storeKey, raw) }
}

function addExpiry(tx: Transaction, storeKey: Buffer, expiresAtMs: number): void {
  if (expiresAtMs === 0) return
  const key = expiryKey(expiresAtMs, storeKey)
  tx.writes.putMarker(key)
  tx.tables.expiry.add(key)
  if (tx.writes.isTentative) tx.writes.onRollback(() => tx.tables.expiry.remove(key))
}

function removeExpiry(tx: Transaction, storeKey: Buffer, expiresAtMs: number): void {
  if (expiresAtMs === 0) return
  const key = expiryKey(expiresAtMs, storeKey)
  tx.writes.deleteMarker(key)
  tx.tables.expiry.remove(key)
  if (tx.writes.isTentative) tx.writes.onRollback(() => tx.tables.expiry.add(key))
}
