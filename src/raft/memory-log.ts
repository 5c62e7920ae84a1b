// A RaftLog that lives in memory: the model of the port for tests and simulations, and the reference for the durable one. What it
// returns is copied, as the port demands: the core keeps entries in messages that may leave much later.
import { assert, must } from '../base/assert.ts'
import type { Entry, LogIndex, RaftLog, SnapshotMeta, Term } from './types.ts'

export class MemoryLog implements RaftLog {
  #baseIndex: LogIndex
  #baseTerm: Term
  /** #entries[i] has index #baseIndex + 1 + i. */
  #entries: Entry[]

  constructor(base: { index: LogIndex; term: Term } = { index: 0, term: 0 }, entries: readonly Entry[] = []) {
    this.#baseIndex = base.index
    this.#baseTerm = base.term
    this.#entries = []
    this.append(entries)
  }

  get firstIndex(): LogIndex {
    return this.#baseIndex + 1
  }

  get lastIndex(): LogIndex {
    return this.#baseIndex + this.#entries.length
  }

  /** The base has a term too: the consistency check at the first entry needs it (§7, "last included term"). */
  termAt(index: LogIndex): Term | undefined {
    if (index === this.#baseIndex) return this.#baseTerm
    return index < this.#baseIndex ? undefined : this.#entries[index - this.#baseIndex - 1]?.term
  }

  entries(from: LogIndex, to: LogIndex, sizeBytesMax: number): Entry[] | undefined {
    assert(from >= 1 && to <= this.lastIndex + 1, `range [${from}, ${to}) is not in the log`)
    if (from <= this.#baseIndex) return undefined
    const start = from - this.#baseIndex - 1
    let end = start
    let sizeBytes = 0
    while (end < to - this.#baseIndex - 1) {
      sizeBytes += must(this.#entries[end], 'the range is held').data.length
      // At least one entry, however large, or a large one could never be sent.
      if (sizeBytes > sizeBytesMax && end > start) break
      end++
    }
    return this.#entries.slice(start, end)
  }

  append(entries: readonly Entry[]): void {
    for (const entry of entries) {
      assert(entry.index === this.lastIndex + 1, `entry ${entry.index} does not follow ${this.lastIndex}`)
      this.#entries.push(entry)
    }
  }

  truncateFrom(from: LogIndex): void {
    assert(from > this.#baseIndex, `cannot cut at ${from}, the base is ${this.#baseIndex}`)
    this.#entries.length = Math.min(this.#entries.length, from - this.#baseIndex - 1)
  }

  resetTo(meta: SnapshotMeta): void {
    this.#baseIndex = meta.index
    this.#baseTerm = meta.term
    this.#entries = []
  }

  /** Drops the entries up to `index`, which a snapshot covers: the base moves there. */
  compactThrough(index: LogIndex): void {
    if (index <= this.#baseIndex) return
    const term = must(this.termAt(index), `cannot compact through ${index}, the log ends at ${this.lastIndex}`)
    this.#entries.splice(0, index - this.#baseIndex)
    this.#baseIndex = index
    this.#baseTerm = term
  }

  /** All entries held, oldest first; a copy. */
  all(): Entry[] {
    return [...this.#entries]
  }
}
