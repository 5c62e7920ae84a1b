// What operators see of the cluster: members with how far behind each is, and how many voters may still be lost.
import { majorityOf } from '../../raft/quorum.ts'
import type { MemberId, RaftStatus } from '../../raft/types.ts'
import { nodeIdOf } from './peers.ts'

export interface MemberView {
  readonly memberId: MemberId
  readonly nodeId: string
  readonly incarnation: string
  readonly role: 'voter' | 'learner'
  /** A learner that stays one until it is promoted on purpose. */
  readonly demoted: boolean
  readonly raftAddress: string
  readonly isLeader: boolean
  /** Entries that the member lacks; null when no leader knows. */
  readonly lagEntries: number | null
  /** Heard from within an election timeout; null when no leader knows. */
  readonly active: boolean | null
}

export interface QuorumView {
  readonly voters: number
  /** Voters that must answer. */
  readonly size: number
  /** Null when there is no leader to count them. */
  readonly active: number | null
  /** Voters that may still be lost: active - size. */
  readonly margin: number | null
}

export interface ClusterView {
  readonly clusterId: string | null
  /** Node id; null when there is no leader: then everything else is what this one node knows. */
  readonly leader: string | null
  readonly term: number
  readonly commitIndex: number
  /** Index of the entry that the membership comes from. */
  readonly membershipIndex: number
  /** False while a change of the membership is under way. */
  readonly settled: boolean
  readonly members: readonly MemberView[]
  readonly quorum: QuorumView
}

/** The view of the member whose status this is; complete on a leader only. */
export function clusterViewOf(status: RaftStatus, clusterId: string | null): ClusterView {
  const isLeader = status.role === 'leader'
  const members = status.membership.members.map(({ id, role, raftAddress, demoted }): MemberView => {
    const peer = status.peers.get(id)
    const isSelf = id === status.id
    const lagEntries = isSelf ? 0 : peer === undefined ? null : Math.max(0, status.lastIndex - peer.matchIndex)
    return {
      memberId: id,
      nodeId: nodeIdOf(id),
      incarnation: id.slice(nodeIdOf(id).length + 1),
      role,
      demoted: demoted === true,
      raftAddress,
      isLeader: isLeader && isSelf,
      lagEntries: isLeader ? lagEntries : null,
      active: isLeader ? isSelf || peer?.active === true : null,
    }
  })
  return {
    clusterId,
    leader: isLeader ? nodeIdOf(status.id) : null,
    term: status.term,
    commitIndex: status.commitIndex,
    membershipIndex: status.membershipIndex,
    settled: status.committedInTerm && status.membershipIndex <= status.commitIndex,
    members,
    quorum: quorumOf(members),
  }
}

/** Counts the voters among `members`. */
export function quorumOf(members: readonly MemberView[]): QuorumView {
  const voters = members.filter((member) => member.role === 'voter')
  const size = majorityOf(voters.length)
  const isKnown = voters.length > 0 && voters.every((voter) => voter.active !== null)
  const active = isKnown ? voters.filter((voter) => voter.active === true).length : null
  return { voters: voters.length, size, active, margin: active === null ? null : active - size }
}
