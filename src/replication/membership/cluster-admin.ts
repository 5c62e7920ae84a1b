// Operators' requests about the cluster: whatever node they reach, the leader answers and acts. Followers pass them on over the
// peer transport as JSON; they are rare, and their shape changes more often than that of the messages of Raft.
import { delay } from '../../base/clock.ts'
import type { Clock } from '../../base/clock.ts'
import { InsiError, messageOf } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'
import type { MemberId, MembershipChange, MembershipResult, RaftStatus } from '../../raft/types.ts'
import { changeOf, planStep } from './cluster-plan.ts'
import type { ClusterStep, StepPlan } from './cluster-plan.ts'
import { clusterViewOf } from './cluster-view.ts'
import type { ClusterView } from './cluster-view.ts'
import { LeaveSlots } from './leave-slots.ts'
import type { LeaveAnswer } from './leave-slots.ts'
import type { AdminRequest, AdminResponse } from '../peer-messages.ts'
import type { DurableLog, PeerIdentity } from '../ports.ts'
import type { ReplicaIdentity, ReplicaOptions } from '../replica-options.ts'
import type { AddressBook } from './peers.ts'
import { nodeIdOf } from './peers.ts'
import type { PeerRequests } from '../peer-requests.ts'

/** How long a change may take to be committed, and its answer to come back. */
const COMMIT_TIMEOUT_MS = 5_000
const ANSWER_TIMEOUT_MS = 8_000
const IDENTIFY_TIMEOUT_MS = 2_000
/** A question about the cluster does not wait longer for a leader: that there is none is an answer as well. */
const VIEW_WAIT_MS = 1_000
const POLL_INTERVAL_MS = 20
const TRANSFER_ELECTIONS_MAX = 4

/** A step as it is asked for: the leader finds out the member that an address belongs to. */
export type RequestedStep =
  | Exclude<ClusterStep, { type: 'add' }>
  | { readonly type: 'add'; readonly nodeId: string; readonly memberId: string | null; readonly raftAddress: string }

export interface StepOutcome {
  readonly plan: StepPlan
  /** False for a plan, and when there was nothing to do. */
  readonly changed: boolean
}

type Request =
  | { readonly op: 'view' }
  | { readonly op: 'step'; readonly step: RequestedStep; readonly planOnly: boolean }
  | { readonly op: 'leave'; readonly memberId: MemberId; readonly holdMs: number }

type Answer = { readonly ok: unknown } | { readonly error: { readonly code: string; readonly message: string } }

export interface ClusterAdminDeps {
  readonly clock: Clock
  readonly logger: Log
  readonly identity: ReplicaIdentity
  readonly options: ReplicaOptions
  readonly log: Pick<DurableLog, 'termAt'>
  readonly requests: PeerRequests
  readonly addresses: AddressBook
  /** Undefined while the node is no member. */
  readonly raft: () => RaftStatus | undefined
  readonly addressOf: (member: MemberId) => string | undefined
  readonly changeMembership: (change: MembershipChange) => MembershipResult
  readonly transferLeadership: (target: MemberId) => boolean
  readonly respond: (to: PeerIdentity, response: AdminResponse) => void
  /** Why the node does nothing any more; null while it serves. */
  readonly refusal: () => InsiError | null
}

export class ClusterAdmin {
  readonly #deps: ClusterAdminDeps
  readonly #slots: LeaveSlots

  constructor(deps: ClusterAdminDeps) {
    this.#deps = deps
    this.#slots = new LeaveSlots(deps.clock)
  }

