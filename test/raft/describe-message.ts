// Messages, entries and memberships as one short line each, for transcripts and for what a failed test prints.
import { decodeMembership } from '../../src/raft/membership.ts'
import type { Entry, Membership, Message } from '../../src/raft/types.ts'

/** `1->2 AppendEntries term 3 after 4@2 [5@3 x] commit 4`. */
export function describeMessage(message: Message): string {
  return `${message.from}->${message.to} ${message.type} term ${message.term}${detailsOf(message)}`
}

/** `5@3 x`: index, term and what it holds. */
export function describeEntry(entry: Entry): string {
  const place = `${entry.index}@${entry.term}`
  if (entry.kind === 'noop') return `${place} noop`
  if (entry.kind === 'membership') return `${place} ${describeMembership(decodeMembership(entry.data))}`
  return `${place} ${new TextDecoder().decode(entry.data)}`
}

/** `{1 2 3 +4 ~5}`: voters, learners with a plus, demoted learners with a tilde. */
export function describeMembership(membership: Membership): string {
  const names = membership.members.map((member) => {
    if (member.role === 'voter') return member.id
    return member.demoted === true ? `~${member.id}` : `+${member.id}`
  })
  return `{${names.join(' ')}}`
}

function detailsOf(message: Message): string {
  switch (message.type) {
    case 'RequestVote': {
      const kind = message.preVote ? ' pre' : ''
      const transfer = message.leadershipTransfer ? ' transfer' : ''
      return `${kind}${transfer} last ${message.lastLogIndex}@${message.lastLogTerm}`
    }
    case 'RequestVoteResponse':
      return `${message.preVote ? ' pre' : ''} ${message.voteGranted ? 'granted' : 'refused'}`
    case 'AppendEntries': {
      const entries = message.entries.length === 0 ? '' : ` [${message.entries.map(describeEntry).join(', ')}]`
      const round = message.readRound === 0 ? '' : ` round ${message.readRound}`
      return ` after ${message.prevLogIndex}@${message.prevLogTerm}${entries} commit ${message.leaderCommit}${round}`
    }
    case 'AppendEntriesResponse': {
      const round = message.readRound === 0 ? '' : ` round ${message.readRound}`
      if (message.success) return ` match ${message.matchIndex}${round}`
      return ` refused ${message.matchIndex}, hint ${message.hintIndex}@${message.hintTerm}${round}`
    }
    case 'InstallSnapshot': {
      const { index, term, membership } = message.snapshot
      return ` at ${index}@${term} ${describeMembership(membership)}`
    }
    case 'InstallSnapshotResponse':
      return ` match ${message.matchIndex}`
    case 'TimeoutNow':
      return ''
    case 'ReadIndexRequest':
      return ` #${message.requestId}`
    case 'ReadIndexResponse':
      return ` #${message.requestId} index ${String(message.readIndex)}`
  }
}
