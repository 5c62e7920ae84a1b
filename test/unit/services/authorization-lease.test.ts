// Until when a node that hears nothing accepts the keys that its state has.
import { AUTHORIZATION_LEASE_MS } from '../../../src/contract/limits.ts'
import { serviceNode } from '../../support/service-node.ts'
import type { ServiceNode } from '../../support/service-node.ts'

let node: ServiceNode
let token: string

beforeEach(async () => {
  node = await serviceNode()
  token = await node.services.entities.create('a')
})
afterEach(() => node.state.close())

const authenticate = async (): Promise<unknown> => node.services.keys.authenticate(token)

test('a node that was never sure of its state does not accept a key from it', async () => {
  node.replicator.refuseWith('NO_LEADER')
  await expect(authenticate()).rejects.toMatchObject({ code: 'NO_LEADER' })
})

test('a node that is cut off accepts keys until its lease ends, and the root key for ever', async () => {
  await authenticate()
  node.replicator.refuseWith('NO_LEADER')
  node.clock.advance(AUTHORIZATION_LEASE_MS - 1)
  expect(node.services.keys.authenticate(token)).toMatchObject({ kind: 'entity' })
  node.clock.advance(1)
  await expect(authenticate()).rejects.toMatchObject({ code: 'NO_LEADER' })
  expect(node.services.keys.isRootKey(token)).toBe(false)
})

test('the lease is counted from when its barrier began, not from when it was passed', async () => {
  const passed = Promise.withResolvers<void>()
  node.replicator.readBarrier = () => passed.promise
  const first = authenticate()
  node.clock.advance(AUTHORIZATION_LEASE_MS)
  passed.resolve()
  await expect(first).resolves.toMatchObject({ kind: 'entity' })
  expect(node.services.keys.authenticate(token)).toBeInstanceOf(Promise)
})

test('a node that is asked all the time renews its lease without anybody waiting for it', async () => {
  await authenticate()
  for (let step = 0; step < 20; step++) {
    node.clock.advance(AUTHORIZATION_LEASE_MS / 4)
    expect(node.services.keys.authenticate(token)).toMatchObject({ kind: 'entity' })
    await new Promise((resolve) => setImmediate(resolve))
  }
})

test('a machine that was suspended has no lease, though its monotonic clock stood still', async () => {
  await authenticate()
  node.replicator.refuseWith('NO_LEADER')
  node.clock.stepWallClock(AUTHORIZATION_LEASE_MS)
  await expect(authenticate()).rejects.toMatchObject({ code: 'NO_LEADER' })
})

test('a node whose own state does not name it as a member asks for every request', async () => {
  const appliedMembers = { isSelfMember: false, others: [], noneRemovedSinceMs: 0 }
  Object.assign(node.replicator, { channel: { ...node.replicator.channel, appliedMembers } })
  await authenticate()
  node.replicator.refuseWith('NO_LEADER')
  await expect(authenticate()).rejects.toMatchObject({ code: 'NO_LEADER' })
})
