// What the status ConfigMap says.
import { Evidence } from '../../../src/reconciler/evidence.ts'
import { plan } from '../../../src/reconciler/plan.ts'
import type { RaftMember, Snapshot } from '../../../src/reconciler/snapshot.ts'
import { deniedStatusData, statusData } from '../../../src/reconciler/status.ts'
import { member, pod, set } from './samples.ts'

const OPTIONS = { settleMs: 30_000, inviteMs: 5_000 }
const MORNING = '2026-01-01T08:00:00.000Z'
const NOON = '2026-01-01T12:00:00.000Z'

function statusOf(
  members: readonly RaftMember[] | null,
  replicas = 3,
  previous = {},
  now = MORNING,
  denied: string[] = [],
) {
  const snapshot: Snapshot = {
    takenAtMs: 0,
    set: set(replicas),
    pods: [0, 1, 2].map((ordinal) => pod(ordinal)),
    raft: members === null ? null : { clusterId: 'c', leader: 'insi-0', isSettled: true, members },
    markedClusterId: 'c',
  }
  return statusData(snapshot, plan(snapshot, Evidence.none, OPTIONS), { generation: 4, denied, previous, now })
}

test('a healthy cluster is available and nothing else', () => {
  const status = statusOf([member(2), member(0), member(1)])
  expect(status).toMatchObject({
    Available: 'True',
    Progressing: 'False',
    Degraded: 'False',
    QuorumAtRisk: 'False',
    leader: 'insi-0',
    voters: 'insi-0,insi-1,insi-2',
    generation: '4',
    state: 'idle',
  })
})

test.each([
  ['a voter away', [member(0), member(1), member(2, { active: false })], 3, ['True', 'False', 'True', 'True']],
  ['a learner', [member(0), member(1), member(2, { role: 'learner' as const })], 3, ['True', 'True', 'False', 'True']],
  ['no leader', null, 3, ['False', 'Unknown', 'True', 'True']],
  ['asleep', null, 0, ['False', 'Unknown', 'False', 'False']],
])('with %s', (_, members, replicas, expected) => {
  const { Available, Degraded, Progressing, QuorumAtRisk } = statusOf(members, replicas)
  expect([Available, Progressing, Degraded, QuorumAtRisk]).toEqual(expected)
})

test('the same situation later gives the same data, and only a change has a new time', () => {
  const healthy = [member(0), member(1), member(2)]
  const first = statusOf(healthy)
  expect(statusOf(healthy, 3, first, NOON)).toEqual(first)
  const later = statusOf([member(0), member(1), member(2, { active: false })], 3, first, NOON)
  const times = (JSON.parse(later['conditions.json'] ?? '') as { type: string; lastTransitionTime: string }[]).map(
    ({ lastTransitionTime, type }) => [type, lastTransitionTime],
  )
  expect(Object.fromEntries(times)).toEqual({
    Available: MORNING,
    Progressing: MORNING,
    Degraded: NOON,
    QuorumAtRisk: NOON,
    RBACDenied: MORNING,
  })
  expect(statusOf(healthy, 3, { 'conditions.json': 'no JSON' })).toEqual(first)
})

test('what the Role lacks is a condition of its own, also when nothing else could be seen', () => {
  const healthy = [member(0), member(1), member(2)]
  const allowed = statusOf(healthy)
  expect(allowed['RBACDenied']).toBe('False')
  const denied = statusOf(healthy, 3, allowed, NOON, ['list pods'])
  expect([denied['RBACDenied'], denied['Available']]).toEqual(['True', 'True'])
  expect(denied['conditions.json']).toContain('the Role does not allow: list pods')
  const blind = deniedStatusData({ generation: null, denied: ['list pods'], previous: allowed, now: NOON })
  expect(blind).toEqual({ ...allowed, RBACDenied: 'True', 'conditions.json': expect.any(String) })
  expect(blind['conditions.json']).toBe(denied['conditions.json'])
  expect(deniedStatusData({ generation: null, denied: ['list pods'], previous: {}, now: NOON })).toMatchObject({
    RBACDenied: 'True',
  })
})
