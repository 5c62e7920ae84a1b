// A leader's life: its first entry, its ticks, and the answers of the others (§5.2, §5.3). Answers arrive late, repeated and out of
// order; each handler is written so that an old answer changes nothing that a newer one has established.
import { assert } from '../base/assert.ts'
import { promoteCaughtUpLearner } from './change-membership.ts'
import { maybeCommit } from './commit.ts'
import type { Core } from './core.ts'
import { appendAsLeader } from './leader-log.ts'
import { Leadership } from './leadership.ts'
import { lastIndexWithTermAtMost } from './log-search.ts'
import type { Progress } from './progress.ts'
import { confirmReads } from './read-index.ts'
import { sendHeartbeats } from './replicate.ts'
import { becomeFollower } from './roles.ts'
import { expireTransfer, maybeSendTimeoutNow } from './transfer.ts'
import type { AppendEntriesResponse, InstallSnapshotResponse, LogIndex, MemberId } from './types.ts'

/**
 * Election timeouts without an answer after which a delivered snapshot counts as lost. Generous: replacing the whole state takes
 * a while, and streaming it once more is expensive but harmless.
 */
const SNAPSHOT_ANSWER_ELECTION_TIMEOUTS = 10

const EMPTY = new Uint8Array(0)

/** Takes office. The no-op commits what earlier terms left, which counting alone must not (§5.4.2, §8). */
export function becomeLeader(core: Core): void {
  assert(core.role === 'candidate', `a ${core.role} cannot become the leader`)
  const lead = new Leadership(core.options, core.memberships.current, core.log.lastIndex, core.nowTick)
  core.leadership = lead
  core.role = 'leader'
  core.votes.clear()
  core.setLeader(core.id)
  // Sent with the next effects, which tells everybody who leads now (§5.2).
  const index = appendAsLeader(core, lead, 'noop', [EMPTY])
  assert(index === lead.termStartIndex, 'the no-op is the first entry of the term')
}

/** One tick; everything but the end of a transfer is done once a heartbeat interval. */
export function tickLeader(core: Core, lead: Leadership): void {
  expireTransfer(core, lead)
  lead.heartbeatElapsedTicks++
  if (lead.heartbeatElapsedTicks < core.options.heartbeatTicks) return
  lead.heartbeatElapsedTicks = 0
  if (!mayStayLeader(core, lead)) {
    // CheckQuorum: clients must not hang on a leader that cannot commit, and must not read from it (thesis §6.2).
    becomeFollower(core, core.term, null)
    return
  }
  promoteCaughtUpLearner(core, lead)
  // A round of reads may have lost the voters that it waited for by a change of the membership.
  confirmReads(core, lead)
  for (const peer of lead.peerList) expireSnapshot(core, peer)
  sendHeartbeats(core, lead)
  // The message may have been lost, or the target was not ready to campaign when it came.
  maybeSendTimeoutNow(core, lead)
  lead.appendDue = true
}

/** A new leader gets one election timeout to be heard; after that a majority must have answered within the last one. */
function mayStayLeader(core: Core, lead: Leadership): boolean {
  if (core.nowTick - lead.startedAtTick < core.options.electionTicks) return true
  return lead.isQuorumActive(core.nowTick)
}

/** An answer of this term to entries or to a heartbeat. Any answer shows that the member is there and follows this leader. */
export function handleAppendEntriesResponse(core: Core, lead: Leadership, message: AppendEntriesResponse): void {
  const peer = lead.peers.get(message.from)
  // Removed meanwhile: its log no longer matters.
  if (peer === undefined) return
  peer.heardAtTick = core.nowTick
  if (message.readRound > peer.readRound) {
    // A refusal confirms the leadership as well: the member answered in this term (thesis §6.4).
    peer.readRound = message.readRound
    confirmReads(core, lead)
  }
  if (message.success) handleMatch(core, lead, peer, message.matchIndex)
  else handleRefusal(core, lead, peer, message)
}

/** The snapshot was installed, or refused because the member has more: its log matches ours up to `matchIndex` either way. */
export function handleInstallSnapshotResponse(core: Core, lead: Leadership, message: InstallSnapshotResponse): void {
  const peer = lead.peers.get(message.from)
  if (peer === undefined) return
  peer.heardAtTick = core.nowTick
  handleMatch(core, lead, peer, message.matchIndex)
  // Too old a snapshot: the log was cut beyond it meanwhile. Probing will find that another one is needed.
  if (peer.state === 'snapshot') peer.becomeProbe(peer.matchIndex + 1)
}

/** The streaming of a snapshot ended; a failed one is tried again after the next answer to a heartbeat. */
export function handleSnapshotFinished(core: Core, lead: Leadership, member: MemberId, ok: boolean): void {
  const peer = lead.peers.get(member)
  // Anything but `snapshot` means that the log caught up first.
  if (peer === undefined || peer.state !== 'snapshot') return
  if (ok) {
    peer.snapshotDeliveredAtTick = core.nowTick
    return
  }
  peer.becomeProbe(peer.matchIndex + 1)
  // Waits for an answer, so that a member that cannot take snapshots right now is not offered one after the other.
  peer.probePaused = true
}

/** The member's log is durable and equal to ours up to `matchIndex`. May end the leadership, by maybeCommit(). */
function handleMatch(core: Core, lead: Leadership, peer: Progress, matchIndex: LogIndex): void {
  const { lastIndex, firstIndex } = core.log
  // A member cannot match beyond our end, since we hold everything committed (§5.4.3, Leader Completeness).
  assert(matchIndex <= lastIndex, `${peer.id} matches up to ${matchIndex}, but the leader's log ends at ${lastIndex}`)
  const isNews = peer.acknowledge(matchIndex)
  if (peer.state === 'probe') {
    peer.probePaused = false
    // The match is found when something new matches, or all before the next entry does.
    if (isNews || peer.matchIndex === peer.nextIndex - 1) peer.becomeReplicate()
  } else if (peer.state === 'snapshot' && peer.matchIndex + 1 >= firstIndex) {
    // The log does what the snapshot was for, or the snapshot is installed and its answer was lost.
    peer.becomeReplicate()
  }
  // Even an old answer may have freed a place in the window, or lifted a pause.
  lead.appendDue = true
  if (!isNews) return
  if (lead.transfer?.target === peer.id) maybeSendTimeoutNow(core, lead)
  if (peer.isVoter && matchIndex > core.commitIndex) maybeCommit(core, lead)
}

/** The member has no entry like ours at the index that it names: probe further back, or ignore it as out of date. */
function handleRefusal(core: Core, lead: Leadership, peer: Progress, message: AppendEntriesResponse): void {
  const { firstIndex, lastIndex } = core.log
  // Nothing with a larger term than the hint's can match: the member has none of it up to there (§5.3, last paragraphs).
  const probeIndex = lastIndexWithTermAtMost(
    core.log,
    firstIndex - 1,
    Math.min(message.hintIndex, lastIndex),
    message.hintTerm,
  )
  // An answer to an older probe does not lift the pause of the newer one: each probe may be large, and one answer is enough.
  if (peer.refuse(message.matchIndex, probeIndex)) lead.appendDue = true
}

/** A snapshot that was delivered but neither answered nor made superfluous is given up and, if still needed, sent again. */
function expireSnapshot(core: Core, peer: Progress): void {
  if (peer.snapshotDeliveredAtTick === null) return
  const waitedTicks = core.nowTick - peer.snapshotDeliveredAtTick
  if (waitedTicks >= SNAPSHOT_ANSWER_ELECTION_TIMEOUTS * core.options.electionTicks)
    peer.becomeProbe(peer.matchIndex + 1)
}
