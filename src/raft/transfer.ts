// Leadership transfer (thesis §3.10): stop taking proposals, let the target catch up, tell it to campaign at once. Nothing is at
// stake: whether the target wins is decided by an ordinary election, and if it never campaigns, this leader goes on.
import type { Core } from './core.ts'
import type { Leadership } from './leadership.ts'
import type { Progress } from './progress.ts'
import { sendTimeoutNow } from './replicate.ts'
import type { MemberId } from './types.ts'

/**
 * How far behind a voter may be and still be as good a target as any: about one batch of proposals, which it has by the time
 * that those under way are through.
 */
const TARGET_LAG_ENTRIES_MAX = 1_024

/** Starts a transfer, replacing one to another member. False when there is nobody fit to take over. */
export function startTransfer(core: Core, target: MemberId | undefined): boolean {
  const lead = core.leadership
  if (lead === null) return false
  if (target === undefined && lead.transfer !== null) return true
  const peer = target === undefined ? bestTarget(core, lead) : lead.peers.get(target)
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
  if (core.nowTick - lead.transfer.startedAtTick < core.options.electionTicks) return
  lead.failedTarget = lead.transfer.target
  lead.transfer = null
}

/**
 * Who is to take over: of the voters that answer and are close to the end of the log, the first by name, or else the one that is
 * closest. Nodes are restarted from the last to the first (StatefulSets do), and leadership that goes to the one that is
 * restarted last moves least often. The one that has just failed to take over comes last.
 */
function bestTarget(core: Core, lead: Leadership): Progress | undefined {
  const isNear = (peer: Progress): boolean => core.log.lastIndex - peer.matchIndex <= TARGET_LAG_ENTRIES_MAX
  const isBetter = (peer: Progress, best: Progress): boolean => {
    if (peer.id === lead.failedTarget || best.id === lead.failedTarget) return best.id === lead.failedTarget
    if (isNear(peer) && isNear(best)) return isBefore(peer.id, best.id)
    return peer.matchIndex > best.matchIndex
  }
  let best: Progress | undefined
  for (const peer of lead.voterPeers) {
    if (!peer.isActive(core.nowTick, core.options.electionTicks)) continue
    if (best === undefined || isBetter(peer, best)) best = peer
  }
  return best
}

/** The order of names that end in numbers: node-2 comes before node-10. */
function isBefore(id: MemberId, other: MemberId): boolean {
  return id.length === other.length ? id < other : id.length < other.length
}
