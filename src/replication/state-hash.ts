// Finds replicas whose state differs: the leader tells its hash at every checkpoint, and each replica compares its own at the
// same index. Deterministic replicas never differ; one that does was hit by a bug or by damage that no checksum caught.
import type { LogIndex, MemberId } from '../raft/types.ts'
import type { StateMachine } from './ports.ts'
import type { StateHash } from './peer-messages.ts'

/** Hashes of the leader that this node has not reached yet. */
const EXPECTED_MAX = 8

export interface StateHashDeps {
  readonly state: StateMachine
  readonly intervalEntries: number
  /** The member that leads now, or null. */
  readonly leader: () => MemberId | null
  readonly isLeader: () => boolean
  readonly broadcast: (message: StateHash) => void
  readonly onMismatch: (difference: { index: LogIndex; own: number; leader: number }) => void
}

export class StateHashes {
  readonly #deps: StateHashDeps
  /** Checkpoint → the leader's hash. */
  readonly #expected = new Map<LogIndex, number>()
  #newestCheckpoint: LogIndex

  constructor(deps: StateHashDeps) {
    this.#deps = deps
    this.#newestCheckpoint = this.#checkpointAt(deps.state.appliedIndex)
  }

  /** Entries were applied: announces or compares the checkpoints that were passed. */
  onApplied(): void {
    const { intervalEntries, isLeader, state } = this.#deps
    const checkpoint = this.#checkpointAt(state.appliedIndex)
    if (checkpoint === this.#newestCheckpoint) return
    let passed = Math.max(this.#newestCheckpoint, checkpoint - EXPECTED_MAX * intervalEntries) + intervalEntries
    this.#newestCheckpoint = checkpoint
    for (; passed <= checkpoint; passed += intervalEntries) {
      const hash = state.hashAt(passed)
      if (hash !== undefined && isLeader()) this.#deps.broadcast({ type: 'StateHash', index: passed, hash })
      const expected = this.#expected.get(passed)
      this.#expected.delete(passed)
      if (expected !== undefined) this.#compare(passed, expected)
    }
    for (const index of this.#expected.keys()) if (index <= checkpoint) this.#expected.delete(index)
  }

  /** A hash of a peer; one that is not the leader any more is ignored, its hash may be of an index that was replaced. */
  onStateHash(from: MemberId, message: StateHash): void {
    if (this.#deps.leader() !== from) return
    if (message.index <= this.#deps.state.appliedIndex) {
      this.#compare(message.index, message.hash)
      return
    }
    this.#expected.set(message.index, message.hash)
    if (this.#expected.size > EXPECTED_MAX) this.#expected.delete(Math.min(...this.#expected.keys()))
  }

  #checkpointAt(index: LogIndex): LogIndex {
    return index - (index % this.#deps.intervalEntries)
  }

  #compare(index: LogIndex, leader: number): void {
    const own = this.#deps.state.hashAt(index)
    if (own !== undefined && own !== leader) this.#deps.onMismatch({ index, own, leader })
  }
}