  /** The leader's view; without a leader what this node knows. Rejects with NODE_STOPPING or NODE_QUARANTINED. */
  async view(): Promise<ClusterView> {
    try {
      return (await this.#onLeader({ op: 'view' }, VIEW_WAIT_MS)) as ClusterView
    } catch (error) {
      const status = this.#deps.raft()
      if (!(error instanceof InsiError) || error.code !== 'NO_LEADER' || status === undefined) throw error
      return { ...clusterViewOf(status, this.#deps.identity.clusterId), leader: null }
    }
  }

  /**
   * Makes one step and resolves once it is committed, or says what it would do. Rejects with QUORUM_AT_RISK, CHANGE_PENDING,
   * MEMBER_UNKNOWN, MEMBER_EXISTS, MEMBER_LEADS, MEMBER_NOT_READY, TRANSFER_FAILED, NO_LEADER or OUTCOME_UNKNOWN.
   */
  async step(step: RequestedStep, planOnly: boolean): Promise<StepOutcome> {
    return (await this.#onLeader({ op: 'step', step, planOnly }, this.#deps.options.leaderWaitMs)) as StepOutcome
  }

  /** Asks whether the cluster does without this node; a yes is kept for it alone for `holdMs`. */
  async leave(holdMs: number): Promise<LeaveAnswer> {
    const { memberId } = this.#deps.identity
    return (await this.#onLeader({ op: 'leave', memberId, holdMs }, VIEW_WAIT_MS)) as LeaveAnswer
  }

  /** A follower passes a request on. */
  onRequest(from: PeerIdentity, message: AdminRequest): void {
    void this.#answer(message.request).then((answer) =>
      this.#deps.respond(from, {
        type: 'AdminResponse',
        requestId: message.requestId,
        answer: JSON.stringify(answer),
      }),
    )
  }

  /** Never rejects. */
  async #answer(text: string): Promise<Answer> {
    try {
      return { ok: await this.#perform(JSON.parse(text) as Request) }
    } catch (error) {
      if (error instanceof InsiError) return { error: { code: error.code, message: error.message } }
      this.#deps.logger.error({ reason: messageOf(error) }, 'a request about the cluster failed')
      return { error: { code: 'INTERNAL', message: 'the leader could not handle the request' } }
    }
  }

  async #onLeader(request: Request, waitMs: number): Promise<unknown> {
    const { clock } = this.#deps
    const deadlineMs = clock.monotonicMs() + waitMs
    for (;;) {
      const refusal = this.#deps.refusal()
      if (refusal !== null) throw refusal
      const answer = await this.#askLeader(request)
      if (answer !== null && 'ok' in answer) return answer.ok
      if (answer !== null && answer.error.code !== 'NO_LEADER') {
        throw new InsiError(answer.error.code, answer.error.message)
      }
      if (clock.monotonicMs() >= deadlineMs) throw noLeader()
      await delay(clock, POLL_INTERVAL_MS)
    }
  }

  /** Null: there is no leader to ask, or it did not say. */
  async #askLeader(request: Request): Promise<Answer | null> {
    const { addressOf, raft, requests } = this.#deps
    const text = JSON.stringify(request)
    const status = raft()
    if (status?.role === 'leader') return this.#answer(text)
    const address = status === undefined || status.leader === null ? undefined : addressOf(status.leader)
    if (address === undefined) return null
    const timeoutMs = request.op === 'view' ? VIEW_WAIT_MS : ANSWER_TIMEOUT_MS
    const response = await requests.ask(address, timeoutMs, (requestId) => ({
      type: 'AdminRequest',
      requestId,
      request: text,
    }))
    if (response?.type === 'AdminResponse') return JSON.parse(response.answer) as Answer
    if (request.op === 'step' && !request.planOnly) {
      throw unknownOutcome('the leader did not answer: look at the members before you repeat the step')
    }
    return null
  }

