// Linearizable reads without writing to the log (thesis §6.4): the leader notes its commit index, confirms by a round of
// heartbeats that it still leads, and answers; who asked then reads as soon as it has applied that far.
//
//   read 1 --> |                                    read 1 answered
//              round 1 ----> voters ----> majority -|
//   read 2 ---------> waits                         round 2 ----> ...
//
// The order matters. A read is put into a round that starts after the read came, the index is taken at that start, and only
// answers to that round or a later one count: so no later leader can have committed anything before the read began.
import type { Core } from './core.ts'
import type { Leadership } from './leadership.ts'
import type { WaitingRead } from './read-queue.ts'
import type { LogIndex, ReadIndexRequest, ReadIndexResponse } from './types.ts'

/** Asks on behalf of this node; the answer is a ReadState, null when there is nobody to confirm it. */
export function requestRead(core: Core, requestId: number): void {
  const lead = core.leadership
  if (lead !== null) {
    addRead(core, lead, { from: null, requestId })
    return
  }
  // A follower lets the leader confirm, and reads its own state (thesis §6.4, last paragraphs).
  const wireId = core.leader === null ? null : core.forwardedReads.add(requestId)
  if (core.leader === null || wireId === null) {
    core.outbox.answerRead(requestId, null)
    return
  }
  core.outbox.send({ type: 'ReadIndexRequest', from: core.id, to: core.leader, term: core.term, requestId: wireId })
}

/** Asked by another member. A sender in an older term is answered too: the answer is current all the same. */
export function handleReadIndexRequest(core: Core, message: ReadIndexRequest): void {
  const read: WaitingRead = { from: message.from, requestId: message.requestId }
  if (core.leadership === null) answerRead(core, read, null)
  else addRead(core, core.leadership, read)
}

/** The leader's answer. Late ones find nobody waiting: the read was answered null already, and its owner may have gone on. */
export function handleReadIndexResponse(core: Core, message: ReadIndexResponse): void {
  const requestId = core.forwardedReads.take(message.requestId)
  if (requestId !== undefined) core.outbox.answerRead(requestId, message.readIndex)
}

/**
 * Starts a round when reads wait for one and none is in flight; returns whether voters have to be asked. Before an entry of
 * its term is committed, a leader does not know which entries of earlier terms are (thesis §6.4, step 1), so reads wait.
 */
export function maybeStartReadRound(core: Core, lead: Leadership): boolean {
  if (!isReadRoundDue(core, lead)) return false
  lead.reads.startRound(core.commitIndex)
  // A sole voter is its own quorum.
  confirmReads(core, lead)
  return lead.reads.isRoundInFlight
}

/** Whether maybeStartReadRound() would start one. */
export function isReadRoundDue(core: Core, lead: Leadership): boolean {
  return lead.reads.isRoundDue && core.commitIndex >= lead.termStartIndex
}

/** Answers the reads of the round in flight once a majority has echoed it. */
export function confirmReads(core: Core, lead: Leadership): void {
  const { reads } = lead
  if (!reads.isRoundInFlight || lead.quorumReadRound() < reads.round) return
  for (const read of reads.takeConfirmed()) answerRead(core, read, reads.roundReadIndex)
}

/** Gives the answer to whoever asked. */
export function answerRead(core: Core, read: WaitingRead, readIndex: LogIndex | null): void {
  if (read.from === null) {
    core.outbox.answerRead(read.requestId, readIndex)
    return
  }
  const { requestId } = read
  core.outbox.send({ type: 'ReadIndexResponse', from: core.id, to: read.from, term: core.term, requestId, readIndex })
}

function addRead(core: Core, lead: Leadership, read: WaitingRead): void {
  if (!lead.reads.add(read)) answerRead(core, read, null)
}
