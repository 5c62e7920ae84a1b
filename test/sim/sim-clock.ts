// Virtual time of a simulation. After each event everything that became ready (promises) runs to its end before the next event,
// so a run depends on nothing but its seed.
import type { Clock, Timer } from '../../src/base/clock.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

export class SimClock extends VirtualClock {
  eventCount = 0

  /** Runs events for `durationMs`, or until `isDone` holds after one; returns whether it did. */
  async run(durationMs: number, isDone: () => boolean = () => false): Promise<boolean> {
    if (isDone()) return true
    const endMs = this.monotonicMs() + durationMs
    // Time stands at the last event: without one at the end it would stay there.
    const end = this.after(durationMs, () => undefined)
    while (this.monotonicMs() < endMs && this.step()) {
      this.eventCount++
      await settle()
      if (!isDone()) continue
      end.cancel()
      return true
    }
    return false
  }
}

/** Runs every promise reaction that is ready, and those that they make ready. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/**
 * The time of one process: its callbacks wait while the process is paused and never come once it is dead. Everything that calls
 * into the process (timers, messages, completions of the disk) goes through run().
 */
export class ProcessClock implements Clock {
  readonly #clock: Clock
  readonly #skewMs: number
  #isAlive = true
  #isPaused = false
  #waiting: (() => void)[] = []

  /** `skewMs`: how wrong the wall clock of the process is. */
  constructor(clock: Clock, skewMs: number) {
    this.#clock = clock
    this.#skewMs = skewMs
  }

  nowMs(): number {
    return Math.floor(this.#clock.nowMs()) + this.#skewMs
  }

  monotonicMs(): number {
    return this.#clock.monotonicMs()
  }

  after(delayMs: number, callback: () => void): Timer {
    let isCancelled = false
    const timer = this.#clock.after(delayMs, () =>
      this.run(() => {
        if (!isCancelled) callback()
      }),
    )
    return {
      cancel: () => {
        isCancelled = true
        timer.cancel()
      },
    }
  }

  /** Like the platform's: intervals that pass while the process is paused are made up for by one call. */
  every(intervalMs: number, callback: () => void): Timer {
    let isCancelled = false
    const fire = (): void => {
      callback()
      if (!isCancelled) timer = this.after(intervalMs, fire)
    }
    let timer = this.after(intervalMs, fire)
    return {
      cancel: () => {
        isCancelled = true
        timer.cancel()
      },
    }
  }

  get isAlive(): boolean {
    return this.#isAlive
  }

  get isPaused(): boolean {
    return this.#isPaused
  }

  run(callback: () => void): void {
    if (!this.#isAlive) return
    if (this.#isPaused) this.#waiting.push(callback)
    else callback()
  }

  pause(): void {
    this.#isPaused = true
  }

  resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    const waiting = this.#waiting
    this.#waiting = []
    // One event each: what one of them starts settles before the next.
    for (const callback of waiting) this.#clock.after(0, () => this.run(callback))
  }

  kill(): void {
    this.#isAlive = false
    this.#waiting = []
  }
}
