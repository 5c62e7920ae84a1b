// Who belongs to the cluster by what this node has applied, and since when nobody is known to have left it: for those who must be
// sure that no member was forgotten. Newer configurations may be in force already; they are not committed yet.
import type { Raft } from '../../raft/raft.ts'
import type { Entry, LogIndex, MemberId, Membership } from '../../raft/types.ts'
import type { Clock } from '../../base/clock.ts'
import type { DurableLog, StateMachine } from '../ports.ts'

/** The first entry of a cluster, which founds it. */
const FIRST_INDEX = 1

export interface AppliedMembershipDeps {
  readonly clock: Clock
  readonly log: DurableLog
  readonly state: StateMachine
}

export class AppliedMembership {
  readonly #raft: Raft
  readonly #state: StateMachine
  /** The last entry that was looked at. */
  #index: LogIndex
  #membership: Membership
  /** Monotonic; -Infinity: nobody was ever removed. */
  #noneRemovedSinceMs: number

  constructor(raft: Raft, { clock, log, state }: AppliedMembershipDeps) {
    this.#raft = raft
    this.#state = state
    this.#index = Math.max(log.base.index, state.appliedIndex)
    this.#membership = raft.membershipAt(this.#index)
    // Of a log that begins with the cluster, the first configuration is where everything is known from.
    const isFirst = log.base.index === 0 && this.#membership === raft.membershipAt(Math.min(FIRST_INDEX, this.#index))
    this.#noneRemovedSinceMs = isFirst ? Number.NEGATIVE_INFINITY : clock.monotonicMs()
  }

  /** Entries were applied. */
  onApplied(entries: readonly Entry[], nowMs: number): void {
    for (const { index, kind } of entries) {
      this.#index = index
      if (kind !== 'membership') continue
      const next = this.#raft.membershipAt(index)
      const left = new Set(next.members.map(({ id }) => id))
      if (this.#membership.members.some(({ id }) => !left.has(id))) this.#noneRemovedSinceMs = nowMs
      this.#membership = next
    }
  }

  /** A snapshot replaced the state; who was removed before it is not known. */
  onInstalled(index: LogIndex, nowMs: number): void {
    this.#index = index
    this.#membership = this.#raft.membershipAt(index)
    this.#noneRemovedSinceMs = nowMs
  }

  /** Undefined while something that was applied has not been looked at. */
  current(): { readonly members: readonly MemberId[]; readonly noneRemovedSinceMs: number } | undefined {
    if (this.#state.appliedIndex !== this.#index) return undefined
    return { members: this.#membership.members.map(({ id }) => id), noneRemovedSinceMs: this.#noneRemovedSinceMs }
  }
}
