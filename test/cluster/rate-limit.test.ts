// A key's limit holds over three real nodes together.
import { eventually } from '../support/eventually.ts'
import { ProcessCluster } from '../support/process-cluster.ts'

const LIMIT = 50
const HAMMERED_MS = 4_000
const CLIENTS_A_NODE = 4
/** Of each client: far above the limit, without starving the nodes of the machine's cores. */
const PAUSE_MS = 20

let cluster: ProcessCluster
beforeAll(async () => {
  cluster = await ProcessCluster.running(3)
}, 60_000)
afterAll(() => cluster.destroy())

async function limitedKey(limit: number): Promise<string> {
  const created = await cluster.call('node0', '/db/api/v1/admin/api/create', {
    private: true,
    body: { key_name: 'busy' },
  })
  const { key } = created.json() as { key: string }
  const body = { api_key: key, limits: { rate_per_second_data_limit: limit } }
  expect((await cluster.call('node1', '/db/api/v1/admin/limits/set', { private: true, body })).status).toBe(200)
  return key
}

test('a key that hammers all nodes gets its limit, no more and hardly less', async () => {
  const key = await limitedKey(LIMIT)
  const counts: Record<string, number> = {}
  const startMs = performance.now()
  const clients = cluster.nodeIds.flatMap((nodeId) =>
    Array.from({ length: CLIENTS_A_NODE }, async () => {
      while (performance.now() - startMs < HAMMERED_MS) {
        const answer = await cluster.call(nodeId, '/db/api/v1/get?key=a&consistency=local', { token: key })
        const outcome = `${nodeId} ${answer.status}`
        counts[outcome] = (counts[outcome] ?? 0) + 1
        if (answer.status === 429) expect(answer.headers['retry-after']).toBe('1')
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
      }
    }),
  )
  await Promise.all(clients)
  const seconds = (performance.now() - startMs) / 1_000
  const total = (status: string): number =>
    Object.entries(counts).reduce((sum, [outcome, count]) => (outcome.endsWith(status) ? sum + count : sum), 0)
  const allowed = total('404')
  expect(allowed + total('429')).toBe(Object.values(counts).reduce((sum, count) => sum + count, 0))
  expect(total('429')).toBeGreaterThan(LIMIT)
  expect(allowed).toBeLessThanOrEqual(LIMIT * seconds + LIMIT)
  expect(allowed).toBeGreaterThanOrEqual(0.9 * LIMIT * (HAMMERED_MS / 1_000))
}, 30_000)

test('any node answers the operation rates of the cluster', async () => {
  for (const nodeId of cluster.nodeIds) {
    await eventually(`${nodeId} answers the rates of all nodes`, async () => {
      for (const other of cluster.nodeIds) await cluster.call(other, '/db/api/v1/get?key=a&consistency=local')
      const answer = await cluster.call(nodeId, '/db/api/v1/admin/metrics/ops', { private: true })
      const { op_vs: perSecond } = answer.json() as { op_vs: number }
      // Its own requests are a third of these.
      return perSecond >= 30 ? true : undefined
    })
  }
}, 30_000)
