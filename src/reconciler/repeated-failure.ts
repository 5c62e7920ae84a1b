// A failure that goes on is told when it begins, when its reason is a new one, now and then, and when it is over: not each time.
import type { Clock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'

const REMINDER_INTERVAL_MS = 60_000
/** Reasons that change more often than this are told as reminders alone. */
const REASONS_MAX = 8
const MS_PER_SECOND = 1_000

export class RepeatedFailure {
  readonly #clock: Clock
  readonly #log: Log
  readonly #what: string
  readonly #reasons = new Set<string>()
  #beganAtMs: number | null = null
  #toldAtMs = 0
  #count = 0

  /** `what` begins a sentence: `the lease is out of reach`. */
  constructor(deps: { readonly clock: Clock; readonly log: Log }, what: string) {
    this.#clock = deps.clock
    this.#log = deps.log
    this.#what = what
  }

  failed(reason: string, details: Readonly<Record<string, unknown>> = {}): void {
    const nowMs = this.#clock.monotonicMs()
    this.#beganAtMs ??= nowMs
    this.#count += 1
    const isNew = !this.#reasons.has(reason) && this.#reasons.size < REASONS_MAX
    if (isNew) this.#reasons.add(reason)
    else if (nowMs - this.#toldAtMs < REMINDER_INTERVAL_MS) return
    this.#toldAtMs = nowMs
    this.#log.warn({ ...details, reason, failures: this.#count }, this.#what)
  }

  succeeded(): void {
    if (this.#beganAtMs === null) return
    const forSeconds = Math.round((this.#clock.monotonicMs() - this.#beganAtMs) / MS_PER_SECOND)
    this.#log.info({ what: this.#what, failures: this.#count, forSeconds }, 'a failure is over')
    this.#beganAtMs = null
    this.#count = 0
    this.#reasons.clear()
  }
}
