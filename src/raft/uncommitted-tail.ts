// Bounds the bytes that a leader holds without a commit, so that a leader without a quorum cannot fill memory and disk. Proposals
// are settled in the order in which they came, so two queues and a position do; nothing is looked up.
import type { LogIndex } from './types.ts'

/** Counted for each entry on top of its data: what index, term and framing cost in memory and on the wire. */
export const ENTRY_OVERHEAD_BYTES = 32

/** Settled records are dropped from the front of the queue in chunks of this many. */
const SETTLED_RECORDS_MAX = 1024

/** One record a proposal: its last index and its bytes, in log order. */
export class UncommittedTail {
  readonly #sizeBytesMax: number
  readonly #lastIndexes: LogIndex[] = []
  readonly #sizesBytes: number[] = []
  #settledCount = 0
  #sizeBytes = 0

  constructor(sizeBytesMax: number) {
    this.#sizeBytesMax = sizeBytesMax
  }

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  /** Whether `sizeBytes` more may be appended. An empty tail takes any size: one large proposal must not be stuck forever. */
  accepts(sizeBytes: number): boolean {
    return this.#sizeBytes === 0 || this.#sizeBytes + sizeBytes <= this.#sizeBytesMax
  }

  /** Notes an accepted proposal; `lastIndex` is larger than any before. */
  add(lastIndex: LogIndex, sizeBytes: number): void {
    this.#lastIndexes.push(lastIndex)
    this.#sizesBytes.push(sizeBytes)
    this.#sizeBytes += sizeBytes
  }

  /** Releases the proposals that are committed as a whole. */
  committed(commitIndex: LogIndex): void {
    let settledCount = this.#settledCount
    while (settledCount < this.#lastIndexes.length && (this.#lastIndexes[settledCount] ?? 0) <= commitIndex) {
      this.#sizeBytes -= this.#sizesBytes[settledCount] ?? 0
      settledCount++
    }
    // Usually everything is settled at once; otherwise the front is dropped now and then instead of each time.
    if (settledCount === this.#lastIndexes.length || settledCount > SETTLED_RECORDS_MAX) {
      this.#lastIndexes.splice(0, settledCount)
      this.#sizesBytes.splice(0, settledCount)
      settledCount = 0
    }
    this.#settledCount = settledCount
  }
}
