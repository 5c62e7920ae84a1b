// What a member does about the membership besides replicating it: as a leader, admit nodes that ask and tell removed ones; as
// anybody, keep its own address right and keep quiet once told that it was removed.
import type { Clock } from '../../base/clock.ts'
import type { Log } from '../../base/log.ts'
import { findMember } from '../../raft/membership.ts'
import type { Raft } from '../../raft/raft.ts'
import type { MemberId } from '../../raft/types.ts'
import { joinRequest, planAdmission } from '../membership/join.ts'
import type { JoinRefusal } from '../membership/join.ts'
import type { JoinRequest, JoinResponse, PeerMessage } from '../peer-messages.ts'
import type { PeerIdentity } from '../ports.ts'
import type { ReplicaIdentity, ReplicaOptions } from '../replica-options.ts'

/** Between two looks at whether this node's address stands correctly in the membership. */
const ADDRESS_CHECK_INTERVAL_MS = 1_000
/** A leader tells removed nodes at most once in this time. */
const REMOVED_NOTICE_INTERVAL_MS = 500
/**
 * How long a node that was told so does not campaign. Not for ever: who told it may be a deposed leader that does not know
 * better, and then its vote may be needed.
 */
const REMOVED_QUIET_MS = 10_000

export interface MembershipDeps {
  readonly raft: Raft
  readonly clock: Clock
  readonly logger: Log
  readonly identity: ReplicaIdentity
  readonly options: ReplicaOptions
  readonly clusterId: string
  readonly send: (raftAddress: string, message: PeerMessage) => boolean
  readonly addressOf: (member: MemberId) => string | undefined
  /** The core has something to do. */
  readonly requestTurn: () => void
}

export class MembershipKeeper {
  readonly #deps: MembershipDeps
  #nextAddressCheckMs = 0
  #nextRemovedNoticeMs = 0
  #quietUntilMs = 0

  constructor(deps: MembershipDeps) {
    this.#deps = deps
  }

  /** True while this node was told that it is no member any more. */
  isQuiet(nowMs: number): boolean {
    return nowMs < this.#quietUntilMs
  }

  tick(nowMs: number): void {
    if (nowMs < this.#nextAddressCheckMs) return
    this.#nextAddressCheckMs = nowMs + ADDRESS_CHECK_INTERVAL_MS
    this.#correctOwnAddress()
  }

  /** A node asks to become a member, or a member says that it moved. */
  onJoinRequest(from: PeerIdentity, request: JoinRequest): void {
    const { clusterId, logger, raft, requestTurn } = this.#deps
    const status = raft.status()
    const admission = planAdmission(status, from.memberId, request)
    if (admission.type === 'accepted') {
      const { membership } = status
      this.#answer(from, { type: 'JoinResponse', requestId: request.requestId, accepted: true, clusterId, membership })
      return
    }
    if (admission.type === 'refused') {
      this.#refuse(from, request.requestId, admission.reason)
      return
    }
    const result = raft.proposeMembership(admission.change)
    logger.info({ change: admission.change, result }, 'membership change for a node that asked to join')
    this.#refuse(from, request.requestId, result.ok || result.reason === 'pending' ? 'in_progress' : 'not_ready')
    requestTurn()
  }

  /** A Raft message of a node outside of the membership came in: a leader tells it so, that it stops to campaign. */
  onStrangersMessage(from: PeerIdentity): void {
    const { clock, raft } = this.#deps
    const nowMs = clock.monotonicMs()
    if (raft.role !== 'leader' || nowMs < this.#nextRemovedNoticeMs) return
    if (findMember(raft.status().membership, from.memberId) !== undefined) return
    this.#nextRemovedNoticeMs = nowMs + REMOVED_NOTICE_INTERVAL_MS
    this.#refuse(from, 0, 'removed')
  }

  /** A leader sends entries: this node is a member after all. */
  onAppendEntries(): void {
    this.#quietUntilMs = 0
  }

  /** A peer says that the membership lacks this node. */
  onRemovedNotice(from: PeerIdentity, nowMs: number): void {
    if (this.#deps.raft.role === 'leader') return
    if (!this.isQuiet(nowMs)) {
      this.#deps.logger.error(
        { leader: from.memberId },
        'this member was removed from the cluster; set its data directory aside to join as a new member',
      )
    }
    this.#quietUntilMs = nowMs + REMOVED_QUIET_MS
  }

  #correctOwnAddress(): void {
    const { identity, options, raft, requestTurn, send } = this.#deps
    const leader = raft.leader
    if (leader === null) return
    const own = findMember(raft.status().membership, identity.memberId)
    if (own === undefined || own.raftAddress === options.raftAddress) return
    if (leader === identity.memberId) {
      raft.proposeMembership({ type: 'set_address', id: identity.memberId, raftAddress: options.raftAddress })
      requestTurn()
      return
    }
    const leaderAddress = this.#deps.addressOf(leader)
    // The answer does not matter: the change comes with the log, and until then this is asked again.
    if (leaderAddress !== undefined) send(leaderAddress, joinRequest(0, identity, options))
  }

  #refuse(to: PeerIdentity, requestId: number, reason: JoinRefusal): void {
    const { addressOf, raft } = this.#deps
    const leaderAddress = raft.leader === null ? null : (addressOf(raft.leader) ?? null)
    this.#answer(to, { type: 'JoinResponse', requestId, accepted: false, reason, leaderAddress })
  }

  #answer(to: PeerIdentity, response: JoinResponse): void {
    this.#deps.send(to.raftAddress, response)
  }
}
