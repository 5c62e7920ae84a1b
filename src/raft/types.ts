// The vocabulary of the Raft core: log entries, membership, messages and effects. Message names are the paper's
// (Ongaro & Ousterhout 2014, extended version; Ongaro's thesis for PreVote, ReadIndex, TimeoutNow, learners).

/** Election term; starts at 0, grows by elections. */
export type Term = number
/** Position in the log; the first entry has index 1, 0 means "before the log". */
export type LogIndex = number
/** One incarnation of one node: `<nodeId>/<incarnation>`. A wiped disk is a new member. Opaque to the core. */
export type MemberId = string

/** `learner`: receives the log, has no vote. */
export type MemberRole = 'voter' | 'learner'

export interface Member {
  readonly id: MemberId
  readonly role: MemberRole
  /** `host:port` of the peer listener; opaque to the core. */
  readonly raftAddress: string
  /** A learner that was a voter: set by `demote`, so that the leader does not promote it by itself; cleared by `promote`. */
  readonly demoted?: true
}

/** All members, sorted by id. Whole configurations stand in the log (thesis §4.1, single-server changes). */
export interface Membership {
  readonly members: readonly Member[]
}

export type EntryKind = 'command' | 'noop' | 'membership'

export interface Entry {
  readonly index: LogIndex
  readonly term: Term
  readonly kind: EntryKind
  /** command: opaque bytes; noop: empty; membership: encodeMembership(). */
  readonly data: Uint8Array
}

/** What must be durable before any message of its term leaves the node (§5.1, Figure 2 "persistent state"). */
export interface HardState {
  readonly term: Term
  readonly votedFor: MemberId | null
}

/** The point that a snapshot covers, with the membership in force there. */
export interface SnapshotMeta {
  readonly index: LogIndex
  readonly term: Term
  readonly membership: Membership
}

interface MessageBase {
  readonly from: MemberId
  readonly to: MemberId
  readonly term: Term
}

export interface RequestVote extends MessageBase {
  readonly type: 'RequestVote'
  /** PreVote (thesis §9.6): `term` is the term that the sender would campaign in; nobody's term changes. */
  readonly preVote: boolean
  readonly lastLogIndex: LogIndex
  readonly lastLogTerm: Term
  /** Set after TimeoutNow: receivers skip the check for a live leader (thesis §4.2.3). */
  readonly leadershipTransfer: boolean
}

export interface RequestVoteResponse extends MessageBase {
  readonly type: 'RequestVoteResponse'
  readonly preVote: boolean
  readonly voteGranted: boolean
}

/** Also the heartbeat, with no entries. */
export interface AppendEntries extends MessageBase {
  readonly type: 'AppendEntries'
  readonly prevLogIndex: LogIndex
  readonly prevLogTerm: Term
  readonly entries: readonly Entry[]
  readonly leaderCommit: LogIndex
  /** The leader's newest ReadIndex round; echoed by the response (thesis §6.4). */
  readonly readRound: number
}

export interface AppendEntriesResponse extends MessageBase {
  readonly type: 'AppendEntriesResponse'
  readonly success: boolean
  /** success: the sender's log is durable and equal to the leader's up to here; failure: the prevLogIndex that was refused. */
  readonly matchIndex: LogIndex
  /** failure: the largest index at which the sender's log may match, and its term there (skips a whole term a round). */
  readonly hintIndex: LogIndex
  readonly hintTerm: Term
  readonly readRound: number
}

/** Stepped into the core once the data of the snapshot is complete and staged; the chunks travel outside the core. */
export interface InstallSnapshot extends MessageBase {
  readonly type: 'InstallSnapshot'
  readonly snapshot: SnapshotMeta
}

/** Answers an InstallSnapshot, installed or refused as outdated: the sender's log matches up to `matchIndex`. */
export interface InstallSnapshotResponse extends MessageBase {
  readonly type: 'InstallSnapshotResponse'
  readonly matchIndex: LogIndex
}

/** Leadership transfer (thesis §3.10): the receiver campaigns at once. */
interface TimeoutNow extends MessageBase {
  readonly type: 'TimeoutNow'
}

/** A follower asks the leader for a read index; `requestId` is the follower's own counter. */
export interface ReadIndexRequest extends MessageBase {
  readonly type: 'ReadIndexRequest'
  readonly requestId: number
}

/** `readIndex` null: the receiver is no leader or lost its leadership before it was confirmed. */
export interface ReadIndexResponse extends MessageBase {
  readonly type: 'ReadIndexResponse'
  readonly requestId: number
  readonly readIndex: LogIndex | null
}

export type Message =
  | RequestVote
  | RequestVoteResponse
  | AppendEntries
  | AppendEntriesResponse
  | InstallSnapshot
  | InstallSnapshotResponse
  | TimeoutNow
  | ReadIndexRequest
  | ReadIndexResponse

export type Role = 'follower' | 'preCandidate' | 'candidate' | 'leader' | 'learner'

/**
 * The log as the core sees it. Changes are visible at once and durable later: the owner makes them durable, in the order in which
 * they were made, after the core returns and then calls Raft.persisted(). Implementations keep the newest entries in memory. The
 * owner may cut entries away behind a snapshot at any time between two calls of the core, but none that is not applied.
 */
