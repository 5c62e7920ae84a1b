import { must } from '../../../src/base/assert.ts'
import { rootKeyOf } from '../../../src/contract/root-key.ts'
import type { Caller } from '../../../src/services/caller.ts'
import { configOf, serviceNode } from '../../support/service-node.ts'
import type { ServiceNode } from '../../support/service-node.ts'

const OLD_SECRET = 'the-old-secret-of-this-cluster-0123456789abcdef'
const NEW_SECRET = 'the-new-secret-of-this-cluster-0123456789abcdef'

const authenticate = async (node: ServiceNode, token: string): Promise<Caller> => node.services.keys.authenticate(token)
const refused = (node: ServiceNode, token: string): Promise<void> =>
  expect(authenticate(node, token)).rejects.toMatchObject({ code: 'AUTHENTICATION_FAILED' })

test('a known token is answered while the lease is held without waiting for anything', async () => {
  const node = await serviceNode()
  const token = await node.services.entities.create('a')
  await authenticate(node, token)
  node.replicator.refuseWith('NO_LEADER')
  const caller = node.services.keys.authenticate(token)
  expect(caller).toMatchObject({ kind: 'entity', entityId: 1 })
  expect(node.services.keys.authenticate(token)).toEqual(caller)
})

test('a token that is no longer remembered is checked again and still good', async () => {
  const node = await serviceNode({ config: configOf('cache: { keys: 1m }') })
  const token = await node.services.entities.create('a')
  expect(await authenticate(node, token)).toBeDefined()
  node.clock.advance(61_000)
  expect(await authenticate(node, token)).toBeDefined()
})

test('a remembered token ends with its key', async () => {
  const node = await serviceNode()
  const token = await node.services.entities.create('a')
  await authenticate(node, token)
  await node.services.entities.delete(token)
  await refused(node, token)
})

describe('a genuine token whose key this node does not know yet', () => {
  test('is good when the key arrives with the read barrier', async () => {
    const leader = await serviceNode()
    const token = await leader.services.entities.create('new')
    const follower = await serviceNode()
    follower.replicator.readBarrier = async () => {
      // The follower applies what the leader has, as a read barrier makes sure of.
      const key = must(leader.state.reader.listEntities(0, 1)[0], 'the leader has an entity')
      await follower.services.entities.create('older')
      follower.state.reader.key = () => leader.state.reader.key(key.keyUuid)
      follower.state.reader.entity = (entityId) => leader.state.reader.entity(entityId)
    }
    expect(await authenticate(follower, token)).toMatchObject({ kind: 'entity' })
  })

  test('is refused when it does not', async () => {
    const token = await (await serviceNode()).services.entities.create('elsewhere')
    await refused(await serviceNode(), token)
  })

  test('is not called bad while nobody can tell', async () => {
    const token = await (await serviceNode()).services.entities.create('elsewhere')
    const node = await serviceNode()
    node.replicator.refuseWith('NO_LEADER')
    await expect(authenticate(node, token)).rejects.toMatchObject({ code: 'NO_LEADER' })
  })
})

test('a forged token never costs a read barrier', async () => {
  const node = await serviceNode()
  node.replicator.readBarrier = () => Promise.reject(new Error('a barrier was asked for'))
  for (const token of ['x', 'insi_', `insi_${'A'.repeat(46)}`, `insi_${Buffer.alloc(34, 1).toString('base64url')}`]) {
    expect(() => node.services.keys.authenticate(token)).toThrow(
      expect.objectContaining({ code: 'AUTHENTICATION_FAILED' }),
    )
  }
})

describe('after the instance secret was replaced', () => {
  test('tokens stay good by their digest, and new ones are made under the new secret', async () => {
    const before = await serviceNode({ config: configOf('', OLD_SECRET) })
    const token = await before.services.entities.create('old')
    const alias = await before.services.aliases.create(await authenticate(before, token))
    const after = await serviceNode({ config: configOf('', NEW_SECRET), state: before.state })
    expect(await authenticate(after, token)).toMatchObject({ kind: 'entity' })
    expect(await authenticate(after, alias)).toMatchObject({ kind: 'alias' })
    const caller = await authenticate(after, rootKeyOf(NEW_SECRET))
    const shown =
      (await after.services.insight.entities(caller, { offset: 0, limit: 0 }, 'linearizable'))[0]?.token ?? ''
    expect(shown).not.toBe(token)
    expect(await authenticate(after, shown)).toEqual(await authenticate(after, token))
    await after.services.entities.delete(token)
    await refused(after, token)
    await refused(after, shown)
  })

  test('the old root key is refused at once, also while the previous secret is configured', async () => {
    const node = await serviceNode({ config: configOf(`previousInstanceSecret: ${OLD_SECRET}`, NEW_SECRET) })
    expect(await authenticate(node, rootKeyOf(NEW_SECRET))).toMatchObject({ kind: 'root' })
    await refused(node, rootKeyOf(OLD_SECRET))
  })

  test('a token that was never handed out is refused, though its key exists', async () => {
    const before = await serviceNode({ config: configOf('', OLD_SECRET) })
    await before.services.entities.create('a')
    const after = await serviceNode({ config: configOf('', NEW_SECRET), state: before.state })
    const stranger = await serviceNode({
      config: configOf('', 'a-secret-of-a-stranger-0123456789-abcdefghij'),
      state: before.state,
    })
    const root = await authenticate(stranger, rootKeyOf('a-secret-of-a-stranger-0123456789-abcdefghij'))
    const forged = (await stranger.services.insight.entities(root, { offset: 0, limit: 0 }, 'local'))[0]?.token ?? ''
    expect(await authenticate(stranger, forged)).toBeDefined()
    await refused(after, forged)
  })
})

test('a read that a key began is refused when the key is deleted before the read barrier has passed', async () => {
  const node = await serviceNode()
  const token = await node.services.entities.create('a')
  const caller = await authenticate(node, token)
  const { values, entities } = node.services
  const key = Buffer.from('k')
  await values.set(caller, { key, value: Buffer.from('v') })
  const passed = Promise.withResolvers<void>()
  node.replicator.readBarrier = () => passed.promise
  const read = values.get(caller, { key }, 'linearizable').catch((error: unknown) => error)
  node.replicator.readBarrier = () => Promise.resolve()
  await entities.delete(token)
  passed.resolve()
  expect(await read).toMatchObject({ code: 'AUTHENTICATION_FAILED' })
  await expect(values.set(caller, { key, value: key })).rejects.toMatchObject({ code: 'AUTHENTICATION_FAILED' })
})
