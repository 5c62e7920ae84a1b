// Every proposal that waits on this node for its fate: its own callers' and those that other nodes handed over.
//
//   submit --> queued --taken by a leader's turn--> logged --applied with the same term--> settled (result)
//                ^  \--taken by the forwarder-----> sent   --answered by the leader------> settled
//                |                                    |
//                +--- certainly not applied ----------+     any of them, too old --------> settled (error)
//
// A proposal is reported as failed only when it certainly was not and will not be applied; otherwise as OUTCOME_UNKNOWN.
import { assert } from '../base/assert.ts'
import { InsiError } from '../base/errors.ts'
import type { Entry, LogIndex, SnapshotMeta, Term } from '../raft/types.ts'
import type { ApplyResult } from './ports.ts'
import type { TracedWrite } from './write-phases.ts'

/** Who waits for a proposal. Exactly one of the two is called, once; `slot` is what submit() was given. */
export interface ProposalSink {
  applied(slot: number, result: ApplyResult): void
  failed(slot: number, error: InsiError): void
}

export type ProposalOrigin = 'local' | 'peer'

/** Times that a proposal may be overwritten and proposed again. */
const ATTEMPTS_MAX = 8

/** Taken proposals that stay at the front of the queue's array before it is cut. */
const QUEUE_HEAD_MAX = 4_096

const NO_BYTES = new Uint8Array(0)

export class Proposal {
  command: Uint8Array
  readonly sink: ProposalSink
  readonly slot: number
  readonly origin: ProposalOrigin
  readonly submittedMs: number
  /** Who wants to know how long its phases take; null for nearly all. */
  trace: TracedWrite | null = null
  state: 'queued' | 'logged' | 'sent' | 'settled' = 'queued'
  /** Place in the log, while `logged`. */
  index: LogIndex = 0
  term: Term = 0
  attemptCount = 0
  /** Another proposal that was logged at the same index in another term. */
  next: Proposal | undefined = undefined

  constructor(command: Uint8Array, sink: ProposalSink, slot: number, origin: ProposalOrigin, submittedMs: number) {
    this.command = command
    this.sink = sink
    this.slot = slot
    this.origin = origin
    this.submittedMs = submittedMs
  }
}

export interface ProposalLimits {
  readonly pendingProposalsMax: number
  readonly pendingProposalsSizeBytesMax: number
  readonly leaderWaitMs: number
  readonly proposalTimeoutMs: number
}

/** Certainly not applied, because nobody led. */
export function noLeader(): InsiError {
  return new InsiError('NO_LEADER', 'no leader took the write in time; nothing was changed')
}

/** Certainly not applied, because the node has too much to do. */
export function overloaded(): InsiError {
  return new InsiError('OVERLOADED', 'too many writes wait already; nothing was changed')
}

/** Applied, not applied, or to be applied later: nobody knows. */
export function outcomeUnknown(reason: string): InsiError {
  return new InsiError('OUTCOME_UNKNOWN', `${reason}; the write may have been or may yet be applied`)
}

export class Proposals {
  readonly #limits: ProposalLimits
  /** Unsettled proposals, oldest first. */
  readonly #pending = new Set<Proposal>()
  #pendingSizeBytes = 0
  readonly #logged = new Map<LogIndex, Proposal>()
  /** Waiting proposals: those that came back first, then #queue from #queueHead on. */
  #returned: Proposal[] = []
  #queue: Proposal[] = []
  #queueHead = 0
  /** The leader refuses more for the moment: what waits too long does so for load, not for want of a leader. */
  isHeldBack = false

  constructor(limits: ProposalLimits) {
    this.#limits = limits
  }

