// Decides when the log is cut and how far, and cuts it: the state is synced first, since from then on only it holds what the
// dropped entries said.
import type { Clock } from '../../base/clock.ts'
import type { Log } from '../../base/log.ts'
import type { LogIndex, Membership, PeerStatus } from '../../raft/types.ts'
import { must } from '../../base/assert.ts'
import type { StateMachine } from '../ports.ts'
import type { ReplicaLog } from './log.ts'
import type { ReplicaObserver } from '../replica-observer.ts'

/** Followers that lag hold entries back until the log is this many times larger than its limits; then a snapshot is cheaper. */
const HELD_BACK_FACTOR = 4

export interface LogCutLimits {
  readonly logEntriesMax: number
  readonly logSizeBytesMax: number
  readonly logRetainedEntries: number
}

export interface LogShape {
  readonly baseIndex: LogIndex
  readonly lastIndex: LogIndex
  readonly appliedIndex: LogIndex
  readonly sizeBytes: number
  /** Bytes that the newest cut left, since whole segments are dropped; 0 before the first. */
  readonly sizeBytesAfterCut: number
  /** The lowest index that a follower within reach still needs the entries after; Infinity when none does. */
  readonly neededAfter: LogIndex
}

/** The index that the log should be cut to, or null when it should stay. Pure. */
export function planCut(shape: LogShape, limits: LogCutLimits): LogIndex | null {
  const { baseIndex, lastIndex, appliedIndex, sizeBytes, sizeBytesAfterCut, neededAfter } = shape
  const { logEntriesMax, logSizeBytesMax, logRetainedEntries } = limits
  const entryCount = lastIndex - baseIndex
  // What a cut could not drop must not trigger the next one at once.
  const sizeBytesTrigger = Math.max(logSizeBytesMax, sizeBytesAfterCut + logSizeBytesMax / 4)
  if (entryCount <= logEntriesMax && sizeBytes <= sizeBytesTrigger) return null
  // Large entries: keep as many as fit into half of the limit.
  const averageSizeBytes = Math.max(1, sizeBytes / Math.max(1, entryCount))
  const retainedCount = Math.min(logRetainedEntries, Math.floor(logSizeBytesMax / 2 / averageSizeBytes))
  const wanted = appliedIndex - retainedCount
  const isTooLarge = entryCount > HELD_BACK_FACTOR * logEntriesMax || sizeBytes > HELD_BACK_FACTOR * logSizeBytesMax
  const target = isTooLarge ? wanted : Math.min(wanted, neededAfter)
  return target > baseIndex ? target : null
}

/** The lowest index that an active follower is known to hold, for those that receive entries. */
export function lowestMatchIndex(peers: Iterable<PeerStatus>): LogIndex {
  let lowest = Number.POSITIVE_INFINITY
  for (const peer of peers) {
    if (peer.active && peer.state !== 'snapshot' && peer.matchIndex < lowest) lowest = peer.matchIndex
  }
  return lowest
}

export interface LogCutterDeps {
  readonly log: ReplicaLog
  readonly state: StateMachine
  readonly clock: Clock
  readonly logger: Log
  readonly observer: ReplicaObserver
  readonly limits: LogCutLimits
  readonly membershipAt: (index: LogIndex) => Membership
  readonly neededAfter: () => LogIndex
  /** Runs a task while nothing is applied. */
  readonly runBetweenBatches: (task: () => Promise<void>) => void
}

export class LogCutter {
  readonly #deps: LogCutterDeps
  #sizeBytesAfterCut = 0
  #isCutting = false

  constructor(deps: LogCutterDeps) {
    this.#deps = deps
  }

  /** Called after each applied batch; cuts when it is time to. */
  onApplied(appliedIndex: LogIndex): void {
    const { limits, log, runBetweenBatches } = this.#deps
    if (log.lastIndex - log.base.index <= limits.logEntriesMax && log.sizeBytes <= limits.logSizeBytesMax) return
    if (this.#isCutting) return
    const target = planCut(this.#shape(appliedIndex), limits)
    if (target === null) return
    this.#isCutting = true
    runBetweenBatches(async () => {
      await this.#cut(target)
      this.#isCutting = false
    })
  }

  #shape(appliedIndex: LogIndex): LogShape {
    const { log, neededAfter } = this.#deps
    const { base, lastIndex, sizeBytes } = log
    const sizeBytesAfterCut = this.#sizeBytesAfterCut
    return { baseIndex: base.index, lastIndex, appliedIndex, sizeBytes, sizeBytesAfterCut, neededAfter: neededAfter() }
  }

  async #cut(target: LogIndex): Promise<void> {
    const { clock, log, logger, membershipAt, observer, state } = this.#deps
    const startedMs = clock.monotonicMs()
    const syncedIndex = await state.sync()
    // A snapshot may have replaced the log meanwhile.
    if (target <= log.base.index || target > syncedIndex || target > log.durableIndex) return
    const entryCount = target - log.base.index
    const term = must(log.termAt(target), `the log has no term at ${target}`)
    await log.cutTo({ index: target, term, membership: membershipAt(target) })
    this.#sizeBytesAfterCut = log.sizeBytes
    const durationMs = clock.monotonicMs() - startedMs
    observer.onLogCut({ entryCount, durationMs })
    logger.info({ index: target, entryCount, durationMs }, 'log cut')
  }
}
