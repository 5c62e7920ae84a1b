// Seeded chance with what a simulation draws from it.
import { SeededRandom } from '../support/seeded-random.ts'

const RATE_STEPS = 1_000_000
const SEEDS = 2 ** 32

export class SimRandom extends SeededRandom {
  /** True with probability `rate`. */
  chance(rate: number): boolean {
    return this.int(RATE_STEPS) < rate * RATE_STEPS
  }

  /** An integer in [min, max]. */
  between(min: number, max: number): number {
    return min + this.int(max - min + 1)
  }

  pick<T>(items: readonly T[]): T {
    return items[this.int(items.length)] as T
  }

  /** A generator of its own, so that what one part draws does not shift what another one draws. */
  fork(): SimRandom {
    return new SimRandom(this.int(SEEDS))
  }
}
