// The bytes of Raft messages between peers. AppendEntries is the hot path: an entry costs one byte beside its data when it
// follows its predecessor's index and shares its term, which nearly every entry does.
import { unreachable } from '../../base/assert.ts'
import type { Entry, EntryKind, Member, Membership, Message, SnapshotMeta } from '../../raft/types.ts'
import { protocolError } from './codec-bytes.ts'
import type { PeerReader, PeerWriter } from './codec-bytes.ts'

const TYPES = [
  'RequestVote',
  'RequestVoteResponse',
  'AppendEntries',
  'AppendEntriesResponse',
  'InstallSnapshot',
  'InstallSnapshotResponse',
  'TimeoutNow',
  'ReadIndexRequest',
  'ReadIndexResponse',
] as const satisfies readonly Message['type'][]

const KINDS = ['command', 'noop', 'membership'] as const satisfies readonly EntryKind[]
/** What a member is, in one byte: a demoted learner differs from one that waits for its promotion. */
const STANDINGS = ['learner', 'voter', 'demoted'] as const
const KIND_MASK = 0b0011
const OTHER_TERM = 0b0100
const OTHER_INDEX = 0b1000
const ENTRY_FLAGS = KIND_MASK | OTHER_TERM | OTHER_INDEX

/** Type, sender, receiver, term, then the fields of the type in the order of their declaration. */
export function writeRaftMessage(writer: PeerWriter, message: Message): void {
  writer.byte(TYPES.indexOf(message.type))
  writer.text(message.from)
  writer.text(message.to)
  writer.uint(message.term)
  switch (message.type) {
    case 'RequestVote':
      writer.boolean(message.preVote)
      writer.uint(message.lastLogIndex)
      writer.uint(message.lastLogTerm)
      writer.boolean(message.leadershipTransfer)
      return
    case 'RequestVoteResponse':
      writer.boolean(message.preVote)
      writer.boolean(message.voteGranted)
      return
    case 'AppendEntries':
      writer.uint(message.prevLogIndex)
      writer.uint(message.prevLogTerm)
      writer.uint(message.leaderCommit)
      writer.uint(message.readRound)
      writeEntries(writer, message.entries, message.prevLogIndex, message.prevLogTerm)
      return
    case 'AppendEntriesResponse':
      writer.boolean(message.success)
      writer.uint(message.matchIndex)
      writer.uint(message.hintIndex)
      writer.uint(message.hintTerm)
      writer.uint(message.readRound)
      return
    case 'InstallSnapshot':
      writeSnapshotMeta(writer, message.snapshot)
      return
    case 'InstallSnapshotResponse':
      writer.uint(message.matchIndex)
      return
    case 'TimeoutNow':
      return
    case 'ReadIndexRequest':
      writer.uint(message.requestId)
      return
    case 'ReadIndexResponse':
      writer.uint(message.requestId)
      writer.boolean(message.readIndex !== null)
      if (message.readIndex !== null) writer.uint(message.readIndex)
      return
    default:
      unreachable(message)
  }
}

/** Reads what writeRaftMessage() wrote. */
export function readRaftMessage(reader: PeerReader): Message {
  const type = TYPES[reader.byte()]
  if (type === undefined) throw protocolError('unknown type of Raft message')
  const from = reader.text()
  const to = reader.text()
  const term = reader.uint()
  switch (type) {
    case 'RequestVote': {
      const preVote = reader.boolean()
      const lastLogIndex = reader.uint()
      const lastLogTerm = reader.uint()
      return { type, from, to, term, preVote, lastLogIndex, lastLogTerm, leadershipTransfer: reader.boolean() }
    }
    case 'RequestVoteResponse': {
      const preVote = reader.boolean()
      return { type, from, to, term, preVote, voteGranted: reader.boolean() }
    }
    case 'AppendEntries': {
      const prevLogIndex = reader.uint()
      const prevLogTerm = reader.uint()
      const leaderCommit = reader.uint()
      const readRound = reader.uint()
      const entries = readEntries(reader, prevLogIndex, prevLogTerm)
      return { type, from, to, term, prevLogIndex, prevLogTerm, entries, leaderCommit, readRound }
    }
    case 'AppendEntriesResponse': {
      const success = reader.boolean()
      const matchIndex = reader.uint()
      const hintIndex = reader.uint()
      const hintTerm = reader.uint()
      return { type, from, to, term, success, matchIndex, hintIndex, hintTerm, readRound: reader.uint() }
    }
    case 'InstallSnapshot':
      return { type, from, to, term, snapshot: readSnapshotMeta(reader) }
    case 'InstallSnapshotResponse':
      return { type, from, to, term, matchIndex: reader.uint() }
    case 'TimeoutNow':
      return { type, from, to, term }
    case 'ReadIndexRequest':
      return { type, from, to, term, requestId: reader.uint() }
    case 'ReadIndexResponse': {
      const requestId = reader.uint()
      return { type, from, to, term, requestId, readIndex: reader.boolean() ? reader.uint() : null }
    }
    default:
      return unreachable(type)
  }
}

