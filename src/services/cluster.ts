// The cluster for its operators: a look at it, one change at a time, joining a node, and leaving without taking the quorum along.
import { delay } from '../base/clock.ts'
import type { Clock } from '../base/clock.ts'
import { InsiError } from '../base/errors.ts'
import { insiError } from '../contract/errors.ts'
import { JOIN_POLL_INTERVAL_MS, JOIN_TIMEOUT_MS, LEAVE_HOLD_MS, LEAVE_POLL_INTERVAL_MS } from '../contract/limits.ts'
import type { StepOutcome } from '../contract/membership-plan.ts'
import type { ClusterAdmin, ClusterStep, ClusterView } from './cluster-admin.ts'
import type { TopologyService, TopologyState } from './cluster-topology.ts'
import type { Replicator } from './replicator.ts'

/** `degraded`: the cluster works, and a voter is away. `no_quorum`: nothing can be written. */
type ClusterState = 'ok' | 'degraded' | 'no_quorum'

export interface ClusterStatusView extends ClusterView {
  readonly state: ClusterState
  /** Of the node that answers, whoever leads. */
  readonly topology: TopologyState & { readonly nodeId: string }
}

export interface LeaveOutcome {
  /** The quorum survives this node's exit. */
  readonly safe: boolean
  /** Who leads now. */
  readonly leader: string | null
  readonly reason: string
}

/** Refusals that pass by themselves while a node joins. */
const PASSING = new Set(['CHANGE_PENDING', 'NO_LEADER', 'MEMBER_EXISTS', 'OUTCOME_UNKNOWN'])

export class ClusterService {
  readonly #clock: Clock
  readonly #admin: ClusterAdmin
  readonly #replicator: Replicator
  /** When the leave gate did, in monotonic time. */
  #handedOverAtMs = Number.NEGATIVE_INFINITY
  /** When the leave gate was last asked, in monotonic time. */
  #askedToLeaveAtMs = Number.NEGATIVE_INFINITY
  readonly #topology: TopologyService

  constructor(deps: {
    readonly clock: Clock
    readonly admin: ClusterAdmin
    readonly replicator: Replicator
    readonly topology: TopologyService
  }) {
    this.#clock = deps.clock
    this.#admin = deps.admin
    this.#replicator = deps.replicator
    this.#topology = deps.topology
  }

  /** Whether this node is about to stop: somebody waits, or waited just now, for leave to stop it. */
  get isLeaving(): boolean {
    return this.#clock.monotonicMs() - this.#askedToLeaveAtMs < LEAVE_HOLD_MS
  }

  /** Rejects with NO_LEADER when this node is no member and finds no leader. */
  async status(): Promise<ClusterStatusView> {
    const view = await this.#admin.view()
    const { nodeId } = this.#replicator.status()
    return { ...view, state: stateOf(view), topology: { ...this.#topology.state, nodeId } }
  }

  /** One step, or with `planOnly` what it would do; see ClusterAdmin.step() for the errors. */
  async step(step: ClusterStep, planOnly: boolean): Promise<StepOutcome> {
    return this.#admin.step(step, planOnly)
  }

  /** Resolves once the node is a voting member. Rejects with NO_LEADER or JOIN_FAILED. */
  async join(nodeId: string, raftAddress: string): Promise<void> {
    const deadlineMs = this.#clock.monotonicMs() + JOIN_TIMEOUT_MS
    let obstacle = 'it is a learner and not caught up yet'
    for (;;) {
      const { leader, members } = await this.#admin.view()
      if (leader === null) throw insiError('NO_LEADER')
      const own = members.filter((member) => member.nodeId === nodeId)
      if (own.some((member) => member.role === 'voter')) return
      if (own.some((member) => member.demoted)) throw joinFailed('it was demoted: promote it')
      if (own.length === 0) {
        obstacle = await this.#admit({ type: 'add', nodeId, memberId: null, raftAddress })
      }
      if (this.#clock.monotonicMs() >= deadlineMs) throw joinFailed(obstacle)
      await delay(this.#clock, JOIN_POLL_INTERVAL_MS)
    }
  }

  /**
   * Before this node stops: waits, at most `timeoutMs`, until the quorum survives its exit, and hands leadership over. Nodes that
   * ask at the same time are let go one after the other. Never rejects for what the cluster lacks: the node will stop anyway.
   */
  async leaveGate(timeoutMs: number): Promise<LeaveOutcome> {
    const deadlineMs = this.#clock.monotonicMs() + timeoutMs
    for (;;) {
      this.#askedToLeaveAtMs = this.#clock.monotonicMs()
      const answer = await this.#tryToLeave()
      if (answer.safe || !answer.possible || this.#clock.monotonicMs() >= deadlineMs) {
        const leader = this.#replicator.status().leader?.nodeId ?? null
        return { safe: answer.safe, leader, reason: answer.reason }
      }
      await delay(this.#clock, LEAVE_POLL_INTERVAL_MS)
    }
  }

  async #tryToLeave(): Promise<{ safe: boolean; possible: boolean; reason: string }> {
    try {
      let answer = await this.#admin.leave(LEAVE_HOLD_MS)
      // Not before, and once: nodes that all leave would hand over to each other, and each leader forgets whom the one before let go.
      const hasHandedOver = this.#clock.monotonicMs() - this.#handedOverAtMs < LEAVE_HOLD_MS
      if (answer.granted && !hasHandedOver && this.#replicator.status().role === 'leader') {
        await this.#handOver()
        this.#handedOverAtMs = this.#clock.monotonicMs()
        // Who leads next keeps the list of those that leave.
        answer = await this.#admin.leave(LEAVE_HOLD_MS)
      }
      return { safe: answer.granted, possible: answer.possible, reason: answer.reason }
    } catch (error) {
      if (!(error instanceof InsiError)) throw error
      return { safe: false, possible: true, reason: error.message }
    }
  }

  async #handOver(): Promise<void> {
    const { quorum } = await this.#admin.view()
    if (quorum.voters > 1) await this.#admin.step({ type: 'transfer', target: null }, false)
  }

  /** What stands in the way. */
  async #admit(step: ClusterStep): Promise<string> {
    try {
      await this.#admin.step(step, false)
      return 'it is a learner and not caught up yet'
    } catch (error) {
      if (!(error instanceof InsiError)) throw error
      if (!PASSING.has(error.code)) throw joinFailed(error.message)
      return error.message
    }
  }
}

function stateOf({ leader, quorum, members }: ClusterView): ClusterState {
  if (leader === null || (quorum.margin ?? -1) < 0) return 'no_quorum'
  return members.every((member) => member.role === 'learner' || member.active === true) ? 'ok' : 'degraded'
}

function joinFailed(reason: string): InsiError {
  return insiError('JOIN_FAILED', `Failed to join follower: ${reason}`)
}
