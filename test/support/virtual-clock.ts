// A clock that moves only when it is told to. Timers of equal time fire in the order in which they were set.
import type { Clock, Timer } from '../../src/base/clock.ts'

interface Pending {
  readonly atMs: number
  readonly sequence: number
  readonly callback: () => void
  cancelled: boolean
}

const EPOCH_MS = 1_700_000_000_000

export class VirtualClock implements Clock {
  #nowMs = 0
  #wallSteppedMs = 0
  #sequence = 0
  /** Binary heap: the earliest timer first. */
  readonly #heap: Pending[] = []

  nowMs(): number {
    return EPOCH_MS + this.#nowMs + this.#wallSteppedMs
  }

  monotonicMs(): number {
    return this.#nowMs
  }

  after(delayMs: number, callback: () => void): Timer {
    const pending = {
      atMs: this.#nowMs + Math.max(0, delayMs),
      sequence: this.#sequence++,
      callback,
      cancelled: false,
    }
    this.#push(pending)
    return {
      cancel: () => {
        pending.cancelled = true
      },
    }
  }

  every(intervalMs: number, callback: () => void): Timer {
    let cancelled = false
    const fire = (): void => {
      callback()
      if (!cancelled) timer = this.after(intervalMs, fire)
    }
    let timer = this.after(intervalMs, fire)
    return {
      cancel: () => {
        cancelled = true
        timer.cancel()
      },
    }
  }

  /** The wall clock is set, or the machine was suspended: monotonic time does not pass. */
  stepWallClock(byMs: number): void {
    this.#wallSteppedMs += byMs
  }

  /** Fires the next timer; false when there is none. */
  step(): boolean {
    for (;;) {
      const next = this.#pop()
      if (next === undefined) return false
      if (next.cancelled) continue
      this.#nowMs = next.atMs
      next.callback()
      return true
    }
  }

  /** Fires everything that is due within `durationMs` and moves on by it. */
  advance(durationMs: number): void {
    const endMs = this.#nowMs + durationMs
    for (let next = this.#heap[0]; next !== undefined && next.atMs <= endMs; next = this.#heap[0]) {
      if (next.cancelled) this.#pop()
      else this.step()
    }
    this.#nowMs = endMs
  }

  #push(pending: Pending): void {
    const heap = this.#heap
    let at = heap.push(pending) - 1
    while (at > 0) {
      const parentAt = (at - 1) >> 1
      const parent = heap[parentAt]
      if (parent === undefined || !earlier(pending, parent)) break
      heap[at] = parent
      at = parentAt
    }
    heap[at] = pending
  }

  #pop(): Pending | undefined {
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop()
    if (first === undefined || last === undefined || heap.length === 0) return first
    let at = 0
    for (;;) {
      let childAt = 2 * at + 1
      const left = heap[childAt]
      const right = heap[childAt + 1]
      if (left === undefined) break
      let child = left
      if (right !== undefined && earlier(right, left)) {
        child = right
        childAt += 1
      }
      if (!earlier(child, last)) break
      heap[at] = child
      at = childAt
    }
    heap[at] = last
    return first
  }
}

function earlier(one: Pending, other: Pending): boolean {
  return one.atMs === other.atMs ? one.sequence < other.sequence : one.atMs < other.atMs
}
