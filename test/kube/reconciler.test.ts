// `kubectl scale` on a real Kubernetes, both ways and under load, and the reconciler's own work.
import { eventually } from '../support/eventually.ts'
import { requireCluster } from './cluster-tools.ts'
import { Release, pods } from './release.ts'

requireCluster()

const TEST_TIMEOUT_MS = 300_000
const release = new Release()

beforeAll(() => release.create(), TEST_TIMEOUT_MS)
afterAll(() => release.remove(), TEST_TIMEOUT_MS)

const STEPS = [
  [3, 5],
  [5, 1],
  [1, 3],
] as const

test.each(STEPS)(
  'scaled from %i to %i under load, the voters are exactly the wanted ones and no acknowledged write is lost',
  async (from, to) => {
    await release.underLoad(`scaled from ${from} to ${to}`, { through: ['insi-0'] }, async () => {
      await release.scale(to)
      await release.settled(to)
    })
  },
  TEST_TIMEOUT_MS,
)

test(
  'scaled 3 to 5 to 1 to 3 within seconds under load while the reconciler is killed, nothing is lost',
  async () => {
    await release.underLoad('scaled to 5, 1 and 3 within seconds', { through: ['insi-0', 'insi-1'] }, async () => {
      for (const replicas of [5, 1, 3]) {
        await release.scale(replicas)
        await release.killReconciler()
        await release.takesAStep()
      }
      await release.settled(3)
    })
  },
  TEST_TIMEOUT_MS,
)

test(
  'scaled to 0 and back under load, the cluster sleeps and goes on with the same members',
  async () => {
    const before = await release.members('insi-0')
    await release.underLoad('scaled to 0 and back', { through: pods(3) }, async () => {
      await release.scale(0)
      await release.serversGone()
      await release.scale(3)
      await release.rolledOut()
      await release.settled(3)
    })
    expect(await release.members('insi-0')).toEqual(before)
  },
  TEST_TIMEOUT_MS,
)

test(
  'a cluster.yaml that was edited by hand is repaired, and nothing is written while nothing changes',
  async () => {
    const read = (): Promise<string> => release.kubectl('get', 'configmap', 'insi', '-o', 'json')
    const fileIn = (json: string): string =>
      (JSON.parse(json) as { data: { 'cluster.yaml': string } }).data['cluster.yaml']
    const before = await read()
    await release.kubectl('patch', 'configmap', 'insi', '-p', JSON.stringify({ data: { 'cluster.yaml': 'nodes: {}' } }))
    const after = await eventually(
      'cluster.yaml is as it was',
      async () => {
        const now = await read()
        return fileIn(now) === fileIn(before) ? now : undefined
      },
      { timeoutMs: 30_000 },
    )
    const writes = await release.reconcilerSeries('insi_reconciler_writes_total')
    const passes = await release.reconcilerSeries('insi_reconciler_passes_total')
    // More looks at a cluster in which nothing changed.
    await release.kubectl('annotate', 'statefulset', 'insi', `looked-at=${passes}`)
    await eventually(
      'the reconciler has looked again',
      async () => ((await release.reconcilerSeries('insi_reconciler_passes_total')) > passes ? true : undefined),
      { timeoutMs: 30_000 },
    )
    expect(await release.reconcilerSeries('insi_reconciler_writes_total')).toBe(writes)
    expect(await release.proxied('services/insi-reconciler:9090', '/metrics')).toMatch(
      /^insi_reconciler_api_requests_total\{verb="get configmaps",code="200"\} [1-9]/m,
    )
    expect(await read()).toBe(after)
  },
  TEST_TIMEOUT_MS,
)
