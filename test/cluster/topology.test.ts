// A node whose file is out of date is told where its peers are, finds them, and knows it after a restart, too.
import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { eventually } from '../support/eventually.ts'
import { ProcessCluster, type ClusterLayout } from '../support/process-cluster.ts'

const STEP_TIMEOUT_MS = 30_000
/** Nobody listens there. */
const OLD_PORT = 1

/** Without the secret; `oldPort`: where node0 was once. */
function body(layout: ClusterLayout, nodeIds: readonly string[], oldPort?: number): string {
  const nodes = layout.nodes
    .filter(({ id }) => nodeIds.includes(id))
    .map(({ id, privatePort, publicPort, raftPort }) => {
      const port = id === 'node0' ? (oldPort ?? raftPort) : raftPort
      return `  ${id}: { publicBinding: "127.0.0.1:${publicPort}", privateBinding: "127.0.0.1:${privatePort}", raftBinding: "127.0.0.1:${port}" }\n`
    })
  return `defaultLeader: node0\ninsiHome: ${layout.home}/data\nnodes:\n${nodes.join('')}`
}

const withSecret = (layout: ClusterLayout, text: string): string => `instanceSecret: ${layout.secret}\n${text}`

let cluster: ProcessCluster
beforeAll(async () => {
  const render = (layout: ClusterLayout): string => withSecret(layout, body(layout, ['node0']))
  cluster = await ProcessCluster.create({ nodeCount: 2, render })
  cluster.start('node0')
  await cluster.ready(['node0'])
}, 60_000)
afterAll(() => cluster.destroy())

const topologyOf = async (nodeId: string): Promise<unknown> =>
  (await cluster.call(nodeId, '/db/api/v1/cluster/topology', { private: true })).json()

async function push(nodeId: string, generation: number, text: string, hash?: string): Promise<number> {
  const fields = { generation, hash: hash ?? createHash('sha256').update(text).digest('hex'), body: text }
  const answer = await cluster.call(nodeId, '/db/api/v1/cluster/topology', { private: true, body: fields })
  return answer.status
}

test('a push leads a node with an old file to its cluster, is kept over restarts, and is never undone by an older one', async () => {
  const { layout } = cluster
  const current = body(layout, ['node0', 'node1'])
  await writeFile(cluster.configPath, withSecret(layout, body(layout, ['node0', 'node1'], OLD_PORT)))
  cluster.start('node1')
  await eventually(
    'node1 listens',
    async () => ((await cluster.call('node1', '/livez', { private: true })).status === 200 ? true : undefined),
    { timeoutMs: STEP_TIMEOUT_MS },
  )
  expect(await topologyOf('node1')).toMatchObject({ generation: 0, hash: null, source: 'file' })
  expect((await cluster.call('node1', '/readyz', { private: true })).status).toBe(503)

  expect(await push('node1', 5, withSecret(layout, current))).toBe(400)
  expect(await push('node1', 5, current, 'f'.repeat(64))).toBe(400)
  expect(await push('node1', 5, current)).toBe(200)
  await cluster.ready(['node1'], STEP_TIMEOUT_MS)
  expect((await cluster.set('node1', 'k', 'v')).status).toBe(200)
  expect([await push('node1', 5, current), await push('node1', 4, current)]).toEqual([200, 409])

  await cluster.kill('node1')
  cluster.start('node1')
  await cluster.ready(['node1'], STEP_TIMEOUT_MS)
  const nodes = ['node0', 'node1']
  expect(await topologyOf('node1')).toMatchObject({ generation: 5, source: 'push', nodes })
  expect(await cluster.get('node1', 'k')).toBe('v')
  const status = (await cluster.call('node1', '/db/api/v1/cluster/status', { private: true })).json()
  expect(status).toMatchObject({ topology: { node_id: 'node1', generation: 5 } })
  const metrics = (await cluster.call('node1', '/metrics', { private: true, token: null })).text
  expect(metrics).toMatch(/^insi_topology_generation(\{.*\})? 5$/m)
}, 90_000)

test('nobody but root may ask or push', async () => {
  const options = { private: true, token: 'insi_none' }
  expect((await cluster.call('node0', '/db/api/v1/cluster/topology', options)).status).toBe(401)
  const pushed = await cluster.call('node0', '/db/api/v1/cluster/topology', { ...options, body: {} })
  expect(pushed.status).toBe(401)
  expect((await cluster.call('node0', '/db/api/v1/cluster/topology')).status).toBe(404)
})
