// Applies committed entries, strictly in order and one batch at a time, and runs in between whatever else needs the state
// machine for itself: the installation of a snapshot, the sync before a cut of the log.
import { assert } from '../../base/assert.ts'
import { InsiError, messageOf } from '../../base/errors.ts'
import type { Clock } from '../../base/clock.ts'
import type { Entry, LogIndex } from '../../raft/types.ts'
import type { ApplyResult, StateMachine } from '../ports.ts'
import type { ReplicaLog } from './log.ts'
import type { ReplicaObserver } from '../replica-observer.ts'

/** Entries in one batch, so that reads and snapshots are not kept waiting. */
const BATCH_ENTRIES_MAX = 1_024

export interface ApplyDeps {
  readonly state: StateMachine
  readonly log: ReplicaLog
  readonly clock: Clock
  readonly observer: ReplicaObserver
  readonly batchSizeBytesMax: number
  readonly commitIndex: () => LogIndex
  readonly onApplied: (entries: readonly Entry[], results: readonly ApplyResult[]) => void
  readonly onFatal: (error: Error) => void
}

export class ApplyLoop {
  readonly #deps: ApplyDeps
  readonly #tasks: (() => Promise<void>)[] = []
  #isRunning = false
  #ended: Promise<void> = Promise.resolve()
  #isStopped = false
  #applyingSinceMs: number | null = null

  constructor(deps: ApplyDeps) {
    this.#deps = deps
  }

  /** Since when (monotonic) a batch is being applied; null when none is. */
  get applyingSinceMs(): number | null {
    return this.#applyingSinceMs
  }

  /** Goes on if there is anything to apply. Cheap: called after every turn. */
  poke(): void {
    if (this.#isRunning || this.#isStopped) return
    if (this.#tasks.length === 0 && this.#applicableIndex() <= this.#deps.state.appliedIndex) return
    this.#isRunning = true
    this.#ended = this.#run()
  }

  /** Runs `task` between two batches, after tasks given earlier. Its rejection is fatal. */
  runBetweenBatches(task: () => Promise<void>): void {
    this.#tasks.push(task)
    this.poke()
  }

  /** No more batches and tasks. Resolves when the one under way is done. */
  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#ended
  }

  /** Entries up to here are committed and, on this node, durable: what is applied can be replayed after a crash. */
  #applicableIndex(): LogIndex {
    return Math.min(this.#deps.commitIndex(), this.#deps.log.durableIndex)
  }

  async #run(): Promise<void> {
    try {
      while (!this.#isStopped) {
        const task = this.#tasks.shift()
        // Between finding nothing to do and ending there is no await: a poke() in between would be lost.
        const entries = task === undefined ? this.#nextBatch() : undefined
        if (task !== undefined) await task()
        else if (entries !== undefined) await this.#apply(entries)
        else break
      }
    } catch (error) {
      this.#isStopped = true
      this.#deps.onFatal(asStorageError(error))
    } finally {
      this.#isRunning = false
    }
  }

  #nextBatch(): readonly Entry[] | undefined {
    const { batchSizeBytesMax, log, state } = this.#deps
    const from = state.appliedIndex + 1
    const to = Math.min(this.#applicableIndex() + 1, from + BATCH_ENTRIES_MAX)
    if (from >= to) return undefined
    const entries = log.entries(from, to, batchSizeBytesMax)
    assert(entries !== undefined && entries.length > 0, `entry ${from} is to be applied but is not in the log`)
    return entries
  }

  async #apply(entries: readonly Entry[]): Promise<void> {
    const { clock, observer, onApplied, state } = this.#deps
    const startedMs = clock.monotonicMs()
    this.#applyingSinceMs = startedMs
    const results = await state.apply(entries)
    this.#applyingSinceMs = null
    assert(results.length === entries.length, 'every entry has a result')
    observer.onApply({ entryCount: entries.length, durationMs: clock.monotonicMs() - startedMs })
    onApplied(entries, results)
  }
}

function asStorageError(error: unknown): Error {
  if (error instanceof Error) return error
  return new InsiError('STORAGE_FAILED', messageOf(error))
}
