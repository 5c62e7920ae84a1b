// Members that were removed come back with the disks that they had, as after a scale from three to one and back.
import { eventually } from '../support/eventually.ts'
import { ReplicaCluster } from '../support/replica-cluster.ts'

const STEP_TIMEOUT_MS = 30_000

let cluster: ReplicaCluster
beforeAll(async () => {
  cluster = await ReplicaCluster.create(3)
  await cluster.startAll()
})
afterAll(() => cluster.destroy())

/** Refusals that pass by themselves are asked again. */
async function step(leader: string, what: Parameters<ReturnType<typeof adminOf>['step']>[0]): Promise<void> {
  const tried = async (): Promise<true> => {
    await adminOf(leader).step(what, false)
    return true
  }
  await eventually(`${what.type} is done`, tried, { timeoutMs: STEP_TIMEOUT_MS })
}

const adminOf = (nodeId: string) => cluster.replica(nodeId).admin

async function untilVoters(leader: string, count: number): Promise<void> {
  await eventually(
    `${count} vote`,
    async () => {
      const { members, settled } = await adminOf(leader).view()
      return settled && members.filter(({ role }) => role === 'voter').length === count ? true : undefined
    },
    { timeoutMs: STEP_TIMEOUT_MS },
  )
}

test('three become one and three again with the old disks: they learn what they missed, vote, and nothing is lost', async () => {
  const leader = await cluster.formed()
  await untilVoters(leader, 3)
  await cluster.set(leader, 'before', '1')
  const others = cluster.nodeIds.filter((nodeId) => nodeId !== leader)
  const before = (await adminOf(leader).view()).members.map(({ memberId }) => memberId)
  for (const nodeId of others) {
    await step(leader, { type: 'remove', nodeId, incarnation: null, force: false })
    await cluster.stop(nodeId)
  }
  await untilVoters(leader, 1)
  await cluster.set(leader, 'meanwhile', '2')

  for (const nodeId of others) {
    await cluster.start(nodeId)
    await step(leader, { type: 'add', nodeId, memberId: null, raftAddress: cluster.addressOf(nodeId) })
  }
  await untilVoters(leader, 3)
  expect((await adminOf(leader).view()).members.map(({ memberId }) => memberId).toSorted()).toEqual(before.toSorted())
  for (const nodeId of others) {
    expect([await cluster.get(nodeId, 'before'), await cluster.get(nodeId, 'meanwhile')]).toEqual(['1', '2'])
  }
  await cluster.set(others[0] ?? '', 'after', '3')
  await cluster.stop(leader)
  await cluster.formed()
  for (const nodeId of others) expect(await cluster.get(nodeId, 'after')).toBe('3')
}, 120_000)
