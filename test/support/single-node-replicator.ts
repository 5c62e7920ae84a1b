// A Replicator over one state machine without a log: proposals are applied in order, in batches. For tests of what stands on it.
import { insiError } from '../../src/contract/errors.ts'
import type { ErrorCode } from '../../src/contract/errors.ts'
import type { PeerChannel } from '../../src/services/peer-channel.ts'
import type { Replicator, ReplicaStatus } from '../../src/services/replicator.ts'
import type { StateMachine } from '../../src/state/state-machine.ts'

interface Waiting {
  readonly command: Uint8Array
  resolve(result: unknown): void
  reject(error: unknown): void
}

const TERM = 1

/** A node that leads a cluster of its own from the first moment on. */
const LONE_CHANNEL: PeerChannel = {
  leadsSinceMs: Number.NEGATIVE_INFINITY,
  leadershipEpoch: 1,
  leaderlessSinceMs: null,
  leaderAddress: null,
  memberCount: 1,
  otherAddresses: () => [],
  appliedMembers: { isSelfMember: true, others: [], noneRemovedSinceMs: Number.NEGATIVE_INFINITY },
  send: () => false,
  onMessage: () => {},
  schedule: (callback) => void setImmediate(callback),
}

export class SingleNodeReplicator implements Replicator {
  readonly channel = LONE_CHANNEL
  readonly term = TERM
  readonly #state: StateMachine
  #queue: Waiting[] = []
  #applying: Promise<void> | null = null
  /** What status() says differently from a healthy leader. */
  #changes: Partial<ReplicaStatus> = {}
  #refusal: ErrorCode | null = null

  constructor(state: StateMachine) {
    this.#state = state
  }

  /** From now on proposals and read barriers fail with `code`; null: they succeed again. */
  refuseWith(code: ErrorCode | null): void {
    this.#refusal = code
  }

  changeStatus(changes: Partial<ReplicaStatus>): void {
    this.#changes = changes
  }

  propose(command: Uint8Array): Promise<unknown> {
    if (this.#refusal !== null) return Promise.reject(insiError(this.#refusal))
    return new Promise((resolve, reject) => {
      this.#queue.push({ command, resolve, reject })
      this.#applying ??= this.#applyAll()
    })
  }

  async readBarrier(): Promise<void> {
    if (this.#refusal !== null) throw insiError(this.#refusal)
    await this.#applying
  }

  status(): ReplicaStatus {
    const { appliedIndex } = this.#state
    return {
      nodeId: 'node0',
      memberId: '6f0fd7a4-3b0a-4b43-9d5c-0f3a2f6c8c11',
      clusterId: 'c2d8b6b0-57a5-4d6e-8f4b-7f6b2f1f2f10',
      role: 'leader',
      term: TERM,
      leader: { nodeId: 'node0', raftAddress: '127.0.0.1:7000' },
      commitIndex: appliedIndex,
      clusterCommitIndex: appliedIndex,
      appliedIndex,
      lastIndex: appliedIndex,
      quarantined: null,
      obstacle: null,
      diskBusySinceMs: null,
      ...this.#changes,
    }
  }

  async #applyAll(): Promise<void> {
    // Whatever is proposed in the same turn shares a batch.
    await Promise.resolve()
    while (this.#queue.length > 0) {
      const batch = this.#queue
      this.#queue = []
      try {
        const first = this.#state.appliedIndex + 1
        const entries = batch.map(({ command }, at) => ({
          index: first + at,
          term: TERM,
          kind: 'command' as const,
          data: command,
        }))
        const results = await this.#state.apply(entries)
        batch.forEach(({ resolve }, at) => resolve(results[at]))
      } catch (error) {
        for (const { reject } of batch) reject(error)
      }
    }
    // In the same turn as the last look at the queue: what is proposed from now on begins anew.
    this.#applying = null
  }
}
