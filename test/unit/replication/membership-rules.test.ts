// Who bootstraps, who joins, and what a leader does about a node that asks: the pure rules.
import type { Member, MemberId, RaftStatus } from '../../../src/raft/types.ts'
import { decideStart } from '../../../src/replication/membership/bootstrap.ts'
import type { PeerAnswer } from '../../../src/replication/membership/bootstrap.ts'
import { planAdmission } from '../../../src/replication/membership/join.ts'
import { AddressBook, nodeIdOf } from '../../../src/replication/membership/peers.ts'

function answer(nodeId: string, clusterId: string | null, leaderAddress?: string): PeerAnswer {
  const leader = leaderAddress === undefined ? null : { memberId: 'x/1', raftAddress: leaderAddress }
  return {
    raftAddress: `${nodeId}:7000`,
    response: { type: 'ProbeResponse', requestId: 1, nodeId, clusterId, leader },
  }
}

describe('a node without a cluster', () => {
  const PEERS = ['a', 'b'].map((nodeId) => ({ nodeId, raftAddress: `${nodeId}:7000` }))
  const EMPTY = { mayBootstrap: true, peers: PEERS, markedClusterId: null, majorityForMs: 0 }
  const LATER = { ...EMPTY, majorityForMs: 3_000 }
  const WAIT = { type: 'wait', reason: expect.any(String), hasMajority: false }
  const PATIENCE = { ...WAIT, hasMajority: true }

  test('bootstraps as the default leader once a majority, itself included, says that it belongs to none', () => {
    expect(decideStart([answer('a', null), answer('b', null)], EMPTY)).toEqual({ type: 'bootstrap', silent: [] })
    expect(decideStart([answer('b', null)], EMPTY)).toEqual(PATIENCE)
    expect(decideStart([answer('b', null)], LATER)).toEqual({ type: 'bootstrap', silent: ['a'] })
    expect(decideStart([], { ...EMPTY, peers: [] })).toEqual({ type: 'bootstrap', silent: [] })
    const five = {
      ...LATER,
      peers: [...PEERS, ...['c', 'd'].map((nodeId) => ({ nodeId, raftAddress: `${nodeId}:7000` }))],
    }
    expect(decideStart([answer('a', null)], five)).toEqual(WAIT)
    expect(decideStart([answer('a', null), answer('d', null)], five)).toEqual({ type: 'bootstrap', silent: ['b', 'c'] })
  })

  test('never takes silence for absence, and says who did not answer', () => {
    const decision = decideStart([], EMPTY)
    expect(decision).toEqual({ ...WAIT, reason: expect.stringContaining('a, b did not answer') })
    expect(decideStart([], { ...LATER, peers: PEERS.slice(1) })).toEqual(WAIT)
  })

  test('counts only answers of the node that is configured there', () => {
    const stranger = { ...answer('z', null), raftAddress: 'a:7000' }
    expect(decideStart([stranger], LATER)).toEqual(WAIT)
  })

  test('never bootstraps when it is not the default leader', () => {
    const others = { ...EMPTY, mayBootstrap: false }
    expect(decideStart([answer('a', null), answer('b', null)], others)).toEqual(WAIT)
  })

  test('joins as soon as one peer belongs to a cluster, asking its leader first', () => {
    const answers = [answer('a', null), answer('b', 'c1', 'leader:7000')]
    const join = { type: 'join', clusterId: 'c1', raftAddresses: ['leader:7000', 'b:7000'] }
    expect(decideStart(answers, EMPTY)).toEqual(join)
    expect(decideStart(answers, { ...EMPTY, markedClusterId: 'c1' })).toEqual(join)
  })

  test('joins neither of two clusters', () => {
    const decision = decideStart([answer('a', 'c2'), answer('b', 'c1')], EMPTY)
    expect(decision).toEqual({ ...WAIT, reason: expect.stringContaining('different clusters, c1 and c2') })
  })

  test('under an identity marker never bootstraps and joins only the cluster that it names', () => {
    const marked = { ...EMPTY, markedClusterId: 'c1' }
    expect(decideStart([answer('a', null), answer('b', null)], marked)).toEqual(WAIT)
    expect(decideStart([], { ...marked, peers: [] })).toEqual(WAIT)
    const foreign = decideStart([answer('a', 'c2')], marked)
    expect(foreign).toEqual({ ...WAIT, reason: expect.stringContaining('the identity marker names c1') })
  })
})

