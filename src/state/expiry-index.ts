// The order in which values and cache entries expire, and the time before which nothing does.
import { EXPIRY_PREFIX, parseExpiryKey, prefixRange } from '../storage/keyspace.ts'
import { MarkerWindow } from './marker-window.ts'
import type { PendingWrites } from './pending-writes.ts'

const WINDOW_COUNT = 256

export class ExpiryIndex extends MarkerWindow {
  #leastMs = 0
  #committedLeastMs = 0

  constructor() {
    super(prefixRange(EXPIRY_PREFIX), WINDOW_COUNT)
  }

  /** Nothing expires before this time. */
  get leastMs(): number {
    return this.#leastMs
  }

  /** Nothing that readers may see expires before this time, be it with the batch that is being written or without it. */
  get readableLeastMs(): number {
    return Math.min(this.#leastMs, this.#committedLeastMs)
  }

  /** The batch is visible to readers. */
  commit(): void {
    this.#committedLeastMs = this.#leastMs
  }

  override add(key: Buffer): void {
    super.add(key)
    this.#updateLeast()
  }

  override remove(key: Buffer): void {
    super.remove(key)
    this.#updateLeast()
  }

  override async refill(writes: PendingWrites): Promise<void> {
    await super.refill(writes)
    this.#updateLeast()
  }

  #updateLeast(): void {
    const least = this.lowerBound
    if (least === null) this.#leastMs = Number.POSITIVE_INFINITY
    else this.#leastMs = least.length === 1 ? 0 : parseExpiryKey(Buffer.from(least, 'latin1')).expiresAtMs
  }
}
