// The newest entries of the log in memory, up to a size; entries that are not durable yet are kept in any case.
import { assert, must } from '../../base/assert.ts'
import type { Entry, LogIndex } from '../../raft/types.ts'

/** What an entry costs besides its data: the object, the view and their headers. */
const ENTRY_OVERHEAD_BYTES = 160
/** Stands in the places of dropped entries, so that those can be collected. */
const DROPPED: Entry = { index: 0, term: 0, kind: 'noop', data: new Uint8Array(0) }
/** Dropped places at the front of the array are reclaimed when there are this many, and at least as many as entries. */
const RECLAIM_COUNT_MIN = 1024

/** Entries whose data, added up, is at most `sizeBytesMax`, but at least one: how many of `entries` from `start` on, up to `end`. */
function countWithin(entries: readonly Entry[], start: number, end: number, sizeBytesMax: number): number {
  let sizeBytes = 0
  for (let at = start; at < end; at++) {
    sizeBytes += must(entries[at], 'the range is held').data.length
    if (sizeBytes > sizeBytesMax) return Math.max(1, at - start)
  }
  return end - start
}

export class LogEntryCache {
  readonly #sizeBytesMax: number
  /** #entries[#dropped + i] has index #firstIndex + i. */
  #entries: Entry[] = []
  #dropped = 0
  #firstIndex: LogIndex = 1
  #sizeBytes = 0

  constructor(sizeBytesMax: number) {
    this.#sizeBytesMax = sizeBytesMax
  }

  /** Index of the first entry held; the next one that would be, when empty. */
  get firstIndex(): LogIndex {
    return this.#firstIndex
  }

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  get #count(): number {
    return this.#entries.length - this.#dropped
  }

  push(entry: Entry): void {
    if (this.#count === 0) this.#firstIndex = entry.index
    assert(entry.index === this.#firstIndex + this.#count, `entry ${entry.index} does not follow in the cache`)
    this.#entries.push(entry)
    this.#sizeBytes += entry.data.length + ENTRY_OVERHEAD_BYTES
  }

  /** Entries [from, to), cut to `sizeBytesMax` but at least one if any. All of the range is held. */
  slice(from: LogIndex, to: LogIndex, sizeBytesMax: number): Entry[] {
    const start = this.#dropped + from - this.#firstIndex
    const count = countWithin(this.#entries, start, start + to - from, sizeBytesMax)
    return this.#entries.slice(start, start + count)
  }

  truncateFrom(index: LogIndex): void {
    while (this.#count > 0 && this.#firstIndex + this.#count > index) {
      const entry = must(this.#entries.pop(), 'the cache is not empty')
      this.#sizeBytes -= entry.data.length + ENTRY_OVERHEAD_BYTES
    }
    if (this.#count === 0) this.clear(index)
  }

  /** Drops the oldest entries until the size fits, but none behind `durableIndex`. */
  trim(durableIndex: LogIndex): void {
    while (this.#sizeBytes > this.#sizeBytesMax && this.#count > 0 && this.#firstIndex <= durableIndex)
      this.#dropFirst()
    this.#reclaim()
  }

  /** Drops the entries up to `index`. */
  cutTo(index: LogIndex): void {
    while (this.#count > 0 && this.#firstIndex <= index) this.#dropFirst()
    if (this.#count === 0) this.clear(Math.max(this.#firstIndex, index + 1))
    this.#reclaim()
  }

  /** Empties the cache; `nextIndex` is the next entry's. */
  clear(nextIndex: LogIndex): void {
    this.#entries = []
    this.#dropped = 0
    this.#sizeBytes = 0
    this.#firstIndex = nextIndex
  }

  #dropFirst(): void {
    const entry = must(this.#entries[this.#dropped], 'the cache is not empty')
    this.#sizeBytes -= entry.data.length + ENTRY_OVERHEAD_BYTES
    this.#entries[this.#dropped++] = DROPPED
    this.#firstIndex++
  }

  #reclaim(): void {
    if (this.#dropped < RECLAIM_COUNT_MIN || this.#dropped < this.#count) return
    this.#entries.splice(0, this.#dropped)
    this.#dropped = 0
  }
}
