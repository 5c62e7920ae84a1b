// An alias that was deleted, and a node that does not know it yet: requests that it let in before the deletion was acknowledged may
// still be under way, so the cluster must refuse what they propose.
import type { Caller } from '../../../src/services/caller.ts'
import { serviceNode } from '../../support/service-node.ts'
import type { ServiceNode } from '../../support/service-node.ts'

const KEY_DELETED = { code: 'AUTHENTICATION_FAILED', message: 'Unauthorized: the API key was deleted.' }
const KEY = Buffer.from('k')
const VALUE = Buffer.from('v')

let leader: ServiceNode
/** Applies what the leader has applied when it is told to. */
let follower: ServiceNode
let catchUp: () => Promise<void>
let parent: Caller
let alias: string

beforeEach(async () => {
  ;[leader, follower] = [await serviceNode(), await serviceNode()]
  const behind: Uint8Array[] = []
  const propose = leader.replicator.propose.bind(leader.replicator)
  const applyOnFollower = follower.replicator.propose.bind(follower.replicator)
  leader.replicator.propose = (command) => {
    behind.push(command)
    return propose(command)
  }
  follower.replicator.propose = (command) => leader.replicator.propose(command)
  catchUp = async () => {
    for (const command of behind.splice(0)) await applyOnFollower(command)
  }
  follower.replicator.readBarrier = () => catchUp()
  parent = await leader.services.keys.authenticate(await leader.services.entities.create('a'))
  alias = await leader.services.aliases.create(parent)
  await catchUp()
})
afterEach(() => Promise.all([leader.state.close(), follower.state.close()]))

const authenticate = async (node: ServiceNode): Promise<Caller> => node.services.keys.authenticate(alias)

test('an alias writes through any node while it exists', async () => {
  const caller = await authenticate(follower)
  expect(caller.kind).toBe('alias')
  await follower.services.values.set(caller, { key: KEY, value: VALUE })
  const { value } = await leader.services.values.get(parent, { key: KEY }, 'local')
  expect(value.toString()).toBe('v')
})

const WRITES: Readonly<Record<string, (node: ServiceNode, caller: Caller) => Promise<unknown>>> = {
  set: ({ services }, caller) => services.values.set(caller, { key: KEY, value: VALUE }),
  setnx: ({ services }, caller) => services.cache.setnx(caller, { key: KEY, value: VALUE }),
  cas: ({ services }, caller) => services.values.cas(caller, { key: KEY, expected: { revision: 0 }, newValue: VALUE }),
  bump: ({ services }, caller) => services.values.bump(caller, { key: KEY, delta: 1n, min: 0n }),
  expire: ({ services }, caller) => services.values.expire(caller, { key: KEY, ttlMs: 1 }),
  delete: ({ services }, caller) => services.values.delete(caller, { key: KEY }),
  'delete/range': ({ services }, caller) => services.values.deleteRange(caller, KEY),
  batch: ({ services }, caller) => services.transactions.batch(caller, [{ op: 'delete', space: 'value', key: KEY }]),
  txn: ({ services }, caller) => services.transactions.txn(caller, { compare: [], then: [], else: [] }),
  publish: ({ services }, caller) => services.events.publish(caller, { topic: 't', data: VALUE }),
  shake: ({ services }, caller) => services.events.shake(caller),
  subscribe: ({ services }, caller) => services.events.admit(caller, { topic: 't', since: null }),
  get: ({ services }, caller) => services.values.get(caller, { key: KEY }, 'linearizable'),
}

test.each(Object.keys(WRITES))(
  'once its deletion is acknowledged, %s of a request that a node that lags has let in is refused',
  async (name) => {
    const caller = await authenticate(follower)
    await leader.services.aliases.delete(parent, alias)
    await expect(WRITES[name]?.(follower, caller)).rejects.toMatchObject(KEY_DELETED)
    await catchUp()
    await expect(authenticate(follower)).rejects.toMatchObject({ code: 'AUTHENTICATION_FAILED' })
    expect(leader.state.reader.usage(parent.entityId)).toMatchObject({
      diskBytes: 0,
      memoryBytes: 0,
      events: 0,
      subscribers: 0,
    })
    expect(follower.state.appliedIndex).toBe(leader.state.appliedIndex)
  },
)

test('its siblings and its parent go on', async () => {
  const sibling = await leader.services.aliases.create(parent)
  await catchUp()
  await leader.services.aliases.delete(parent, alias)
  const caller = await follower.services.keys.authenticate(sibling)
  expect(caller.kind).toBe('alias')
  await follower.services.values.set(caller, { key: KEY, value: VALUE })
  await follower.services.values.delete(parent, { key: KEY })
})
