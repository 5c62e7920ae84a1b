// The chart on a real Kubernetes: install, quick start, a lost leader, a rolling restart, growth, and disks that outlive a release.
import { execFileSync } from 'node:child_process'
import { openSocket } from '../support/event-client.ts'
import { eventually } from '../support/eventually.ts'
import { PortForward, helm, requireCluster } from './cluster-tools.ts'
import { Release, pods, report } from './release.ts'

requireCluster()

const TEST_TIMEOUT_MS = 300_000
const OPTION = 'config.cache.standard-ttl=1h'
const release = new Release()
let notes = ''

beforeAll(async () => {
  const start = performance.now()
  notes = await release.create()
  report(`install of 3 nodes: ${Math.round(performance.now() - start)} ms`)
}, TEST_TIMEOUT_MS)
afterAll(() => release.remove(), TEST_TIMEOUT_MS)

/** Works through a port-forward to the service, as the quick start does. */
async function throughService(work: (url: string) => Promise<void> | void): Promise<void> {
  const forward = new PortForward(release.namespace, 'svc/insi')
  try {
    await work(await eventually('the port-forward is open', () => forward.url))
  } finally {
    forward.close()
  }
}

const authorization = (): string => `Authorization: Bearer ${release.apiKey}`
const curl = (...words: string[]): string =>
  execFileSync('curl', ['-sS', '--fail', '-H', authorization(), ...words], { encoding: 'utf8' })
const post = (url: string, body: unknown): string =>
  curl('-X', 'POST', url, '-H', 'Content-Type: application/json', '-d', JSON.stringify(body))

async function readsThroughEach(names: readonly string[]): Promise<void> {
  await release.reachable(names)
  for (const pod of names) {
    const read = await eventually(
      `${pod} reads`,
      async () => (await release.call(pod, '/db/api/v1/get?key=user')).json(),
      { timeoutMs: 30_000 },
    )
    expect(read).toEqual({ data: 'Alice' })
  }
}

test('helm install gives three ready nodes in a namespace that enforces the restricted pod security', async () => {
  expect(notes).toContain(`kubectl -n ${release.namespace} exec insi-0 -- insic`)
  expect(await release.field('statefulset/insi', '.status.readyReplicas')).toBe('3')
})

test(
  'the quick start of the notes works: a value by curl through a port-forward to the service',
  () =>
    throughService((url) => {
      post(`${url}/db/api/v1/set`, { key: 'user', value: 'Alice' })
      expect(JSON.parse(curl(`${url}/db/api/v1/get?key=user`))).toEqual({ data: 'Alice' })
    }),
  TEST_TIMEOUT_MS,
)

test(
  'a WebSocket through the port-forward receives what is published, and a watch of keys what is written',
  () =>
    throughService(async (url) => {
      const headers = { authorization: release.apiKey }
      const socketUrl = url.replace('http:', 'ws:')
      const events = await openSocket(`${socketUrl}/db/api/v1/events/subscribe?topic=orders.*`, { headers })
      const changes = await openSocket(`${socketUrl}/db/api/v1/watch?prefix=watched:`, { headers })
      expect(await changes.next()).toMatchObject({ changes: [] })
      post(`${url}/db/api/v1/events`, { topic: 'orders.new', data: { n: 1 } })
      expect(await events.next()).toMatchObject({ topic: expect.stringMatching(/:orders\.new$/), data: { n: 1 } })
      post(`${url}/db/api/v1/set`, { key: 'watched:a', value: '1' })
      expect(await changes.next()).toMatchObject({ changes: [{ key: 'watched:a', value: '1' }] })
      await events.close()
      await changes.close()
    }),
  TEST_TIMEOUT_MS,
)

test(
  'helm test writes through each node, reads through each, and passes an event from each to another',
  async () => {
    const outcome = await helm('test', 'insi', '--namespace', release.namespace, '--timeout', '2m')
    expect(outcome).toMatch(/Phase:\s+Succeeded/)
    const said = await release.kubectl('logs', 'insi-test')
    expect(said).toContain('written through insi-2, read through each of 3')
    expect(said).toContain('published through insi-0, received through insi-2')
  },
  TEST_TIMEOUT_MS,
)

// Whether it is enforced depends on the network plug-in.
test('a NetworkPolicy selects the pods of the nodes', async () => {
  const { items } = JSON.parse(await release.kubectl('get', 'networkpolicies', '-o', 'json')) as {
    items: { spec: { podSelector: { matchLabels: Record<string, string> } } }[]
  }
  const selected = await Promise.all(
    items.map(({ spec }) => {
      const labels = Object.entries(spec.podSelector.matchLabels).map(([name, value]) => `${name}=${value}`)
      return release.kubectl('get', 'pods', '-l', labels.join(','), '-o', 'name')
    }),
  )
  for (const pod of pods(3)) expect(selected.join('')).toContain(`pod/${pod}\n`)
})

test.each([
  ['deleted', []],
  ['deleted by force', ['--grace-period=0', '--force']],
])(
  'the leader is %s under load, and no acknowledged write is lost',
  async (how, words) => {
    await release.underLoad(`leader ${how}`, { through: pods(3) }, async () => {
      const leading = await release.leader('insi-0')
      const [before] = await release.uidsOf([leading])
      await release.kubectl('delete', 'pod', leading, ...words)
      await eventually(
        `${leading} is another pod`,
        async () => ((await release.uidsOf([leading]))[0] === before ? undefined : true),
        { timeoutMs: 60_000 },
      )
      await release.rolledOut()
    })
  },
  TEST_TIMEOUT_MS,
)

test(
  'a changed option rolls the pods one by one under load and loses no acknowledged write',
  async () => {
    const before = await release.uidsOf(pods(3))
    await release.underLoad('rolling restart', { through: pods(3) }, async () => {
      await release.upgrade(OPTION)
      await release.rolledOut()
    })
    const after = await release.uidsOf(pods(3))
    expect(after.filter((uid) => before.includes(uid))).toEqual([])
  },
  TEST_TIMEOUT_MS,
)

test(
  'growth from 3 to 5 by helm upgrade: the new pods join by themselves, the old ones are not restarted',
  async () => {
    const before = await release.uidsOf(pods(3))
    await release.underLoad('growth from 3 to 5 by helm', { through: pods(3) }, async () => {
      await release.upgrade(OPTION, 'replicaCount=5')
    })
    expect(await release.uidsOf(pods(3))).toEqual(before)
    await readsThroughEach(['insi-3', 'insi-4'])
  },
  TEST_TIMEOUT_MS,
)

test(
  'a replicaCount below the running one is refused with the reason when nobody would remove the nodes',
  async () => {
    await expect(release.upgrade('replicaCount=3', 'reconciler.enabled=false')).rejects.toThrow(
      /below the 5 nodes that run/,
    )
  },
  TEST_TIMEOUT_MS,
)

test(
  'uninstalled and installed again under load, the cluster has its secret, its disks and its data',
  async () => {
    const secret = await release.field('secret/insi', '.data.instanceSecret')
    const { clusterId } = await release.status()
    await release.underLoad('uninstalled, installed on the old disks', { through: pods(5) }, async () => {
      await helm('uninstall', 'insi', '--namespace', release.namespace, '--wait', '--timeout', '120s')
      await release.serversGone()
      await release.install('replicaCount=5')
      await release.settled(5)
    })
    expect(await release.field('secret/insi', '.data.instanceSecret')).toBe(secret)
    expect((await release.status())['clusterId']).toBe(clusterId)
    await readsThroughEach(pods(5))
  },
  TEST_TIMEOUT_MS,
)
