// Whether this node should get traffic. Liveness is not here: a process that answers is alive, whatever its peers do.
import type { Clock, Timer } from '../base/clock.ts'
import { READINESS_GRACE_MS, READINESS_LAG_ENTRIES_MAX, READINESS_SAMPLE_INTERVAL_MS } from '../contract/limits.ts'
import type { Replicator, ReplicaStatus } from './replicator.ts'

export interface HealthCheck {
  readonly name: 'serving' | 'intact' | 'member' | 'leader' | 'caught-up'
  readonly ok: boolean
  readonly reason: string
}

export interface Readiness {
  readonly ready: boolean
  readonly checks: readonly HealthCheck[]
}

export class HealthService {
  readonly #clock: Clock
  readonly #replicator: Replicator
  #started = false
  #stopping = false
  #leaderSeenMs = Number.NEGATIVE_INFINITY
  #timer: Timer | undefined

  constructor(deps: { readonly clock: Clock; readonly replicator: Replicator }) {
    this.#clock = deps.clock
    this.#replicator = deps.replicator
  }

  /** Begins to watch for a leader, so that the grace is counted from when one was last known, not from the last probe. */
  start(): void {
    this.#timer = this.#clock.every(READINESS_SAMPLE_INTERVAL_MS, () => this.readiness(), { unref: true })
  }

  stop(): void {
    this.#timer?.cancel()
  }

  /** From now on the node is not ready: it is about to stop. */
  beginStop(): void {
    this.#stopping = true
  }

  readiness(): Readiness {
    const status = this.#replicator.status()
    const checks = [this.#serving(), intact(status), member(status), this.#leader(status), caughtUp(status)]
    const ready = checks.every((check) => check.ok)
    if (ready) this.#started = true
    return { ready, checks }
  }

  /** True once the node has been ready. */
  started(): boolean {
    return this.#started || this.readiness().ready
  }

  #serving(): HealthCheck {
    return { name: 'serving', ok: !this.#stopping, reason: this.#stopping ? 'the node is stopping' : '' }
  }

  /** An election takes a node out of service only when it lasts. */
  #leader({ leader }: ReplicaStatus): HealthCheck {
    const nowMs = this.#clock.monotonicMs()
    if (leader !== null) this.#leaderSeenMs = nowMs
    const ok = nowMs - this.#leaderSeenMs <= READINESS_GRACE_MS
    return { name: 'leader', ok, reason: ok ? '' : 'no leader is known' }
  }
}

function intact({ quarantined }: ReplicaStatus): HealthCheck {
  return { name: 'intact', ok: quarantined === null, reason: quarantined ?? '' }
}

function member({ obstacle, role }: ReplicaStatus): HealthCheck {
  const ok = role !== 'joining' && role !== 'learner'
  return { name: 'member', ok, reason: ok ? '' : `the node is ${role}${obstacle === null ? '' : `: ${obstacle}`}` }
}

function caughtUp({ clusterCommitIndex, appliedIndex }: ReplicaStatus): HealthCheck {
  const lag = clusterCommitIndex - appliedIndex
  const ok = lag <= READINESS_LAG_ENTRIES_MAX
  return { name: 'caught-up', ok, reason: ok ? '' : `${lag} committed entries are not applied yet` }
}
