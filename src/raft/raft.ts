// The Raft core: see types.ts for its vocabulary. Sans-I/O: no timers, promises, Date, randomness or I/O of its own. This file
// holds the public class and the rules on terms that are common to all roles (§5.1); the rest is found by its name:
//
//   election ── leader ── commit ── replicate ── read-index       rules: functions over Core
//      |          |         |          |
//   follower   transfer   change-membership   roles
//      |          |         |          |
//      +──────────+── core ─+── leadership ── progress            state
//                       |
//            membership, quorum, log-search                       pure functions
import { assert, unreachable } from '../base/assert.ts'
import { proposeMembership } from './change-membership.ts'
import { maybeCommit } from './commit.ts'
import { Core } from './core.ts'
import {
  campaign,
  handleRequestVote,
  handleRequestVoteResponse,
  handleTimeoutNow,
  maybeCampaignAsOrdered,
  refuseStaleCandidate,
  tickElection,
} from './election.ts'
import { handleAppendEntries, handleInstallSnapshot, refuseStaleLeader } from './follower.ts'
import { proposeCommands } from './leader-log.ts'
import {
  handleAppendEntriesResponse,
  handleInstallSnapshotResponse,
  handleSnapshotFinished,
  tickLeader,
} from './leader.ts'
import { handleReadIndexRequest, handleReadIndexResponse, requestRead } from './read-index.ts'
import { hasPending, sendPending } from './replicate.ts'
import { becomeFollower } from './roles.ts'
import { startTransfer } from './transfer.ts'
import type {
  Effects,
  LogIndex,
  MemberId,
  MembershipChange,
  MembershipResult,
  Membership,
  Message,
  PeerStatus,
  ProposeResult,
  RaftInitialState,
  RaftLog,
  RaftOptions,
  RaftStatus,
  Role,
  Term,
} from './types.ts'

/**
 * One member's Raft state machine. Single-threaded; the owner calls one method at a time, and after any call (or several) takes
 * the effects with takeEffects(), carries them out and reports back with persisted(), applied() and snapshotFinished().
 *
 * What the owner promises, because no safety property holds without it:
 *
 *   1. Log changes and hard states become durable in the order in which they were made; a crash loses a tail of that order.
 *   2. A message of `durableMessages` leaves only when everything changed before that takeEffects() is durable.
 *   3. An entry is applied only when it is committed and durable, and no change of the log that is still on its way to the disk
 *      touches its index, not even to write its like there again: else a crash could leave a state ahead of its log.
 *   4. `installSnapshot` replaces the state before anything later is applied, durable together with the log's reset.
 *   5. A member id is one data directory: what was promised under it is found again after a restart, or it is never used again.
 *
 * Messages may be lost, repeated, delayed and reordered; a peer that lies is not tolerated. A broken invariant throws
 * AssertionError, after which the instance must not be used.
 */
export class Raft {
  readonly #core: Core

  /** What `log` holds at this moment must be durable already: a log that was read after a crash is synced before it is used. */
  constructor(options: RaftOptions, initial: RaftInitialState, log: RaftLog) {
    this.#core = new Core(options, initial, log)
  }

  /** Advances logical time by one tick. After a stall of its process, the owner should not make up for all missed ticks at once. */
  tick(): void {
    const core = this.#core
    core.nowTick++
    if (core.leadership !== null) tickLeader(core, core.leadership)
    else tickElection(core)
  }

  /**
   * Handles a message from a peer. Messages from outside the membership are handled by the rules of thesis §4.2: their votes and
   * answers do not count, but they get answers, since they may know a newer configuration.
   */
  step(message: Message): void {
    const core = this.#core
    // Meant for another incarnation of this node, or reflected.
    if (message.to !== core.id || message.from === core.id) return
    if (message.term > core.term) {
      if (!acceptLaterTerm(core, message)) return
    } else if (message.term < core.term) {
      handleEarlierTerm(core, message)
      return
    }
    handleMessage(core, message)
  }

