// A leader's side of membership changes (thesis §4): what may be proposed when, and the promotion of learners that caught up.
// What a change does to a membership is in membership.ts, what it does to the leader's bookkeeping in leadership.ts.
import type { Core } from './core.ts'
import { appendAsLeader } from './leader-log.ts'
import type { Leadership } from './leadership.ts'
import { changedMembership, encodeMembership, findMember, votersOf } from './membership.ts'
import type { Progress } from './progress.ts'
import { highestOnMajority } from './quorum.ts'
import type { Membership, MembershipChange, MembershipResult } from './types.ts'

/** Heartbeat rounds in a row that a learner must be close to the leader's log before it is promoted (thesis §4.2.1). */
const CAUGHT_UP_ROUNDS_MIN = 2

/**
 * Appends the configuration after `change`, which is in force with that (thesis §4.1). The reasons for a refusal are checked from
 * "not now" to "not at all": a caller that retries `pending` sees the other reasons later.
 */
export function proposeMembership(core: Core, change: MembershipChange): MembershipResult {
  const lead = core.leadership
  if (lead === null) return { ok: false, reason: 'not_leader' }
  if (lead.transfer !== null) return { ok: false, reason: 'transferring' }
  if (!isChangeAllowed(core, lead)) return { ok: false, reason: 'pending' }
  const membership = changedMembership(core.memberships.current, change)
  if (typeof membership === 'string') return { ok: false, reason: membership }
  if (change.type === 'promote' && !isCaughtUp(core, lead.peers.get(change.id))) {
    return { ok: false, reason: 'not_caught_up' }
  }
  const takesVote = votersOf(membership).length < core.voters.length
  if (takesVote && !isQuorumProved(core, lead, membership)) return { ok: false, reason: 'not_caught_up' }
  const index = appendAsLeader(core, lead, 'membership', [encodeMembership(membership)])
  return { ok: true, index, term: core.term }
}

/**
 * Promotes one learner that kept up for long enough; called once a heartbeat round. Rounds instead of one look, because a learner
 * that answers once and falls behind again would be a voter that the group waits for.
 */
export function promoteCaughtUpLearner(core: Core, lead: Leadership): void {
  let candidate: Progress | undefined
  for (const peer of lead.peerList) {
    const isKeepingUp = !peer.isVoter && isCaughtUp(core, peer)
    peer.caughtUpRounds = isKeepingUp ? peer.caughtUpRounds + 1 : 0
    // Who was demoted on purpose stays a learner until it is promoted on purpose.
    const isReady = peer.caughtUpRounds >= CAUGHT_UP_ROUNDS_MIN
    if (isReady && findMember(core.memberships.current, peer.id)?.demoted !== true) candidate ??= peer
  }
  // Refused while another change is pending, and then tried again in the next round.
  if (candidate !== undefined) proposeMembership(core, { type: 'promote', id: candidate.id })
}

/**
 * One change at a time, across changes of the leader too: the newest configuration in the log must be committed, and an entry
 * of this term as well. Without the latter, two leaders could each have a majority of a different configuration (Ongaro's
 * correction of July 2015 to thesis §4.1).
 */
function isChangeAllowed(core: Core, lead: Leadership): boolean {
  return core.memberships.currentIndex <= core.commitIndex && core.commitIndex >= lead.termStartIndex
}

/** A new voter must not make the group wait for its log (thesis §4.2.1). */
function isCaughtUp(core: Core, peer: Progress | undefined): boolean {
  if (peer === undefined || peer.state !== 'replicate') return false
  if (!peer.isActive(core.nowTick, core.options.electionTicks)) return false
  return core.log.lastIndex - peer.matchIndex <= core.options.promotionLagEntriesMax
}

/**
 * Whether a majority of the voters that would remain is there and nearly up to date, by what is durable. A group that loses a
 * voter while one of the others is away could not commit anything any more, the removal included.
 */
function isQuorumProved(core: Core, lead: Leadership, membership: Membership): boolean {
  // Under load the followers are always a little behind; entries on their way do not make a removal dangerous.
  const enough = core.commitIndex - core.options.promotionLagEntriesMax
  const proofs = votersOf(membership).map((id) => {
    if (id === core.id) return core.durableIndex >= enough ? 1 : 0
    const peer = lead.peers.get(id)
    if (peer === undefined || !peer.isActive(core.nowTick, core.options.electionTicks)) return 0
    return peer.matchIndex >= enough ? 1 : 0
  })
  return highestOnMajority(proofs) === 1
}