describe('a leader', () => {
  function statusOf(members: readonly Member[], overrides: Partial<RaftStatus> = {}): RaftStatus {
    return {
      id: 'n0/1',
      role: 'leader',
      term: 2,
      leader: 'n0/1',
      commitIndex: 10,
      clusterCommitIndex: 10,
      lastIndex: 10,
      membership: { members },
      membershipIndex: 5,
      committedInTerm: true,
      peers: new Map(),
      ...overrides,
    }
  }
  const voter = (id: MemberId, raftAddress = `${nodeIdOf(id)}:7000`): Member => ({ id, role: 'voter', raftAddress })
  const request = (memberId: MemberId, raftAddress = `${nodeIdOf(memberId)}:7000`) => ({
    type: 'JoinRequest' as const,
    requestId: 1,
    nodeId: nodeIdOf(memberId),
    memberId,
    raftAddress,
  })
  const peer = (active: boolean): RaftStatus['peers'] extends ReadonlyMap<string, infer P> ? P : never => ({
    matchIndex: 1,
    nextIndex: 2,
    state: 'replicate',
    inflightMessages: 0,
    active,
  })

  test('makes an unknown node a learner', () => {
    const plan = planAdmission(statusOf([voter('n0/1')]), 'n1/1', request('n1/1'))
    expect(plan).toEqual({
      type: 'change',
      change: { type: 'add_learner', member: { id: 'n1/1', raftAddress: 'n1:7000' } },
    })
  })

  test('accepts a member only once its membership is committed', () => {
    const members = [voter('n0/1'), voter('n1/1')]
    expect(planAdmission(statusOf(members), 'n1/1', request('n1/1'))).toEqual({ type: 'accepted' })
    const open = statusOf(members, { membershipIndex: 11 })
    expect(planAdmission(open, 'n1/1', request('n1/1'))).toEqual({ type: 'refused', reason: 'in_progress' })
    const fresh = statusOf(members, { committedInTerm: false })
    expect(planAdmission(fresh, 'n1/1', request('n1/1'))).toEqual({ type: 'refused', reason: 'in_progress' })
  })

  test('corrects the address of a member that moved', () => {
    const plan = planAdmission(statusOf([voter('n0/1'), voter('n1/1')]), 'n1/1', request('n1/1', 'n1:9000'))
    expect(plan).toEqual({ type: 'change', change: { type: 'set_address', id: 'n1/1', raftAddress: 'n1:9000' } })
  })

  test('removes the old incarnation of a node that lost its disk before it adds the new one', () => {
    const status = statusOf([voter('n0/1'), voter('n1/1')], { peers: new Map([['n1/1', peer(false)]]) })
    expect(planAdmission(status, 'n1/2', request('n1/2'))).toEqual({
      type: 'change',
      change: { type: 'remove', id: 'n1/1' },
    })
  })

  test('refuses a second living node of one name, also of its own', () => {
    const status = statusOf([voter('n0/1'), voter('n1/1')], { peers: new Map([['n1/1', peer(true)]]) })
    expect(planAdmission(status, 'n1/2', request('n1/2'))).toEqual({ type: 'refused', reason: 'duplicate_node' })
    expect(planAdmission(status, 'n0/2', request('n0/2'))).toEqual({ type: 'refused', reason: 'duplicate_node' })
  })

  test('refuses whoever speaks for somebody else, and leaves the answer to the leader when it is none', () => {
    const status = statusOf([voter('n0/1')])
    expect(planAdmission(status, 'n2/1', request('n1/1'))).toEqual({ type: 'refused', reason: 'wrong_identity' })
    const misnamed = { ...request('n1/1'), nodeId: 'n2' }
    expect(planAdmission(status, 'n1/1', misnamed)).toEqual({ type: 'refused', reason: 'wrong_identity' })
    const follower = statusOf([voter('n0/1')], { role: 'follower' })
    expect(planAdmission(follower, 'n1/1', request('n1/1'))).toEqual({ type: 'refused', reason: 'not_leader' })
  })
})

describe('the address book', () => {
  const identity = (memberId: MemberId, raftAddress: string) => ({ nodeId: nodeIdOf(memberId), memberId, raftAddress })
  const membership = (raftAddress: string) => ({ members: [{ id: 'n1/1', role: 'voter' as const, raftAddress }] })

  test('believes what a peer says of itself before the log, and the log before the configuration', () => {
    const book = new AddressBook([{ nodeId: 'n1', raftAddress: 'configured:1' }])
    expect(book.addressOf('n1/1')).toBe('configured:1')
    book.setMembership(membership('logged:1'))
    expect(book.addressOf('n1/1')).toBe('logged:1')
    expect(book.otherAddressOf('n1/1')).toBe('configured:1')
    book.heard(identity('n1/1', 'heard:1'))
    expect(book.addressOf('n1/1')).toBe('heard:1')
    expect(book.otherAddressOf('n1/1')).toBeUndefined()
  })

  test('takes over a new address from the log even when the peer was heard at its old one', () => {
    const book = new AddressBook([])
    book.setMembership(membership('old:1'))
    book.heard(identity('n1/1', 'old:1'))
    expect(book.setMembership(membership('new:1'))).toEqual(['old:1'])
    expect(book.addressOf('n1/1')).toBe('new:1')
  })

  test('forgets the strangers that it heard longest ago', () => {
    const book = new AddressBook([])
    for (let count = 0; count < 100; count++) book.heard(identity(`s${count}/1`, `s${count}:1`))
    expect(book.addressOf('s0/1')).toBeUndefined()
    expect(book.addressOf('s99/1')).toBe('s99:1')
  })
})