/** Index, term and membership of a snapshot. */
export function writeSnapshotMeta(writer: PeerWriter, meta: SnapshotMeta): void {
  writer.uint(meta.index)
  writer.uint(meta.term)
  writeMembership(writer, meta.membership)
}

export function readSnapshotMeta(reader: PeerReader): SnapshotMeta {
  const index = reader.uint()
  const term = reader.uint()
  return { index, term, membership: readMembership(reader) }
}

export function writeMembership(writer: PeerWriter, membership: Membership): void {
  writer.count(membership.members.length)
  for (const member of membership.members) {
    writer.text(member.id)
    writer.byte(STANDINGS.indexOf(standingOf(member)))
    writer.text(member.raftAddress)
  }
}

export function readMembership(reader: PeerReader): Membership {
  const members: Member[] = []
  for (let left = reader.count(); left > 0; left -= 1) {
    const id = reader.text()
    const standing = STANDINGS[reader.byte()]
    if (standing === undefined) throw protocolError('unknown role of a member')
    members.push(memberOf(standing, id, reader.text()))
  }
  return { members }
}

function standingOf(member: Member): (typeof STANDINGS)[number] {
  return member.demoted === true ? 'demoted' : member.role
}

function memberOf(standing: (typeof STANDINGS)[number], id: string, raftAddress: string): Member {
  if (standing === 'demoted') return { id, role: 'learner', raftAddress, demoted: true }
  return { id, role: standing, raftAddress }
}

function writeEntries(writer: PeerWriter, entries: readonly Entry[], prevIndex: number, prevTerm: number): void {
  writer.count(entries.length)
  let sizeBytes = 0
  for (const entry of entries) sizeBytes += entry.data.length
  writer.expect(entries.length, sizeBytes)
  let expectedIndex = prevIndex + 1
  let term = prevTerm
  for (const entry of entries) {
    const otherTerm = entry.term === term ? 0 : OTHER_TERM
    const otherIndex = entry.index === expectedIndex ? 0 : OTHER_INDEX
    writer.byte(KINDS.indexOf(entry.kind) | otherTerm | otherIndex)
    if (otherTerm !== 0) writer.uint(entry.term)
    if (otherIndex !== 0) writer.uint(entry.index)
    writer.bytes(entry.data)
    term = entry.term
    expectedIndex = entry.index + 1
  }
}

function readEntries(reader: PeerReader, prevIndex: number, prevTerm: number): Entry[] {
  const entries: Entry[] = []
  let index = prevIndex
  let term = prevTerm
  for (let left = reader.count(); left > 0; left -= 1) {
    const flags = reader.byte()
    const kind = KINDS[flags & KIND_MASK]
    if (kind === undefined || flags > ENTRY_FLAGS) throw protocolError('unknown kind of log entry')
    if ((flags & OTHER_TERM) !== 0) term = reader.uint()
    index = (flags & OTHER_INDEX) === 0 ? index + 1 : reader.uint()
    entries.push({ index, term, kind, data: reader.bytes() })
  }
  return entries
}
