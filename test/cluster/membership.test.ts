// Membership on three real processes: transfer, plan, removal of a dead node, replacement of a wiped one, the leave gate.
import { rm } from 'node:fs/promises'
import path from 'node:path'
import { eventually } from '../support/eventually.ts'
import { ProcessCluster } from '../support/process-cluster.ts'
import type { Answer } from '../support/process-cluster.ts'

interface Member {
  readonly member_id: string
  readonly node_id: string
  readonly incarnation: string
  readonly role: string
  readonly active: boolean | null
}

interface Status {
  readonly state: string
  readonly leader: string | null
  readonly term: number
  readonly cluster_id: string
  readonly settled: boolean
  readonly members: readonly Member[]
  readonly quorum: { readonly voters: number; readonly size: number; readonly active: number; readonly margin: number }
}

interface Outcome {
  readonly changed: boolean
  readonly plan: {
    readonly verdict: string
    readonly code: string | null
    readonly reason: string
    readonly voters_before: readonly string[]
    readonly voters_after: readonly string[]
    readonly quorum_after: Status['quorum']
  }
}

const OTHERS_OF = (cluster: ProcessCluster, nodeId: string): string[] => cluster.nodeIds.filter((id) => id !== nodeId)

let cluster: ProcessCluster

beforeAll(async () => {
  cluster = await ProcessCluster.running(3)
}, 60_000)

afterAll(() => cluster.destroy())

const step = (nodeId: string, action: string, body: Record<string, unknown>): Promise<Answer> =>
  cluster.call(nodeId, `/db/api/v1/cluster/${action}`, { body, private: true })

async function statusAt(nodeId: string): Promise<Status> {
  const answer = await cluster.call(nodeId, '/db/api/v1/cluster/status', { private: true })
  if (answer.status !== 200) throw new Error(`status answered ${answer.status}: ${answer.text}`)
  return answer.json() as Status
}

async function until(nodeId: string, what: string, isSo: (status: Status) => boolean): Promise<Status> {
  return eventually(
    what,
    async () => {
      const status = await statusAt(nodeId)
      return isSo(status) ? status : undefined
    },
    { timeoutMs: 20_000 },
  )
}

const codeOf = (answer: Answer): string => (answer.json() as { error_type: string }).error_type

async function followersAndLeader(): Promise<{ leader: string; followers: [string, string] }> {
  const leader = await cluster.leader()
  const [first = '', second = ''] = OTHERS_OF(cluster, leader)
  return { leader, followers: [first, second] }
}

test('every node tells the same members, leader and margin', async () => {
  const settled = await until('node0', 'three voters answer', ({ quorum }) => quorum.active === 3)
  expect(settled).toMatchObject({ state: 'ok', quorum: { voters: 3, size: 2, active: 3, margin: 1 } })
  for (const nodeId of cluster.nodeIds) {
    const status = await statusAt(nodeId)
    expect(status.members.map((member) => member.member_id)).toEqual(settled.members.map((one) => one.member_id))
    expect(status.leader).toBe(settled.leader)
    expect(status.cluster_id).toBe(settled.cluster_id)
  }
})

test('a transfer asked of a follower moves the leader', async () => {
  const { followers } = await followersAndLeader()
  const [target, asked] = followers
  const answer = await step(asked, 'transfer', { target })
  expect([answer.status, answer.text]).toEqual([200, expect.stringContaining('"changed":true')])
  expect(await cluster.leader()).toBe(target)
  expect((await cluster.set(asked, 'after-transfer', 'x')).status).toBe(200)
})

test('a plan says what a removal would do and changes nothing', async () => {
  const { leader, followers } = await followersAndLeader()
  const [victim] = followers
  const { changed, plan } = (await step(victim, 'remove', { node_id: victim, plan: true })).json() as Outcome
  expect(changed).toBe(false)
  expect(plan).toMatchObject({ verdict: 'allowed', quorum_after: { voters: 2, size: 2, active: 2, margin: 0 } })
  expect([plan.voters_before.length, plan.voters_after.length]).toEqual([3, 2])
  expect((await statusAt(leader)).quorum.voters).toBe(3)
})

