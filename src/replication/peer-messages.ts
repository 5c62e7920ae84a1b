// What peers say to each other: Raft messages, forwarded commands, joining, snapshot chunks, state hashes, and what services say.
// codec and version history: peer-codec.ts.
import type { LogIndex, MemberId, Membership, Message, SnapshotMeta, Term } from '../raft/types.ts'

/** A follower hands commands to the leader; answered by ProposeResponse with the same requestId. */
export interface ProposeRequest {
  readonly type: 'ProposeRequest'
  readonly requestId: number
  readonly commands: readonly Uint8Array[]
  /** A caller wants to know where the time goes. */
  readonly traced: boolean
}

/**
 * `results`: one apply result a command; `phasesMs`: of a traced request, how long it was in each phase of a write, else empty.
 * `error`: nothing is known to have been applied; `outcomeUnknown` when it may still be.
 */
export type ProposeResponse =
  | {
      readonly type: 'ProposeResponse'
      readonly requestId: number
      readonly results: readonly unknown[]
      readonly phasesMs: readonly number[]
    }
  | {
      readonly type: 'ProposeResponse'
      readonly requestId: number
      readonly error: { readonly code: string; readonly message: string; readonly outcomeUnknown: boolean }
    }

/** Asks a node what it belongs to; anybody with the instance secret may ask, before joining. */
interface ProbeRequest {
  readonly type: 'ProbeRequest'
  readonly requestId: number
}

export interface ProbeResponse {
  readonly type: 'ProbeResponse'
  readonly requestId: number
  readonly nodeId: string
  /** Null: the node belongs to no cluster yet. */
  readonly clusterId: string | null
  readonly leader: { readonly memberId: MemberId; readonly raftAddress: string } | null
}

/** Asks the leader to make the sender a member (a learner first). Any member passes it on to the leader. */
export interface JoinRequest {
  readonly type: 'JoinRequest'
  readonly requestId: number
  readonly nodeId: string
  readonly memberId: MemberId
  readonly raftAddress: string
}

export type JoinResponse =
  | {
      readonly type: 'JoinResponse'
      readonly requestId: number
      readonly accepted: true
      readonly clusterId: string
      readonly membership: Membership
    }
  | {
      readonly type: 'JoinResponse'
      readonly requestId: number
      readonly accepted: false
      readonly reason: string
      readonly leaderAddress: string | null
    }

/** Hands an operator's request about the cluster to the leader; `request` and `answer` are JSON, see cluster-admin.ts. */
export interface AdminRequest {
  readonly type: 'AdminRequest'
  readonly requestId: number
  readonly request: string
}

export interface AdminResponse {
  readonly type: 'AdminResponse'
  readonly requestId: number
  readonly answer: string
}

/** One piece of a snapshot; pieces are acknowledged one by one, a few may be unanswered. */
export interface SnapshotChunk {
  readonly type: 'SnapshotChunk'
  readonly transferId: number
  readonly term: Term
  readonly sequence: number
  /** Sent with the first chunk. */
  readonly meta: SnapshotMeta | null
  readonly last: boolean
  readonly data: Uint8Array
}

export interface SnapshotChunkAck {
  readonly type: 'SnapshotChunkAck'
  readonly transferId: number
  readonly sequence: number
  readonly ok: boolean
}

/** To the leader: the sender's state hash at a checkpoint. From it: that of most voters; who has another one is divergent. */
export interface StateHash {
  readonly type: 'StateHash'
  readonly index: LogIndex
  readonly hash: number
}

interface RaftEnvelope {
  readonly type: 'Raft'
  readonly message: Message
}

/** A follower asks the leader for tokens of rate limits; answered by TokenGrant with the same requestId. */
export interface TokenRequest {
  readonly type: 'TokenRequest'
  readonly requestId: number
  readonly entries: readonly {
    readonly entityId: number
    readonly rateClass: 'data' | 'events'
    readonly waiting: number
    readonly extra: number
    readonly whole: boolean
  }[]
}

/** An entry for each of the request's; none from a node that does not lead. */
export interface TokenGrant {
  readonly type: 'TokenGrant'
  readonly requestId: number
  readonly entries: readonly { readonly granted: number; readonly waitMs: number }[]
}

/** Asks a member for its operation rates. */
interface OperationsRequest {
  readonly type: 'OperationsRequest'
  readonly requestId: number
}

interface OperationsReport {
  readonly type: 'OperationsReport'
  readonly requestId: number
  readonly rates: readonly number[]
}

/** Asks a member to catch up with what is committed. */
interface CatchUpRequest {
  readonly type: 'CatchUpRequest'
  readonly requestId: number
}

interface CatchUpReport {
  readonly type: 'CatchUpReport'
  readonly requestId: number
  readonly memberId: MemberId
}

/** What services of one node say to those of another; replication only carries it. */
export type ServiceMessage =
  TokenRequest | TokenGrant | OperationsRequest | OperationsReport | CatchUpRequest | CatchUpReport

export type PeerMessage =
  | RaftEnvelope
  | ProposeRequest
  | ProposeResponse
  | ProbeRequest
  | ProbeResponse
  | JoinRequest
  | JoinResponse
  | SnapshotChunk
  | SnapshotChunkAck
  | StateHash
  | AdminRequest
  | AdminResponse
  | ServiceMessage
