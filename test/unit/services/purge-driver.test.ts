import { PURGE_POLL_INTERVAL_MS } from '../../../src/contract/limits.ts'
import { eventually } from '../../support/eventually.ts'
import { serviceNode } from '../../support/service-node.ts'
import type { ServiceNode } from '../../support/service-node.ts'

async function withDeletedEntity(recordCount: number): Promise<ServiceNode> {
  const node = await serviceNode()
  const token = await node.services.entities.create('doomed')
  const caller = await node.services.keys.authenticate(token)
  const value = Buffer.from('v')
  const keys = Array.from({ length: recordCount }, (_, n) => Buffer.from(`k${n}`))
  await Promise.all(keys.map((key) => node.services.values.set(caller, { key, value })))
  await node.services.entities.delete(token)
  return node
}

const left = (node: ServiceNode): number => node.state.reader.listEntities(0, 100).length
const pass = (node: ServiceNode): void => node.clock.advance(PURGE_POLL_INTERVAL_MS)

test('a deleted entity is purged step by step until nothing is left', async () => {
  const node = await withDeletedEntity(2_500)
  expect(left(node)).toBe(1)
  const before = node.state.appliedIndex
  node.services.purgeDriver.start()
  pass(node)
  await eventually('the entity is gone', () => (left(node) === 0 ? true : undefined))
  expect(node.state.appliedIndex - before).toBe(3)
  await node.services.purgeDriver.stop()
})

test('only the leader purges, and a new leader goes on', async () => {
  const node = await withDeletedEntity(10)
  node.replicator.changeStatus({ role: 'follower' })
  node.services.purgeDriver.start()
  pass(node)
  await node.services.purgeDriver.stop()
  expect(left(node)).toBe(1)
  const restarted = await serviceNode({ state: node.state })
  restarted.services.purgeDriver.start()
  pass(restarted)
  await eventually('the entity is gone', () => (left(restarted) === 0 ? true : undefined))
  await restarted.services.purgeDriver.stop()
})

test('an interruption is survived: the next round looks again', async () => {
  const node = await withDeletedEntity(10)
  node.services.purgeDriver.start()
  node.replicator.refuseWith('NO_LEADER')
  pass(node)
  await eventually('the round has ended', async () => {
    await Promise.resolve()
    return left(node) === 1 ? true : undefined
  })
  node.replicator.refuseWith(null)
  await eventually('the entity is gone', () => {
    pass(node)
    return left(node) === 0 ? true : undefined
  })
  await node.services.purgeDriver.stop()
})

test('with nothing to do no command is proposed', async () => {
  const node = await serviceNode()
  await node.services.entities.create('alive')
  const before = node.state.appliedIndex
  node.services.purgeDriver.start()
  for (let round = 0; round < 10; round += 1) pass(node)
  await node.services.purgeDriver.stop()
  expect(node.state.appliedIndex).toBe(before)
})
