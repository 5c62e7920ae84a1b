// Rules of the thesis on top of the paper's elections: PreVote (§9.6), CheckQuorum (§6.2), protection from servers that do not
// hear the leader (§4.2.3) and leadership transfer (§3.10).
import { Cluster } from './cluster-fixture.ts'
import { TestNode } from './node-fixture.ts'

describe('§9.6 PreVote', () => {
  test('asking for a PreVote changes neither term nor vote', () => {
    const node = new TestNode({ term: 3, votedFor: '2' })
    node.raft.campaign()
    expect(node.raft.term).toBe(3)
    const { hardState, messages, durableMessages } = node.take()
    expect(hardState).toBeNull()
    expect(durableMessages).toEqual([])
    expect(messages).toEqual(['2', '3'].map((to) => expect.objectContaining({ to, term: 4, preVote: true })))
  })

  test('giving a PreVote changes neither term nor vote, so several may get one', () => {
    const node = new TestNode({ term: 3 })
    for (const from of ['2', '3']) node.requestVote({ from, term: 4, preVote: true })
    const { hardState, messages } = node.take()
    expect(hardState).toBeNull()
    expect(messages).toEqual(['2', '3'].map((to) => expect.objectContaining({ to, term: 4, voteGranted: true })))
    expect(node.raft.term).toBe(3)
  })

  test('a PreVote does not keep its giver from campaigning', () => {
    const node = new TestNode()
    node.tick(9)
    node.requestVote({ term: 1, preVote: true })
    node.tick(1)
    expect(node.raft.role).toBe('preCandidate')
  })

  test('a node that was partitioned does not raise its term', () => {
    const node = new TestNode({ term: 2 })
    node.tick(500)
    expect(node.raft.term).toBe(2)
    expect(node.raft.role).toBe('preCandidate')
  })

  test('a refusal carries the term that the asker is behind', () => {
    const node = new TestNode({ term: 3 })
    node.raft.campaign()
    node.vote({ term: 7, preVote: true, voteGranted: false })
    expect(node.raft.role).toBe('follower')
    expect(node.raft.term).toBe(7)
  })

  test('a PreVote for a term other than the next is not counted', () => {
    const node = new TestNode({ term: 3 })
    node.raft.campaign()
    node.vote({ term: 9, preVote: true })
    expect(node.raft.role).toBe('preCandidate')
    expect(node.raft.term).toBe(3)
  })

  test('a PreVote is not counted as a vote, nor a vote as a PreVote', () => {
    const node = new TestNode()
    node.raft.campaign()
    node.vote({ term: 0 })
    expect(node.raft.role).toBe('preCandidate')
    node.vote({ term: 1, preVote: true })
    node.vote({ from: '3', term: 1, preVote: true })
    node.vote({ from: '3', term: 2, preVote: true })
    expect(node.raft.role).toBe('candidate')
  })

  test('a pre-candidate that hears the leader follows it again', () => {
    const node = new TestNode({ term: 1 })
    node.raft.campaign()
    node.append({})
    expect(node.raft.role).toBe('follower')
    node.vote({ term: 2, preVote: true })
    expect(node.raft.role).toBe('follower')
  })
})

describe('§4.2.3 a live leader is protected', () => {
  test.each([true, false])('a follower that hears the leader ignores a request, preVote %s', (preVote) => {
    const node = new TestNode({ term: 1 })
    node.append({})
    node.sent()
    node.tick(9)
    node.requestVote({ from: '3', term: 9, preVote })
    expect(node.raft.term).toBe(1)
    expect(node.sent()).toEqual([])
  })

  test('it answers once the minimum election timeout has passed', () => {
    const node = new TestNode({ term: 1, options: { randomInt: () => 9 } })
    node.append({})
    node.sent()
    node.tick(10)
    node.requestVote({ from: '3', term: 2, preVote: true })
    expect(node.sentOf('RequestVoteResponse')).toEqual([expect.objectContaining({ voteGranted: true })])
  })

  test.each([true, false])('a leader ignores a request, preVote %s', (preVote) => {
    const node = new TestNode()
    node.lead()
    node.requestVote({ from: '3', term: 9, lastLogIndex: 9, lastLogTerm: 8, preVote })
    expect(node.raft.role).toBe('leader')
    expect(node.raft.term).toBe(1)
    expect(node.sent()).toEqual([])
  })

  test('a request ordered by the leader is answered at once', () => {
    const node = new TestNode({ term: 1 })
    node.append({})
    node.sent()
    node.requestVote({ from: '3', term: 2, leadershipTransfer: true })
    expect(node.sentOf('RequestVoteResponse')).toEqual([expect.objectContaining({ voteGranted: true, term: 2 })])
  })

  test('a candidate unknown to our membership may be a voter of a newer one and gets an answer', () => {
    const node = new TestNode()
    node.requestVote({ from: '7', term: 1 })
    expect(node.sentOf('RequestVoteResponse')).toEqual([expect.objectContaining({ to: '7', voteGranted: true })])
  })

  test('a learner may have become a voter without knowing it and votes', () => {
    const node = new TestNode({ id: '4', learners: ['4'] })
    node.requestVote({ from: '2', term: 1 })
    expect(node.sentOf('RequestVoteResponse')).toEqual([expect.objectContaining({ voteGranted: true })])
  })
})

