// Who of several reconcilers acts: the holder of a Lease. Only politeness depends on it. Should two act at once, Raft still makes
// one change at a time, and each names the incarnation that it means.
import { delay } from '../base/clock.ts'
import type { Clock } from '../base/clock.ts'
import { messageOf } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { Random } from '../base/random.ts'
import { RepeatedFailure } from './repeated-failure.ts'
import type { LeaseTimes, LeaseView } from './kube.ts'

const DURATION_SECONDS = 15
/** A holder that could not renew for this long stops to act, well before anybody else may begin. */
const RENEW_DEADLINE_MS = 10_000
const RETRY_MS = 2_000
const MS_PER_SECOND = 1_000

/** When a version of the Lease was first seen, by the own clock: those of other machines are not trusted. */
export interface LeaseSighting {
  readonly version: string
  readonly seenAtMs: number
}

/** Whether `self` may take or renew the lease now. */
export function mayHold(lease: LeaseView, sighting: LeaseSighting, self: string, nowMs: number): boolean {
  if (lease.holder === null || lease.holder === self) return true
  const durationMs = Math.max(lease.durationSeconds, 1) * MS_PER_SECOND
  return nowMs - sighting.seenAtMs > durationMs
}

/** The Lease in Kubernetes. */
interface LeaseStore {
  readLease(name: string): Promise<LeaseView | null>
  replaceLease(name: string, lease: LeaseView, times: LeaseTimes): Promise<boolean>
}

export interface ElectionDeps {
  readonly store: LeaseStore
  readonly leaseName: string
  /** Differs from every other process, also from an earlier one of the same pod. */
  readonly self: string
  readonly clock: Clock
  readonly random: Pick<Random, 'int'>
  readonly log: Log
}

export class Election {
  readonly #deps: ElectionDeps
  #sighting: LeaseSighting | null = null
  #renewedAtMs = Number.NEGATIVE_INFINITY
  #answeredAtMs = Number.NEGATIVE_INFINITY
  #wasHolder = false
  readonly #unreachable: RepeatedFailure

  constructor(deps: ElectionDeps) {
    this.#deps = deps
    this.#unreachable = new RepeatedFailure(deps, 'the lease is out of reach')
  }

  /** True while this process may act. */
  get isHolder(): boolean {
    return this.#deps.clock.monotonicMs() - this.#renewedAtMs < RENEW_DEADLINE_MS
  }

  /** Milliseconds since Kubernetes last answered. */
  get silenceMs(): number {
    return this.#deps.clock.monotonicMs() - this.#answeredAtMs
  }

  /** Takes part until the signal aborts, and gives the lease back then. `onGained` is called each time it is won. */
  async run(signal: AbortSignal, onGained: () => void): Promise<void> {
    const { clock, log, random } = this.#deps
    while (!signal.aborted) {
      await this.#tryToHold().then(
        () => this.#unreachable.succeeded(),
        (error: unknown) => this.#unreachable.failed(messageOf(error)),
      )
      const { isHolder } = this
      if (isHolder !== this.#wasHolder) log.info({ isHolder }, isHolder ? 'lease won' : 'lease lost')
      if (isHolder && !this.#wasHolder) onGained()
      this.#wasHolder = isHolder
      await delay(clock, RETRY_MS + random.int(RETRY_MS / 10), signal).catch(() => undefined)
    }
    await this.#release().catch((error: unknown) =>
      log.warn({ reason: messageOf(error) }, 'the lease was not given back'),
    )
  }

  async #tryToHold(): Promise<void> {
    const { clock, leaseName, self, store } = this.#deps
    const lease = await store.readLease(leaseName)
    this.#answeredAtMs = clock.monotonicMs()
    if (lease === null) throw new Error(`the lease ${leaseName} does not exist: install the chart again`)
    if (this.#sighting?.version !== lease.version) {
      this.#sighting = { version: lease.version, seenAtMs: clock.monotonicMs() }
    }
    if (!mayHold(lease, this.#sighting, self, clock.monotonicMs())) return
    const askedAtMs = clock.monotonicMs()
    const isNew = lease.holder !== self
    const now = new Date(clock.nowMs()).toISOString()
    const next = {
      version: lease.version,
      holder: self,
      durationSeconds: DURATION_SECONDS,
      transitions: lease.transitions + (isNew ? 1 : 0),
    }
    if (await store.replaceLease(leaseName, next, { renewedAt: now, acquiredAt: isNew ? now : null }))
      this.#renewedAtMs = askedAtMs
  }

  /** So that the next one need not wait. */
  async #release(): Promise<void> {
    const { clock, leaseName, self, store } = this.#deps
    this.#renewedAtMs = Number.NEGATIVE_INFINITY
    const lease = await store.readLease(leaseName)
    if (lease === null || lease.holder !== self) return
    const renewedAt = new Date(clock.nowMs()).toISOString()
    const free = { ...lease, holder: null, durationSeconds: 1 }
    await store.replaceLease(leaseName, free, { renewedAt, acquiredAt: null })
  }
}
