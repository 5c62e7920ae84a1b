// Recovery from a lost majority: one member goes on alone with what it has, as a new cluster. The members that are left behind may
// still be alive somewhere; the new cluster id keeps them out, since peers of different clusters refuse each other.
import { InsiError } from '../../base/errors.ts'
import type { Random } from '../../base/random.ts'
import { encodeMembership } from '../../raft/membership.ts'
import { MembershipHistory } from '../../raft/membership-history.ts'
import type { LogIndex, Member, Term } from '../../raft/types.ts'
import { alignLogWithState } from './bootstrap.ts'
import type { NodeIdentity } from './identity.ts'
import type { DurableLog, StateMachine } from '../ports.ts'

export interface RecoveryDeps {
  readonly identity: NodeIdentity
  readonly log: DurableLog
  readonly state: StateMachine
  readonly random: Random
  readonly raftAddress: string
}

/** What the node has, and so what would be left of the cluster. */
export interface RecoveryPlan {
  readonly clusterId: string
  readonly memberId: string
  readonly members: readonly Member[]
  /** The end of the node's log: writes that the cluster acknowledged after it are lost. */
  readonly lastIndex: LogIndex
  readonly lastTerm: Term
}

/** Throws InsiError NODE_QUARANTINED, IDENTITY_MISMATCH for a node without a cluster, or LOG_CORRUPT. */
export async function planRecovery({ identity, log, state }: RecoveryDeps): Promise<RecoveryPlan> {
  const { clusterId, memberId, quarantined } = identity
  if (quarantined !== null) {
    throw new InsiError('NODE_QUARANTINED', `its data must not be used any more: ${quarantined}`)
  }
  if (clusterId === null) {
    throw new InsiError(
      'IDENTITY_MISMATCH',
      'its data directory belongs to no cluster, so it has nothing to go on with',
    )
  }
  await alignLogWithState(log, state)
  const { members } = MembershipHistory.restore(log.base, log).current
  return { clusterId, memberId, members, lastIndex: log.lastIndex, lastTerm: log.termAt(log.lastIndex) ?? 0 }
}

/**
 * Makes the node the only member of a new cluster and resolves with its id. A crash in between leaves a node without a quorum,
 * which the same call repairs: the identity goes first, so that no two clusters ever have one id.
 */
export async function recoverAlone({ identity, log, random, raftAddress }: RecoveryDeps): Promise<string> {
  const clusterId = random.uuid()
  await identity.leaveForCluster(clusterId)
  const term = log.hardState.term + 1
  const data = encodeMembership({ members: [{ id: identity.memberId, role: 'voter', raftAddress }] })
  log.append([{ index: log.lastIndex + 1, term, kind: 'membership', data }])
  await log.flush({ term, votedFor: null })
  return clusterId
}
