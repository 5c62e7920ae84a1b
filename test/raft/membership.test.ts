// Changes of the membership by the thesis, chapter 4: one vote at a time, in force as soon as appended, reverted by truncation.
import * as fc from 'fast-check'
import {
  changedMembership,
  decodeMembership,
  encodeMembership,
  findMember,
  votersOf,
} from '../../src/raft/membership.ts'
import { Cluster } from './cluster-fixture.ts'
import {
  addLearner as learner,
  entriesOf,
  membershipEntry as entryOf,
  membershipOf,
  TestNode,
  textOf,
} from './node-fixture.ts'
import type { Member, Membership } from '../../src/raft/types.ts'

describe('a change as a value', () => {
  const membership = membershipOf(['1', '2'], ['3'])

  test('each kind does what it says', () => {
    expect(changedMembership(membership, learner('0'))).toEqual(membershipOf(['1', '2'], ['0', '3']))
    expect(changedMembership(membership, { type: 'promote', id: '3' })).toEqual(membershipOf(['1', '2', '3']))
    expect(changedMembership(membership, { type: 'remove', id: '1' })).toEqual(membershipOf(['2'], ['3']))
    const demoted = changedMembership(membership, { type: 'demote', id: '2' }) as Membership
    expect(findMember(demoted, '2')).toEqual({ id: '2', role: 'learner', raftAddress: '2:7000', demoted: true })
    expect(changedMembership(demoted, { type: 'promote', id: '2' })).toEqual(membership)
    const moved = changedMembership(membership, { type: 'set_address', id: '2', raftAddress: 'x:1' }) as Membership
    expect(findMember(moved, '2')).toEqual({ id: '2', role: 'voter', raftAddress: 'x:1' })
  })

  test.each([
    { change: learner('1'), reason: 'already' },
    { change: { type: 'promote', id: '1' }, reason: 'already' },
    { change: { type: 'set_address', id: '1', raftAddress: '1:7000' }, reason: 'already' },
    { change: { type: 'promote', id: '9' }, reason: 'unknown_member' },
    { change: { type: 'demote', id: '9' }, reason: 'unknown_member' },
    { change: { type: 'remove', id: '9' }, reason: 'unknown_member' },
  ] as const)('$change is refused: $reason', ({ change, reason }) => {
    expect(changedMembership(membership, change)).toBe(reason)
  })

  test.each(['demote', 'remove'] as const)('the last voter cannot go (%s)', (type) => {
    expect(changedMembership(membershipOf(['1'], ['2']), { type, id: '1' })).toBe('last_voter')
    expect(changedMembership(membershipOf(['1'], ['2']), { type: 'remove', id: '2' })).toEqual(membershipOf(['1']))
  })

  test('at most one vote changes, whatever the change (§4.1, Figure 4.3)', () => {
    const changes = fc.oneof(
      fc.constantFrom('promote', 'demote', 'remove').chain((type) => fc.record({ type: fc.constant(type), id: ids })),
      ids.map(learner),
    )
    fc.assert(
      fc.property(memberships, changes, (before, change) => {
        const after = changedMembership(before, change)
        if (typeof after === 'string') return
        const [voters, others] = [votersOf(before), votersOf(after)]
        const added = others.filter((id) => !voters.includes(id))
        const removed = voters.filter((id) => !others.includes(id))
        expect(added.length + removed.length).toBeLessThanOrEqual(1)
      }),
    )
  })
})

const ids = fc.constantFrom('a', 'b', 'c', 'd', 'e')
const memberships: fc.Arbitrary<Membership> = fc
  .uniqueArray(fc.record({ id: ids, kind: fc.constantFrom('voter', 'learner', 'demoted'), address: fc.string() }), {
    selector: (member) => member.id,
  })
  .map((members) => ({
    members: members
      .map(({ id, kind, address }): Member => {
        const member = { id, raftAddress: address }
        if (kind === 'voter') return { ...member, role: 'voter' }
        return kind === 'demoted' ? { ...member, role: 'learner', demoted: true } : { ...member, role: 'learner' }
      })
      .sort((a, b) => (a.id < b.id ? -1 : 1)),
  }))