  /** Whether submit() has room for `commandCount` commands of `sizeBytes` together. */
  hasRoom(commandCount: number, sizeBytes: number): boolean {
    const { pendingProposalsMax, pendingProposalsSizeBytesMax } = this.#limits
    if (this.#pending.size + commandCount > pendingProposalsMax) return false
    return this.#pending.size === 0 || this.#pendingSizeBytes + sizeBytes <= pendingProposalsSizeBytesMax
  }

  /** Queues a command; hasRoom() was asked. */
  submit(
    command: Uint8Array,
    sink: ProposalSink,
    slot: number,
    origin: ProposalOrigin,
    nowMs: number,
    trace: TracedWrite | null = null,
  ): void {
    const proposal = new Proposal(command, sink, slot, origin, nowMs)
    proposal.trace = trace
    this.#pending.add(proposal)
    this.#pendingSizeBytes += command.length
    this.#queue.push(proposal)
  }

  get pendingCount(): number {
    return this.#pending.size
  }

  get hasQueued(): boolean {
    return this.#queueHead < this.#queue.length || this.#returned.length > 0
  }

  /** The next queued proposals, oldest first, bounded by count and bytes (but at least one). They stay `queued`. */
  take(countMax: number, sizeBytesMax: number): Proposal[] {
    const batch: Proposal[] = []
    let sizeBytes = 0
    while (batch.length < countMax) {
      const proposal = this.#returned[0] ?? this.#queue[this.#queueHead]
      if (proposal === undefined) break
      if (proposal.state === 'queued') {
        sizeBytes += proposal.command.length
        if (batch.length > 0 && sizeBytes > sizeBytesMax) break
        batch.push(proposal)
      }
      this.#dropFirst()
    }
    return batch
  }

  /** Queues proposals again, before all others: they certainly were not applied. */
  putBack(batch: readonly Proposal[]): void {
    for (const proposal of batch) if (proposal.state !== 'settled') proposal.state = 'queued'
    this.#returned = [...batch, ...this.#returned]
  }

  /** `batch` was appended to this node's log from `firstIndex` on, in `term`. */
  logged(batch: readonly Proposal[], firstIndex: LogIndex, term: Term): void {
    for (let offset = 0; offset < batch.length; offset++) {
      const proposal = batch[offset]
      assert(proposal !== undefined && proposal.state === 'queued', 'only queued proposals are logged')
      const index = firstIndex + offset
      proposal.state = 'logged'
      proposal.index = index
      proposal.term = term
      proposal.attemptCount++
      proposal.next = this.#logged.get(index)
      this.#logged.set(index, proposal)
    }
  }

  /** Entries were applied: settles what was logged there, and proposes again what another leader's entry replaced. */
  onApplied(entries: readonly Entry[], results: readonly ApplyResult[], nowMs: number): void {
    if (this.#logged.size === 0) return
    for (let offset = 0; offset < entries.length; offset++) {
      const entry = entries[offset]
      assert(entry !== undefined, 'entries have no holes')
      let proposal = this.#logged.get(entry.index)
      if (proposal === undefined) continue
      this.#logged.delete(entry.index)
      for (; proposal !== undefined; proposal = proposal.next) {
        if (proposal.state !== 'logged') continue
        if (proposal.term === entry.term) this.resolve(proposal, results[offset])
        else this.#retryOverwritten(proposal, nowMs)
      }
    }
  }

  /** The state jumped to a snapshot. What stood in a later term than the snapshot's cannot be part of it. */
  onInstalled(meta: SnapshotMeta, nowMs: number): void {
    for (const [index, first] of this.#logged) {
      if (index > meta.index) continue
      this.#logged.delete(index)
      for (let proposal: Proposal | undefined = first; proposal !== undefined; proposal = proposal.next) {
        if (proposal.state !== 'logged') continue
        if (proposal.term > meta.term) this.#retryOverwritten(proposal, nowMs)
        else this.reject(proposal, outcomeUnknown('a snapshot replaced the log'))
      }
    }
  }

  /** Settles what waited too long. */
  expire(nowMs: number): void {
    const { leaderWaitMs, proposalTimeoutMs } = this.#limits
    for (const proposal of this.#pending) {
      const ageMs = nowMs - proposal.submittedMs
      if (ageMs < leaderWaitMs) return
      if (proposal.state === 'queued') this.reject(proposal, this.isHeldBack ? overloaded() : noLeader())
      else if (ageMs >= proposalTimeoutMs) this.reject(proposal, outcomeUnknown('no commit was seen in time'))
    }
  }

  /** Settles everything: what was never handed over with `error`, the rest as unknown. */
  rejectAll(error: InsiError): void {
    for (const proposal of this.#pending) {
      this.reject(proposal, proposal.state === 'queued' ? error : outcomeUnknown('the node stopped'))
    }
  }

  resolve(proposal: Proposal, result: ApplyResult): void {
    if (!this.#settle(proposal)) return
    proposal.sink.applied(proposal.slot, result)
  }

  reject(proposal: Proposal, error: InsiError): void {
    if (!this.#settle(proposal)) return
    proposal.sink.failed(proposal.slot, error)
  }

  #retryOverwritten(proposal: Proposal, nowMs: number): void {
    const isTooLate = nowMs - proposal.submittedMs >= this.#limits.leaderWaitMs
    // A peer's command goes back to the peer, which knows whether its caller still waits.
    if (proposal.origin === 'peer' || isTooLate || proposal.attemptCount >= ATTEMPTS_MAX) {
      this.reject(proposal, noLeader())
      return
    }
    proposal.state = 'queued'
    this.#returned.push(proposal)
  }

  #settle(proposal: Proposal): boolean {
    if (proposal.state === 'settled') return false
    proposal.state = 'settled'
    this.#pending.delete(proposal)
    this.#pendingSizeBytes -= proposal.command.length
    proposal.command = NO_BYTES
    return true
  }

  #dropFirst(): void {
    if (this.#returned.length > 0) {
      this.#returned.shift()
      return
    }
    this.#queueHead++
    if (this.#queueHead === this.#queue.length || this.#queueHead >= QUEUE_HEAD_MAX) {
      this.#queue = this.#queue.slice(this.#queueHead)
      this.#queueHead = 0
    }
  }
}
