// How long writes are in each phase on the leader. Kept for batches, not for writes: a batch enters the log, becomes durable,
// is committed and applied as one, so a clock is read a few times a batch, and not at all while nothing is written.
import type { Clock } from '../base/clock.ts'
import { currentTrace } from '../base/request-trace.ts'
import type { RequestTrace } from '../base/request-trace.ts'
import type { LogIndex } from '../raft/types.ts'
import type { Proposal } from './proposals.ts'
import type { ReplicaObserver } from './replica-observer.ts'

/** Batches that are followed at the same time; of more, the oldest are not measured to their end. */
const BATCHES_MAX = 4_096

export const WRITE_PHASES = ['queue', 'append', 'fsync', 'replicate', 'apply'] as const
export type WritePhase = (typeof WRITE_PHASES)[number]

/** In ms, in the order of WRITE_PHASES. */
type PhaseTimes = readonly number[]

interface Batch {
  readonly lastIndex: LogIndex
  readonly count: number
  readonly loggedMs: number
  committedMs: number
  readonly traced: readonly TracedWrite[] | null
}

/** A write whose caller wants to know: gets a time for each phase. */
export interface TracedWrite {
  onPhase(phase: WritePhase, durationMs: number): void
  /** The leader is another node: it had the write and answered within `durationMs`, of which it spent `times` in each phase. */
  onHop(durationMs: number, times: PhaseTimes | undefined): void
}

export class WritePhases {
  readonly #clock: Clock
  readonly #observer: ReplicaObserver
  /** In log order: the first #committedCount are committed, the first #durableCount durable here. */
  #batches: Batch[] = []
  #durableCount = 0
  #committedCount = 0

  constructor(deps: { readonly clock: Clock; readonly observer: ReplicaObserver }) {
    this.#clock = deps.clock
    this.#observer = deps.observer
  }

  /** The leader put `batch` into its log, which ends at `lastIndex` now; it began to do so at `startedMs`. */
  logged(batch: readonly Proposal[], lastIndex: LogIndex, startedMs: number): void {
    const loggedMs = this.#clock.monotonicMs()
    const appendMs = loggedMs - startedMs
    let traced: TracedWrite[] | null = null
    for (const { submittedMs, trace } of batch) {
      this.#observer.onWritePhase('queue', startedMs - submittedMs, 1)
      if (trace === null) continue
      trace.onPhase('queue', startedMs - submittedMs)
      trace.onPhase('append', appendMs)
      traced ??= []
      traced.push(trace)
    }
    this.#observer.onWritePhase('append', appendMs, batch.length)
    this.#batches.push({ lastIndex, count: batch.length, loggedMs, committedMs: 0, traced })
    if (this.#batches.length > BATCHES_MAX) this.#drop(1)
  }

  /** After each turn: how far the log is durable here, and committed. */
  advance(isLeader: boolean, durableIndex: LogIndex, commitIndex: LogIndex): void {
    if (this.#batches.length === 0) return
    if (!isLeader) {
      this.#drop(this.#batches.length)
      return
    }
    const isDurable = (this.#batches[this.#durableCount]?.lastIndex ?? Number.POSITIVE_INFINITY) <= durableIndex
    const isCommitted = (this.#batches[this.#committedCount]?.lastIndex ?? Number.POSITIVE_INFINITY) <= commitIndex
    if (!isDurable && !isCommitted) return
    const nowMs = this.#clock.monotonicMs()
    for (let next = this.#batches[this.#durableCount]; next !== undefined && next.lastIndex <= durableIndex;) {
      this.#report('fsync', next, nowMs - next.loggedMs)
      this.#durableCount += 1
      next = this.#batches[this.#durableCount]
    }
    for (let next = this.#batches[this.#committedCount]; next !== undefined && next.lastIndex <= commitIndex;) {
      this.#report('replicate', next, nowMs - next.loggedMs)
      next.committedMs = nowMs
      this.#committedCount += 1
      next = this.#batches[this.#committedCount]
    }
  }

  /** The state holds the entries up to `appliedIndex`. To be told before their callers are. */
  applied(appliedIndex: LogIndex, nowMs: number): void {
    let count = 0
    for (const batch of this.#batches) {
      if (batch.lastIndex > appliedIndex || count >= this.#committedCount) break
      this.#report('apply', batch, nowMs - batch.committedMs)
      count += 1
    }
    if (count > 0) this.#drop(count)
  }

  #report(phase: WritePhase, { count, traced }: Batch, durationMs: number): void {
    this.#observer.onWritePhase(phase, durationMs, count)
    if (traced !== null) for (const write of traced) write.onPhase(phase, durationMs)
  }

  #drop(count: number): void {
    this.#batches = this.#batches.slice(count)
    this.#durableCount = Math.max(0, this.#durableCount - count)
    this.#committedCount = Math.max(0, this.#committedCount - count)
  }
}

/** For a write of this node's own caller, when that is traced. */
export function tracedWrite(): TracedWrite | null {
  const trace = currentTrace()
  return trace === undefined ? null : new LocalTracedWrite(trace)
}

class LocalTracedWrite implements TracedWrite {
  readonly #trace: RequestTrace

  constructor(trace: RequestTrace) {
    this.#trace = trace
  }

  onPhase(phase: WritePhase, durationMs: number): void {
    this.#trace.add(phase, durationMs)
  }

  onHop(durationMs: number, times: PhaseTimes | undefined): void {
    let onLeaderMs = 0
    if (times !== undefined) {
      WRITE_PHASES.forEach((phase, at) => this.#trace.add(phase, times[at] ?? 0))
      // The fsync goes on beside the replication, and what is left of it after that counts as applying.
      const [queueMs = 0, appendMs = 0, , replicateMs = 0, applyMs = 0] = times
      onLeaderMs = queueMs + appendMs + replicateMs + applyMs
    }
    this.#trace.add('hop', Math.max(0, durationMs - onLeaderMs))
  }
}
