// Becoming a member: the question of a node that wants to (or whose address changed), and the leader's rules for the answer.
import type { Log } from '../../base/log.ts'
import type { MemberId, MembershipChange, RaftStatus } from '../../raft/types.ts'
import type { JoinRequest, JoinResponse } from '../peer-messages.ts'
import type { ReplicaIdentity, ReplicaOptions } from '../replica-options.ts'
import { nodeIdOf } from './peers.ts'
import type { PeerRequests } from '../peer-requests.ts'

const JOIN_TIMEOUT_MS = 2_000
/** Leaders that one attempt follows from hint to hint. */
const REDIRECTS_MAX = 3

/** Why a node is not a member yet. `removed` comes unasked, with requestId 0: the leader's membership lacks the sender. */
export type JoinRefusal = 'not_leader' | 'in_progress' | 'duplicate_node' | 'wrong_identity' | 'not_ready' | 'removed'

export interface JoinDeps {
  readonly identity: ReplicaIdentity
  readonly options: ReplicaOptions
  readonly requests: PeerRequests
  readonly logger: Log
}

/** `in_progress`: the leader works on it, asking again soon is worth it. `unanswered`: no member has answered. */
export type JoinOutcome = 'admitted' | 'in_progress' | 'duplicate_node' | 'no_leader' | 'refused' | 'unanswered'

/** Asks members one after the other, following their hints to the leader. */
export async function askToJoin(
  deps: JoinDeps,
  cluster: { readonly clusterId: string; readonly raftAddresses: readonly string[] },
): Promise<JoinOutcome> {
  const { logger } = deps
  const toAsk = [...cluster.raftAddresses]
  let outcome: JoinOutcome = 'unanswered'
  for (let asked = 0; asked < cluster.raftAddresses.length + REDIRECTS_MAX; asked++) {
    const raftAddress = toAsk.shift()
    if (raftAddress === undefined) break
    const response = await ask(deps, raftAddress)
    if (response === null) continue
    if (response.accepted) {
      if (response.clusterId === cluster.clusterId) return 'admitted'
      logger.error({ raftAddress, clusterId: response.clusterId }, 'a peer answered for another cluster')
      continue
    }
    logger.info({ raftAddress, reason: response.reason }, 'not a member yet')
    if (response.reason === 'in_progress' || response.reason === 'duplicate_node') return response.reason
    outcome = response.reason === 'not_leader' && response.leaderAddress === null ? 'no_leader' : 'refused'
    if (response.leaderAddress !== null && response.leaderAddress !== raftAddress) toAsk.unshift(response.leaderAddress)
  }
  return outcome
}

/** What a node that was not admitted tells about it, and what would help. */
export function obstacleOf(outcome: JoinOutcome, nodeId: string, clusterId: string): string {
  switch (outcome) {
    case 'duplicate_node':
      return `the cluster ${clusterId} refuses the node: another ${nodeId} is alive, with another disk. Stop the one that should not run`
    case 'no_leader':
      return `the cluster ${clusterId} has no leader to admit the node: start its other nodes with their disks. Only if most of these are lost for good, run insid recover-alone --as NODE on one that is left`
    case 'unanswered':
      return `the members of the cluster ${clusterId} do not answer the question to join`
    default:
      return `the cluster ${clusterId} has not admitted the node yet`
  }
}

async function ask(deps: JoinDeps, raftAddress: string): Promise<JoinResponse | null> {
  const { identity, options, requests } = deps
  const response = await requests.ask(raftAddress, JOIN_TIMEOUT_MS, (requestId) =>
    joinRequest(requestId, identity, options),
  )
  return response?.type === 'JoinResponse' ? response : null
}

export function joinRequest(requestId: number, identity: ReplicaIdentity, options: ReplicaOptions): JoinRequest {
  const { memberId, nodeId } = identity
  return { type: 'JoinRequest', requestId, nodeId, memberId, raftAddress: options.raftAddress }
}

export type Admission =
  | { readonly type: 'accepted' }
  /** The next of the changes that lead there; the node asks again for the one after. */
  | { readonly type: 'change'; readonly change: MembershipChange }
  | { readonly type: 'refused'; readonly reason: JoinRefusal }

/** What a leader does about a node that wants to be a member. Pure; one change at a time. */
export function planAdmission(status: RaftStatus, from: MemberId, request: JoinRequest): Admission {
  const { memberId, nodeId, raftAddress } = request
  if (from !== memberId || nodeIdOf(memberId) !== nodeId) return { type: 'refused', reason: 'wrong_identity' }
  if (status.role !== 'leader') return { type: 'refused', reason: 'not_leader' }
  const isSettled = status.committedInTerm && status.membershipIndex <= status.commitIndex
  if (!isSettled) return { type: 'refused', reason: 'in_progress' }
  const { members } = status.membership
  const member = members.find((candidate) => candidate.id === memberId)
  if (member !== undefined) {
    if (member.raftAddress === raftAddress) return { type: 'accepted' }
    return { type: 'change', change: { type: 'set_address', id: memberId, raftAddress } }
  }
  const other = members.find((candidate) => nodeIdOf(candidate.id) === nodeId)
  if (other === undefined)
    return { type: 'change', change: { type: 'add_learner', member: { id: memberId, raftAddress } } }
  // Two living nodes with one name are a mistake of the configuration; a dead one lost its disk and is replaced.
  const isAlive = other.id === status.id || status.peers.get(other.id)?.active === true
  if (isAlive) return { type: 'refused', reason: 'duplicate_node' }
  return { type: 'change', change: { type: 'remove', id: other.id } }
}
