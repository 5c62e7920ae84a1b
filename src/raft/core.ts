// The state of one member (Figure 2, "State") and the few operations that every rule is made of. The rules themselves stand in
// election.ts, follower.ts, leader.ts and their neighbours; they are functions over this class.
//
// What holds between any two calls of the owner, checked by the assertions in these operations:
//
//   1. term never decreases, and in one term votedFor changes at most once, from null to a member (§5.2).
//   2. base <= appliedIndex <= commitIndex <= log end, and none of them decreases (§5.3, State Machine Safety).
//   3. Nothing at or before commitIndex is ever cut (§5.4.3, Leader Completeness).
//   4. Everything up to durableIndex survives a crash as it is now. It may be less than what is durable, never more.
//   5. The newest configuration in the log is the one in force, committed or not (thesis §4.1).
//   6. leadership is not null exactly while the role is 'leader'.
import { assert } from '../base/assert.ts'
import type { Leadership } from './leadership.ts'
import { findMember, votersOf } from './membership.ts'
import { MembershipHistory } from './membership-history.ts'
import { Outbox } from './outbox.ts'
import { ForwardedReads } from './read-queue.ts'
import type {
  Entry,
  LogIndex,
  MemberId,
  RaftInitialState,
  RaftLog,
  RaftOptions,
  Role,
  SnapshotMeta,
  Term,
} from './types.ts'

export class Core {
  readonly options: RaftOptions
  readonly id: MemberId
  readonly log: RaftLog
  readonly outbox = new Outbox()
  readonly memberships: MembershipHistory
  readonly forwardedReads: ForwardedReads
  /** Answers of this candidacy or pre-candidacy, by voter. */
  readonly votes = new Map<MemberId, boolean>()
  /** The candidacy was ordered by the leader, so receivers need not protect it (thesis §4.2.3). */
  isTransferCampaign = false
  /** TimeoutNow came before this node had applied what it must know to lead; it campaigns as soon as it has. */
  isCampaignOrdered = false

  /** Persistent state on all servers (Figure 2), together with the log: changes go to the outbox at once. */
  term: Term
  votedFor: MemberId | null
  role: Role = 'learner'
  /** Who leads `term`, as far as this node knows; on the leader itself its own id. */
  leader: MemberId | null = null
  /** Not null exactly while `role` is 'leader'. */
  leadership: Leadership | null = null
  /** Volatile state on all servers (Figure 2). The owner applies; the core only remembers how far that went. */
  commitIndex: LogIndex
  /** Highest commit index that a leader has told; the log may not reach it yet. Only reported, never acted upon. */
  seenCommitIndex: LogIndex = 0
  appliedIndex: LogIndex
  /** This node's log is durable up to here; a lower bound, see noteDurable(). */
  durableIndex: LogIndex
  /** An entry of the current term is durable, and with it the term itself. */
  isTermDurable = false
  /** Ids of the voters in force, and whether this node is one. */
  voters: readonly MemberId[] = []
  isVoter = false

  /** Logical time since the start; only differences are meaningful. */
  nowTick = 0
  /** Ticks since the leader was last heard, a vote was granted or a campaign began (§5.2). */
  electionElapsedTicks = 0
  electionTimeoutTicks = 0

  constructor(options: RaftOptions, initial: RaftInitialState, log: RaftLog) {
    assertOptions(options)
    const { base, commitIndex, hardState } = initial
    assert(log.firstIndex === base.index + 1, `the log begins at ${log.firstIndex}, its base is ${base.index}`)
    assert(commitIndex >= base.index, `commit index ${commitIndex} is before the base ${base.index}`)
    assert(commitIndex <= log.lastIndex, `commit index ${commitIndex} is beyond the log's end ${log.lastIndex}`)
    this.options = options
    this.id = options.id
    this.log = log
    this.term = hardState.term
    this.votedFor = hardState.votedFor
    this.commitIndex = commitIndex
    this.appliedIndex = commitIndex
    // What a log holds when the node starts was read from disk; the owner has synced it.
    this.durableIndex = log.lastIndex
    // Before anything else: a node that does not know its peers yet would take itself for a whole cluster.
    this.memberships = MembershipHistory.restore(base, log)
    this.forwardedReads = new ForwardedReads(options.randomInt)
    this.refreshMembership()
    this.resetElectionTimer()
  }

  /** Starts `term`, in which nobody has this node's vote yet (§5.1). */
  enterTerm(term: Term): void {
    assert(term > this.term, `term ${term} does not follow ${this.term}`)
    this.term = term
    this.votedFor = null
    this.isTermDurable = false
    this.outbox.hardState = { term, votedFor: null }
  }

  /** Gives this node's vote of the current term; it is never taken back (§5.2, "at most one candidate in a given term"). */
  voteFor(candidate: MemberId): void {
    assert(this.votedFor === null || this.votedFor === candidate, `already voted for ${String(this.votedFor)}`)
    if (this.votedFor === candidate) return
    this.votedFor = candidate
    this.outbox.hardState = { term: this.term, votedFor: candidate }
  }

