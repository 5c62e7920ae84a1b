// The commit rule (§5.3, §5.4.2) and what follows from a commit on the leader.
import type { Core } from './core.ts'
import type { Leadership } from './leadership.ts'
import { sendPending, sendTimeoutNow } from './replicate.ts'
import { becomeFollower } from './roles.ts'

/** Moves the commit index as far as a majority allows. May end the leadership, see finishOwnRemoval(). */
export function maybeCommit(core: Core, lead: Leadership): void {
  const index = lead.quorumMatchIndex(core.durableIndex)
  // §5.4.2: only entries of the leader's own term are committed by counting; all before them are committed with them. An
  // entry of an earlier term on a majority may still be overwritten (Figure 8).
  if (index < lead.termStartIndex || index <= core.commitIndex) return
  const isChangeDone = core.commitIndex < core.memberships.currentIndex && index >= core.memberships.currentIndex
  core.commitIndex = index
  lead.uncommitted.committed(index)
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
  const successor = lead.voterPeers.find((peer) => peer.matchIndex === core.log.lastIndex)
  if (successor !== undefined) sendTimeoutNow(core, lead, successor.id)
  becomeFollower(core, core.term, null)
}
