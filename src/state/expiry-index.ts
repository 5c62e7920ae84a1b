// The order in which values and cache entries expire. The whole index is in the store; its beginning is kept here, so that a
// command learns without a look into the store that nothing is due.
//
//   index in the store:  k1 k2 k3 k4 | k5 k6 ...
//   window:              [k4 k3 k2 k1]   bound = k4: every key up to it is in the window (null: the window is all of the index)
import { must } from '../base/assert.ts'
import { EXPIRY_PREFIX, parseExpiryKey, prefixRange } from '../storage/keyspace.ts'
import type { PendingWrites } from './pending-writes.ts'

const WINDOW_COUNT = 256
const WINDOW_COUNT_MAX = 2 * WINDOW_COUNT

export class ExpiryIndex {
  /** Descending, so that the least key is popped. Text: one character a byte. */
  #window: string[] = []
  /** At first nothing is known: every key of the index is greater than this. */
  #bound: string | null = String.fromCharCode(EXPIRY_PREFIX)
  #leastMs = 0

  /** Nothing expires before this time. */
  get leastMs(): number {
    return this.#leastMs
  }

  /** refill() must be called before least(). */
  get needsRefill(): boolean {
    return this.#window.length === 0 && this.#bound !== null
  }

  /** The key that expires first, or undefined when nothing ever expires. */
  least(): Buffer | undefined {
    const text = this.#window.at(-1)
    return text === undefined ? undefined : Buffer.from(text, 'latin1')
  }

  add(key: Buffer): void {
    const text = key.toString('latin1')
    if (this.#bound !== null && text > this.#bound) return
    this.#window.splice(this.#positionOf(text), 0, text)
    if (this.#window.length > WINDOW_COUNT_MAX) {
      this.#window = this.#window.slice(-WINDOW_COUNT)
      this.#bound = must(this.#window[0], 'the window has a greatest key')
    }
    this.#updateLeast()
  }

  remove(key: Buffer): void {
    const text = key.toString('latin1')
    const at = this.#positionOf(text)
    if (this.#window[at] !== text) return
    this.#window.splice(at, 1)
    this.#updateLeast()
  }

  /** Reads the next part of the index when the window is used up. */
  async refill(writes: PendingWrites): Promise<void> {
    const start = Buffer.from(must(this.#bound, 'the index goes on behind the window'), 'latin1')
    const keys = await writes.keysIn({ start, end: prefixRange(EXPIRY_PREFIX).end }, WINDOW_COUNT)
    this.#window = keys.map((key) => key.toString('latin1')).reverse()
    this.#bound = keys.length < WINDOW_COUNT ? null : must(this.#window[0], 'the window has a greatest key')
    this.#updateLeast()
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

  #updateLeast(): void {
    const least = this.#window.at(-1) ?? this.#bound
    if (least === null) this.#leastMs = Number.POSITIVE_INFINITY
    else this.#leastMs = least.length === 1 ? 0 : parseExpiryKey(Buffer.from(least, 'latin1')).expiresAtMs
  }
}
