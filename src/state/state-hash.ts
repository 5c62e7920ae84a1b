// Two numbers that say whether replicas agree, and whether a store still holds what was written to it.
//
// rolling hash: over every effect in the order of the log. Equal on replicas at equal index, however entries were batched.
// content sum:  over what the store holds now (all but the meta records), whatever the order; a scan must come to the same sum.
import { crc32 } from 'node:zlib'

/** Entries between two checkpoints of the rolling hash. */
export const STATE_HASH_INTERVAL = 256
const CHECKPOINT_COUNT_MAX = 64

/** `sum` with a checksum added. Unsigned 32 bits. */
export function addToSum(sum: number, checksum: number): number {
  return (sum + checksum) >>> 0
}

/** `sum` with a checksum taken out. */
export function takeFromSum(sum: number, checksum: number): number {
  return (sum - checksum) >>> 0
}

/** What a key without a value (of the expiry index) contributes. */
export function markerChecksum(key: Uint8Array): number {
  return crc32(key)
}

/** The rolling hash at the newest multiples of STATE_HASH_INTERVAL. */
export class HashCheckpoints {
  readonly #hashes = new Map<number, number>()

  /** `hash` is the rolling hash after the entry at `index`. */
  record(index: number, hash: number): void {
    if (index % STATE_HASH_INTERVAL !== 0) return
    this.#hashes.set(index, hash)
    this.#hashes.delete(index - CHECKPOINT_COUNT_MAX * STATE_HASH_INTERVAL)
  }

  at(index: number): number | undefined {
    return this.#hashes.get(index)
  }
}
