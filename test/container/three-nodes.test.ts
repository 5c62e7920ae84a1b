// Three containers on one network: nodes are killed, paused, cut off and stopped under load, and nothing acknowledged is lost.
import { AcknowledgedWriter, type AcknowledgedReport } from '../support/acknowledged-writer.ts'
import { eventually } from '../support/eventually.ts'
import { ContainerCluster, docker, requireImage } from './insi-container.ts'
import { Prometheus, buildPrometheus } from './prometheus.ts'

requireImage()
/** Null: there is a Prometheus to scrape the cluster with. */
const withoutPrometheus = buildPrometheus()
process.stdout.write(
  withoutPrometheus === null ? 'a Prometheus scrapes too\n' : `no Prometheus: ${withoutPrometheus}\n`,
)

const TEST_TIMEOUT_MS = 150_000
/** What an orderly stop may answer: nothing was changed, or the connection is gone. */
const SAFE_FAILURES = /^(NODE_STOPPING|NO_LEADER|ECONNREFUSED|ECONNRESET|UND_ERR_SOCKET)$/
const MOVES_MAX = 2
const cluster = new ContainerCluster(3)
const targets = cluster.nodeIds.map((id) => () => cluster.url(id))

const isBack = (nodeId: string): Promise<true> =>
  eventually(
    `${nodeId} serves reads`,
    async () => ((await cluster.call(nodeId, '/db/api/v1/get?key=load-0-0')).ok ? true : undefined),
    { timeoutMs: 45_000 },
  )
const print = (what: string, report: object): void => void process.stdout.write(`${what}: ${JSON.stringify(report)}\n`)

/** Disturbs the cluster under load and expects that every acknowledged write is there and that none failed for ever. */
async function underLoad(disturb: (writer: AcknowledgedWriter) => Promise<void>): Promise<AcknowledgedReport> {
  const writer = new AcknowledgedWriter(targets, cluster.rootKey)
  await eventually('the load runs', () => (writer.acknowledgedCount > 100 ? true : undefined), { timeoutMs: 30_000 })
  await disturb(writer)
  const report = await writer.stop()
  expect(await writer.lost(targets)).toEqual([])
  expect(report.abandoned).toBe(0)
  return report
}

async function writesGoOn(writer: AcknowledgedWriter): Promise<void> {
  const after = writer.acknowledgedCount
  await eventually('the others go on', () => (writer.acknowledgedCount > after + 100 ? true : undefined), {
    timeoutMs: 30_000,
  })
}

beforeAll(() => cluster.start(), TEST_TIMEOUT_MS)
afterAll(() => cluster.destroy(), TEST_TIMEOUT_MS)

test('a value written through one node is read through each', async () => {
  expect((await cluster.call('node1', '/db/api/v1/set', { key: 'user', value: 'Alice' })).status).toBe(200)
  for (const nodeId of cluster.nodeIds) {
    expect(await (await cluster.call(nodeId, '/db/api/v1/get?key=user')).json()).toEqual({ data: 'Alice' })
  }
})

test.each([
  ['kill', 'start'],
  ['pause', 'unpause'],
])(
  'docker %s of the leader under load loses no acknowledged write, and it finds back after docker %s',
  async (takeAway, giveBack) => {
    const report = await underLoad(async (writer) => {
      const leading = await cluster.leader('node0')
      const container = cluster.container(leading).getId()
      await docker(takeAway, container)
      await writesGoOn(writer)
      await docker(giveBack, container)
      await isBack(leading)
    })
    print(`leader and docker ${takeAway}`, report)
  },
  TEST_TIMEOUT_MS,
)

test.each(['leader', 'follower'])(
  'a %s that is cut off from the network serves no stale read, the others go on, and it catches up afterwards',
  async (which) => {
    const report = await underLoad(async (writer) => {
      const leading = await cluster.leader('node0')
      const cutOff = which === 'leader' ? leading : cluster.nodeIds.find((id) => id !== leading)
      if (cutOff === undefined) throw new Error('no follower')
      await cluster.disconnect(cutOff)
      await writesGoOn(writer)
      const refused = await cluster.callInside(cutOff, '/db/api/v1/get?key=user')
      expect({ ...refused, text: /READ_TIMEOUT|NO_LEADER/.test(refused.text) }).toEqual({ status: 503, text: true })
      await cluster.reconnect(cutOff)
      await isBack(cutOff)
    })
    print(`${which} cut off`, report)
  },
  TEST_TIMEOUT_MS,
)

test(
  'SIGTERM of each node in turn under load: every request that failed could be sent again, and leadership moves twice at most',
  async () => {
    const gapsMs: number[] = []
    let moveCount = 0
    const report = await underLoad(async (writer) => {
      let leading = await cluster.leader('node0')
      for (const nodeId of cluster.nodeIds.toReversed()) {
        writer.takeLongestGapMs()
        const container = cluster.container(nodeId).getId()
        await docker('stop', '--time', '30', container)
        expect(await docker('inspect', '--format', '{{.State.ExitCode}}', container)).toBe('0')
        await docker('start', container)
        await isBack(nodeId)
        await writesGoOn(writer)
        gapsMs.push(writer.takeLongestGapMs())
        const now = await cluster.leader(nodeId)
        if (now !== leading) moveCount += 1
        leading = now
      }
    })
    print('each node stopped in turn', { ...report, gapsMs, moveCount })
    expect(Object.keys(report.failures).filter((reason) => !SAFE_FAILURES.test(reason))).toEqual([])
    expect(moveCount).toBeLessThanOrEqual(MOVES_MAX)
  },
  TEST_TIMEOUT_MS,
)

async function scrapes(): Promise<void> {
  const prometheus = new Prometheus(cluster)
  try {
    await prometheus.start()
    expect(await prometheus.checkRules()).toContain('SUCCESS')
    const { api } = prometheus
    const isScraped = async (): Promise<true | undefined> =>
      (await api.value('min(count_over_time(up{namespace="space"}[15s])) >= 3')) === undefined ? undefined : true
    await eventually('each node was scraped three times', isScraped, { timeoutMs: 20_000 })
    expect(await api.value('sum(up)')).toBe(cluster.nodeIds.length)
    expect(await api.value('sum(insi_raft_is_leader)')).toBe(1)
    expect(await api.value('max(insi_raft_quorum_margin)')).toBe(1)
    const rules = await api.rules()
    expect(rules.filter(({ health }) => health !== 'ok')).toEqual([])
    expect(rules.filter(({ state }) => state === 'firing').map(({ name }) => name)).toEqual([])
  } finally {
    await prometheus.stop()
  }
}

if (withoutPrometheus === null) {
  test('a Prometheus scrapes every node, and its rules are sound and quiet', scrapes, TEST_TIMEOUT_MS)
}
