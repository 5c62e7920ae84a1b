// Deleted keys on three real nodes: once the deletion is answered, no node accepts them, not even one that could not hear of it.
import { eventually } from '../support/eventually.ts'
import { ProcessCluster } from '../support/process-cluster.ts'
import type { Answer } from '../support/process-cluster.ts'

/** A deletion that every node confirms, and the longest that one may take which not every node does; with room for a busy machine. */
const CONFIRMED_MS_MAX = 1_500
const UNCONFIRMED_MS_MAX = 4_000

let cluster: ProcessCluster
beforeAll(async () => {
  cluster = await ProcessCluster.running(3)
}, 60_000)
afterAll(() => cluster.destroy())

const post = (nodeId: string, route: string, body: unknown, token = cluster.rootKey): Promise<Answer> =>
  cluster.call(nodeId, `/db/api/v1/${route}`, { body, token, private: route.startsWith('admin/') })

async function createKey(nodeId: string): Promise<string> {
  const created = await post(nodeId, 'admin/api/create', { key_name: 'tenant' })
  return (created.json() as { key: string }).key
}

async function createAlias(nodeId: string, token: string): Promise<string> {
  return ((await post(nodeId, 'alias/set', {}, token)).json() as { alias: string }).alias
}

const ping = (nodeId: string, token: string): Promise<Answer> => cluster.call(nodeId, '/db/api/v1/ping', { token })

async function takenMs(work: () => Promise<Answer>): Promise<number> {
  const beganMs = performance.now()
  const answer = await work()
  expect([answer.status, answer.text]).toEqual([200, expect.any(String)])
  return performance.now() - beganMs
}

/** What a node answers from its own state alone. */
const LOCAL_REQUESTS = ['ping', 'get?key=a&consistency=local', 'limits?consistency=local'] as const

test('a deletion that all nodes hear of is answered at once', async () => {
  // After a start, nodes are not sure for a moment who was removed before it.
  await eventually('deletions are quick', async () => {
    const token = await createKey('node0')
    for (const nodeId of cluster.nodeIds) expect((await ping(nodeId, token)).status).toBe(200)
    const deletedMs = await takenMs(() => post('node1', 'admin/api/delete', { key: token }))
    for (const nodeId of cluster.nodeIds) expect((await ping(nodeId, token)).status).toBe(401)
    return deletedMs < CONFIRMED_MS_MAX ? true : undefined
  })
}, 30_000)

describe('while a node stands still', () => {
  test.each(['key', 'alias'])(
    'a deleted %s is refused by it from its first moment on',
    async (kind) => {
      const leader = await cluster.leader()
      const [asked = '', still = ''] = cluster.nodeIds.filter((nodeId) => nodeId !== leader)
      const owner = await createKey(asked)
      const alias = await createAlias(asked, owner)
      const revoked = kind === 'key' ? [owner, alias] : [alias]
      for (const token of revoked) expect((await ping(still, token)).status).toBe(200)
      cluster.process(still)?.kill('SIGSTOP')
      const deletedMs = await takenMs(() =>
        kind === 'key'
          ? post(asked, 'admin/api/delete', { key: owner })
          : post(asked, 'alias/delete', { alias }, owner),
      )
      expect(deletedMs).toBeLessThan(UNCONFIRMED_MS_MAX)
      // They wait in the node's socket, before whatever the other nodes have to say to it is carried out.
      const answers = revoked.flatMap((token) =>
        LOCAL_REQUESTS.map((route) => cluster.call(still, `/db/api/v1/${route}`, { token })),
      )
      expect((await ping(asked, cluster.rootKey)).status).toBe(200)
      cluster.process(still)?.kill('SIGCONT')
      expect((await Promise.all(answers)).map(({ status }) => status)).toEqual(answers.map(() => 401))
    },
    30_000,
  )
})

test('a node that hears of no leader accepts no tenant key after a while, and says that it cannot tell', async () => {
  const leader = await cluster.leader()
  const [alone = '', other = ''] = cluster.nodeIds.filter((nodeId) => nodeId !== leader)
  const token = await createKey(alone)
  expect((await ping(alone, token)).status).toBe(200)
  for (const nodeId of [leader, other]) cluster.process(nodeId)?.kill('SIGSTOP')
  try {
    const refused = await eventually('its lease has ended', async () => {
      const answer = await ping(alone, token)
      return answer.status === 200 ? undefined : answer
    })
    expect([refused.status, refused.json()]).toEqual([503, expect.objectContaining({ error_type: 'NO_LEADER' })])
    expect((await ping(alone, cluster.rootKey)).status).toBe(200)
  } finally {
    for (const nodeId of [leader, other]) cluster.process(nodeId)?.kill('SIGCONT')
  }
  await eventually('it accepts the key again', async () =>
    (await ping(alone, token)).status === 200 ? true : undefined,
  )
}, 60_000)