test('join is answered at once for a voter, and refused for a node that nobody reaches', async () => {
  const address = `127.0.0.1:${cluster.node('node1').raftPort}`
  const known = await cluster.call('node0', `/db/api/v1/join?followerId=node1&followerAddr=${address}`, {
    private: true,
  })
  expect([known.status, known.text]).toEqual([200, ''])
  const unknown = await cluster.call('node0', '/db/api/v1/join?followerId=node9&followerAddr=127.0.0.1:1', {
    private: true,
  })
  expect([unknown.status, codeOf(unknown)]).toEqual([500, 'JOIN_FAILED'])
}, 30_000)

test('the leave gate moves the leader away, and lets the next one go only when enough stay', async () => {
  const { leader, followers } = await followersAndLeader()
  const leave = async (nodeId: string, timeoutMs: number): Promise<{ safe: boolean; leader: string }> =>
    (await step(nodeId, 'leave-gate', { timeout_ms: timeoutMs })).json() as { safe: boolean; leader: string }
  // The new leader has to hear the others first.
  const first = await leave(leader, 5_000)
  expect(first.safe).toBe(true)
  expect(first.leader).not.toBe(leader)
  const [second] = followers.filter((nodeId) => nodeId !== first.leader)
  expect((await leave(second ?? '', 300)).safe).toBe(false)
})

test('nodes that all want to leave do not pass the leadership around while they wait', async () => {
  const { leader, followers } = await followersAndLeader()
  const { term } = await statusAt(leader)
  await Promise.all([leader, ...followers].map((nodeId) => step(nodeId, 'leave-gate', { timeout_ms: 3_000 })))
  expect((await statusAt(leader)).term - term).toBeLessThanOrEqual(3)
}, 30_000)

test('a removal that would lose the quorum is refused, and a dead node can be removed', async () => {
  const { leader, followers } = await followersAndLeader()
  const [dead, alive] = followers
  await cluster.kill(dead)
  await until(leader, 'the dead node is noticed', ({ quorum }) => quorum.active === 2)
  const refused = await step(alive, 'remove', { node_id: alive })
  expect([refused.status, codeOf(refused)]).toEqual([409, 'QUORUM_AT_RISK'])
  const forced = await step(leader, 'remove', { node_id: alive, force: true })
  expect([forced.status, codeOf(forced)]).toEqual([409, 'QUORUM_AT_RISK'])

  const removed = await step(alive, 'remove', { node_id: dead })
  expect([removed.status, removed.text]).toEqual([200, expect.stringContaining('"changed":true')])
  const status = await statusAt(leader)
  expect(status).toMatchObject({ state: 'ok', quorum: { voters: 2, size: 2, active: 2 } })
  expect(status.members.map((member) => member.node_id)).not.toContain(dead)
  expect((await cluster.set(alive, 'after-removal', 'x')).status).toBe(200)

  // With its data away it is a new member.
  await rm(path.join(cluster.layout.home, 'data', dead), { recursive: true, force: true })
  cluster.start(dead)
  await until(leader, 'it votes again', ({ quorum }) => quorum.voters === 3 && quorum.active === 3)
  await cluster.ready([dead])
  expect(await cluster.get(dead, 'after-removal')).toBe('x')
}, 60_000)

test('a node whose data directory is lost comes back under a new incarnation', async () => {
  const { leader, followers } = await followersAndLeader()
  const [wiped] = followers
  const before = (await statusAt(leader)).members.find((member) => member.node_id === wiped)
  await cluster.kill(wiped)
  await rm(path.join(cluster.layout.home, 'data', wiped), { recursive: true, force: true })
  cluster.start(wiped)
  const after = await until(leader, 'the new incarnation votes', ({ members }) =>
    members.some((one) => one.node_id === wiped && one.role === 'voter' && one.incarnation !== before?.incarnation),
  )
  expect(after.members.filter((member) => member.node_id === wiped)).toHaveLength(1)
  expect(after.members).toHaveLength(3)
}, 60_000)

test('without a quorum the status still answers, and a change does not', async () => {
  const { leader, followers } = await followersAndLeader()
  await Promise.all(followers.map((nodeId) => cluster.kill(nodeId)))
  const status = await until(leader, 'the leader steps down', (one) => one.leader === null)
  expect(status).toMatchObject({ state: 'no_quorum', quorum: { voters: 3, active: null, margin: null } })
  const refused = await step(leader, 'remove', { node_id: followers[0] })
  expect([refused.status, codeOf(refused)]).toEqual([503, 'NO_LEADER'])
}, 30_000)
