// Linearizable reads (thesis §6.4): who answers, with which index, after what, and who answers null.
import { FORWARDED_READS_MAX, LEADER_READS_MAX } from '../../src/raft/read-queue.ts'
import { Cluster } from './cluster-fixture.ts'
import { TestNode } from './node-fixture.ts'
import type { ReadState } from '../../src/raft/types.ts'

/** Takes the effects until there are none and returns the answers. */
function readStatesOf(node: TestNode): ReadState[] {
  const states: ReadState[] = []
  while (node.raft.hasEffects()) {
    states.push(...node.take().readStates)
    node.persist()
  }
  return states
}

test('a leader answers with its commit index once a majority has confirmed a round', () => {
  const node = new TestNode({ voters: ['1', '2', '3', '4', '5'] })
  node.lead(['2', '3'])
  node.raft.readIndex(7)
  const round = node.sentOf('AppendEntries')
  expect(round.map(({ to, readRound, entries }) => ({ to, readRound, count: entries.length }))).toEqual(
    ['2', '3', '4', '5'].map((to) => ({ to, readRound: 1, count: 0 })),
  )
  node.answer({ from: '2', matchIndex: 1, readRound: 1 })
  expect(readStatesOf(node)).toEqual([])
  node.answer({ from: '3', matchIndex: 1, readRound: 1 })
  expect(readStatesOf(node)).toEqual([{ requestId: 7, readIndex: 1 }])
})

test('answers to earlier messages do not confirm a round', () => {
  const node = new TestNode()
  node.lead()
  node.raft.readIndex(1)
  node.take()
  for (const from of ['2', '3']) node.answer({ from, matchIndex: 1, readRound: 0 })
  expect(readStatesOf(node)).toEqual([])
})

test('a refusal confirms the leadership as well', () => {
  const node = new TestNode()
  node.lead()
  node.raft.readIndex(1)
  node.take()
  node.answer({ from: '3', success: false, matchIndex: 1, readRound: 1 })
  expect(readStatesOf(node)).toEqual([{ requestId: 1, readIndex: 1 }])
})

test('learners do not confirm', () => {
  const node = new TestNode({ learners: ['4', '5'] })
  node.lead()
  node.raft.readIndex(1)
  expect(
    node
      .sentOf('AppendEntries')
      .filter((message) => message.readRound === 1)
      .map(({ to }) => to),
  ).toEqual(['2', '3'])
  for (const from of ['4', '5']) node.answer({ from, matchIndex: 1, readRound: 1 })
  expect(readStatesOf(node)).toEqual([])
})

test('a new leader keeps reads until an entry of its term is committed', () => {
  const node = new TestNode({ terms: [1, 1], commitIndex: 1 })
  node.becomeLeader()
  node.raft.readIndex(1)
  expect(node.sentOf('AppendEntries').every((message) => message.readRound === 0)).toBe(true)
  for (const from of ['2', '3']) node.answer({ from, matchIndex: 2, readRound: 0 })
  expect(readStatesOf(node)).toEqual([])
  node.answer({ from: '2', matchIndex: 3 })
  node.take()
  node.answer({ from: '2', matchIndex: 3, readRound: 1 })
  expect(readStatesOf(node)).toEqual([{ requestId: 1, readIndex: 3 }])
})

test('reads that arrive during a round share the next one, which begins when the first is over', () => {
  const node = new TestNode()
  node.lead()
  node.raft.readIndex(1)
  node.sent()
  node.raft.readIndex(2)
  node.raft.readIndex(3)
  expect(node.sent()).toEqual([])
  // Committed after the first round began: its reads need not see it, those of the second must.
  node.propose('a')
  node.sent()
  node.answer({ from: '2', matchIndex: 2, readRound: 0 })
  node.answer({ from: '2', matchIndex: 2, readRound: 1 })
  const { messages, readStates } = node.take()
  expect(readStates).toEqual([{ requestId: 1, readIndex: 1 }])
  expect(messages.filter((message) => message.type === 'AppendEntries' && message.readRound === 2)).toHaveLength(2)
  node.answer({ from: '2', matchIndex: 2, readRound: 2 })
  expect(readStatesOf(node)).toEqual([2, 3].map((requestId) => ({ requestId, readIndex: 2 })))
})

test('a heartbeat repeats a round that was lost', () => {
  const node = new TestNode()
  node.lead()
  node.raft.readIndex(1)
  node.sent()
  node.tick(1)
  expect(node.sentOf('AppendEntries').map((message) => message.readRound)).toEqual([1, 1])
})

test('a sole voter answers at once, but only when an entry of its term is committed', () => {
  const node = new TestNode({ voters: ['1'], learners: ['2'], terms: [1, 1], commitIndex: 1 })
  node.raft.campaign()
  node.raft.readIndex(1)
  expect(node.take().readStates).toEqual([])
  node.persist()
  expect(node.take().readStates).toEqual([{ requestId: 1, readIndex: 3 }])
  node.raft.readIndex(2)
  expect(node.take().readStates).toEqual([{ requestId: 2, readIndex: 3 }])
})

