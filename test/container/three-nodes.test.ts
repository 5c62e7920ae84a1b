// Three containers on one network: the leader is killed and paused under load, and nothing acknowledged is lost.
import { AcknowledgedWriter } from '../support/acknowledged-writer.ts'
import { eventually } from '../support/eventually.ts'
import { ContainerCluster, docker, requireImage } from './insi-container.ts'

requireImage()

const TEST_TIMEOUT_MS = 150_000
const cluster = new ContainerCluster(3)
const targets = cluster.nodeIds.map((id) => () => cluster.url(id))

const leader = (nodeId: string): Promise<string> =>
  eventually('a leader is known', async () => {
    const { leader } = (await (await cluster.call(nodeId, '/db/api/v1/ping')).json()) as { leader: string }
    return leader.split(':')[0] || undefined
  })
const isBack = (nodeId: string): Promise<true> =>
  eventually(
    `${nodeId} serves reads`,
    async () => ((await cluster.call(nodeId, '/db/api/v1/get?key=load-0-0')).ok ? true : undefined),
    { timeoutMs: 45_000 },
  )

/** Breaks the cluster under load, repairs it, and expects that every acknowledged write is there. */
async function underLoad(what: string, takeAway: (container: string) => void, giveBack: (container: string) => void) {
  const writer = new AcknowledgedWriter(targets, cluster.rootKey)
  await eventually('the load runs', () => (writer.acknowledgedCount > 100 ? true : undefined))
  const leading = await leader('node0')
  const container = cluster.container(leading).getId()
  takeAway(container)
  const after = writer.acknowledgedCount
  await eventually('the others go on', () => (writer.acknowledgedCount > after + 100 ? true : undefined), {
    timeoutMs: 30_000,
  })
  giveBack(container)
  await isBack(leading)
  const report = await writer.stop()
  process.stdout.write(`${what}: ${JSON.stringify(report)}\n`)
  expect(await writer.lost(targets)).toEqual([])
}

beforeAll(() => cluster.start(), TEST_TIMEOUT_MS)
afterAll(() => cluster.destroy(), TEST_TIMEOUT_MS)

test('a value written through one node is read through each', async () => {
  expect((await cluster.call('node1', '/db/api/v1/set', { key: 'user', value: 'Alice' })).status).toBe(200)
  for (const nodeId of cluster.nodeIds) {
    expect(await (await cluster.call(nodeId, '/db/api/v1/get?key=user')).json()).toEqual({ data: 'Alice' })
  }
})

test(
  'docker kill of the leader under load loses no acknowledged write',
  () =>
    underLoad(
      'leader killed',
      (container) => docker('kill', container),
      (container) => docker('start', container),
    ),
  TEST_TIMEOUT_MS,
)

test(
  'docker pause of the leader under load loses no acknowledged write, and it finds back',
  () =>
    underLoad(
      'leader paused',
      (container) => docker('pause', container),
      (container) => docker('unpause', container),
    ),
  TEST_TIMEOUT_MS,
)
