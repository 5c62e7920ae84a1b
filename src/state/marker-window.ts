// The beginning of an index in the store whose keys say it all, kept in memory so that its least key is known without a search.
//
//   index in the store:  k1 k2 k3 k4 | k5 k6 ...
//   window:              [k4 k3 k2 k1]   bound = k4: every key up to it is in the window (null: the window is all of the index)
import { must } from '../base/assert.ts'
import type { KeyRange } from '../storage/keyspace.ts'
import type { PendingWrites } from './pending-writes.ts'

export class MarkerWindow {
  readonly #range: KeyRange
  readonly #count: number
  /** Descending, so that the least key is popped. Text: one character a byte. */
  #window: string[] = []
  /** At first nothing is known: every key of the index is greater than this. */
  #bound: string | null

  /** Holds `count` keys after reading from the store, at most twice as many. */
  constructor(range: KeyRange, count: number) {
    this.#range = range
    this.#count = count
    this.#bound = range.start.toString('latin1')
  }

  /** refill() must be called before least(). */
  get needsRefill(): boolean {
    return this.#window.length === 0 && this.#bound !== null
  }

  /** The least key, or undefined when the index is empty. */
  least(): Buffer | undefined {
    const text = this.#window.at(-1)
    return text === undefined ? undefined : Buffer.from(text, 'latin1')
  }

  /** The least key, or when it is not known a text that no key is less than, or null when the index is empty. */
  protected get lowerBound(): string | null {
    return this.#window.at(-1) ?? this.#bound
  }

  add(key: Buffer): void {
    const text = key.toString('latin1')
    if (this.#bound !== null && text > this.#bound) return
    this.#window.splice(this.#positionOf(text), 0, text)
    if (this.#window.length > 2 * this.#count) {
      this.#window = this.#window.slice(-this.#count)
      this.#bound = must(this.#window[0], 'the window has a greatest key')
    }
  }

  remove(key: Buffer): void {
    const text = key.toString('latin1')
    const at = this.#positionOf(text)
    if (this.#window[at] === text) this.#window.splice(at, 1)
  }

  /** Reads the next part of the index when the window is used up. */
  async refill(writes: PendingWrites): Promise<void> {
    const start = Buffer.from(must(this.#bound, 'the index goes on behind the window'), 'latin1')
    const keys = await writes.keysIn({ start, end: this.#range.end }, this.#count)
    this.#window = keys.map((key) => key.toString('latin1')).reverse()
    this.#bound = keys.length < this.#count ? null : must(this.#window[0], 'the window has a greatest key')
  }

  /** Where `text` stands or would stand in the descending window. */
  #positionOf(text: string): number {
    let low = 0
    let high = this.#window.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (must(this.#window[middle], 'position in the window') > text) low = middle + 1
      else high = middle
    }
    return low
  }
}
