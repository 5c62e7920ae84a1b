// A leader's sending side (§5.3): entries, heartbeats, the news of a commit, and the request to stream a snapshot. Messages are
// made when the owner takes the effects, so that everything proposed and learnt in between shares them.
//
// Nothing here is repeated on a timer of its own. What is lost shows at the next heartbeat, whose answer says how far the member's
// log really goes:
//
//   lost entries           the heartbeat is refused, and probing starts over from what matches
//   lost acknowledgement   the heartbeat's acknowledgement covers it
//   lost commit index      every message carries the newest one
//   lost round of reads    every message carries the newest one
import type { Core } from './core.ts'
import type { Leadership } from './leadership.ts'
import type { Progress } from './progress.ts'
import { isReadRoundDue, maybeStartReadRound } from './read-index.ts'
import type { Entry, LogIndex, MemberId, Message, Term } from './types.ts'

const NO_ENTRIES: readonly Entry[] = []

/** Sends what members lack: entries as far as their windows allow, the newest commit index, a due round of reads. */
export function sendPending(core: Core, lead: Leadership): void {
  const isRoundStarted = maybeStartReadRound(core, lead)
  if (!lead.appendDue && !isRoundStarted) return
  lead.appendDue = false
  for (const peer of lead.peerList) {
    const isEmptySent = sendEntries(core, lead, peer)
    // Messages with entries carry the round too, but are answered only after a disk sync: an empty one is answered at once.
    if (isRoundStarted && peer.isVoter && !isEmptySent) sendEmpty(core, lead, peer)
  }
  lead.dropBatch()
}

/** Whether sendPending() would send anything. It may say no when only a snapshot is due: the next heartbeat asks for that. */
export function hasPending(core: Core, lead: Leadership): boolean {
  if (isReadRoundDue(core, lead)) return true
  return (
    lead.appendDue && lead.peerList.some((peer) => peer.canSend && (hasEntries(core, peer) || lacksCommit(core, peer)))
  )
}

/** Heartbeats to everybody, paused or not (§5.2): their answers lift the pauses. */
export function sendHeartbeats(core: Core, lead: Leadership): void {
  for (const peer of lead.peerList) sendEmpty(core, lead, peer)
}

/** Sends entries until `peer` has them all or may not get more; returns whether an empty message went out. */
function sendEntries(core: Core, lead: Leadership, peer: Progress): boolean {
  // The next entries are gone: no answer to what is in flight can help, and if that is lost, none would ever come.
  if (peer.state === 'replicate' && peer.nextIndex < core.log.firstIndex) requestSnapshot(core, peer)
  while (peer.canSend) {
    if (!hasEntries(core, peer)) {
      // Tells the commit index without waiting for the next heartbeat, so that followers apply at once.
      if (!lacksCommit(core, peer)) return false
      sendEmpty(core, lead, peer)
      return true
    }
    if (!sendBatch(core, lead, peer)) return false
  }
  return false
}

function hasEntries(core: Core, peer: Progress): boolean {
  return peer.nextIndex <= core.log.lastIndex
}

/** A member that is probed hears of commits by its probes and by heartbeats; it has other worries. */
function lacksCommit(core: Core, peer: Progress): boolean {
  return peer.state === 'replicate' && peer.commitSent < core.commitIndex
}

/** Sends one message with entries; false when those that the member needs are gone. */
function sendBatch(core: Core, lead: Leadership, peer: Progress): boolean {
  const prevLogTerm = core.log.termAt(peer.nextIndex - 1)
  const batch = prevLogTerm === undefined ? undefined : lead.batchFrom(core.log, peer.nextIndex)
  if (prevLogTerm === undefined || batch === undefined) {
    requestSnapshot(core, peer)
    return false
  }
  const lastIndex = peer.nextIndex - 1 + batch.entries.length
  sendAppend(core, lead, peer, { prevLogIndex: peer.nextIndex - 1, prevLogTerm, entries: batch.entries })
  peer.sent(lastIndex, batch.sizeBytes)
  return true
}

/**
 * An AppendEntries without entries. It asks about the entry before the next one, so that a lost message shows up as a refusal
 * one heartbeat later. When that entry was cut away it asks about the start of the log, which is refused by nobody; the answer
 * then tells how far the member's log is committed.
 */
function sendEmpty(core: Core, lead: Leadership, peer: Progress): void {
  const prevLogIndex = peer.nextIndex - 1
  const prevLogTerm = core.log.termAt(prevLogIndex)
  const prev = prevLogTerm === undefined ? { prevLogIndex: 0, prevLogTerm: 0 } : { prevLogIndex, prevLogTerm }
  sendAppend(core, lead, peer, { ...prev, entries: NO_ENTRIES })
}

/** The part of an AppendEntries that differs between heartbeats, probes and replication. */
interface Append {
  readonly prevLogIndex: LogIndex
  readonly prevLogTerm: Term
  readonly entries: readonly Entry[]
}

function sendAppend(core: Core, lead: Leadership, peer: Progress, append: Append): void {
  // The member takes over the commit index only as far as this message verifies its log (Figure 2, AppendEntries 5).
  peer.commitSent = Math.max(peer.commitSent, Math.min(core.commitIndex, append.prevLogIndex + append.entries.length))
  sendAsLeader(core, lead, {
    type: 'AppendEntries',
    from: core.id,
    to: peer.id,
    term: core.term,
    prevLogIndex: append.prevLogIndex,
    prevLogTerm: append.prevLogTerm,
    entries: append.entries,
    leaderCommit: core.commitIndex,
    readRound: lead.reads.round,
  })
}

/** Leadership transfer, last step: the target need not wait for its election timeout (thesis §3.10). */
export function sendTimeoutNow(core: Core, lead: Leadership, to: MemberId): void {
  sendAsLeader(core, lead, { type: 'TimeoutNow', from: core.id, to, term: core.term })
}

/** A leader's messages travel while its own disk syncs (thesis §10.2.1), unless its very term is not durable yet. */
function sendAsLeader(core: Core, lead: Leadership, message: Message): void {
  if (lead.holdsMessages) core.outbox.sendWhenDurable(message)
  else core.outbox.send(message)
}

/**
 * Asks the owner to stream a snapshot (§7), once: the state `snapshot` ends only by an answer or by the end of the streaming. A
 * member that is silent is probed until it answers, since a stream to it would only fail; one that is being removed needs none.
 */
function requestSnapshot(core: Core, peer: Progress): void {
  if (peer.isLeaving || !peer.isActive(core.nowTick, core.options.electionTicks)) {
    peer.becomeProbe(peer.nextIndex)
    peer.probePaused = true
    return
  }
  peer.becomeSnapshot()
  core.outbox.streamSnapshot(peer.id)
}
