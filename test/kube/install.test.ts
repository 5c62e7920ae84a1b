// The chart on a real Kubernetes: install, quick start, a lost leader, a rolling restart, growth, and disks that outlive a release.
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { AcknowledgedWriter } from '../support/acknowledged-writer.ts'
import { eventually } from '../support/eventually.ts'
import { CHART, IMAGE, PortForward, helm, kubectl, requireCluster } from './cluster-tools.ts'

requireCluster()

const NAMESPACE = `insi-test-${randomBytes(4).toString('hex')}`
const [REPOSITORY = '', TAG = ''] = IMAGE.split(':')
const VALUES = [
  `image.repository=${REPOSITORY}`,
  `image.tag=${TAG}`,
  'persistence.size=1Gi',
  'resources.limits.memory=512Mi',
].flatMap((value) => ['--set', value])
const WAIT = ['--wait', '--timeout', '150s']
const TEST_TIMEOUT_MS = 240_000

const forwards = new Map<string, PortForward>()
let apiKey = ''

const inNamespace = (...words: string[]): Promise<string> => kubectl('--namespace', NAMESPACE, ...words)
const upgrade = (...values: string[]): Promise<string> =>
  helm(
    'upgrade',
    'insi',
    CHART,
    '--namespace',
    NAMESPACE,
    ...VALUES,
    ...values.flatMap((value) => ['--set', value]),
    ...WAIT,
  )
const insic = (pod: string, ...words: string[]): Promise<string> =>
  inNamespace('exec', pod, '--', 'insic', '--config', '/etc/insi/cluster.yaml', ...words)

function targetOf(pod: string): () => string {
  const forward = forwards.get(pod) ?? new PortForward(NAMESPACE, `pod/${pod}`)
  forwards.set(pod, forward)
  return () => forward.url
}

const pods = (count: number): string[] => Array.from({ length: count }, (_, ordinal) => `insi-${ordinal}`)

async function uidsOf(names: readonly string[]): Promise<string[]> {
  return Promise.all(names.map((name) => inNamespace('get', 'pod', name, '-o', 'jsonpath={.metadata.uid}')))
}

function call(target: () => string, path: string, options: RequestInit = {}): Promise<Response> {
  return fetch(target() + path, {
    ...options,
    headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
    signal: AbortSignal.timeout(10_000),
  })
}

/** The pod that leads, as the given pod sees it. */
function leader(pod: string): Promise<string> {
  return eventually(
    'a leader is known',
    async () => {
      const answer = await call(targetOf(pod), '/db/api/v1/ping')
      const address = ((await answer.json()) as { leader?: string }).leader ?? ''
      return address.split('.')[0] || undefined
    },
    { timeoutMs: 30_000 },
  )
}

/** Breaks the cluster under load and expects that every acknowledged write is still there, read through every pod. */
async function underLoad(count: number, disturb: (writer: AcknowledgedWriter) => Promise<void>) {
  const writer = new AcknowledgedWriter(pods(count).map(targetOf), apiKey)
  await eventually('the load runs', () => (writer.acknowledgedCount > 50 ? true : undefined), { timeoutMs: 30_000 })
  await disturb(writer)
  const after = writer.acknowledgedCount
  await eventually('writes go on', () => (writer.acknowledgedCount > after + 50 ? true : undefined), {
    timeoutMs: 30_000,
  })
  const report = await writer.stop()
  await Promise.all(
    pods(count).map((pod) =>
      eventually(`${pod} is reachable`, async () => (await call(targetOf(pod), '/db/api/v1/ping')).ok || undefined, {
        timeoutMs: 30_000,
      }),
    ),
  )
  expect(await writer.lost(pods(count).map(targetOf))).toEqual([])
  return report
}

const report = (line: string): void => void process.stdout.write(`${line}\n`)

beforeAll(async () => {
  await kubectl('create', 'namespace', NAMESPACE)
  await kubectl('label', 'namespace', NAMESPACE, 'pod-security.kubernetes.io/enforce=restricted')
}, TEST_TIMEOUT_MS)

afterAll(async () => {
  for (const forward of forwards.values()) forward.close()
  // First: while the reconciler can tell them that all of them go, pods do not wait for each other.
  await inNamespace('delete', 'statefulset', 'insi', '--cascade=foreground', '--wait=true', '--timeout=120s')
  await kubectl('delete', 'namespace', NAMESPACE, '--wait=true', '--timeout=120s')
}, TEST_TIMEOUT_MS)

test(
  'helm install gives three ready nodes in a namespace that enforces the restricted pod security',
  async () => {
    const start = performance.now()
    const notes = await helm('install', 'insi', CHART, '--namespace', NAMESPACE, ...VALUES, ...WAIT)
    report(`install of 3 nodes: ${Math.round(performance.now() - start)} ms`)
    expect(notes).toContain(`kubectl -n ${NAMESPACE} exec insi-0 -- insic`)
    expect(await inNamespace('get', 'statefulset', 'insi', '-o', 'jsonpath={.status.readyReplicas}')).toBe('3')
  },
  TEST_TIMEOUT_MS,
)

