// The loop around the Raft core: everything that arrives is queued, and one turn at a time hands it to the core, takes what has
// to be done and does it.
//
//   messages, proposals, reads --> turn --> messages ------------------------------------> peers
//                                   |  \--> hard state, log --> flush --> durable messages --> peers
//                                   |                             |
//                                   +<----- persisted ------------+
//
// One flush runs at a time (group commit): whatever changes while it runs shares the next one.
import { asError, InsiError, messageOf } from '../../base/errors.ts'
import type { Clock } from '../../base/clock.ts'
import type { Raft } from '../../raft/raft.ts'
import type { HardState, MemberId, Message, ReadState, SnapshotMeta } from '../../raft/types.ts'
import type { ReplicaLog } from './log.ts'
import type { ReplicaObserver } from '../replica-observer.ts'

/** Messages of peers that may wait for a turn; Raft repeats what is dropped. */
const INBOX_MESSAGES_MAX = 8_192
/** Messages handled in one turn, so that proposals and ticks are not kept waiting. */
const TURN_MESSAGES_MAX = 1_024

/** What the loop asks of its surroundings. Called synchronously within a turn. */
export interface LoopHooks {
  send(message: Message): void
  /** Hands proposals and reads that wait to the core. */
  beforeEffects(): void
  onReadStates(states: readonly ReadState[]): void
  onSnapshotsToSend(members: readonly MemberId[]): void
  /** A staged snapshot was accepted: flushes are held until releaseFlushes(). */
  onInstallSnapshot(meta: SnapshotMeta): void
  /** The turn is over: commit index, durable index, role or membership may have changed. */
  afterEffects(): void
  onFatal(error: Error): void
}

export interface LoopDeps {
  readonly raft: Raft
  readonly log: ReplicaLog
  readonly clock: Clock
  readonly observer: ReplicaObserver
  readonly schedule: (callback: () => void) => void
  readonly hooks: LoopHooks
}

export class ReplicaLoop {
  readonly #deps: LoopDeps
  #inbox: Message[] = []
  #isTurnScheduled = false
  #isInTurn = false
  #isStopped = false
  /** The newest hard state that no flush has taken yet. */
  #hardState: HardState | null = null
  /** May leave after the next flush. */
  #durableMessages: Message[] = []
  /** May leave after the flush under way; null when none is. */
  #flushMessages: Message[] | null = null
  #flush: Promise<void> | null = null
  #areFlushesHeld = false
  #flushingSinceMs: number | null = null

  constructor(deps: LoopDeps) {
    this.#deps = deps
  }

  /** Since when (monotonic) a flush is under way; null when none is. */
  get flushingSinceMs(): number | null {
    return this.#flushingSinceMs
  }

  /** Queues a message of a peer; drops it when too many wait. */
  receive(message: Message): void {
    if (this.#isStopped) return
    if (this.#inbox.length >= INBOX_MESSAGES_MAX) {
      this.#deps.observer.onMessageDropped()
      return
    }
    this.#inbox.push(message)
    this.requestTurn()
  }

  /** Has a turn run soon; requests until then share it. */
  requestTurn(): void {
    if (this.#isTurnScheduled || this.#isStopped) return
    this.#isTurnScheduled = true
    this.#deps.schedule(() => {
      this.#isTurnScheduled = false
      this.runTurn()
    })
  }

