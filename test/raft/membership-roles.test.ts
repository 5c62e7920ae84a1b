// Who campaigns, who leads and who gets a vote while the membership changes (thesis §4.2).
import { votersOf } from '../../src/raft/membership.ts'
import { Cluster } from './cluster-fixture.ts'
import { membershipEntry as entryOf, membershipOf, TestNode } from './node-fixture.ts'

describe('§4.2 who campaigns and who leads', () => {
  test('a learner does not campaign, not even when told to', () => {
    const node = new TestNode({ id: '4', learners: ['4'] })
    expect(node.raft.role).toBe('learner')
    node.tick(100)
    node.raft.campaign()
    node.receive({ type: 'TimeoutNow', from: '1', to: '4', term: 0 })
    expect(node.raft.role).toBe('learner')
    expect(node.sent()).toEqual([])
  })

  test('a learner that has not heard its leader for an election timeout knows none', () => {
    const node = new TestNode({ id: '4', learners: ['4'], term: 1 })
    node.append({ from: '2' })
    node.tick(9)
    expect(node.raft.leader).toBe('2')
    node.tick(1)
    expect(node.raft.leader).toBeNull()
  })

  test('a node outside of every membership does not campaign', () => {
    const node = new TestNode({ id: '4', voters: [] })
    node.tick(100)
    expect(node.raft.role).toBe('learner')
  })

  test('a voter does not campaign with a committed configuration that it has not applied', () => {
    const node = new TestNode({ term: 1 })
    node.append({ entries: [entryOf(1, 1, membershipOf(['1', '2', '3'], ['4']))], leaderCommit: 1 })
    node.tick(30)
    expect(node.raft.role).toBe('follower')
    node.raft.applied(1)
    node.tick(10)
    expect(node.raft.role).toBe('preCandidate')
  })

  test('ordered to campaign before it has applied a configuration, it does so as soon as it has', () => {
    const node = new TestNode({ term: 1 })
    node.append({ entries: [entryOf(1, 1, membershipOf(['1', '3']))], leaderCommit: 1 })
    node.receive({ type: 'TimeoutNow', from: '2', to: '1', term: 1 })
    expect(node.raft.role).toBe('follower')
    node.raft.applied(1)
    expect(node.raft.role).toBe('candidate')
  })

  test('such an order is void once a leader is heard', () => {
    const node = new TestNode({ term: 1 })
    node.append({ entries: [entryOf(1, 1, membershipOf(['1', '3']))], leaderCommit: 1 })
    node.receive({ type: 'TimeoutNow', from: '2', to: '1', term: 1 })
    node.append({ from: '3', term: 2, prevLogIndex: 1, prevLogTerm: 1 })
    node.raft.applied(1)
    expect(node.raft.role).toBe('follower')
  })

  test('a node that is removed does not campaign once that is committed', () => {
    const node = new TestNode({ term: 1 })
    node.append({ entries: [entryOf(1, 1, membershipOf(['2', '3']))] })
    expect(node.raft.role).toBe('learner')
    // It may still be needed to win an election, as long as it does not know better (§4.2.2).
    node.tick(10)
    expect(node.raft.role).toBe('preCandidate')
    node.append({ prevLogIndex: 1, prevLogTerm: 1, leaderCommit: 1 })
    node.raft.applied(1)
    node.tick(100)
    expect(node.raft.role).toBe('learner')
  })

  test('it does not count its own vote then', () => {
    const node = new TestNode({ term: 1 })
    node.append({ entries: [entryOf(1, 1, membershipOf(['2', '3']))] })
    node.tick(10)
    node.vote({ from: '2', term: 2, preVote: true })
    expect(node.raft.role).toBe('preCandidate')
    node.vote({ from: '3', term: 2, preVote: true })
    expect(node.raft.role).toBe('candidate')
  })

  test.each(['remove', 'demote'] as const)(
    'a leader that takes its own vote (%s) steps down after the commit',
    (type) => {
      const node = new TestNode()
      node.lead()
      for (const from of ['2', '3']) node.answer({ from, matchIndex: 1 })
      expect(node.raft.proposeMembership({ type, id: '1' }).ok).toBe(true)
      node.sent()
      node.answer({ from: '2', matchIndex: 2 })
      expect(node.raft.role).toBe('leader')
      node.answer({ from: '3', matchIndex: 2 })
      expect(node.raft.commitIndex).toBe(2)
      expect(node.raft.role).toBe('learner')
      const messages = node.sent()
      const news = messages.filter((message) => message.type === 'AppendEntries')
      expect(news.map(({ to, leaderCommit }) => ({ to, leaderCommit }))).toEqual([
        { to: '2', leaderCommit: 2 },
        { to: '3', leaderCommit: 2 },
      ])
      expect(messages.at(-1)).toMatchObject({ type: 'TimeoutNow', to: '2' })
    },
  )

  test('a member that is removed is told, and then gets nothing more', () => {
    const cluster = new Cluster({ voters: ['1', '2', '3'] })
    cluster.elect('1')
    cluster.tick(1)
    expect(cluster.raft('1').proposeMembership({ type: 'remove', id: '3' }).ok).toBe(true)
    expect(votersOf(cluster.raft('1').status().membership)).toEqual(['1', '2'])
    cluster.stabilize()
    expect(cluster.raft('3').role).toBe('learner')
    expect(cluster.raft('3').commitIndex).toBe(2)
    expect([...cluster.raft('1').status().peers.keys()]).toEqual(['2'])
    cluster.tick(100)
    expect(cluster.raft('3').role).toBe('learner')
    expect(cluster.raft('1').term).toBe(1)
  })

  test('a member that is being removed counts for nothing and is not promoted', () => {
    const node = new TestNode({ voters: ['1', '2', '3'] })
    node.lead()
    for (const from of ['2', '3']) node.answer({ from, matchIndex: 1 })
    expect(node.raft.proposeMembership({ type: 'remove', id: '3' }).ok).toBe(true)
    for (let i = 0; i < 4; i++) {
      node.sent()
      node.answer({ from: '3', matchIndex: 2 })
      node.tick(1)
    }
    expect(node.raft.commitIndex).toBe(1)
    expect(node.log.lastIndex).toBe(2)
  })

  test('a leader that inherits the removal of itself steps down once it is committed', () => {
    const node = new TestNode({ term: 1 })
    node.append({ entries: [entryOf(1, 1, membershipOf(['2', '3']))] })
    node.sent()
    node.tick(10)
    node.becomeLeader(['2', '3'])
    node.sent()
    for (const from of ['2', '3']) node.answer({ from, matchIndex: 2 })
    expect(node.raft.commitIndex).toBe(2)
    expect(node.raft.role).toBe('learner')
  })

  test('a commit of what came before the removal does not end the leadership', () => {
    const node = new TestNode()
    node.lead()
    for (const from of ['2', '3']) node.answer({ from, matchIndex: 1 })
    node.propose('a')
    expect(node.raft.proposeMembership({ type: 'remove', id: '1' }).ok).toBe(true)
    node.sent()
    for (const from of ['2', '3']) node.answer({ from, matchIndex: 2 })
    expect(node.raft.commitIndex).toBe(2)
    expect(node.raft.role).toBe('leader')
    for (const from of ['2', '3']) node.answer({ from, matchIndex: 3 })
    expect(node.raft.role).toBe('learner')
  })

  test('a transfer to a member that loses its vote is given up', () => {
    const cluster = new Cluster({ voters: ['1', '2', '3'] })
    cluster.elect('1')
    cluster.cut('1', '3')
    expect(cluster.raft('1').proposeMembership({ type: 'remove', id: '3' }).ok).toBe(true)
    expect(cluster.raft('1').transferLeadership('3')).toBe(false)
    expect(cluster.propose('1', 'a').ok).toBe(true)
  })
})

