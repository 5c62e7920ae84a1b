// What a leader's messages do to the log of another member: AppendEntries (Figure 2) and InstallSnapshot (§7).
//
// Which answers wait for the disk, and why:
//
//   entries acknowledged    wait: the leader counts them as stored (Figure 2, "respond after ... stable storage")
//   heartbeat acknowledged  do not, as far as they only claim what is durable already; then a slow disk does not look like a
//                           dead member, and reads do not wait for writes
//   entries refused         do not: nothing is promised
//   snapshot answered       wait: log and state are replaced
import { assert, must } from '../base/assert.ts'
import type { Core } from './core.ts'
import { lastIndexWithTermAtMost } from './log-search.ts'
import type { AppendEntries, Entry, InstallSnapshot, LogIndex, MemberId } from './types.ts'

/** An AppendEntries of the current term; the sender is known to be its leader. */
export function handleAppendEntries(core: Core, message: AppendEntries): void {
  core.resetElectionTimer()
  const { prevLogIndex, entries, readRound } = message
  assertFollowing(message)
  // Also from a message that is refused: a member that is behind must know how far.
  core.seenCommitIndex = Math.max(core.seenCommitIndex, message.leaderCommit)
  if (!matchesAt(core, message)) {
    refuse(core, message)
    return
  }
  if (entries.length > 0) appendMissing(core, entries)
  // Whatever is committed matches the leader's log by Leader Completeness (§5.4.3), even if this message began before it.
  const verifiedIndex = Math.max(prevLogIndex + entries.length, core.commitIndex)
  // Entries after the verified ones may be leftovers of another leader: they must not become committed (Figure 2, rule 5).
  core.commitIndex = Math.max(core.commitIndex, Math.min(message.leaderCommit, verifiedIndex))
  if (entries.length === 0 && core.isTermDurable) {
    // A heartbeat is answered without waiting for the disk, which may be busy for longer than an election timeout; what it
    // confirms is durable already. The term is too, so that the answer cannot be forgotten by a crash.
    acknowledge(core, message.from, readRound, Math.min(verifiedIndex, core.durableIndex), false)
    // Entries of this term were acknowledged when they came; should that be lost, a heartbeat after the sync repeats it.
    if (core.durableIndex >= verifiedIndex || core.log.termAt(verifiedIndex) === core.term) return
  }
  acknowledge(core, message.from, readRound, verifiedIndex, true)
}

/** Tells a sender in an older term about ours, so that it steps down; the rest of its message is ignored (§5.1). */
export function refuseStaleLeader(core: Core, leader: MemberId): void {
  core.outbox.sendWhenDurable({
    type: 'AppendEntriesResponse',
    from: core.id,
    to: leader,
    term: core.term,
    success: false,
    matchIndex: 0,
    hintIndex: 0,
    hintTerm: 0,
    readRound: 0,
  })
}

/** A snapshot of the current term's leader, complete and staged by the owner. */
export function handleInstallSnapshot(core: Core, message: InstallSnapshot): void {
  core.resetElectionTimer()
  const { snapshot } = message
  if (snapshot.index > core.commitIndex) {
    if (core.log.termAt(snapshot.index) === snapshot.term) {
      // The log has everything that the snapshot covers; what follows there is kept (§7, Figure 13 step 6).
      core.commitIndex = snapshot.index
    } else {
      core.resetTo(snapshot)
    }
  }
  // Otherwise it is outdated: the state is further already, and going back would undo what was applied. The leader learns how far
  // this log goes either way, and that it may go on from there.
  core.outbox.sendWhenDurable({
    type: 'InstallSnapshotResponse',
    from: core.id,
    to: message.from,
    term: core.term,
    matchIndex: core.commitIndex,
  })
}

/** The consistency check (§5.3): the log contains the entry that precedes the new ones. */
function matchesAt(core: Core, { prevLogIndex, prevLogTerm }: AppendEntries): boolean {
  const term = core.log.termAt(prevLogIndex)
  if (prevLogIndex > core.commitIndex) return term === prevLogTerm
  // Committed entries are in every later leader's log; a leader without them is a loss of data that must not spread.
  assert(
    prevLogIndex === 0 || term === undefined || term === prevLogTerm,
    `the leader's entry ${prevLogIndex} has term ${prevLogTerm}, but one of term ${String(term)} is committed here`,
  )
  return true
}

/**
 * Adds the entries that are not there yet. The log is cut only where it really conflicts: a message that was overtaken by a
 * longer one must not undo what was acknowledged since (Figure 2, rules 3 and 4).
 */
function appendMissing(core: Core, entries: readonly Entry[]): void {
  const { log } = core
  // Usually the first entry is new and the loop ends at once.
  let position = 0
  for (const entry of entries) {
    if (entry.index > log.lastIndex) break
    const term = log.termAt(entry.index)
    // An entry that was cut away behind a snapshot is committed, hence equal. truncateFrom() refuses to cut committed ones.
    if (term !== entry.term && (entry.index > core.commitIndex || term !== undefined)) {
      core.truncateFrom(entry.index)
      break
    }
    position++
  }
  if (position === entries.length) return
  core.append(position === 0 ? entries : entries.slice(position))
}

/** Only what is durable is acknowledged (Figure 2, "respond after ... stable storage"), hence mostly by a durable message. */
function acknowledge(core: Core, to: MemberId, readRound: number, matchIndex: LogIndex, whenDurable: boolean): void {
  const { id: from, term, outbox } = core
  const type = 'AppendEntriesResponse'
  const response = { type, from, to, term, success: true, matchIndex, hintIndex: 0, hintTerm: 0, readRound } as const
  if (whenDurable) outbox.sendWhenDurable(response)
  else outbox.send(response)
}

/**
 * Refuses, with the largest index at which the logs may agree: entries here of a later term than `prevLogTerm` are not in the
 * leader's log up to `prevLogIndex`, so the whole of each such term is skipped (§5.3, last paragraphs).
 */
function refuse(core: Core, { from: leader, prevLogIndex, prevLogTerm, readRound }: AppendEntries): void {
  const { log, commitIndex } = core
  const hintIndex = lastIndexWithTermAtMost(log, commitIndex, Math.min(prevLogIndex, log.lastIndex), prevLogTerm)
  assert(hintIndex >= commitIndex, `the leader's entry ${prevLogIndex} is of a term before what is committed here`)
  // Promises nothing, and the leader knows the term already: no need to wait for the disk.
  core.outbox.send({
    type: 'AppendEntriesResponse',
    from: core.id,
    to: leader,
    term: core.term,
    success: false,
    matchIndex: prevLogIndex,
    hintIndex,
    hintTerm: must(log.termAt(hintIndex), 'the hint is in the log'),
    readRound,
  })
}

/**
 * Checks the shape that every rule here relies on; the only place where entries from outside enter the core. A peer that sends
 * anything else has a bug that may have damaged its log: going on could spread that.
 */
function assertFollowing({ term, prevLogIndex, prevLogTerm, entries }: AppendEntries): void {
  let index = prevLogIndex
  let entryTerm = prevLogTerm
  for (const entry of entries) {
    index++
    assert(entry.index === index, `entry ${entry.index} stands where ${index} should`)
    assert(entry.term >= entryTerm, `terms decrease at entry ${index}`)
    entryTerm = entry.term
  }
  assert(entryTerm <= term, `the leader of term ${term} sent an entry of term ${entryTerm}`)
}