test(
  'the quick start of the notes works: a key by insic, a value by curl through a port-forward to the service',
  async () => {
    const made = await insic('insi-0', 'admin', 'create-key', 'myapp')
    apiKey = /insi_\S+/.exec(made)?.[0] ?? ''
    expect(apiKey).not.toBe('')
    const forward = new PortForward(NAMESPACE, 'svc/insi')
    try {
      const url = await eventually('the port-forward is open', () => forward.url)
      const curl = (...words: string[]): string =>
        execFileSync('curl', ['-sS', '--fail', '-H', `Authorization: Bearer ${apiKey}`, ...words], { encoding: 'utf8' })
      const body = '{"key": "user", "value": "Alice"}'
      curl('-X', 'POST', `${url}/db/api/v1/set`, '-H', 'Content-Type: application/json', '-d', body)
      expect(JSON.parse(curl(`${url}/db/api/v1/get?key=user`))).toEqual({ data: 'Alice' })
    } finally {
      forward.close()
    }
  },
  TEST_TIMEOUT_MS,
)

test(
  'helm test writes through each node and reads through each',
  async () => {
    expect(await helm('test', 'insi', '--namespace', NAMESPACE, '--timeout', '2m')).toMatch(/Phase:\s+Succeeded/)
    expect(await inNamespace('logs', 'insi-test')).toContain('written through insi-2, read through each of 3')
  },
  TEST_TIMEOUT_MS,
)

test(
  'deleting the leader under load loses no acknowledged write, also by force',
  async () => {
    for (const how of [[], ['--grace-period=0', '--force']]) {
      const counts = await underLoad(3, async () => {
        const leading = await leader('insi-0')
        await inNamespace('delete', 'pod', leading, ...how)
        await inNamespace('rollout', 'status', 'statefulset/insi', '--timeout=120s')
      })
      report(`leader deleted ${how.join(' ')}: ${JSON.stringify(counts)}`)
    }
  },
  TEST_TIMEOUT_MS,
)

test(
  'a changed option rolls the pods one by one under load and loses no acknowledged write',
  async () => {
    const before = await uidsOf(pods(3))
    const counts = await underLoad(3, async () => {
      await upgrade('config.cache.standard-ttl=1h')
      await inNamespace('rollout', 'status', 'statefulset/insi', '--timeout=180s')
    })
    const after = await uidsOf(pods(3))
    expect(after.filter((uid) => before.includes(uid))).toEqual([])
    report(`rolling restart: ${JSON.stringify(counts)}`)
  },
  TEST_TIMEOUT_MS,
)

test(
  'growth from 3 to 5 by helm upgrade: the new pods join by themselves, the old ones are not restarted',
  async () => {
    const before = await uidsOf(pods(3))
    const start = performance.now()
    await upgrade('config.cache.standard-ttl=1h', 'replicaCount=5')
    report(`growth from 3 to 5: ${Math.round(performance.now() - start)} ms`)
    expect(await uidsOf(pods(3))).toEqual(before)
    for (const pod of ['insi-3', 'insi-4']) {
      const read = await eventually(`${pod} answers`, async () =>
        (await call(targetOf(pod), '/db/api/v1/get?key=user')).json(),
      )
      expect(read).toEqual({ data: 'Alice' })
    }
  },
  TEST_TIMEOUT_MS,
)

test(
  'a replicaCount below the running one is refused with the reason when nobody would remove the nodes',
  async () => {
    await expect(upgrade('replicaCount=3', 'reconciler.enabled=false')).rejects.toThrow(/below the 5 nodes that run/)
  },
  TEST_TIMEOUT_MS,
)

test(
  'uninstalled and installed again, the cluster has its secret, its disks and its data',
  async () => {
    const secret = await inNamespace('get', 'secret', 'insi', '-o', 'jsonpath={.data.instanceSecret}')
    await helm('uninstall', 'insi', '--namespace', NAMESPACE, '--wait', '--timeout', '120s')
    await inNamespace('wait', '--for=delete', 'pod', '-l', 'app.kubernetes.io/component=server', '--timeout=120s')
    await helm('install', 'insi', CHART, '--namespace', NAMESPACE, ...VALUES, '--set', 'replicaCount=5', ...WAIT)
    expect(await inNamespace('get', 'secret', 'insi', '-o', 'jsonpath={.data.instanceSecret}')).toBe(secret)
    for (const pod of pods(5)) {
      const read = await eventually(
        `${pod} answers`,
        async () => (await call(targetOf(pod), '/db/api/v1/get?key=user')).json(),
        { timeoutMs: 30_000 },
      )
      expect(read).toEqual({ data: 'Alice' })
    }
  },
  TEST_TIMEOUT_MS,
)
