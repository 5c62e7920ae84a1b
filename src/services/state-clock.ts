// The wall clock of the services: what commands carry as their time, and what reads judge expiry by.
//
// Wall clocks of nodes differ, and may jump. The state's own time never goes back, so that a time to live that was counted from a
// clock behind it would be over before it began. This clock therefore never is behind the state, and goes on from there with the
// monotonic clock: a time to live takes as long as it says, whatever the wall clocks do after the write.
import type { Clock, Timer } from '../base/clock.ts'

/** What is asked of the state: the newest time of any command that it has applied. */
interface TimedState {
  readonly timeMs: number
}

export class StateClock implements Clock {
  readonly #clock: Clock
  readonly #state: TimedState
  /** The newest time of the state that was seen, and when (monotonic). */
  #seenMs = 0
  #seenAtMs = 0

  constructor(clock: Clock, state: TimedState) {
    this.#clock = clock
    this.#state = state
  }

  nowMs(): number {
    return Math.max(this.follow(), this.#clock.nowMs())
  }

  /** Notes how far the state's time is; whoever applies entries calls this after each batch. Returns what it is by now. */
  follow(): number {
    const atMs = this.#clock.monotonicMs()
    const runningMs = this.#seenMs + Math.floor(atMs - this.#seenAtMs)
    const { timeMs } = this.#state
    if (timeMs <= runningMs) return runningMs
    this.#seenMs = timeMs
    this.#seenAtMs = atMs
    return timeMs
  }

  monotonicMs(): number {
    return this.#clock.monotonicMs()
  }

  after(delayMs: number, callback: () => void, options?: { unref?: boolean }): Timer {
    return this.#clock.after(delayMs, callback, options)
  }

  every(intervalMs: number, callback: () => void, options?: { unref?: boolean }): Timer {
    return this.#clock.every(intervalMs, callback, options)
  }
}
