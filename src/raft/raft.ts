// The Raft core: see types.ts for its vocabulary. Sans-I/O: no timers, promises, Date, randomness or I/O of its own.
import type {
  Effects,
  LogIndex,
  MemberId,
  MembershipChange,
  MembershipResult,
  Membership,
  Message,
  ProposeResult,
  RaftInitialState,
  RaftLog,
  RaftOptions,
  RaftStatus,
  Term,
} from './types.ts'

/**
 * One member's Raft state machine. Single-threaded; the owner calls one method at a time, and after any call (or several) takes
 * the effects with takeEffects(), carries them out and reports back with persisted(), applied() and snapshotFinished().
 */
export declare class Raft {
  constructor(options: RaftOptions, initial: RaftInitialState, log: RaftLog)
  /** Advances logical time by one tick. */
  tick(): void
  /** Handles a message from a peer. Messages from outside the membership are handled by the rules of thesis §4.2. */
  step(message: Message): void
  /** Appends commands as a leader, one entry each; all or none. `index` is the last one's. */
  propose(commands: readonly Uint8Array[]): ProposeResult
  proposeMembership(change: MembershipChange): MembershipResult
  /** Asks for a linearizable read index; answered by a ReadState with the same id. Callers bound the number outstanding. */
  readIndex(requestId: number): void
  /** Starts a leadership transfer to `target`, or to the most caught-up voter; false when not possible. */
  transferLeadership(target?: MemberId): boolean
  /** Campaigns at once (first start of a one-node cluster, tests). */
  campaign(): void
  /** The log is durable up to `index`, whose entry has `term` (guards against an entry that was replaced meanwhile). */
  persisted(index: LogIndex, term: Term): void
  /** The state machine has applied up to `index`. */
  applied(index: LogIndex): void
  /** The streaming of a snapshot to `member` ended; when `ok`, InstallSnapshot was delivered and its answer is awaited. */
  snapshotFinished(member: MemberId, ok: boolean): void
  /** True when takeEffects() would return anything to do. */
  hasEffects(): boolean
  takeEffects(): Effects
  /** Entries up to here may be applied once they are also durable on this node. */
  readonly commitIndex: LogIndex
  status(): RaftStatus
  /** The membership in force at `index`; index is at least the log's base. */
  membershipAt(index: LogIndex): Membership
}
