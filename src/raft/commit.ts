// The commit rule (§5.3, §5.4.2) and what follows from a commit on the leader.
//
//   index     1   2   3   4   5   6         term 3 began at index 5 (its no-op)
//   term      1   1   2   2   3   3
//   on a majority ............^             commitIndex becomes 5; had only 4 been on a majority, it would stay
import type { Core } from './core.ts'
import type { Leadership } from './leadership.ts'
import { sendPending, sendTimeoutNow } from './replicate.ts'
import { becomeFollower } from './roles.ts'

/**
 * Moves the commit index as far as a majority of the configuration in force allows; also that of a configuration which is not
 * committed itself (thesis §4.1). May end the leadership, see finishOwnRemoval().
 */
export function maybeCommit(core: Core, lead: Leadership): void {
  const index = lead.quorumMatchIndex(core.durableIndex)
  // §5.4.2: only entries of the leader's own term are committed by counting; all before them are committed with them. An
  // entry of an earlier term on a majority may still be overwritten (Figure 8).
  if (index < lead.termStartIndex || index <= core.commitIndex) return
  const isChangeDone = core.commitIndex < core.memberships.currentIndex && index >= core.memberships.currentIndex
  core.commitIndex = index
  lead.uncommitted.committed(index)
  // The others may apply as soon as they know.
  lead.appendDue = true
  if (isChangeDone) finishChange(core, lead)
}

/** The newest configuration is committed: those that it removes are told once more, then they no longer matter. */
function finishChange(core: Core, lead: Leadership): void {
  sendPending(core, lead)
  lead.dropLeaving()
  if (!lead.selfIsVoter) finishOwnRemoval(core, lead)
}

/**
 * The configuration without this leader's vote is committed, so it steps down, not earlier (thesis §4.2.2). A member with all of
 * the log is told to campaign at once, which saves the group an election timeout.
 */
function finishOwnRemoval(core: Core, lead: Leadership): void {
  // It has the longest log there is, so no voter can refuse it (§5.4.1).
  const successor = lead.voterPeers.find((peer) => peer.matchIndex === core.log.lastIndex)
  if (successor !== undefined) sendTimeoutNow(core, lead, successor.id)
  becomeFollower(core, core.term, null)
}