export interface RaftLog {
  /** Index of the first entry held; lastIndex + 1 when empty. `firstIndex - 1` is the base that a snapshot covers. */
  readonly firstIndex: LogIndex
  readonly lastIndex: LogIndex
  /** Term of the entry at `index`; of the base at `firstIndex - 1`; undefined when cut away or beyond the end. */
  termAt(index: LogIndex): Term | undefined
  /**
   * Entries [from, to), cut to about `sizeBytesMax` but at least one if any; undefined when `from` was cut away. The array is the
   * caller's; it may stand in messages long after the log has changed.
   */
  entries(from: LogIndex, to: LogIndex, sizeBytesMax: number): Entry[] | undefined
  /** Adds entries; the first one's index is lastIndex + 1. */
  append(entries: readonly Entry[]): void
  /** Drops every entry with an index of `from` or more. Never called for a committed index. */
  truncateFrom(from: LogIndex): void
  /** Empties the log; its base becomes `meta` (a snapshot was installed). */
  resetTo(meta: SnapshotMeta): void
}

/** An answer to Raft.readIndex(): read once `appliedIndex >= readIndex`; null when leadership was not confirmed. */
export interface ReadState {
  readonly requestId: number
  readonly readIndex: LogIndex | null
}

/** What the owner has to do now, in this order of dependence; see Raft.takeEffects(). */
export interface Effects {
  /** New hard state to make durable, together with the log's changes, before `durableMessages` leave. */
  readonly hardState: HardState | null
  /** May leave at once (a leader's AppendEntries travel while its own disk syncs; thesis §10.2.1). */
  readonly messages: readonly Message[]
  /** May leave only when hardState and every log change made before this call are durable: votes, acknowledgements. */
  readonly durableMessages: readonly Message[]
  /** A staged snapshot that was accepted: the state must be replaced by it before anything later is applied. */
  readonly installSnapshot: SnapshotMeta | null
  /** Members whose next entries were cut away: stream them a snapshot, then call snapshotFinished(). */
  readonly snapshotsToSend: readonly MemberId[]
  readonly readStates: readonly ReadState[]
}

/** Values for tests, metrics and `status`. */
export interface RaftStatus {
  readonly id: MemberId
  readonly role: Role
  readonly term: Term
  readonly leader: MemberId | null
  readonly commitIndex: LogIndex
  /** Highest index that the cluster is known to have committed; this member's log may not reach it yet. */
  readonly clusterCommitIndex: LogIndex
  readonly lastIndex: LogIndex
  readonly membership: Membership
  /** Index of the entry that `membership` comes from. */
  readonly membershipIndex: LogIndex
  /** On a leader: an entry of its term is committed, so that reads are answered and changes of the membership accepted. */
  readonly committedInTerm: boolean
  /** On a leader: how far each other member's log is known to match. */
  readonly peers: ReadonlyMap<MemberId, PeerStatus>
}

export interface PeerStatus {
  readonly matchIndex: LogIndex
  readonly nextIndex: LogIndex
  readonly state: 'probe' | 'replicate' | 'snapshot'
  readonly inflightMessages: number
  /** Heard from within the last election timeout. */
  readonly active: boolean
}

export interface RaftOptions {
  readonly id: MemberId
  /** Ticks between heartbeats. */
  readonly heartbeatTicks: number
  /** Lower bound of the election timeout; drawn anew from [electionTicks, 2 · electionTicks) at every reset. */
  readonly electionTicks: number
  /** Bytes of entries in one AppendEntries. */
  readonly messageSizeBytesMax: number
  /** AppendEntries with entries that may be unanswered per member, and their bytes. */
  readonly inflightMessagesMax: number
  readonly inflightSizeBytesMax: number
  /** Bytes of proposals that may be uncommitted on a leader; more are refused with 'overloaded'. */
  readonly uncommittedSizeBytesMax: number
  /** A learner that is at most this many entries behind for one heartbeat round is promoted by the leader. */
  readonly promotionLagEntriesMax: number
  /** An integer in [0, exclusiveMax): draws election timeouts. */
  readonly randomInt: (exclusiveMax: number) => number
}

/** State read from disk at start. */
export interface RaftInitialState {
  readonly hardState: HardState
  /** The base of the log with its membership; later membership entries are read from the log itself. */
  readonly base: SnapshotMeta
  /** Highest index known to be committed, from the state machine's applied index; at least base.index. */
  readonly commitIndex: LogIndex
}

export type ProposeResult =
  | { readonly ok: true; readonly index: LogIndex; readonly term: Term }
  | { readonly ok: false; readonly reason: 'not_leader' | 'overloaded' | 'transferring' }

export type MembershipChange =
  | { readonly type: 'add_learner'; readonly member: Pick<Member, 'id' | 'raftAddress'> }
  | { readonly type: 'promote'; readonly id: MemberId }
  | { readonly type: 'demote'; readonly id: MemberId }
  | { readonly type: 'remove'; readonly id: MemberId }
  | { readonly type: 'set_address'; readonly id: MemberId; readonly raftAddress: string }

export type MembershipResult =
  | { readonly ok: true; readonly index: LogIndex; readonly term: Term }
  | {
      readonly ok: false
      /** `pending`: another change is not committed yet, or none of this term is (thesis §4.1 and its 2015 correction). */
      readonly reason:
        'not_leader' | 'pending' | 'transferring' | 'unknown_member' | 'already' | 'last_voter' | 'not_caught_up'
    }
