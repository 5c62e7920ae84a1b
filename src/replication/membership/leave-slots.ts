// Who is about to leave: the leader lets voters go one after the other, as long as the rest is a quorum without them.
import type { Clock } from '../../base/clock.ts'
import type { MemberId } from '../../raft/types.ts'
import type { ClusterView } from './cluster-view.ts'

export interface LeaveAnswer {
  /** The rest is a quorum without the member and without all others that were granted to leave. */
  readonly granted: boolean
  /** False: the cluster can never do without the member, waiting is useless. */
  readonly possible: boolean
  readonly reason: string
}

/** Kept in memory only: a new leader knows of nobody, and grants what it sees to be safe. */
export class LeaveSlots {
  readonly #clock: Clock
  /** Until when each slot holds, in monotonic ms. */
  readonly #slots = new Map<MemberId, number>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  ask(view: ClusterView, memberId: MemberId, holdMs: number): LeaveAnswer {
    const nowMs = this.#clock.monotonicMs()
    for (const [holder, untilMs] of this.#slots) if (untilMs <= nowMs) this.#slots.delete(holder)
    const voters = view.members.filter((member) => member.role === 'voter')
    if (!voters.some((voter) => voter.memberId === memberId)) {
      return { granted: true, possible: true, reason: 'the node has no vote' }
    }
    const { size } = view.quorum
    if (voters.length - 1 < size) {
      const reason = `with ${voters.length} voters the cluster cannot do without one`
      return { granted: false, possible: false, reason }
    }
    const rest = voters.filter(
      (voter) => voter.memberId !== memberId && voter.active === true && !this.#slots.has(voter.memberId),
    )
    if (rest.length < size) {
      const reason = `without the node ${rest.length} voters would answer, and ${size} must`
      return { granted: false, possible: true, reason }
    }
    this.#slots.set(memberId, nowMs + holdMs)
    return { granted: true, possible: true, reason: `${rest.length} voters stay, and ${size} must` }
  }
}
