// Elections (§5.2, §5.4.1) with a preceding PreVote (thesis §9.6): asking for votes, giving them and counting them.
//
//                 timeout                  PreVotes of                votes of a
//     follower ------------> preCandidate --a majority--> candidate --majority--> leader
//        ^  ^                    |   ^                       |  |                    |
//        |  |    refused by a    |   |        timeout        |  |                    |
//        |  +------majority------+   +-----------------------+  |                    |
//        +---- a leader is heard, or a later term (roles.ts) ---+--------------------+
//                                                                  or no quorum is heard (leader.ts)
//
// TimeoutNow leads from follower to candidate directly. A learner stays one.
import { assert } from '../base/assert.ts'
import type { Core } from './core.ts'
import { becomeLeader } from './leader.ts'
import { lastTermOf } from './log-search.ts'
import { voteResult } from './quorum.ts'
import { becomeFollower } from './roles.ts'
import type { RequestVote, RequestVoteResponse } from './types.ts'

/** `preVote` asks whether an election could be won, without disturbing anybody; `transfer` was told to campaign by the leader. */
export type Campaign = 'preVote' | 'vote' | 'transfer'

/**
 * Starts a campaign unless this node may not lead; see Core.isPromotable. Only a real one enters a new term and uses up this
 * node's vote; a sole voter wins both at once.
 */
export function campaign(core: Core, kind: Campaign): void {
  if (core.leadership !== null || !core.isPromotable) return
  // It has given the old leader up, so it may vote for others and must not send them there.
  core.setLeader(null)
  core.resetElectionTimer()
  core.votes.clear()
  // Counts only if this node is among the voters, which a node whose vote is being taken is not.
  core.votes.set(core.id, true)
  if (kind === 'preVote') {
    core.role = 'preCandidate'
  } else {
    core.role = 'candidate'
    core.enterTerm(core.term + 1)
    core.voteFor(core.id)
  }
  core.isTransferCampaign = kind === 'transfer'
  requestVotes(core)
  maybeFinish(core)
}

/** The leader orders this node to campaign (thesis §3.10), if need be as soon as it has applied the newest configuration. */
export function handleTimeoutNow(core: Core): void {
  core.isCampaignOrdered = true
  maybeCampaignAsOrdered(core)
}

/** Called again whenever what held the campaign back may be gone. The order lapses when a leader is heard. */
export function maybeCampaignAsOrdered(core: Core): void {
  if (core.isCampaignOrdered && core.isPromotable) campaign(core, 'transfer')
}

/** Ticks of everybody but the leader (§5.2). */
export function tickElection(core: Core): void {
  core.electionElapsedTicks++
  // Requests that waited for two election timeouts at most are given up; their answers are lost, or the leader is.
  if (core.nowTick % core.options.electionTicks === 0) {
    for (const requestId of core.forwardedReads.takeExpired()) core.outbox.answerRead(requestId, null)
  }
  if (core.electionElapsedTicks >= core.electionTimeoutTicks) {
    if (core.isPromotable) {
      campaign(core, 'preVote')
    } else {
      // Nobody to ask until a leader is heard again.
      core.setLeader(null)
      core.resetElectionTimer()
    }
    return
  }
  const isRetryDue = core.electionElapsedTicks % core.options.heartbeatTicks === 0
  // Requests may be lost, or come while the receiver still believes in the old leader (§5.1, "retry RPCs").
  if (isRetryDue && (core.role === 'preCandidate' || core.role === 'candidate')) requestVotes(core)
}

/**
 * A request of this term, or a PreVote of any term that is not older. Whether the sender is a member is not asked: it may be
 * one by a configuration that has not arrived here, and a learner may have become a voter by it (thesis §4.2.3).
 */
export function handleRequestVote(core: Core, message: RequestVote): void {
  // The vote of a term goes to the first that asks; the same candidate gets it again, its answer may have been lost (§5.2).
  const isVoteFree = core.votedFor === message.from || (core.votedFor === null && core.leader === null)
  // A PreVote asks about a term to come, in which no vote is given yet. It binds nobody, so several may be granted.
  const mayVote = isVoteFree || (message.preVote && message.term > core.term)
  const isGranted = mayVote && isLogUpToDate(core, message)
  if (isGranted && !message.preVote) {
    core.voteFor(message.from)
    // Only a vote that was given resets the timer: a candidate that cannot win must not hold back one that can (Figure 2).
    core.resetElectionTimer()
  }
  respondVote(core, message, isGranted)
}

/** Refuses a request of an older term, with the term that its sender should know (§5.1). */
export function refuseStaleCandidate(core: Core, message: RequestVote): void {
  respondVote(core, message, false)
}

/** Counts an answer to the candidacy under way; any other is late and ignored. */
export function handleRequestVoteResponse(core: Core, message: RequestVoteResponse): void {
  if (core.role !== (message.preVote ? 'preCandidate' : 'candidate')) return
  // A granted PreVote echoes the term that was asked about, which may not be the one that we would ask about now.
  if (message.preVote && message.voteGranted && message.term !== core.term + 1) return
  // The first answer holds: a repeated request must not turn it.
  if (!core.votes.has(message.from)) core.votes.set(message.from, message.voteGranted)
  maybeFinish(core)
}

/** The voter's log may not be more complete than the candidate's: by last term, then by length (§5.4.1). */
function isLogUpToDate(core: Core, { lastLogIndex, lastLogTerm }: RequestVote): boolean {
  const ownLastTerm = lastTermOf(core.log)
  return lastLogTerm > ownLastTerm || (lastLogTerm === ownLastTerm && lastLogIndex >= core.log.lastIndex)
}

/** Ends the campaign once no further answer can change its outcome. */
function maybeFinish(core: Core): void {
  const result = voteResult(core.voters, core.votes)
  if (result === 'pending') return
  // After a refusal by a majority, waiting for the rest is in vain; the next timeout tries again.
  if (result === 'lost') becomeFollower(core, core.term, null)
  else if (core.role === 'preCandidate') campaign(core, 'vote')
  else becomeLeader(core)
}

/** Asks every voter that has not answered. */
function requestVotes(core: Core): void {
  const preVote = core.role === 'preCandidate'
  const leadershipTransfer = core.isTransferCampaign
  assert(preVote || core.votedFor === core.id, 'a candidate votes for itself')
  const lastLogIndex = core.log.lastIndex
  const lastLogTerm = lastTermOf(core.log)
  const term = preVote ? core.term + 1 : core.term
  for (const to of core.voters) {
    if (core.votes.has(to)) continue
    const type = 'RequestVote'
    const request = { type, from: core.id, to, term, preVote, lastLogIndex, lastLogTerm, leadershipTransfer } as const
    // A candidate's request tells of its own vote, which must survive a crash before anybody acts on it.
    if (preVote) core.outbox.send(request)
    else core.outbox.sendWhenDurable(request)
  }
}

/** A vote that was given must survive a crash before it counts, or it could be given twice (§5.2; thesis §3.8). */
function respondVote(core: Core, { from: to, term, preVote }: RequestVote, voteGranted: boolean): void {
  const isPreVoteGranted = preVote && voteGranted
  const response = {
    type: 'RequestVoteResponse',
    from: core.id,
    to,
    // A granted PreVote names the term asked about: the asker is not to adopt a term in which nobody campaigns yet.
    term: isPreVoteGranted ? term : core.term,
    preVote,
    voteGranted,
  } as const
  if (isPreVoteGranted) core.outbox.send(response)
  else core.outbox.sendWhenDurable(response)
}