describe('§6.2 CheckQuorum', () => {
  test('a leader without answers of a majority steps down after an election timeout, in its term', () => {
    const node = new TestNode({ voters: ['1', '2', '3', '4', '5'], learners: ['6'] })
    node.lead(['2', '3'])
    for (let i = 0; i < 10; i++) {
      node.tick(1)
      node.answer({ from: '2', matchIndex: 1 })
      node.answer({ from: '6', matchIndex: 1 })
    }
    expect(node.raft.role).toBe('leader')
    node.tick(1)
    expect(node.raft.role).toBe('follower')
    expect(node.raft.term).toBe(1)
    expect(node.raft.leader).toBeNull()
  })

  test('a leader with answers of a majority stays', () => {
    const node = new TestNode({ voters: ['1', '2', '3', '4', '5'] })
    node.lead(['2', '3'])
    for (let i = 0; i < 50; i++) {
      node.tick(1)
      for (const from of ['2', '3']) node.answer({ from, matchIndex: 1 })
    }
    expect(node.raft.role).toBe('leader')
  })

  test('a sole voter needs nobody', () => {
    const node = new TestNode({ voters: ['1'] })
    node.lead([])
    node.tick(100)
    expect(node.raft.role).toBe('leader')
  })

  test('with a one-way partition the cluster keeps a leader that is heard', () => {
    const cluster = new Cluster({ voters: ['1', '2', '3'] })
    cluster.elect('1')
    // Everybody hears node 1, but it hears nobody: it must give way.
    cluster.cut('2', '1')
    cluster.cut('3', '1')
    cluster.tick(60)
    expect(cluster.leader).toBe('2')
    expect(cluster.raft('3').leader).toBe('2')
  })

  test('a node that is cut off from the leader alone does not disturb it', () => {
    const cluster = new Cluster({ voters: ['1', '2', '3'] })
    cluster.elect('1')
    cluster.cut('1', '3')
    cluster.cut('3', '1')
    cluster.tick(200)
    expect(cluster.leader).toBe('1')
    expect(cluster.raft('1').term).toBe(1)
  })

  test('a node with a later term makes the leader follow it, and can take part again', () => {
    const cluster = new Cluster({ voters: ['1', '2', '3'] })
    cluster.elect('1')
    cluster.node('3').preload([1], 9)
    cluster.tick(40)
    expect(cluster.leader).toBeDefined()
    expect([...cluster.nodes.values()].map((node) => node.raft.term)).toEqual([10, 10, 10])
  })
})