describe('encoding', () => {
  test('what is encoded is decoded, and order does not matter', () => {
    fc.assert(
      fc.property(memberships, (membership) => {
        const bytes = encodeMembership(membership)
        expect(decodeMembership(bytes)).toEqual(membership)
        expect(encodeMembership({ members: [...membership.members].reverse() })).toEqual(bytes)
      }),
    )
  })

  test.each([
    ['no version', new Uint8Array(0)],
    ['another version', Uint8Array.of(9)],
    ['no JSON', Uint8Array.of(1, 0x7b)],
    ['no array', textOf('\u0001{}')],
    ['no id', textOf('\u0001[[1,"voter","x"]]')],
    ['an unknown role', textOf('\u0001[["1","king","x"]]')],
  ])('%s is no membership', (_name, bytes) => {
    expect(() => decodeMembership(bytes)).toThrow()
  })
})

describe('§4.1 on a leader', () => {
  test('a change is refused until an entry of the term is committed (correction of 2015)', () => {
    const node = new TestNode({ terms: [1], commitIndex: 1 })
    expect(node.raft.proposeMembership(learner('4'))).toEqual({ ok: false, reason: 'not_leader' })
    node.becomeLeader()
    expect(node.raft.proposeMembership(learner('4'))).toEqual({ ok: false, reason: 'pending' })
    node.sent()
    node.answer({ matchIndex: 2 })
    expect(node.raft.proposeMembership(learner('4'))).toEqual({ ok: true, index: 3, term: 2 })
  })

  test('a configuration is in force as soon as it is appended, and one change runs at a time', () => {
    const node = new TestNode()
    node.lead()
    node.raft.proposeMembership(learner('4'))
    expect(node.raft.status().membership).toEqual(membershipOf(['1', '2', '3'], ['4']))
    expect(node.raft.status().membershipIndex).toBe(2)
    expect(node.sentOf('AppendEntries').map((message) => message.to)).toEqual(['2', '4'])
    expect(node.raft.proposeMembership(learner('5'))).toEqual({ ok: false, reason: 'pending' })
    node.answer({ matchIndex: 2 })
    expect(node.raft.proposeMembership(learner('5')).ok).toBe(true)
  })

  test('an uncommitted change of an earlier leader counts as well', () => {
    const node = new TestNode({ term: 1 })
    node.append({ entries: [entryOf(1, 1, membershipOf(['1', '2', '3'], ['4']))] })
    node.sent()
    node.tick(10)
    node.becomeLeader()
    node.sent()
    expect(node.raft.proposeMembership(learner('5'))).toEqual({ ok: false, reason: 'pending' })
    node.answer({ matchIndex: 2 })
    expect(node.raft.proposeMembership(learner('5')).ok).toBe(true)
  })

  test('the quorum of a change is that of the new configuration', () => {
    const node = new TestNode({ voters: ['1', '2', '3'], learners: ['4'], options: { promotionLagEntriesMax: 9 } })
    node.lead()
    for (const from of ['2', '3', '4']) node.answer({ from, matchIndex: 1 })
    expect(node.raft.proposeMembership({ type: 'promote', id: '4' }).ok).toBe(true)
    node.sent()
    node.answer({ from: '2', matchIndex: 2 })
    expect(node.raft.commitIndex).toBe(1)
    node.answer({ from: '4', matchIndex: 2 })
    expect(node.raft.commitIndex).toBe(2)
  })

  test('a learner that is behind, silent or unknown to the leader is not promoted', () => {
    const node = new TestNode({ learners: ['4'], options: { promotionLagEntriesMax: 1 } })
    node.lead()
    const promote = { type: 'promote', id: '4' } as const
    expect(node.raft.proposeMembership(promote)).toEqual({ ok: false, reason: 'not_caught_up' })
    node.answer({ from: '4', matchIndex: 1 })
    node.propose('a', 'b')
    expect(node.raft.proposeMembership(promote)).toEqual({ ok: false, reason: 'not_caught_up' })
    node.sent()
    node.answer({ from: '4', matchIndex: 2 })
    expect(node.raft.proposeMembership(promote).ok).toBe(true)
  })

  test.each(['remove', 'demote'] as const)('%s is refused while the rest could not commit it', (type) => {
    const node = new TestNode()
    node.lead(['2'])
    // Node 3 was never heard: without node 2, nothing could be committed any more.
    expect(node.raft.proposeMembership({ type, id: '2' })).toEqual({ ok: false, reason: 'not_caught_up' })
    expect(node.raft.proposeMembership({ type, id: '3' }).ok).toBe(true)
  })
})

