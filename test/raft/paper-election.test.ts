// One test for each rule of the paper on terms, roles and elections (§5.1, §5.2, §5.4.1, §5.6; Figure 2).
import { seededInt } from './random-faults.ts'
import { entriesOf, TestNode } from './node-fixture.ts'

test('§5.2: when servers start up, they begin as followers', () => {
  const node = new TestNode({ terms: [1, 1, 2], term: 4 })
  expect(node.raft.role).toBe('follower')
  expect(node.raft.term).toBe(4)
  expect(node.raft.leader).toBeNull()
})

test('§5.1: if one server’s term is smaller than the other’s, it updates its term to the larger value', () => {
  const node = new TestNode({ term: 1 })
  node.append({ term: 3 })
  expect(node.raft.term).toBe(3)
  expect(node.take().hardState).toEqual({ term: 3, votedFor: null })
})

test.each(['candidate', 'leader'] as const)(
  '§5.1: a %s that discovers that its term is out of date reverts to follower state',
  (role) => {
    const node = new TestNode()
    node.raft.campaign()
    node.vote({ term: 1, preVote: true })
    if (role === 'leader') node.vote({ from: '2' })
    expect(node.raft.role).toBe(role)
    node.answer({ term: 5 })
    expect(node.raft.role).toBe('follower')
    expect(node.raft.term).toBe(5)
    expect(node.raft.leader).toBeNull()
  },
)

test('§5.1: a request with a stale term number is rejected', () => {
  const node = new TestNode({ term: 3 })
  node.append({ term: 2, entries: entriesOf(1, [2]) })
  node.requestVote({ term: 2, lastLogIndex: 9, lastLogTerm: 2 })
  expect(node.log.lastIndex).toBe(0)
  expect(node.raft.leader).toBeNull()
  expect(node.sent()).toEqual([
    expect.objectContaining({ type: 'AppendEntriesResponse', term: 3, success: false }),
    expect.objectContaining({ type: 'RequestVoteResponse', term: 3, voteGranted: false }),
  ])
})

test('§5.2: a follower that receives no communication over the election timeout begins an election', () => {
  const node = new TestNode()
  node.tick(9)
  expect(node.raft.role).toBe('follower')
  node.tick(1)
  // PreVote first (thesis §9.6): the term grows only once a majority would vote for it.
  expect(node.raft.role).toBe('preCandidate')
  expect(node.raft.term).toBe(0)
  node.vote({ term: 1, preVote: true })
  expect(node.raft.role).toBe('candidate')
})

test('§5.2: a follower remains one as long as it receives valid messages from a leader', () => {
  const node = new TestNode({ term: 1 })
  for (let i = 0; i < 10; i++) {
    node.tick(9)
    node.append({})
  }
  expect(node.raft.role).toBe('follower')
  expect(node.raft.leader).toBe('2')
})

test('§5.2: to begin an election, a follower increments its term, votes for itself and asks all other voters', () => {
  const node = new TestNode({ voters: ['1', '2', '3', '4', '5'], learners: ['6'], terms: [1, 2] })
  node.raft.campaign()
  node.sent()
  for (const from of ['2', '3']) node.vote({ from, term: 3, preVote: true })
  const { hardState, messages, durableMessages } = node.take()
  expect(hardState).toEqual({ term: 3, votedFor: '1' })
  expect(messages).toEqual([])
  const request = { type: 'RequestVote', term: 3, preVote: false, lastLogIndex: 2, lastLogTerm: 2 }
  expect(durableMessages).toEqual(['2', '3', '4', '5'].map((to) => expect.objectContaining({ ...request, to })))
})

test.each([
  { size: 1, grants: 0, role: 'leader' },
  { size: 3, grants: 0, role: 'candidate' },
  { size: 3, grants: 1, role: 'leader' },
  { size: 5, grants: 1, role: 'candidate' },
  { size: 5, grants: 2, role: 'leader' },
  { size: 4, grants: 1, role: 'candidate' },
  { size: 4, grants: 2, role: 'leader' },
])('§5.2: a candidate with $grants votes of others among $size servers is a $role', ({ size, grants, role }) => {
  const voters = Array.from({ length: size }, (_, i) => `${i + 1}`)
  const node = new TestNode({ voters })
  node.raft.campaign()
  for (const from of voters.slice(1)) node.vote({ from, term: 1, preVote: true })
  for (const from of voters.slice(1, 1 + grants)) node.vote({ from })
  expect(node.raft.role).toBe(role)
  expect(node.raft.term).toBe(1)
})