  /** Runs a turn at once. */
  runTurn(): void {
    if (this.#isStopped || this.#isInTurn) return
    this.#isInTurn = true
    this.#guard(() => {
      this.#stepInbox()
      this.#deps.hooks.beforeEffects()
      this.#carryOutEffects()
      this.#startFlushIfDue()
      this.#deps.hooks.afterEffects()
    })
    this.#isInTurn = false
  }

  /** Tells the core something from outside of a turn; what follows from it is done in the next one. */
  tell(report: (raft: Raft) => void): void {
    if (this.#isStopped) return
    this.#guard(() => report(this.#deps.raft))
    this.requestTurn()
  }

  /** Handles one message at once, before those that wait, and carries out what follows from it. */
  stepNow(message: Message): void {
    if (this.#isStopped) return
    this.#guard(() => {
      this.#deps.raft.step(message)
      this.#carryOutEffects()
      this.#startFlushIfDue()
    })
    this.requestTurn()
  }

  /** The state was replaced by the snapshot that onInstallSnapshot() announced: the log's reset may become durable. */
  releaseFlushes(): void {
    this.#areFlushesHeld = false
    this.requestTurn()
  }

  /** No more turns. Resolves once what the log holds is durable and no flush runs any more. */
  async stop(): Promise<void> {
    const hasFailed = this.#isStopped
    this.#isStopped = true
    this.#inbox = []
    await this.#flush
    if (!hasFailed && this.#needsFlush() && !this.#areFlushesHeld) await this.#runFlush()
  }

  #stepInbox(): void {
    const count = Math.min(this.#inbox.length, TURN_MESSAGES_MAX)
    if (count === 0) return
    const messages = this.#inbox
    this.#inbox = count === messages.length ? [] : messages.slice(count)
    for (let position = 0; position < count; position++) {
      const message = messages[position]
      if (message !== undefined) this.#deps.raft.step(message)
    }
    if (this.#inbox.length > 0) this.requestTurn()
  }

  #carryOutEffects(): void {
    const { raft, hooks } = this.#deps
    while (raft.hasEffects()) {
      const effects = raft.takeEffects()
      for (const message of effects.messages) hooks.send(message)
      if (effects.hardState !== null) this.#hardState = effects.hardState
      if (effects.installSnapshot !== null) {
        this.#areFlushesHeld = true
        hooks.onInstallSnapshot(effects.installSnapshot)
      }
      this.#sendWhenDurable(effects.durableMessages)
      if (effects.readStates.length > 0) hooks.onReadStates(effects.readStates)
      if (effects.snapshotsToSend.length > 0) hooks.onSnapshotsToSend(effects.snapshotsToSend)
    }
  }

  #sendWhenDurable(messages: readonly Message[]): void {
    if (messages.length === 0) return
    if (this.#needsFlush()) this.#durableMessages.push(...messages)
    // Nothing changed since the flush under way began: what it makes durable is all that these messages promise.
    else if (this.#flushMessages !== null) this.#flushMessages.push(...messages)
    else for (const message of messages) this.#deps.hooks.send(message)
  }

  #needsFlush(): boolean {
    return this.#hardState !== null || this.#deps.log.isDirty || this.#durableMessages.length > 0
  }

  #startFlushIfDue(): void {
    if (this.#flush !== null || this.#areFlushesHeld || !this.#needsFlush()) return
    this.#flush = this.#runFlush()
  }

  async #runFlush(): Promise<void> {
    const { clock, log, observer } = this.#deps
    const hardState = this.#hardState
    const messages = this.#durableMessages
    this.#hardState = null
    this.#durableMessages = []
    this.#flushMessages = messages
    const startedMs = clock.monotonicMs()
    this.#flushingSinceMs = startedMs
    try {
      await log.flush(hardState)
    } catch (error) {
      this.#flushMessages = null
      this.#flush = null
      this.#fail(
        new InsiError('STORAGE_FAILED', `the log could not be made durable: ${messageOf(error)}`, { cause: error }),
      )
      return
    }
    this.#flushingSinceMs = null
    observer.onFlush({ durationMs: clock.monotonicMs() - startedMs })
    this.#flushMessages = null
    this.#flush = null
    if (this.#isStopped) return
    this.#guard(() => this.#reportDurable(messages))
    this.runTurn()
  }

  #reportDurable(messages: readonly Message[]): void {
    const { hooks, log, raft } = this.#deps
    for (const message of messages) hooks.send(message)
    const term = log.termAt(log.durableIndex)
    if (term !== undefined) raft.persisted(log.durableIndex, term)
  }

  /** Runs a step of the loop; an exception is a broken invariant, after which this node must not go on. */
  #guard(step: () => void): void {
    try {
      step()
    } catch (error) {
      this.#fail(asError(error))
    }
  }

  #fail(error: Error): void {
    if (this.#isStopped) return
    this.#isStopped = true
    this.#deps.hooks.onFatal(error)
  }
}
