// Whether this node should get traffic, and whether it is alive: that never depends on its peers.
import type { Clock, Timer } from '../base/clock.ts'
import {
  LIVENESS_DISK_STALL_MS,
  READINESS_DISK_STALL_MS,
  READINESS_GRACE_MS,
  READINESS_LAG_ENTRIES_MAX,
  READINESS_SAMPLE_INTERVAL_MS,
} from '../contract/limits.ts'
import type { Replicator, ReplicaStatus } from './replicator.ts'

export interface HealthCheck {
  readonly name: 'serving' | 'intact' | 'disk' | 'member' | 'leader' | 'caught-up'
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
    const checks = [
      this.#serving(),
      intact(status),
      this.#disk(status),
      member(status),
      this.#leader(status),
      caughtUp(status),
    ]
    const ready = checks.every((check) => check.ok)
    if (ready) this.#started = true
    return { ready, checks }
  }

  /** Null while the node is alive; else what a restart may cure: its disk has not answered for long. */
  fatalStall(): string | null {
    const stalledMs = this.#stalledMs(this.#replicator.status())
    return stalledMs < LIVENESS_DISK_STALL_MS ? null : stallText(stalledMs)
  }

  /** True once the node has been ready. */
  started(): boolean {
    return this.#started || this.readiness().ready
  }

  #serving(): HealthCheck {
    return { name: 'serving', ok: !this.#stopping, reason: this.#stopping ? 'the node is stopping' : '' }
  }

  /** A disk that hangs fails nothing by itself: whoever waits for it would wait for ever. */
  #disk(status: ReplicaStatus): HealthCheck {
    const stalledMs = this.#stalledMs(status)
    const ok = stalledMs < READINESS_DISK_STALL_MS
    return { name: 'disk', ok, reason: ok ? '' : stallText(stalledMs) }
  }

  #stalledMs({ diskBusySinceMs }: ReplicaStatus): number {
    return diskBusySinceMs === null ? 0 : this.#clock.monotonicMs() - diskBusySinceMs
  }

  /** An election takes a node out of service only when it lasts. */
  #leader({ leader }: ReplicaStatus): HealthCheck {
    const nowMs = this.#clock.monotonicMs()
    if (leader !== null) this.#leaderSeenMs = nowMs
    const ok = nowMs - this.#leaderSeenMs <= READINESS_GRACE_MS
    return { name: 'leader', ok, reason: ok ? '' : 'no leader is known' }
  }
}

function stallText(stalledMs: number): string {
  return `the disk has not answered for ${Math.floor(stalledMs / 1_000)} s`
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
