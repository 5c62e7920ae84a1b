import { ClusterService } from '../../../src/services/cluster.ts'
import type { ClusterAdmin, ClusterMember, ClusterView, LeaveAnswer } from '../../../src/services/cluster-admin.ts'
import { insiError } from '../../../src/contract/errors.ts'
import { StateMachine } from '../../../src/state/state-machine.ts'
import { ReplaceableMemoryStore } from '../../../src/storage/replaceable-memory-store.ts'
import { silentLog } from '../../../src/base/log.ts'
import { TopologyService } from '../../../src/services/cluster-topology.ts'
import { configOf } from '../../support/service-node.ts'
import { systemClock } from '../../../src/base/clock.ts'
import type { Clock } from '../../../src/base/clock.ts'
import { LEAVE_HOLD_MS } from '../../../src/contract/limits.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'
import { SingleNodeAdmin } from '../../support/single-node-admin.ts'
import { SingleNodeReplicator } from '../../support/single-node-replicator.ts'

/** A cluster whose answers a test chooses. */
class ScriptedAdmin extends SingleNodeAdmin implements ClusterAdmin {
  readonly steps: string[] = []
  readonly leaves: LeaveAnswer[] = []
  changes: Partial<ClusterView> = {}
  onStep: () => void = () => {}
  isTransferPossible = false

  override async view(): Promise<ClusterView> {
    return { ...(await super.view()), ...this.changes }
  }

  override async step(
    step: Parameters<ClusterAdmin['step']>[0],
    planOnly: boolean,
  ): Promise<Awaited<ReturnType<ClusterAdmin['step']>>> {
    this.steps.push(step.type)
    this.onStep()
    if (step.type === 'transfer' && this.isTransferPossible) {
      return { plan: { ...(await super.step(step, true)).plan, verdict: 'allowed' }, changed: true }
    }
    return super.step(step, planOnly)
  }

  override leave(): Promise<LeaveAnswer> {
    return Promise.resolve(this.leaves.shift() ?? { granted: true, possible: true, reason: 'enough' })
  }
}

const voter = (nodeId: string, changes: Partial<ClusterMember> = {}): ClusterMember => ({
  memberId: `${nodeId}/a`,
  nodeId,
  incarnation: 'a',
  role: 'voter',
  demoted: false,
  raftAddress: 'h:1',
  isLeader: false,
  lagEntries: 0,
  active: true,
  ...changes,
})

async function clusterOf(clock: Clock = systemClock): Promise<{
  admin: ScriptedAdmin
  cluster: ClusterService
  replicator: SingleNodeReplicator
}> {
  const admin = new ScriptedAdmin()
  const replicator = new SingleNodeReplicator(await StateMachine.open(new ReplaceableMemoryStore()))
  const topology = TopologyService.unsaved(configOf(), 'node0', silentLog)
  return { admin, replicator, cluster: new ClusterService({ clock, admin, replicator, topology }) }
}

test('the state is degraded while a voter is away and no_quorum without a leader', async () => {
  const { admin, cluster } = await clusterOf()
  expect((await cluster.status()).state).toBe('ok')
  const members = [voter('node0'), voter('node1'), voter('node2', { active: false })]
  admin.changes = { members, quorum: { voters: 3, size: 2, active: 2, margin: 0 } }
  expect((await cluster.status()).state).toBe('degraded')
  admin.changes = { leader: null, members, quorum: { voters: 3, size: 2, active: null, margin: null } }
  expect((await cluster.status()).state).toBe('no_quorum')
  admin.changes = { members, quorum: { voters: 3, size: 2, active: 1, margin: -1 } }
  expect((await cluster.status()).state).toBe('no_quorum')
})

test('joining a voter changes nothing', async () => {
  const { admin, cluster } = await clusterOf()
  await cluster.join('node0', '127.0.0.1:7000')
  expect(admin.steps).toEqual([])
})

test('joining a stranger adds it and waits until it votes', async () => {
  const { admin, cluster } = await clusterOf()
  admin.onStep = () => {
    admin.changes = { members: [voter('node0'), voter('node1')] }
  }
  await cluster.join('node1', '127.0.0.1:7001')
  expect(admin.steps).toEqual(['add'])
})

test('joining a node that cannot be reached fails with the reason', async () => {
  const { admin, cluster } = await clusterOf()
  admin.onStep = () => {
    throw insiError('MEMBER_NOT_READY', 'no node answers there')
  }
  await expect(cluster.join('node1', '127.0.0.1:7001')).rejects.toMatchObject({
    code: 'JOIN_FAILED',
    message: 'Failed to join follower: no node answers there',
  })
})

test('the leave gate of a leader hands leadership over once it may go', async () => {
  const { admin, cluster } = await clusterOf()
  admin.changes = { quorum: { voters: 3, size: 2, active: 3, margin: 1 } }
  // There is nobody else here to take over.
  expect(await cluster.leaveGate(0)).toMatchObject({ safe: false, reason: 'no other voter answers and is caught up' })
  expect(admin.steps).toEqual(['transfer'])
})

test('the leave gate hands over once: a node that has to lead again meanwhile may go as the leader', async () => {
  const { admin, cluster } = await clusterOf()
  admin.changes = { quorum: { voters: 3, size: 2, active: 3, margin: 1 } }
  admin.isTransferPossible = true
  admin.leaves.push({ granted: true, possible: true, reason: 'enough' })
  admin.leaves.push({ granted: false, possible: true, reason: 'another one leaves' })
  expect(await cluster.leaveGate(5_000)).toMatchObject({ safe: true, reason: 'enough' })
  expect(admin.steps).toEqual(['transfer'])
})

test('a leader that may not go yet keeps the leadership, and with it the list of those that go', async () => {
  const { admin, cluster } = await clusterOf()
  admin.changes = { quorum: { voters: 3, size: 2, active: 3, margin: 1 } }
  admin.leaves.push({ granted: false, possible: true, reason: 'another one leaves' })
  expect(await cluster.leaveGate(0)).toMatchObject({ safe: false, reason: 'another one leaves' })
  expect(admin.steps).toEqual([])
})

test('the leave gate of a follower asks until it may go', async () => {
  const { admin, cluster, replicator } = await clusterOf()
  replicator.changeStatus({ role: 'follower', leader: { nodeId: 'node1', raftAddress: 'h:1' } })
  admin.leaves.push({ granted: false, possible: true, reason: 'another one leaves' })
  expect(await cluster.leaveGate(5_000)).toEqual({ safe: true, leader: 'node1', reason: 'enough' })
  expect(admin.steps).toEqual([])
})

test('a node leaves from when the leave gate is asked until nobody has asked it for a while', async () => {
  const clock = new VirtualClock()
  const { admin, cluster } = await clusterOf(clock)
  expect(cluster.isLeaving).toBe(false)
  admin.leaves.push({ granted: false, possible: false, reason: 'the only voter' })
  await cluster.leaveGate(0)
  expect(cluster.isLeaving).toBe(true)
  clock.advance(LEAVE_HOLD_MS)
  expect(cluster.isLeaving).toBe(false)
})

test('the leave gate does not wait for what cannot be', async () => {
  const { admin, cluster, replicator } = await clusterOf()
  replicator.changeStatus({ role: 'follower' })
  admin.leaves.push({ granted: false, possible: false, reason: 'the only voter' })
  expect(await cluster.leaveGate(600_000)).toMatchObject({ safe: false, reason: 'the only voter' })
  admin.leaves.push({ granted: false, possible: true, reason: 'another one leaves' })
  expect(await cluster.leaveGate(0)).toMatchObject({ safe: false, reason: 'another one leaves' })
})
