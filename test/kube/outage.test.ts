// The API server of Kubernetes is away for a minute: the cluster does not need it, and the reconciler goes on when it is back.
import { kubectl, given, requireCluster, run } from './cluster-tools.ts'
import { eventually } from '../support/eventually.ts'
import { LoadPod } from './load-pod.ts'
import { record } from './measurements.ts'
import { Release, pods } from './release.ts'

requireCluster()

const BEGIN = given('INSI_KUBE_OUTAGE_BEGIN', 'a shell command that stops the API server')
const END = given('INSI_KUBE_OUTAGE_END', 'a shell command that starts the API server again')
const OUTAGE_MS = 60_000
const TEST_TIMEOUT_MS = 300_000
const release = new Release()

beforeAll(() => release.create(), TEST_TIMEOUT_MS)
afterAll(() => release.remove(), TEST_TIMEOUT_MS)

const answers = (): Promise<boolean> =>
  kubectl('get', '--raw', '/readyz', '--request-timeout=2s').then(
    () => true,
    () => false,
  )

/** Every pod of the namespace, and how often its containers were started again. */
const restarts = (): Promise<string> =>
  release.kubectl(
    'get',
    'pods',
    '-l',
    'app.kubernetes.io/name=insi',
    '-o',
    'jsonpath={range .items[*]}{.metadata.uid} {.status.containerStatuses[*].restartCount}{"\\n"}{end}',
  )

/** Runs both commands whatever happens in between, and waits until the API server is gone, and back. */
async function whileItIsAway(work: () => Promise<void>): Promise<void> {
  try {
    await run('bash', ['-c', BEGIN])
    expect(await answers()).toBe(false)
    await work()
  } finally {
    await run('bash', ['-c', END])
    await eventually('the API server is back', async () => (await answers()) || undefined, { timeoutMs: 90_000 })
  }
}

test(
  'without the API server for a minute, writes go on, nothing restarts, and the reconciler recovers',
  async () => {
    const before = await restarts()
    const termBefore = await release.term()
    const load = await LoadPod.start(release, pods(3))
    const startMs = performance.now()
    await whileItIsAway(async () => {
      const endMs = performance.now() + OUTAGE_MS
      await eventually('a minute is over', () => (performance.now() >= endMs ? true : undefined), {
        timeoutMs: OUTAGE_MS + 5_000,
      })
      expect(await answers()).toBe(false)
    })
    const tookMs = performance.now() - startMs
    await eventually(
      'the reconciler is ready',
      async () => release.proxied('services/insi-reconciler:9090', '/readyz'),
      {
        timeoutMs: 120_000,
      },
    )
    expect(await restarts()).toBe(before)
    const { acknowledged, failed, longestGapMs, lost } = await load.stop()
    expect(lost).toEqual([])
    const leaderMoves = (await release.term()) - termBefore
    record({ scenario: 'API server away for a minute', tookMs, acknowledged, failed, longestGapMs, leaderMoves })
    expect(leaderMoves).toBe(0)
    expect(longestGapMs).toBeLessThan(1_000)
    await release.scale(1)
    await release.settled(1)
  },
  TEST_TIMEOUT_MS,
)