test('§5.2: a vote counts once, however often it arrives', () => {
  const node = new TestNode({ voters: ['1', '2', '3', '4', '5'] })
  node.raft.campaign()
  for (const from of ['2', '3']) node.vote({ from, term: 1, preVote: true })
  for (let i = 0; i < 3; i++) node.vote({ from: '2' })
  expect(node.raft.role).toBe('candidate')
})

test('§5.2: a vote is not taken back by a later answer to a repeated request', () => {
  const node = new TestNode({ voters: ['1', '2', '3', '4', '5'] })
  node.raft.campaign()
  for (const from of ['2', '3']) node.vote({ from, term: 1, preVote: true })
  node.vote({ from: '2' })
  node.vote({ from: '2', voteGranted: false })
  node.vote({ from: '3' })
  expect(node.raft.role).toBe('leader')
})

test('§5.2: a candidate that a majority refused gives up', () => {
  const node = new TestNode()
  node.raft.campaign()
  node.vote({ term: 1, preVote: true })
  for (const from of ['2', '3']) node.vote({ from, voteGranted: false })
  expect(node.raft.role).toBe('follower')
  expect(node.raft.term).toBe(1)
})

test('§5.2: each server votes for at most one candidate in a given term, first come first served', () => {
  const node = new TestNode()
  node.requestVote({ from: '2', term: 1 })
  node.requestVote({ from: '3', term: 1 })
  const votes = node.sentOf('RequestVoteResponse')
  expect(votes.map(({ to, voteGranted }) => ({ to, voteGranted }))).toEqual([
    { to: '2', voteGranted: true },
    { to: '3', voteGranted: false },
  ])
})

test('§5.2: the same candidate gets its vote again, since the answer may have been lost', () => {
  const node = new TestNode()
  node.requestVote({ term: 1 })
  node.requestVote({ term: 1 })
  expect(node.sentOf('RequestVoteResponse').map((message) => message.voteGranted)).toEqual([true, true])
})

test('Figure 2: term and vote are durable before the answer leaves', () => {
  const node = new TestNode()
  node.requestVote({ term: 1 })
  const { hardState, messages, durableMessages } = node.take()
  expect(hardState).toEqual({ term: 1, votedFor: '2' })
  expect(messages).toEqual([])
  expect(durableMessages).toEqual([expect.objectContaining({ type: 'RequestVoteResponse', voteGranted: true })])
})

test('Figure 2: a server that restarts remembers its vote', () => {
  const node = new TestNode({ term: 1, votedFor: '2' })
  node.requestVote({ from: '3', term: 1 })
  node.requestVote({ from: '2', term: 1 })
  expect(node.sentOf('RequestVoteResponse').map((message) => message.voteGranted)).toEqual([false, true])
})

test('§5.2: once a candidate wins it tells all others at once, to establish its authority', () => {
  const node = new TestNode({ learners: ['4'] })
  node.becomeLeader()
  const appends = node.sentOf('AppendEntries')
  expect(appends.map((message) => message.to)).toEqual(['2', '3', '4'])
  expect(appends.every((message) => message.term === 1)).toBe(true)
})

test('§5.2: a leader sends periodic heartbeats to all', () => {
  const node = new TestNode({ options: { heartbeatTicks: 3 } })
  node.lead()
  for (let i = 0; i < 3; i++) {
    node.tick(2)
    expect(node.sent()).toEqual([])
    node.tick(1)
    expect(node.sentOf('AppendEntries').map((message) => message.entries.length)).toEqual([0, 0])
    node.answer({ matchIndex: 1 })
  }
})

test.each([0, 1])('§5.2: a candidate that hears a leader of a term larger by %i returns to follower state', (ahead) => {
  const node = new TestNode()
  node.raft.campaign()
  node.vote({ term: 1, preVote: true })
  node.append({ from: '3', term: 1 + ahead })
  expect(node.raft.role).toBe('follower')
  expect(node.raft.leader).toBe('3')
  expect(node.raft.term).toBe(1 + ahead)
})

