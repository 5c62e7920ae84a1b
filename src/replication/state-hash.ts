// Finds replicas whose state differs. Deterministic replicas never differ; one that does was hit by a bug or by damage that no
// checksum caught, and that may have been the leader.
//
//   member --its hash at a checkpoint--> leader: counts the hashes of the voters at that index
//   leader --what a majority has-------> members: whoever has another one is divergent, the leader included
//
// Every checkpoint folds all earlier ones in, so a lost message or a change of leader only delays the verdict to the next one.
import { majorityOf } from '../raft/quorum.ts'
import type { LogIndex, MemberId } from '../raft/types.ts'
import type { StateMachine } from './ports.ts'
import type { StateHash } from './peer-messages.ts'

/** Verdicts on checkpoints that this node has not reached yet, and checkpoints whose hashes a leader counts. */
const CHECKPOINTS_MAX = 8

export interface StateHashDeps {
  readonly state: StateMachine
  readonly intervalEntries: number
  readonly self: MemberId
  /** The member that leads now, or null. */
  readonly leader: () => MemberId | null
  readonly isLeader: () => boolean
  readonly voters: () => readonly MemberId[]
  readonly send: (to: MemberId, message: StateHash) => void
  readonly broadcast: (message: StateHash) => void
  /** As the leader: members differ, and no majority of the voters says who is right. */
  readonly onDispute: (index: LogIndex) => void
  readonly onMismatch: (difference: { index: LogIndex; own: number; majority: number }) => void
}

export class StateHashes {
  readonly #deps: StateHashDeps
  /** Checkpoint → the verdict on it. */
  readonly #expected = new Map<LogIndex, number>()
  /** Checkpoint → what members said. */
  readonly #reports = new Map<LogIndex, Map<MemberId, number>>()
  #newestCheckpoint: LogIndex

  constructor(deps: StateHashDeps) {
    this.#deps = deps
    this.#newestCheckpoint = this.#checkpointAt(deps.state.appliedIndex)
  }

  /** Entries were applied: reports the checkpoints that were passed, and compares them with verdicts that are known already. */
  onApplied(): void {
    const { intervalEntries, state } = this.#deps
    const checkpoint = this.#checkpointAt(state.appliedIndex)
    if (checkpoint === this.#newestCheckpoint) return
    let passed = Math.max(this.#newestCheckpoint, checkpoint - CHECKPOINTS_MAX * intervalEntries) + intervalEntries
    this.#newestCheckpoint = checkpoint
    for (; passed <= checkpoint; passed += intervalEntries) {
      const hash = state.hashAt(passed)
      const expected = this.#expected.get(passed)
      if (expected !== undefined) this.#compare(passed, expected)
      if (hash !== undefined) this.#report({ type: 'StateHash', index: passed, hash })
    }
    for (const index of this.#expected.keys()) if (index <= checkpoint) this.#expected.delete(index)
  }

  /** A member's hash for a leader, or the leader's verdict for a member. Of anybody else it is out of date and not needed. */
  onStateHash(from: MemberId, message: StateHash): void {
    if (this.#deps.isLeader()) this.#count(from, message)
    else if (this.#deps.leader() === from) this.#onVerdict(message)
  }

  #report(message: StateHash): void {
    const { isLeader, leader, self, send } = this.#deps
    const to = leader()
    if (isLeader()) this.#count(self, message)
    else if (to !== null) send(to, message)
  }

  #count(from: MemberId, { index, hash }: StateHash): void {
    const { broadcast, voters } = this.#deps
    const reports = this.#reports.get(index) ?? new Map<MemberId, number>()
    this.#reports.set(index, reports)
    if (this.#reports.size > CHECKPOINTS_MAX) this.#reports.delete(Math.min(...this.#reports.keys()))
    const before = this.#verdict(reports, voters())
    reports.set(from, hash)
    const verdict = this.#verdict(reports, voters())
    if (verdict === undefined) {
      if (new Set(reports.values()).size > 1) this.#deps.onDispute(index)
      return
    }
    const isNews = before === undefined || hash !== verdict
    if (!isNews) return
    const message: StateHash = { type: 'StateHash', index, hash: verdict }
    broadcast(message)
    this.#onVerdict(message)
  }

  /**
   * The hash that a majority of the voters has; of two voters that differ the leader's, since nobody can tell who is right and
   * that is what clients were shown. Undefined while it is open.
   */
  #verdict(reports: ReadonlyMap<MemberId, number>, voters: readonly MemberId[]): number | undefined {
    const counts = new Map<number, number>()
    for (const voter of voters) {
      const hash = reports.get(voter)
      if (hash !== undefined) counts.set(hash, (counts.get(hash) ?? 0) + 1)
    }
    const size = majorityOf(voters.length)
    for (const [hash, count] of counts) if (count >= size) return hash
    return voters.length === 2 && counts.size === 2 ? reports.get(this.#deps.self) : undefined
  }

  #onVerdict({ index, hash }: StateHash): void {
    if (index <= this.#deps.state.appliedIndex) {
      this.#compare(index, hash)
      return
    }
    this.#expected.set(index, hash)
    if (this.#expected.size > CHECKPOINTS_MAX) this.#expected.delete(Math.min(...this.#expected.keys()))
  }

  #checkpointAt(index: LogIndex): LogIndex {
    return index - (index % this.#deps.intervalEntries)
  }

  #compare(index: LogIndex, majority: number): void {
    const own = this.#deps.state.hashAt(index)
    if (own !== undefined && own !== majority) this.#deps.onMismatch({ index, own, majority })
  }
}