describe('§4.2.1 promotion by the leader', () => {
  test('a learner that keeps up for two heartbeat rounds is promoted, a demoted one is not', () => {
    const cluster = new Cluster({ voters: ['1'], learners: ['2'] })
    cluster.elect('1')
    cluster.tick(3)
    expect(cluster.raft('1').status().membership).toEqual(membershipOf(['1', '2']))
    expect(cluster.raft('1').proposeMembership({ type: 'demote', id: '2' }).ok).toBe(true)
    cluster.tick(20)
    expect(votersOf(cluster.raft('1').status().membership)).toEqual(['1'])
    expect(cluster.raft('1').proposeMembership({ type: 'promote', id: '2' }).ok).toBe(true)
    cluster.stabilize()
    expect(cluster.raft('2').role).toBe('follower')
  })

  test('several learners are promoted one after the other', () => {
    const cluster = new Cluster({ voters: ['1'], learners: ['2', '3', '4'] })
    cluster.elect('1')
    cluster.tick(10)
    expect(votersOf(cluster.raft('1').status().membership)).toEqual(['1', '2', '3', '4'])
  })

  test('a learner that does not answer stays one', () => {
    const cluster = new Cluster({ voters: ['1', '2'], learners: ['3'] })
    cluster.isolate('3')
    cluster.elect('1')
    cluster.tick(30)
    expect(votersOf(cluster.raft('1').status().membership)).toEqual(['1', '2'])
  })
})