  async #perform(request: Request): Promise<unknown> {
    switch (request.op) {
      case 'view':
        return this.#leadersView()
      case 'step':
        return this.#performStep(request.step, request.planOnly)
      case 'leave':
        return this.#slots.ask(this.#leadersView(), request.memberId, request.holdMs)
      default:
        throw new InsiError('PEER_PROTOCOL', 'this release does not know the request')
    }
  }

  async #performStep(requested: RequestedStep, planOnly: boolean): Promise<StepOutcome> {
    const step = await this.#identified(requested)
    const plan = planStep(this.#leadersView(), step)
    if (planOnly || plan.verdict === 'nothing') return { plan, changed: false }
    if (plan.verdict === 'refused' || plan.memberId === null) {
      throw new InsiError(plan.code ?? 'MEMBER_UNKNOWN', plan.reason)
    }
    const change = changeOf(step, plan.memberId)
    if (change === null) await this.#transfer(plan.memberId)
    else await this.#change(change)
    return { plan, changed: true }
  }

  /** Finds out who listens at the address of a new member. */
  async #identified(step: RequestedStep): Promise<ClusterStep> {
    if (step.type !== 'add') return step
    const { nodeId, raftAddress } = step
    if (step.memberId !== null) {
      if (nodeIdOf(step.memberId) === nodeId) return { ...step, memberId: step.memberId }
      throw new InsiError('MEMBER_UNKNOWN', `${step.memberId} is no member id of the node ${nodeId}`)
    }
    const known = this.#leadersView().members.find((one) => one.nodeId === nodeId && one.raftAddress === raftAddress)
    if (known !== undefined) return { ...step, memberId: known.memberId }
    const { addresses, identity, requests } = this.#deps
    const answer = await requests.ask(raftAddress, IDENTIFY_TIMEOUT_MS, (requestId) => ({
      type: 'ProbeRequest',
      requestId,
    }))
    const where = `at ${raftAddress}`
    if (answer?.type !== 'ProbeResponse') {
      throw new InsiError('MEMBER_NOT_READY', `no node of this cluster's secret answers ${where}`)
    }
    if (answer.nodeId !== nodeId) {
      throw new InsiError('MEMBER_NOT_READY', `the node ${answer.nodeId} answers ${where}, not ${nodeId}`)
    }
    if (answer.clusterId !== null && answer.clusterId !== identity.clusterId) {
      throw new InsiError('MEMBER_NOT_READY', `the node ${nodeId} belongs to another cluster, ${answer.clusterId}`)
    }
    const memberId = addresses.memberAt(nodeId, raftAddress)
    if (memberId === undefined) {
      throw new InsiError('MEMBER_NOT_READY', `the node ${nodeId} gives another address than ${raftAddress}`)
    }
    return { ...step, memberId }
  }

  async #change(change: MembershipChange): Promise<void> {
    const result = this.#deps.changeMembership(change)
    if (!result.ok) throw refusalOf(result.reason)
    this.#deps.logger.info({ change, index: result.index }, 'membership change by an operator')
    const isCommitted = await this.#waitUntil(
      () => (this.#deps.raft()?.commitIndex ?? 0) >= result.index,
      COMMIT_TIMEOUT_MS,
    )
    if (!isCommitted) throw unknownOutcome('the change is in the log and not committed yet')
    // Undefined: cut away, and only what is applied is cut.
    const term = this.#deps.log.termAt(result.index) ?? result.term
    if (term !== result.term) throw noLeader()
  }

  async #transfer(target: MemberId): Promise<void> {
    const { identity, options, raft, transferLeadership } = this.#deps
    if (!transferLeadership(target)) throw new InsiError('MEMBER_NOT_READY', `${target} cannot take over now`)
    const hasMoved = await this.#waitUntil(
      () => ![null, undefined, identity.memberId].includes(raft()?.leader),
      TRANSFER_ELECTIONS_MAX * options.electionTimeoutMs,
    )
    if (!hasMoved) throw new InsiError('TRANSFER_FAILED', `${target} did not take over in time`)
  }

  async #waitUntil(isDone: () => boolean, timeoutMs: number): Promise<boolean> {
    const { clock, refusal } = this.#deps
    const deadlineMs = clock.monotonicMs() + timeoutMs
    while (!isDone()) {
      if (clock.monotonicMs() >= deadlineMs || refusal() !== null) return isDone()
      await delay(clock, POLL_INTERVAL_MS)
    }
    return true
  }

  #leadersView(): ClusterView {
    const status = this.#deps.raft()
    if (status === undefined || status.role !== 'leader') throw noLeader()
    return clusterViewOf(status, this.#deps.identity.clusterId)
  }
}

function refusalOf(reason: Extract<MembershipResult, { ok: false }>['reason']): InsiError {
  switch (reason) {
    case 'pending':
    case 'transferring':
      return new InsiError('CHANGE_PENDING', 'another change of the membership or of the leader is under way')
    case 'unknown_member':
      return new InsiError('MEMBER_UNKNOWN', 'there is no such member')
    case 'last_voter':
      return new InsiError('QUORUM_AT_RISK', 'it is the last voter')
    case 'not_caught_up':
      return new InsiError('QUORUM_AT_RISK', 'the voters that would have to commit it are not caught up')
    case 'already':
      return new InsiError('CHANGE_PENDING', 'the membership changed meanwhile')
    case 'not_leader':
      return noLeader()
  }
}

function noLeader(): InsiError {
  return new InsiError('NO_LEADER', 'the cluster has no leader that could be asked')
}

function unknownOutcome(message: string): InsiError {
  return new InsiError('OUTCOME_UNKNOWN', message)
}
