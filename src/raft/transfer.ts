// Leadership transfer (thesis §3.10): stop taking proposals, let the target catch up, tell it to campaign at once. Nothing is at
// stake: whether the target wins is decided by an ordinary election, and if it never campaigns, this leader goes on.
import type { Core } from './core.ts'
import type { Leadership } from './leadership.ts'
import type { Progress } from './progress.ts'
import { sendTimeoutNow } from './replicate.ts'
import type { MemberId } from './types.ts'

/** Starts a transfer, replacing one to another member. False when there is nobody fit to take over. */
export function startTransfer(core: Core, target: MemberId | undefined): boolean {
  const lead = core.leadership
  if (lead === null) return false
  const peer = target === undefined ? mostCaughtUpVoter(core, lead) : lead.peers.get(target)
  // A learner cannot win, and a member that does not answer would only cost an election timeout without proposals.
  if (peer === undefined || !peer.isVoter || !peer.isActive(core.nowTick, core.options.electionTicks)) return false
  // Asking again does not prolong it.
  if (lead.transfer?.target === peer.id) return true
  // From here on the log stands still, so that the target can reach its end.
  lead.transfer = { target: peer.id, startedAtTick: core.nowTick }
  lead.appendDue = true
  maybeSendTimeoutNow(core, lead)
  return true
}

/** Lets the target campaign once its log is as long as ours: nobody with a longer log can then refuse it (§5.4.1). */
export function maybeSendTimeoutNow(core: Core, lead: Leadership): void {
  if (lead.transfer === null) return
  const peer = lead.peers.get(lead.transfer.target)
  if (peer?.matchIndex === core.log.lastIndex) sendTimeoutNow(core, lead, peer.id)
}

/** Takes proposals again when the target has not taken over within an election timeout (thesis §3.10). */
export function expireTransfer(core: Core, lead: Leadership): void {
  if (lead.transfer === null) return
  if (core.nowTick - lead.transfer.startedAtTick >= core.options.electionTicks) lead.transfer = null
}

/** The voter that needs the least to take over, among those that answer. */
function mostCaughtUpVoter(core: Core, lead: Leadership): Progress | undefined {
  let best: Progress | undefined
  for (const peer of lead.voterPeers) {
    if (!peer.isActive(core.nowTick, core.options.electionTicks)) continue
    if (best === undefined || peer.matchIndex > best.matchIndex) best = peer
  }
  return best
}