  /**
   * Appends commands as a leader, one entry each; all or none. `index` is the last one's. The arrays belong to the log from here
   * on. Accepted is not committed: after a change of the leader, an accepted command may be lost or may still be committed.
   */
  propose(commands: readonly Uint8Array[]): ProposeResult {
    assert(commands.length > 0, 'a proposal holds at least one command')
    return proposeCommands(this.#core, commands)
  }

  /** Appends a change of the membership as a leader; it is in force at once and done when its index is committed. */
  proposeMembership(change: MembershipChange): MembershipResult {
    return proposeMembership(this.#core, change)
  }

  /**
   * Asks for a linearizable read index; answered by exactly one ReadState with the same id, at the latest after about two
   * election timeouts on a follower and when leadership is lost on a leader. Callers bound the number outstanding; beyond
   * LEADER_READS_MAX or FORWARDED_READS_MAX the answer is null at once.
   */
  readIndex(requestId: number): void {
    requestRead(this.#core, requestId)
  }

  /** Starts a leadership transfer to `target`, or to the most caught-up voter; false when not possible. */
  transferLeadership(target?: MemberId): boolean {
    return startTransfer(this.#core, target)
  }

  /** Campaigns at once, by a PreVote; a sole voter has won when this returns (first start of a one-node cluster, tests). */
  campaign(): void {
    campaign(this.#core, 'preVote')
  }

  /** The log is durable up to `index`, whose entry has `term` (guards against an entry that was replaced meanwhile). */
  persisted(index: LogIndex, term: Term): void {
    const core = this.#core
    const isNews = core.noteDurable(index, term)
    const lead = core.leadership
    if (lead === null) return
    if (core.isTermDurable) lead.holdsMessages = false
    // The leader counts itself only now, not when it appended (thesis §10.2.1).
    if (isNews) maybeCommit(core, lead)
  }

  /** The state machine has applied up to `index`. */
  applied(index: LogIndex): void {
    const core = this.#core
    assert(index <= core.commitIndex, `applied ${index}, but only ${core.commitIndex} is committed`)
    if (index <= core.appliedIndex) return
    core.appliedIndex = index
    maybeCampaignAsOrdered(core)
  }

  /** The streaming of a snapshot to `member` ended; when `ok`, InstallSnapshot was delivered and its answer is awaited. */
  snapshotFinished(member: MemberId, ok: boolean): void {
    const core = this.#core
    if (core.leadership !== null) handleSnapshotFinished(core, core.leadership, member, ok)
  }

  /** True when takeEffects() would return anything to do. */
  hasEffects(): boolean {
    const { outbox, leadership } = this.#core
    return !outbox.isEmpty || (leadership !== null && hasPending(this.#core, leadership))
  }

  /**
   * What to do since the last call. AppendEntries are made here: the longer the owner waits, the more entries share a message.
   * A later call's hard state replaces an earlier one's.
   */
  takeEffects(): Effects {
    const core = this.#core
    if (core.leadership !== null) sendPending(core, core.leadership)
    return core.outbox.take()
  }

  /** Entries up to here may be applied once they are also durable on this node. */
  get commitIndex(): LogIndex {
    return this.#core.commitIndex
  }

  /** A leader may answer reads only once status().committedInTerm holds; the core sees to that for readIndex(). */
  get role(): Role {
    return this.#core.role
  }

  /** The current term; it may not be durable yet. */
  get term(): Term {
    return this.#core.term
  }

  /** The leader of the current term, as far as this node knows. */
  get leader(): MemberId | null {
    return this.#core.leader
  }

  /** A copy for people and metrics; builds a map, so not for hot paths. */
  status(): RaftStatus {
    const core = this.#core
    const lead = core.leadership
    const peers = new Map<MemberId, PeerStatus>()
    for (const peer of lead?.peerList ?? []) peers.set(peer.id, peer.status(core.nowTick, core.options.electionTicks))
    return {
      id: core.id,
      role: core.role,
      term: core.term,
      leader: core.leader,
      commitIndex: core.commitIndex,
      clusterCommitIndex: Math.max(core.commitIndex, core.seenCommitIndex),
      lastIndex: core.log.lastIndex,
      membership: core.memberships.current,
      membershipIndex: core.memberships.currentIndex,
      committedInTerm: lead !== null && core.commitIndex >= lead.termStartIndex,
      peers,
    }
  }

  /** The membership in force at `index`; index is at least the log's base. */
  membershipAt(index: LogIndex): Membership {
    return this.#core.memberships.at(index)
  }
}

/** Follows a later term (§5.1), unless the message is one that must not move ours; returns whether to handle the message. */
function acceptLaterTerm(core: Core, message: Message): boolean {
  if (message.type === 'RequestVote') {
    // Removed members and those that were cut off must not depose a leader that the others hear (thesis §4.2.3, §9.6).
    if (core.hasLiveLeader && !message.leadershipTransfer) return false
    if (message.preVote) return true
  } else if (message.type === 'RequestVoteResponse' && message.preVote && message.voteGranted) {
    // Carries the term that we asked about, in which nobody campaigns yet.
    return true
  }
  const isFromLeader = message.type === 'AppendEntries' || message.type === 'InstallSnapshot'
  becomeFollower(core, message.term, isFromLeader ? message.from : null)
  return true
}

/** Messages of an earlier term change nothing here; their senders are told, so that one that is stuck comes along (§5.1). */
function handleEarlierTerm(core: Core, message: Message): void {
  switch (message.type) {
    case 'AppendEntries':
    case 'InstallSnapshot':
      // With PreVote and CheckQuorum nobody else would free a node whose term is ahead: its requests for votes are ignored by
      // those who hear the leader, and it cannot follow a leader of an earlier term. The leader has to learn of its term.
      refuseStaleLeader(core, message.from)
      break
    case 'RequestVote':
      refuseStaleCandidate(core, message)
      break
    case 'ReadIndexRequest':
      handleReadIndexRequest(core, message)
      break
    case 'RequestVoteResponse':
    case 'AppendEntriesResponse':
    case 'InstallSnapshotResponse':
    case 'ReadIndexResponse':
    case 'TimeoutNow':
      break
    default:
      unreachable(message)
  }
}

/** Handles a message of the current term, or a PreVote about a later one. */
function handleMessage(core: Core, message: Message): void {
  const lead = core.leadership
  switch (message.type) {
    case 'RequestVote':
      handleRequestVote(core, message)
      break
    case 'RequestVoteResponse':
      handleRequestVoteResponse(core, message)
      break
    case 'AppendEntries':
      followLeader(core, message.from)
      handleAppendEntries(core, message)
      break
    case 'InstallSnapshot':
      followLeader(core, message.from)
      handleInstallSnapshot(core, message)
      break
    case 'AppendEntriesResponse':
      if (lead !== null) handleAppendEntriesResponse(core, lead, message)
      break
    case 'InstallSnapshotResponse':
      if (lead !== null) handleInstallSnapshotResponse(core, lead, message)
      break
    case 'TimeoutNow':
      handleTimeoutNow(core)
      break
    case 'ReadIndexRequest':
      handleReadIndexRequest(core, message)
      break
    case 'ReadIndexResponse':
      handleReadIndexResponse(core, message)
      break
    default:
      unreachable(message)
  }
}

/** The sender won the current term (§5.2): candidates give way to it. */
function followLeader(core: Core, leader: MemberId): void {
  assert(core.leadership === null, `${leader} leads term ${core.term} as well: two leaders in one term`)
  if (core.leader !== leader) becomeFollower(core, core.term, leader)
}
