// The port through which services reach replication: two calls and a status. replication/replica.ts implements it.
import type { PeerChannel } from './peer-channel.ts'

export interface ReplicaStatus {
  readonly nodeId: string
  readonly memberId: string
  readonly clusterId: string | null
  readonly role: 'joining' | 'follower' | 'preCandidate' | 'candidate' | 'leader' | 'learner'
  readonly term: number
  readonly leader: { readonly nodeId: string; readonly raftAddress: string } | null
  readonly commitIndex: number
  /** Highest index that the cluster is known to have committed; this node may be behind it. */
  readonly clusterCommitIndex: number
  readonly appliedIndex: number
  readonly lastIndex: number
  /** The state differs from the cluster's or a disk is damaged: the node serves nothing. */
  readonly quarantined: string | null
  /** Since when (monotonic) the oldest disk operation is under way; null when none is. */
  readonly diskBusySinceMs: number | null
  /** Why the node is no member yet, and what would help; null when it is one. */
  readonly obstacle: string | null
}

export interface Replicator {
  /** How services of this node speak with those of the others. */
  readonly channel: PeerChannel
  /**
   * Replicates an encoded command and resolves with its apply result once it is committed and applied on the leader.
   * Rejects with InsiError: NO_LEADER, OVERLOADED, NODE_STOPPING (certainly not applied, safe to retry) or
   * OUTCOME_UNKNOWN (it may have been or may yet be applied).
   */
  propose(command: Uint8Array): Promise<unknown>
  /** Resolves once this node's state contains every write acknowledged before the call. Rejects with NO_LEADER or READ_TIMEOUT. */
  readBarrier(): Promise<void>
  status(): ReplicaStatus
  /** The node's durable term. Cheap enough for every answer, unlike status(). */
  readonly term: number
}
