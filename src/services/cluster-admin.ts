// The port through which services look at and change the membership; replication/cluster-admin.ts implements it.
import type { Quorum, StepOutcome } from '../contract/membership-plan.ts'

export interface ClusterMember {
  /** `<node id>/<incarnation>`. */
  readonly memberId: string
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

export interface ClusterView {
  readonly clusterId: string | null
  /** Node id; null when there is no leader: then everything else is what this one node knows. */
  readonly leader: string | null
  readonly term: number
  readonly commitIndex: number
  readonly membershipIndex: number
  /** False while a change of the membership is under way. */
  readonly settled: boolean
  readonly members: readonly ClusterMember[]
  readonly quorum: Quorum
}

export type ClusterStep =
  /** `memberId` null: whoever listens at the address. */
  | { readonly type: 'add'; readonly nodeId: string; readonly memberId: string | null; readonly raftAddress: string }
  /** `incarnation` null: the only one that the node has. */
  | { readonly type: 'promote' | 'demote'; readonly nodeId: string; readonly incarnation: string | null }
  | { readonly type: 'remove'; readonly nodeId: string; readonly incarnation: string | null; readonly force: boolean }
  /** `target`: a node id; null: the best one. */
  | { readonly type: 'transfer'; readonly target: string | null }

export interface LeaveAnswer {
  readonly granted: boolean
  /** False: the cluster can never do without the node. */
  readonly possible: boolean
  readonly reason: string
}

export interface ClusterAdmin {
  /** The leader's view, or what this node knows when there is no leader. */
  view(): Promise<ClusterView>
  /**
   * Makes one step and resolves once it is committed, or says what it would do. Rejects with QUORUM_AT_RISK, CHANGE_PENDING,
   * MEMBER_UNKNOWN, MEMBER_EXISTS, MEMBER_LEADS, MEMBER_NOT_READY, TRANSFER_FAILED, NO_LEADER or OUTCOME_UNKNOWN.
   */
  step(step: ClusterStep, planOnly: boolean): Promise<StepOutcome>
  /** Asks the leader whether the cluster does without this node; a yes is kept for it alone for `holdMs`. */
  leave(holdMs: number): Promise<LeaveAnswer>
}