describe('§4.1 in the log', () => {
  const three = membershipOf(['1', '2', '3'])
  const withLearner = membershipOf(['1', '2', '3'], ['4'])

  test('a follower takes a configuration up when it is appended and reverts it when it is cut', () => {
    const node = new TestNode({ term: 1 })
    node.append({ entries: [...entriesOf(1, [1]), entryOf(2, 1, withLearner), ...entriesOf(3, [1])] })
    expect(node.raft.status()).toMatchObject({ membership: withLearner, membershipIndex: 2 })
    node.append({ from: '3', term: 2, prevLogIndex: 1, prevLogTerm: 1, entries: entriesOf(2, [2]) })
    expect(node.raft.status()).toMatchObject({ membership: three, membershipIndex: 0 })
  })

  test('two uncommitted configurations can be cut at once', () => {
    const node = new TestNode({ term: 1 })
    const second = membershipOf(['1', '2', '3'], ['4', '5'])
    node.append({ entries: [entryOf(1, 1, withLearner), entryOf(2, 1, second)] })
    node.append({ from: '3', term: 2, prevLogIndex: 0, prevLogTerm: 0, entries: entriesOf(1, [2]) })
    expect(node.raft.status().membership).toEqual(three)
  })

  test('the membership at an index is the one in force there', () => {
    const node = new TestNode({ term: 1 })
    const second = membershipOf(['1', '2'], ['4'])
    node.append({
      entries: [...entriesOf(1, [1]), entryOf(2, 1, withLearner), ...entriesOf(3, [1]), entryOf(4, 1, second)],
    })
    expect([0, 1, 2, 3, 4].map((index) => node.raft.membershipAt(index))).toEqual([
      three,
      three,
      withLearner,
      withLearner,
      second,
    ])
  })

  test('a node that restarts knows the configuration before it does anything else', () => {
    const cluster = new Cluster({ voters: ['1', '2', '3'] })
    cluster.elect('1')
    cluster.add('4')
    cluster.raft('1').proposeMembership(learner('4'))
    cluster.tick(5)
    cluster.propose('1', ...Array.from({ length: 40 }, (_, i) => `command ${i}`))
    cluster.stabilize()
    for (const id of ['1', '4']) {
      cluster.restart(id)
      expect(cluster.raft(id).status().membership).toEqual(membershipOf(['1', '2', '3', '4']))
    }
  })

  test('years of changes do not pile up once the log is cut', () => {
    const cluster = new Cluster({ voters: ['1'] })
    cluster.elect('1')
    for (let i = 0; i < 50; i++) {
      const raftAddress = `host-${i}:1`
      expect(cluster.raft('1').proposeMembership({ type: 'set_address', id: '1', raftAddress }).ok).toBe(true)
      cluster.stabilize()
      cluster.compact('1')
    }
    // Configurations before the base are gone, the one in force there is not.
    const { commitIndex } = cluster.raft('1')
    expect(cluster.raft('1').membershipAt(commitIndex).members[0]?.raftAddress).toBe('host-49:1')
    expect(() => cluster.raft('1').membershipAt(1)).toThrow('was forgotten')
  })
})
