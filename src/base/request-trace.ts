// Where the time of one request goes, for whoever asks. The trace follows the request through promises, so that no function
// on the way needs a parameter for it; while no request is traced, asking for the present one costs a comparison.
import { AsyncLocalStorage } from 'node:async_hooks'
import type { Clock } from './clock.ts'

/** Phases in one trace; more are left out. */
const PHASES_MAX = 32
const DECIMALS = 3

/** A phase that is under way is one of a chain; those that add() reports lie within it or beside it. */
export class RequestTrace {
  readonly #clock: Clock
  readonly #startedMs: number
  readonly #spentMs = new Map<string, number>()
  #phase: string
  #sinceMs: number

  /** `phase`: the first one, since `startedMs` of the clock's monotonic time. */
  constructor(clock: Clock, phase: string, startedMs: number) {
    this.#clock = clock
    this.#phase = phase
    this.#sinceMs = startedMs
    this.#startedMs = startedMs
  }

  /** Ends the phase under way and begins `phase`; a name that comes again goes on where it was. */
  enter(phase: string): void {
    const nowMs = this.#clock.monotonicMs()
    this.add(this.#phase, nowMs - this.#sinceMs)
    this.#phase = phase
    this.#sinceMs = nowMs
  }

  /** Time of a phase that was measured elsewhere. */
  add(phase: string, durationMs: number): void {
    if (this.#spentMs.size >= PHASES_MAX && !this.#spentMs.has(phase)) return
    this.#spentMs.set(phase, (this.#spentMs.get(phase) ?? 0) + durationMs)
  }

  /** The value of a Server-Timing header, durations in ms; ends with the time since the start as `total`. */
  serverTiming(): string {
    this.enter(this.#phase)
    const phases = [...this.#spentMs, ['total', this.#sinceMs - this.#startedMs] as const]
    return phases.map(([phase, durationMs]) => `${phase};dur=${durationMs.toFixed(DECIMALS)}`).join(', ')
  }
}

const traces = new AsyncLocalStorage<RequestTrace>()
let openCount = 0

/** Runs `work`, within which currentTrace() is `trace`. */
export async function runTraced(trace: RequestTrace, work: () => Promise<void>): Promise<void> {
  openCount += 1
  try {
    await traces.run(trace, work)
  } finally {
    openCount -= 1
  }
}

/** The trace of the request on whose behalf this runs. */
export function currentTrace(): RequestTrace | undefined {
  return openCount === 0 ? undefined : traces.getStore()
}