test('a round that loses its voters by a change of the membership is confirmed by the rest', () => {
  const node = new TestNode({ voters: ['1', '2'] })
  node.lead()
  node.raft.readIndex(1)
  node.take()
  expect(node.raft.proposeMembership({ type: 'remove', id: '2' }).ok).toBe(true)
  node.raft.readIndex(2)
  node.sent()
  expect(node.raft.commitIndex).toBe(2)
  node.tick(1)
  expect(readStatesOf(node)).toEqual([
    { requestId: 1, readIndex: 1 },
    { requestId: 2, readIndex: 2 },
  ])
})

test('a leader that steps down answers null to every read, its own and forwarded ones', () => {
  const node = new TestNode()
  node.lead()
  node.raft.readIndex(1)
  node.receive({ type: 'ReadIndexRequest', from: '3', to: '1', term: 1, requestId: 50 })
  node.take()
  node.raft.readIndex(2)
  node.append({ from: '2', term: 2 })
  const { messages, readStates } = node.take()
  expect(readStates).toEqual([1, 2].map((requestId) => ({ requestId, readIndex: null })))
  expect(messages).toContainEqual(
    expect.objectContaining({ type: 'ReadIndexResponse', requestId: 50, readIndex: null }),
  )
})

test('without a known leader the answer is null at once', () => {
  const node = new TestNode()
  node.raft.readIndex(1)
  expect(node.take().readStates).toEqual([{ requestId: 1, readIndex: null }])
})

test('a follower asks the leader, and passes on what it answers', () => {
  const node = new TestNode({ term: 1 })
  node.append({})
  node.sent()
  node.raft.readIndex(5)
  const [request] = node.sentOf('ReadIndexRequest')
  expect(request).toMatchObject({ from: '1', to: '2', term: 1 })
  const requestId = request?.requestId ?? -1
  const answer = { type: 'ReadIndexResponse', from: '2', to: '1', term: 1, requestId, readIndex: 3 } as const
  node.receive({ ...answer, requestId: requestId + 1 })
  expect(readStatesOf(node)).toEqual([])
  node.receive(answer)
  node.receive(answer)
  expect(readStatesOf(node)).toEqual([{ requestId: 5, readIndex: 3 }])
})

test('a follower answers null when the leader changes or falls silent', () => {
  const node = new TestNode({ term: 1 })
  node.append({})
  node.raft.readIndex(1)
  node.append({ from: '3', term: 2 })
  expect(readStatesOf(node)).toEqual([{ requestId: 1, readIndex: null }])
  node.raft.readIndex(2)
  node.tick(10)
  expect(readStatesOf(node)).toEqual([{ requestId: 2, readIndex: null }])
})

test('a follower gives up a request that is never answered, even under a live leader', () => {
  const node = new TestNode({ term: 1 })
  node.append({})
  node.raft.readIndex(1)
  const states: ReadState[] = []
  for (let i = 0; i < 20; i++) {
    node.tick(1)
    node.append({})
    states.push(...readStatesOf(node))
  }
  expect(states).toEqual([{ requestId: 1, readIndex: null }])
})

test('the answer to a request from before a restart is not taken for a later one', () => {
  const draws = [0, 1000]
  const ids = draws.map((draw) => {
    const node = new TestNode({ term: 1, options: { randomInt: (max) => Math.min(draw, max - 1) } })
    node.append({})
    node.raft.readIndex(1)
    return node.sentOf('ReadIndexRequest')[0]?.requestId
  })
  expect(ids[0]).not.toBe(ids[1])
})

test('who is no leader answers a request with null', () => {
  const node = new TestNode({ term: 1 })
  node.receive({ type: 'ReadIndexRequest', from: '3', to: '1', term: 1, requestId: 4 })
  expect(node.sent()).toEqual([
    expect.objectContaining({ type: 'ReadIndexResponse', to: '3', requestId: 4, readIndex: null }),
  ])
})

test('the number of reads that wait is bounded on leader and follower', () => {
  const leader = new TestNode()
  leader.lead()
  for (let id = 0; id <= LEADER_READS_MAX; id++) leader.raft.readIndex(id)
  expect(leader.take().readStates).toEqual([{ requestId: LEADER_READS_MAX, readIndex: null }])
  const follower = new TestNode({ term: 1 })
  follower.append({})
  for (let id = 0; id <= FORWARDED_READS_MAX; id++) follower.raft.readIndex(id)
  expect(follower.take().readStates).toEqual([{ requestId: FORWARDED_READS_MAX, readIndex: null }])
})

test('a deposed leader that does not know it cannot answer', () => {
  const cluster = new Cluster({ voters: ['1', '2', '3'] })
  cluster.elect('1')
  cluster.isolate('1')
  cluster.raft('1').readIndex(1)
  cluster.tick(9)
  cluster.elect('2')
  cluster.propose('2', 'a')
  cluster.stabilize()
  expect(cluster.raft('1').role).toBe('leader')
  expect(cluster.node('1').readStates).toEqual([])
  cluster.heal()
  cluster.tick(3)
  expect(cluster.node('1').readStates).toEqual([{ requestId: 1, readIndex: null }])
})

test('reads on all nodes see what was committed before they began', () => {
  const cluster = new Cluster({ voters: ['1', '2', '3'], learners: ['4'] })
  cluster.elect('1')
  cluster.propose('1', 'a', 'b')
  cluster.stabilize()
  for (const id of ['1', '2', '3', '4']) {
    cluster.raft(id).readIndex(1)
    cluster.stabilize()
    expect(cluster.node(id).readStates).toEqual([{ requestId: 1, readIndex: 3 }])
  }
})
