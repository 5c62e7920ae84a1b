// How services of one node speak with those of the others, past the log: for what is worth nothing a second later. The replica
// implements it over the connections that it has anyway. A message may be lost at any time.

/** Which requests a bucket of tokens is for. */
export type RateClass = 'data' | 'events'

/** A follower asks the leader for tokens; answered by TokenGrant with the same requestId. */
export interface TokenRequest {
  readonly type: 'TokenRequest'
  readonly requestId: number
  readonly entries: readonly {
    readonly entityId: number
    readonly rateClass: RateClass
    /** Requests that wait for a token now. */
    readonly waiting: number
    /** Tokens wanted for requests that will follow. */
    readonly extra: number
    /** All that wait are one request: it gets a token for each or none. */
    readonly whole: boolean
  }[]
}

/** One entry for each that was asked for, in order; none at all from a node that does not lead. */
export interface TokenGrant {
  readonly type: 'TokenGrant'
  readonly requestId: number
  readonly entries: readonly {
    readonly granted: number
    /** Not 0: no more tokens for so many ms. */
    readonly waitMs: number
  }[]
}

/** Asks a member for its own operation rates. */
interface OperationsRequest {
  readonly type: 'OperationsRequest'
  readonly requestId: number
}

interface OperationsReport {
  readonly type: 'OperationsReport'
  readonly requestId: number
  /** In the order of OPERATION_KINDS. */
  readonly rates: readonly number[]
}

/** Asks a member to apply whatever was committed before it heard the request; answered by CatchUpReport once it has. */
interface CatchUpRequest {
  readonly type: 'CatchUpRequest'
  readonly requestId: number
}

interface CatchUpReport {
  readonly type: 'CatchUpReport'
  readonly requestId: number
  /** Who has: another incarnation of a node may answer at its address. */
  readonly memberId: string
}

export type ServiceMessage =
  TokenRequest | TokenGrant | OperationsRequest | OperationsReport | CatchUpRequest | CatchUpReport

export type ServiceMessageHandler = (from: string, message: ServiceMessage) => void

/** Who belongs to the cluster by what a node has applied, which may be older than its log. */
export interface AppliedMembers {
  readonly isSelfMember: boolean
  /** All but this node. `address` is undefined while nobody knows it. */
  readonly others: readonly { readonly memberId: string; readonly address: string | undefined }[]
  /** Since when (monotonic) the state knows of no removal, as far as this node can tell; -Infinity: there never was one. */
  readonly noneRemovedSinceMs: number
}

export interface PeerChannel {
  /**
   * Since when (monotonic) this node leads, or null when it does not. -Infinity: from the cluster's first moment on, so that
   * no other node can have led before.
   */
  readonly leadsSinceMs: number | null
  /** Grows with every change of leader, term or role. */
  readonly leadershipEpoch: number
  /** Since when (monotonic) no leader is known; null when one is, or when this node is no member yet. */
  readonly leaderlessSinceMs: number | null
  /** Where the leader is reached; null when none is known or this node leads. */
  readonly leaderAddress: string | null
  /** Members of the cluster, this node included. */
  readonly memberCount: number
  /** Where the other members are reached. */
  otherAddresses(): readonly string[]
  /** The members as of the state that this node has applied; undefined while it has none. */
  readonly appliedMembers: AppliedMembers | undefined
  /** False when the message was dropped at once. */
  send(address: string, message: ServiceMessage): boolean
  /** Calls `handler` with every message of a member. Several may be set. */
  onMessage(handler: ServiceMessageHandler): void
  /** Runs `callback` once everything that is ready to run has run. */
  schedule(callback: () => void): void
}
