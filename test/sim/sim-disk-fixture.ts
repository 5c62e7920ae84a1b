// A simulated disk with its own clock and chance, for tests of what uses one disk alone.
import { SeededRandom } from '../support/seeded-random.ts'
import { VirtualClock } from '../support/virtual-clock.ts'
import { SimDisk } from './sim-disk.ts'

const MICROTASK_TURNS_MAX = 64

export interface SimDiskFixture {
  readonly disk: SimDisk
  readonly clock: VirtualClock
  readonly random: SeededRandom
  /** Lets time pass until `promise` settles; fails when nothing is left that could settle it. */
  run<T>(promise: Promise<T>): Promise<T>
  /** Completes at most `count` disk operations. */
  steps(count: number): Promise<void>
}

export function createSimDisk(seed: number): SimDiskFixture {
  const clock = new VirtualClock()
  const random = new SeededRandom(seed)
  const disk = new SimDisk({ clock, random })
  return {
    disk,
    clock,
    random,
    async run(promise) {
      const progress = { settled: false }
      const settle = (): void => {
        progress.settled = true
      }
      promise.then(settle, settle)
      for (;;) {
        for (let turn = 0; turn < MICROTASK_TURNS_MAX && !progress.settled; turn++) await Promise.resolve()
        if (progress.settled) return promise
        if (!clock.step()) throw new Error('nothing is left that could settle the promise')
      }
    },
    async steps(count) {
      for (let step = 0; step < count; step++) {
        for (let turn = 0; turn < MICROTASK_TURNS_MAX; turn++) await Promise.resolve()
        if (!clock.step()) return
      }
    },
  }
}
