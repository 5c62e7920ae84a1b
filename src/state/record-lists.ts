// Reading many values or cache entries in order: keys, records, or only how many there are.
import { DATA_KEY_OFFSET, dataKey, dataRange } from '../storage/keyspace.ts'
import type { KeyRange } from '../storage/keyspace.ts'
import type { RangeOptions } from '../storage/ordered-store.ts'
import { decodeRecord } from '../storage/record.ts'
import type { EntityId, Space } from './commands.ts'
import type { LoadedState } from './loaded-state.ts'
import { isExpired, prefixOf } from './records.ts'
import type { IterateOptions, ListOptions, ListPage, ListedRecord } from './state-reader.ts'

/** Work of one step; other requests get their turn between two. */
const STEP_COUNT_MAX = 1000
const STEP_SIZE_BYTES_MAX = 1024 * 1024

interface KeySet {
  readonly space: Space
  readonly entityId: EntityId
  readonly prefix: Uint8Array
}

/** Live keys, without the entity's prefix. */
export async function listKeys(state: LoadedState, options: IterateOptions, nowMs: number): Promise<Buffer[]> {
  const keys: Buffer[] = []
  const { sizeBytesMax = Number.POSITIVE_INFINITY } = options
  let remainingOffset = options.offset
  let sizeBytes = 0
  if (options.limit === 0) return keys
  await eachLiveKey(state, { ...options, countExpected: options.offset + options.limit }, nowMs, (key) => {
    if (remainingOffset > 0) {
      remainingOffset -= 1
      return true
    }
    keys.push(key)
    sizeBytes += key.length
    return keys.length < options.limit && sizeBytes < sizeBytesMax
  })
  return keys
}

export async function countKeys(state: LoadedState, keySet: KeySet, nowMs: number): Promise<number> {
  let count = 0
  await eachLiveKey(state, { ...keySet, countExpected: Number.POSITIVE_INFINITY }, nowMs, () => {
    count += 1
    return true
  })
  return count
}

export async function listRecords(state: LoadedState, options: ListOptions, nowMs: number): Promise<ListPage> {
  const { store, applied } = state
  const atMs = Math.max(nowMs, applied.timeMs)
  const records: ListedRecord[] = []
  let sizeBytes = 0
  const iterator = store.iterate({ ...rangeBehind(options), reverse: options.reverse })
  try {
    for (;;) {
      const wanted = Math.min(STEP_COUNT_MAX, options.limit + 1 - records.length)
      const entries = await iterator.next(wanted, STEP_SIZE_BYTES_MAX)
      if (entries.length === 0) return { records, hasMore: false }
      for (const { key: storeKey, value: bytes } of entries) {
        const { payload, revision, expiresAtMs } = decodeRecord(storeKey, bytes)
        if (isExpired(expiresAtMs, atMs)) continue
        const key = storeKey.subarray(DATA_KEY_OFFSET)
        sizeBytes += key.length + payload.length
        const isFull = records.length >= options.limit || (records.length > 0 && sizeBytes > options.sizeBytesMax)
        if (isFull) return { records, hasMore: true }
        records.push({ key, value: payload, revision, expiresAtMs })
      }
    }
  } finally {
    await iterator.close()
  }
}

/** Calls `visit` with each live key, in order, until it answers false. */
async function eachLiveKey(
  { store, tables, applied }: LoadedState,
  { space, entityId, prefix, countExpected }: KeySet & { readonly countExpected: number },
  nowMs: number,
  visit: (key: Buffer) => boolean,
): Promise<void> {
  const atMs = Math.max(nowMs, applied.timeMs)
  // Values are read only when some record may have expired without being removed yet.
  const keysOnly = tables.expiry.readableLeastMs > atMs
  const iterator = store.iterate({ ...dataRange(prefixOf(space), entityId, prefix), keysOnly })
  const stepCount = Math.min(STEP_COUNT_MAX, countExpected)
  try {
    for (;;) {
      const entries = await iterator.next(stepCount, STEP_SIZE_BYTES_MAX)
      if (entries.length === 0) return
      for (const { key, value } of entries) {
        if (!keysOnly && isExpired(decodeRecord(key, value).expiresAtMs, atMs)) continue
        if (!visit(key.subarray(DATA_KEY_OFFSET))) return
      }
    }
  } finally {
    await iterator.close()
  }
}

function rangeBehind({ space, entityId, prefix, after, reverse }: ListOptions): RangeOptions {
  const whole = dataRange(prefixOf(space), entityId, prefix)
  if (after === undefined) return whole
  const cursor = dataKey(prefixOf(space), entityId, after)
  return reverse ? limitEnd(whole, cursor) : limitStart(whole, Buffer.concat([cursor, Buffer.of(0)]))
}

function limitStart(range: KeyRange, start: Buffer): KeyRange {
  return start.compare(range.start) > 0 ? { ...range, start } : range
}

function limitEnd(range: KeyRange, end: Buffer): KeyRange {
  return end.compare(range.end) < 0 ? { ...range, end } : range
}