test('§5.2: a candidate continues in its state when an older leader speaks', () => {
  const node = new TestNode({ term: 4 })
  node.raft.campaign()
  node.vote({ term: 5, preVote: true })
  node.append({ from: '3', term: 4 })
  expect(node.raft.role).toBe('candidate')
})

test('§5.2: a candidate that neither wins nor loses starts anew after its timeout', () => {
  const node = new TestNode({ term: 1 })
  node.raft.campaign()
  node.vote({ term: 2, preVote: true })
  expect(node.raft.term).toBe(2)
  node.tick(10)
  expect(node.raft.role).toBe('preCandidate')
  node.vote({ term: 3, preVote: true })
  expect(node.raft.role).toBe('candidate')
  expect(node.raft.term).toBe(3)
})

test('§5.2: election timeouts are drawn anew each time, from the whole interval', () => {
  const node = new TestNode({ voters: ['1', '2', '3'], options: { randomInt: seededInt(1) } })
  const timeouts = new Set<number>()
  for (let round = 0; round < 400; round++) {
    node.append({ term: node.raft.term })
    let ticks = 0
    while (node.raft.role === 'follower') {
      node.raft.tick()
      ticks++
    }
    timeouts.add(ticks)
  }
  expect([...timeouts].sort((a, b) => a - b)).toEqual([10, 11, 12, 13, 14, 15, 16, 17, 18, 19])
})

test('§5.1: requests are repeated while the answer is missing', () => {
  const node = new TestNode({ voters: ['1', '2', '3', '4', '5'], options: { heartbeatTicks: 2 } })
  node.raft.campaign()
  node.sent()
  node.vote({ from: '3', term: 1, preVote: true })
  node.tick(2)
  expect(node.sentOf('RequestVote').map((message) => message.to)).toEqual(['2', '4', '5'])
})

describe('§5.4.1: the voter denies its vote if its own log is more up-to-date', () => {
  test.each([
    { own: [1], candidate: { lastLogIndex: 1, lastLogTerm: 1 }, granted: true },
    { own: [1], candidate: { lastLogIndex: 2, lastLogTerm: 1 }, granted: true },
    { own: [1, 1], candidate: { lastLogIndex: 1, lastLogTerm: 1 }, granted: false },
    { own: [1], candidate: { lastLogIndex: 1, lastLogTerm: 2 }, granted: true },
    { own: [1, 1], candidate: { lastLogIndex: 1, lastLogTerm: 2 }, granted: true },
    { own: [2], candidate: { lastLogIndex: 2, lastLogTerm: 1 }, granted: false },
    { own: [1, 2], candidate: { lastLogIndex: 9, lastLogTerm: 1 }, granted: false },
    { own: [], candidate: { lastLogIndex: 0, lastLogTerm: 0 }, granted: true },
  ])('log $own, candidate $candidate: $granted', ({ own, candidate, granted }) => {
    for (const preVote of [false, true]) {
      const node = new TestNode({ terms: own })
      node.requestVote({ term: 3, preVote, ...candidate })
      expect(node.sentOf('RequestVoteResponse')).toEqual([expect.objectContaining({ voteGranted: granted, preVote })])
    }
  })
})

test('Figure 2: only a granted vote keeps a follower from campaigning, not a refused one', () => {
  const node = new TestNode({ terms: [1] })
  node.tick(5)
  node.requestVote({ term: 2, lastLogIndex: 0, lastLogTerm: 0 })
  node.tick(5)
  expect(node.raft.role).toBe('preCandidate')
  const other = new TestNode({ terms: [1] })
  other.tick(5)
  other.requestVote({ term: 2, lastLogIndex: 1, lastLogTerm: 1 })
  other.tick(5)
  expect(other.raft.role).toBe('follower')
})

test('§5.6: a heartbeat must be shorter than an election timeout', () => {
  expect(() => new TestNode({ options: { heartbeatTicks: 10, electionTicks: 10 } })).toThrow('longer than a heartbeat')
})

test('§5.2: a message of a second leader in one term ends the process rather than diverge', () => {
  const node = new TestNode()
  node.becomeLeader()
  expect(() => node.append({ from: '3', term: 1 })).toThrow('two leaders in one term')
})
