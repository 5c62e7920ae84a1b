// The AppendEntries that were sent to one member and are not answered yet: a ring that bounds pipelining (thesis §10.2.1).
//
//      head                 head + count
//       |                        |
//   [ 120/4k ][ 133/8k ][ 140/2k ][ ... free ... ]     last index / bytes of each message
import { assert } from '../base/assert.ts'
import type { LogIndex } from './types.ts'

export class InflightWindow {
  readonly #messagesMax: number
  readonly #sizeBytesMax: number
  // Parallel arrays instead of one array of objects: nothing is allocated per message.
  readonly #lastIndexes: LogIndex[] = []
  readonly #sizesBytes: number[] = []
  #head = 0
  #count = 0
  #sizeBytes = 0

  constructor(messagesMax: number, sizeBytesMax: number) {
    assert(messagesMax > 0, 'at least one message may be in flight')
    this.#messagesMax = messagesMax
    this.#sizeBytesMax = sizeBytesMax
  }

  /** Messages in flight. */
  get count(): number {
    return this.#count
  }

  /** True when no further message may be sent. The byte limit is passed by at most one message. */
  get isFull(): boolean {
    return this.#count >= this.#messagesMax || this.#sizeBytes >= this.#sizeBytesMax
  }

  /** Notes a message whose last entry is `lastIndex`; call only when not full. */
  add(lastIndex: LogIndex, sizeBytes: number): void {
    assert(!this.isFull, 'the window is full')
    const slot = (this.#head + this.#count) % this.#messagesMax
    this.#lastIndexes[slot] = lastIndex
    this.#sizesBytes[slot] = sizeBytes
    this.#count++
    this.#sizeBytes += sizeBytes
  }

  /** Forgets every message whose entries are all at `index` or before: one answer may cover several messages. */
  freeThrough(index: LogIndex): void {
    while (this.#count > 0 && (this.#lastIndexes[this.#head] ?? 0) <= index) {
      this.#sizeBytes -= this.#sizesBytes[this.#head] ?? 0
      this.#head = (this.#head + 1) % this.#messagesMax
      this.#count--
    }
  }

  /** Whatever is in flight no longer matters: the member is probed anew, or gets a snapshot. */
  clear(): void {
    this.#head = 0
    this.#count = 0
    this.#sizeBytes = 0
  }
}