describe('§3.10 leadership transfer', () => {
  function caughtUp(): TestNode {
    const node = new TestNode({ learners: ['4'] })
    node.lead()
    for (const from of ['2', '3', '4']) node.answer({ from, matchIndex: 1 })
    node.sent()
    return node
  }

  test('the leader stops accepting requests and orders a target that is up-to-date to campaign', () => {
    const node = caughtUp()
    expect(node.raft.transferLeadership('3')).toBe(true)
    expect(node.propose('a')).toEqual({ ok: false, reason: 'transferring' })
    expect(node.raft.proposeMembership({ type: 'remove', id: '2' })).toEqual({ ok: false, reason: 'transferring' })
    expect(node.sent()).toEqual([{ type: 'TimeoutNow', from: '1', to: '3', term: 1 }])
  })

  test('a target that is behind is brought up to date first', () => {
    const node = caughtUp()
    node.propose('a')
    expect(node.raft.transferLeadership('3')).toBe(true)
    expect(node.sentOf('TimeoutNow')).toEqual([])
    node.answer({ from: '3', matchIndex: 2 })
    expect(node.sentOf('TimeoutNow')).toHaveLength(1)
  })

  test('the default target is the most caught-up voter when others are far behind', () => {
    const node = caughtUp()
    for (let count = 0; count < 1_500; count++) node.propose('a')
    node.sent()
    node.answer({ from: '4', matchIndex: 1_501 })
    node.answer({ from: '3', matchIndex: 1_501 })
    expect(node.raft.transferLeadership()).toBe(true)
    expect(node.sentOf('TimeoutNow').map((message) => message.to)).toEqual(['3'])
  })

  test('of voters that are all close to the end of the log, the default target is the first by name', () => {
    const node = new TestNode({ id: 'n-3', voters: ['n-10', 'n-2', 'n-3'] })
    node.lead(['n-2'])
    for (const from of ['n-10', 'n-2']) node.answer({ from, matchIndex: 1 })
    node.propose('a')
    node.answer({ from: 'n-10', matchIndex: 2 })
    node.sent()
    expect(node.raft.transferLeadership()).toBe(true)
    node.answer({ from: 'n-2', matchIndex: 2 })
    expect(node.sentOf('TimeoutNow').map((message) => message.to)).toEqual(['n-2'])
  })

  test('a default target that did not take over comes last the next time', () => {
    const node = new TestNode()
    node.lead()
    for (const from of ['2', '3']) node.answer({ from, matchIndex: 1 })
    node.sent()
    expect(node.raft.transferLeadership()).toBe(true)
    expect(node.sentOf('TimeoutNow').map((message) => message.to)).toEqual(['2'])
    for (let count = 0; count < 10; count++) {
      node.tick(1)
      for (const from of ['2', '3']) node.answer({ from, matchIndex: 1 })
    }
    node.sent()
    expect(node.raft.transferLeadership()).toBe(true)
    expect(node.sentOf('TimeoutNow').map((message) => message.to)).toEqual(['3'])
  })

  test('asked again without a target, the leader goes on with the transfer under way', () => {
    const node = caughtUp()
    node.raft.transferLeadership('3')
    node.sent()
    expect(node.raft.transferLeadership()).toBe(true)
    expect(node.sentOf('TimeoutNow').filter((message) => message.to !== '3')).toEqual([])
  })

  test.each(['1', '4', '9'])('itself, a learner and a stranger are no targets (%s)', (target) => {
    const node = caughtUp()
    expect(node.raft.transferLeadership(target)).toBe(false)
    expect(node.propose('a').ok).toBe(true)
  })

  test('a voter that does not answer is no target, and only a leader transfers', () => {
    const node = new TestNode()
    expect(node.raft.transferLeadership('2')).toBe(false)
    node.lead()
    expect(node.raft.transferLeadership('3')).toBe(false)
  })

  test('after an election timeout the leader takes requests again', () => {
    const node = caughtUp()
    node.raft.transferLeadership('3')
    for (let i = 0; i < 9; i++) {
      node.tick(1)
      node.answer({ from: '2', matchIndex: 1 })
    }
    expect(node.propose('a').ok).toBe(false)
    node.tick(1)
    expect(node.propose('a').ok).toBe(true)
  })

  test('the order is repeated while the transfer lasts', () => {
    const node = caughtUp()
    node.raft.transferLeadership('3')
    node.sent()
    node.tick(1)
    expect(node.sentOf('TimeoutNow')).toHaveLength(1)
  })

  test('the target campaigns at once, without a PreVote', () => {
    const node = new TestNode({ term: 1 })
    node.append({})
    node.sent()
    node.receive({ type: 'TimeoutNow', from: '2', to: '1', term: 1 })
    expect(node.raft.role).toBe('candidate')
    const requests = node.sentOf('RequestVote')
    expect(requests).toEqual(['2', '3'].map((to) => expect.objectContaining({ to, term: 2, leadershipTransfer: true })))
    node.tick(1)
    expect(node.sentOf('RequestVote').every((message) => message.leadershipTransfer)).toBe(true)
  })

  test('an order of an earlier term is ignored', () => {
    const node = new TestNode({ term: 3 })
    node.receive({ type: 'TimeoutNow', from: '2', to: '1', term: 2 })
    expect(node.raft.role).toBe('follower')
  })
})
