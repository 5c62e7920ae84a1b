// Chance that repeats: the same seed gives the same numbers on every machine.
import { assert } from '../../src/base/assert.ts'
import type { Random } from '../../src/base/random.ts'

const TWO_POW_32 = 2 ** 32

export class SeededRandom implements Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  int(exclusiveMax: number): number {
    assert(Number.isSafeInteger(exclusiveMax) && exclusiveMax > 0, 'an upper bound is a positive integer')
    return Math.floor((this.#next() / TWO_POW_32) * exclusiveMax)
  }

  bytes(count: number): Uint8Array {
    return Uint8Array.from({ length: count }, () => this.int(256))
  }

  uuid(): string {
    const bytes = this.bytes(16)
    bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40
    bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80
    const hex = Buffer.from(bytes).toString('hex')
    return [0, 8, 12, 16, 20].map((from, at) => hex.slice(from, [8, 12, 16, 20, 32][at])).join('-')
  }

  /** A 32-bit integer: a Weyl sequence through a multiply-xorshift finalizer. */
  #next(): number {
    this.#state = (this.#state + 0x9e3779b9) >>> 0
    let mixed = this.#state
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad)
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97)
    return (mixed ^ (mixed >>> 15)) >>> 0
  }
}