  /** Notes whom to ask. Reads sent to another leader are failed: its answer, if it comes, proves nothing any more. */
  setLeader(leader: MemberId | null): void {
    if (this.leader === leader) return
    this.leader = leader
    for (const requestId of this.forwardedReads.takeAll()) this.outbox.answerRead(requestId, null)
  }

  /** Draws a new timeout at every reset, so that split votes are rare and do not repeat (§5.2). */
  resetElectionTimer(): void {
    const { electionTicks, randomInt } = this.options
    this.electionElapsedTicks = 0
    this.isCampaignOrdered = false
    this.electionTimeoutTicks = electionTicks + randomInt(electionTicks)
  }

  /**
   * A leader was heard within the minimum election timeout, or is this node: elections are not welcome (thesis §4.2.3). A
   * leader without a quorum does not stay one (CheckQuorum), which keeps this from blocking elections for ever.
   */
  get hasLiveLeader(): boolean {
    if (this.leadership !== null) return true
    return this.leader !== null && this.electionElapsedTicks < this.options.electionTicks
  }

  /**
   * May campaign: has a vote, and its state has caught up with every committed configuration. The last condition keeps a node
   * from winning with a configuration that the rest of it does not know yet.
   */
  get isPromotable(): boolean {
    // The state that belongs to the log is still on its way.
    if (this.outbox.installSnapshot !== null) return false
    if (this.memberships.hasChangeIn(this.appliedIndex, this.commitIndex)) return false
    return this.isVoter || this.#isVoteBeingTaken
  }

  /**
   * The newest configuration takes this node's vote and is not known to be committed. Such a node still campaigns, without
   * counting itself: it may be the only one whose log is long enough to win (thesis §4.2.2, Figure 4.6).
   */
  get #isVoteBeingTaken(): boolean {
    if (this.memberships.currentIndex <= this.commitIndex) return false
    return findMember(this.memberships.at(this.commitIndex), this.id)?.role === 'voter'
  }

  /** Adds entries that follow the log's end; configurations among them are in force at once (thesis §4.1). */
  append(entries: readonly Entry[]): void {
    this.log.append(entries)
    if (this.memberships.append(entries, this.log.firstIndex - 1)) this.refreshMembership()
  }

  /** Cuts a tail that conflicts with the leader's log; a configuration in it is no longer in force (§5.3, thesis §4.1). */
  truncateFrom(from: LogIndex): void {
    assert(from > this.commitIndex, `refusing to cut the log at ${from}: ${this.commitIndex} is committed`)
    this.log.truncateFrom(from)
    // What replaces the tail is not durable, whatever was there before.
    if (this.durableIndex >= from) this.durableIndex = from - 1
    if (this.memberships.truncateFrom(from)) this.refreshMembership()
  }

  /** Replaces log and configuration by a snapshot's (§7); its state is installed by the owner. */
  resetTo(meta: SnapshotMeta): void {
    assert(meta.index > this.commitIndex, `snapshot ${meta.index} is not newer than commit ${this.commitIndex}`)
    this.log.resetTo(meta)
    this.memberships.resetTo(meta)
    // A snapshot holds nothing but committed and applied entries.
    this.commitIndex = meta.index
    this.appliedIndex = meta.index
    // Entries of the old log may have been durable at indexes that the new one will use again.
    this.durableIndex = 0
    this.outbox.installSnapshot = meta
    this.refreshMembership()
  }

  /**
   * Believes that the log is durable up to `index` only when the entry there is of the current term. An older entry may have
   * been cut and written again while the disk was busy, and then the report may mean the first writing, whose replacement is
   * not durable. Entries of the current term are never cut during it: they all come from its one leader. Nothing is lost by
   * waiting, since a leader commits by counting only entries of its term (§5.4.2).
   */
  noteDurable(index: LogIndex, term: Term): boolean {
    if (term !== this.term || this.log.termAt(index) !== term) return false
    this.isTermDurable = true
    if (index <= this.durableIndex) return false
    this.durableIndex = index
    return true
  }

  /**
   * Recomputes what is derived from the configuration in force. A candidate keeps its role: its campaign goes on with the
   * voters that it knows now, and a configuration that arrives from a leader ends it anyway.
   */
  refreshMembership(): void {
    const membership = this.memberships.current
    this.voters = votersOf(membership)
    this.isVoter = findMember(membership, this.id)?.role === 'voter'
    if (this.leadership !== null) this.leadership.setMembership(membership, this.memberships.currentIndex)
    else if (this.role === 'follower' || this.role === 'learner') this.role = this.isVoter ? 'follower' : 'learner'
  }
}

/** Options are validated where they are read; what is asserted here would break the protocol itself. */
function assertOptions(options: RaftOptions): void {
  assert(options.heartbeatTicks >= 1, 'a heartbeat takes at least one tick')
  // A follower must be able to miss a heartbeat without campaigning (§5.6, broadcastTime << electionTimeout).
  assert(options.electionTicks > options.heartbeatTicks, 'an election timeout is longer than a heartbeat')
  assert(options.inflightMessagesMax >= 1, 'at least one message may be in flight')
  assert(options.messageSizeBytesMax >= 1, 'a message has a size')
}
