// What a replica tells of itself.
import type { Role } from '../../raft/types.ts'

/** What a node knows of itself and its cluster; services see it as their ReplicaStatus. */
export interface ReplicaState {
  readonly nodeId: string
  readonly memberId: string
  readonly clusterId: string | null
  /** `joining`: the node is no member of a cluster yet. */
  readonly role: Role | 'joining'
  readonly term: number
  readonly leader: { readonly nodeId: string; readonly raftAddress: string } | null
  readonly commitIndex: number
  /** Highest index that the cluster is known to have committed; this node may be behind it. */
  readonly clusterCommitIndex: number
  readonly appliedIndex: number
  readonly lastIndex: number
  /** Why the node serves nothing: its state differs from the cluster's. */
  readonly quarantined: string | null
  /** Why the node is no member yet, and what would help; null when it is one. */
  readonly obstacle: string | null
  /** The node would begin a cluster, and does not for lack of evidence that there is none. */
  readonly isBootstrapRefused: boolean
  /** Since when (monotonic) the oldest disk operation is under way; null when none is. */
  readonly diskBusySinceMs: number | null
}

export interface ReplicaLoad {
  /** Writes that wait for their fate, those of other nodes included. */
  readonly pendingProposalCount: number
  readonly pendingReadCount: number
  readonly logEntryCount: number
  readonly logSizeBytes: number
}
