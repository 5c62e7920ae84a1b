import { planStep } from '../../../src/replication/membership/cluster-plan.ts'
import type { ClusterStep } from '../../../src/replication/membership/cluster-plan.ts'
import { clusterViewOf } from '../../../src/replication/membership/cluster-view.ts'
import type { ClusterView } from '../../../src/replication/membership/cluster-view.ts'
import type { Member, PeerStatus } from '../../../src/raft/types.ts'

const away = { active: false }
const learner = { role: 'learner' as const }
type Trait = { readonly active?: boolean; readonly role?: 'voter' | 'learner'; readonly lag?: number }

/** node0 leads; each further member as its traits say. */
function viewOf(others: Readonly<Record<string, Trait>>, settled = true): ClusterView {
  const members: Member[] = [{ id: 'node0/a', role: 'voter', raftAddress: 'h:1' }]
  const peers = new Map<string, PeerStatus>()
  for (const [nodeId, { active = true, role = 'voter', lag = 0 }] of Object.entries(others)) {
    const id = nodeId.includes('/') ? nodeId : `${nodeId}/a`
    members.push({ id, role, raftAddress: 'h:2' })
    const matchIndex = 100 - lag
    peers.set(id, { matchIndex, nextIndex: matchIndex + 1, state: 'replicate', inflightMessages: 0, active })
  }
  return clusterViewOf(
    {
      id: 'node0/a',
      role: 'leader',
      term: 3,
      leader: 'node0/a',
      commitIndex: settled ? 100 : 4,
      clusterCommitIndex: settled ? 100 : 4,
      lastIndex: 100,
      membership: { members },
      membershipIndex: 5,
      committedInTerm: true,
      peers,
    },
    'cluster',
  )
}

const remove = (nodeId: string, force = false): ClusterStep => ({ type: 'remove', nodeId, incarnation: null, force })
const promote = (nodeId: string): ClusterStep => ({ type: 'promote', nodeId, incarnation: null })
const transfer = (target: string | null): ClusterStep => ({ type: 'transfer', target })

test('a plan counts voters, quorum and margin before and after', () => {
  const plan = planStep(viewOf({ node1: {}, node2: away }), remove('node2'))
  expect(plan).toMatchObject({
    memberId: 'node2/a',
    verdict: 'allowed',
    votersBefore: ['node0/a', 'node1/a', 'node2/a'],
    votersAfter: ['node0/a', 'node1/a'],
    quorumBefore: { voters: 3, size: 2, active: 2, margin: 0 },
    quorumAfter: { voters: 2, size: 2, active: 2, margin: 0 },
  })
  expect(plan.warnings).toEqual(['2 voters survive no more losses than 1: prefer an odd number'])
})

test.each([
  ['a healthy voter of two with the other away', { node1: {}, node2: away }, remove('node1'), 'QUORUM_AT_RISK'],
  ['the same by force', { node1: {}, node2: away }, remove('node1', true), 'QUORUM_AT_RISK'],
  ['the last voter', {}, remove('node0'), 'QUORUM_AT_RISK'],
  ['the leader', { node1: {}, node2: {} }, remove('node0'), 'MEMBER_LEADS'],
  ['a stranger', { node1: {} }, remove('node7'), 'MEMBER_UNKNOWN'],
  ['one of two incarnations', { 'node1/a': away, 'node1/b': learner }, remove('node1'), 'MEMBER_UNKNOWN'],
  ['the last spare voter of five', { node1: {}, node2: {}, node3: {}, node4: away }, remove('node1'), 'QUORUM_AT_RISK'],
  ['to promote a learner that is away', { node1: { ...learner, ...away } }, promote('node1'), 'MEMBER_NOT_READY'],
  ['to transfer to a learner', { node1: learner }, transfer('node1'), 'MEMBER_NOT_READY'],
  ['to transfer to one that is away', { node1: away, node2: {} }, transfer('node1'), 'MEMBER_NOT_READY'],
  ['to transfer when nobody else votes', { node1: learner }, transfer(null), 'MEMBER_NOT_READY'],
] as const)('it is refused to remove or touch %s', (_what, others, step, code) => {
  const plan = planStep(viewOf(others), step)
  expect([plan.verdict, plan.code]).toEqual(['refused', code])
  expect(plan.reason).not.toBe('')
})

test('force takes the last spare voter while a majority is left', () => {
  const view = viewOf({ node1: {}, node2: {}, node3: {}, node4: away })
  expect(planStep(view, remove('node1', true))).toMatchObject({ verdict: 'allowed', quorumAfter: { margin: 0 } })
})

test('a change waits for the one before, a transfer does not', () => {
  const view = viewOf({ node1: {}, node2: {} }, false)
  expect(planStep(view, remove('node1'))).toMatchObject({ verdict: 'refused', code: 'CHANGE_PENDING' })
  expect(planStep(view, transfer('node1')).verdict).toBe('allowed')
})

test('without a target the leadership goes to the lowest number that is caught up', () => {
  const view = viewOf({ node1: { lag: 5_000 }, node10: {}, node2: {}, node3: away })
  expect(planStep(view, transfer(null)).memberId).toBe('node2/a')
})

test('what is already so needs no change', () => {
  const view = viewOf({ node1: {} })
  expect(planStep(view, promote('node1')).verdict).toBe('nothing')
  expect(planStep(view, transfer('node0')).verdict).toBe('nothing')
  const add: ClusterStep = { type: 'add', nodeId: 'node1', memberId: 'node1/a', raftAddress: 'h:2' }
  expect(planStep(view, add).verdict).toBe('nothing')
  expect(planStep(view, { ...add, memberId: 'node1/b' })).toMatchObject({ verdict: 'refused', code: 'MEMBER_EXISTS' })
})

test('adding changes no vote and says what the vote will cost later', () => {
  const plan = planStep(viewOf({}), { type: 'add', nodeId: 'node1', memberId: 'node1/a', raftAddress: 'h:2' })
  expect(plan).toMatchObject({ verdict: 'allowed', votersAfter: ['node0/a'], quorumAfter: { size: 1, margin: 0 } })
  expect(plan.warnings[0]).toBe('as a voter it makes 2 voters with a quorum of 2')
})
