// Arbitrary peer messages for property tests.
import * as fc from 'fast-check'
import type { Message } from '../../src/raft/types.ts'
import type { PeerMessage } from '../../src/replication/peer-messages.ts'
import { unicodeText } from './text-arbitrary.ts'

const uint = fc.oneof(fc.nat(300), fc.maxSafeNat())
const text = fc.oneof(fc.string(), unicodeText, fc.constant('a'.repeat(300)))
const id = fc.oneof(fc.constantFrom('node0/2c8a', 'node1/77fe'), text)
const bytes = fc.uint8Array({ maxLength: 300 })
const member = fc.oneof(
  fc.record({ id, role: fc.constantFrom('voter' as const, 'learner' as const), raftAddress: text }),
  fc.record({ id, role: fc.constant('learner' as const), raftAddress: text, demoted: fc.constant(true as const) }),
)
const membership = fc.record({ members: fc.array(member, { maxLength: 5 }) })
const snapshotMeta = fc.record({ index: uint, term: uint, membership })
const kind = fc.constantFrom('command' as const, 'noop' as const, 'membership' as const)
const scatteredEntries = fc.array(fc.record({ index: uint, term: uint, kind, data: bytes }), { maxLength: 8 })
const base = { from: id, to: id, term: uint }

const appendEntries = fc
  .record({
    ...base,
    type: fc.constant('AppendEntries' as const),
    prevLogIndex: uint,
    prevLogTerm: uint,
    entries: scatteredEntries,
    leaderCommit: uint,
    readRound: uint,
    contiguous: fc.boolean(),
  })
  .map(({ contiguous, ...message }) => {
    if (!contiguous) return message
    const first = Math.min(message.prevLogIndex, 2 ** 50) + 1
    const term = message.prevLogTerm
    return { ...message, entries: message.entries.map((entry, at) => ({ ...entry, index: first + at, term })) }
  })

const raftMessage: fc.Arbitrary<Message> = fc.oneof(
  appendEntries,
  fc.record({
    ...base,
    type: fc.constant('RequestVote' as const),
    preVote: fc.boolean(),
    lastLogIndex: uint,
    lastLogTerm: uint,
    leadershipTransfer: fc.boolean(),
  }),
  fc.record({
    ...base,
    type: fc.constant('RequestVoteResponse' as const),
    preVote: fc.boolean(),
    voteGranted: fc.boolean(),
  }),
  fc.record({
    ...base,
    type: fc.constant('AppendEntriesResponse' as const),
    success: fc.boolean(),
    matchIndex: uint,
    hintIndex: uint,
    hintTerm: uint,
    readRound: uint,
  }),
  fc.record({ ...base, type: fc.constant('InstallSnapshot' as const), snapshot: snapshotMeta }),
  fc.record({ ...base, type: fc.constant('InstallSnapshotResponse' as const), matchIndex: uint }),
  fc.record({ ...base, type: fc.constant('TimeoutNow' as const) }),
  fc.record({ ...base, type: fc.constant('ReadIndexRequest' as const), requestId: uint }),
  fc.record({
    ...base,
    type: fc.constant('ReadIndexResponse' as const),
    requestId: uint,
    readIndex: fc.option(uint, { nil: null }),
  }),
)

const plainResult: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom(undefined, null, true, false),
    fc.string(),
    // Whole numbers travel as such, which have no negative zero; no result is one.
    fc.double({ noNaN: true }).map((value) => (value === 0 ? 0 : value)),
    fc.maxSafeInteger(),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    bytes.map((value) => Buffer.from(value)),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(
      fc.string().filter((key) => key !== '__proto__'),
      tie('value'),
      { maxKeys: 4, noNullPrototype: true },
    ),
  ),
})).value

/** Any message that one node may send to another. */
export const peerMessage: fc.Arbitrary<PeerMessage> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ type: fc.constant('Raft' as const), message: raftMessage }) },
  fc.record({
    type: fc.constant('ProposeRequest' as const),
    requestId: uint,
    commands: fc.array(bytes, { maxLength: 8 }),
    traced: fc.boolean(),
  }),
  fc.record({
    type: fc.constant('ProposeResponse' as const),
    requestId: uint,
    results: fc.array(plainResult, { maxLength: 6 }),
    phasesMs: fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { maxLength: 5 }),
  }),
  fc.record({
    type: fc.constant('ProposeResponse' as const),
    requestId: uint,
    error: fc.record({ code: text, message: text, outcomeUnknown: fc.boolean() }),
  }),
  fc.record({ type: fc.constant('ProbeRequest' as const), requestId: uint }),
  fc.record({
    type: fc.constant('ProbeResponse' as const),
    requestId: uint,
    nodeId: text,
    clusterId: fc.option(text, { nil: null }),
    leader: fc.option(fc.record({ memberId: id, raftAddress: text }), { nil: null }),
  }),
  fc.record({
    type: fc.constant('JoinRequest' as const),
    requestId: uint,
    nodeId: text,
    memberId: id,
    raftAddress: text,
  }),
  fc.record({
    type: fc.constant('JoinResponse' as const),
    requestId: uint,
    accepted: fc.constant(true as const),
    clusterId: text,
    membership,
  }),
  fc.record({
    type: fc.constant('JoinResponse' as const),
    requestId: uint,
    accepted: fc.constant(false as const),
    reason: text,
    leaderAddress: fc.option(text, { nil: null }),
  }),
  fc.record({
    type: fc.constant('SnapshotChunk' as const),
    transferId: uint,
    term: uint,
    sequence: uint,
    meta: fc.option(snapshotMeta, { nil: null }),
    last: fc.boolean(),
    data: bytes,
  }),
  fc.record({
    type: fc.constant('SnapshotChunkAck' as const),
    transferId: uint,
    sequence: uint,
    ok: fc.boolean(),
  }),
  fc.record({ type: fc.constant('AdminRequest' as const), requestId: uint, request: text }),
  fc.record({ type: fc.constant('AdminResponse' as const), requestId: uint, answer: text }),
  fc.record({ type: fc.constant('StateHash' as const), index: uint, hash: fc.double({ noNaN: true }) }),
  fc.record({
    type: fc.constant('TokenRequest' as const),
    requestId: uint,
    entries: fc.array(
      fc.record({
        entityId: uint,
        rateClass: fc.constantFrom('data' as const, 'events' as const),
        waiting: uint,
        extra: uint,
        whole: fc.boolean(),
      }),
      { maxLength: 5 },
    ),
  }),
  fc.record({
    type: fc.constant('TokenGrant' as const),
    requestId: uint,
    entries: fc.array(fc.record({ granted: uint, waitMs: fc.double({ noNaN: true }) }), { maxLength: 5 }),
  }),
  fc.record({ type: fc.constant('OperationsRequest' as const), requestId: uint }),
  fc.record({
    type: fc.constant('OperationsReport' as const),
    requestId: uint,
    rates: fc.array(fc.double({ noNaN: true }), { maxLength: 8 }),
  }),
  fc.record({ type: fc.constant('CatchUpRequest' as const), requestId: uint }),
  fc.record({ type: fc.constant('CatchUpReport' as const), requestId: uint, memberId: fc.string() }),
)
