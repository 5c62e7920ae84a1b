// `kubectl scale` on a real Kubernetes, both ways and under load, and the reconciler's own work.
import { eventually } from '../support/eventually.ts'
import { requireCluster } from './cluster-tools.ts'
import { ScaledRelease, report } from './scaled-release.ts'

requireCluster()

const TEST_TIMEOUT_MS = 300_000
const release = new ScaledRelease()

beforeAll(() => release.install(), TEST_TIMEOUT_MS)
afterAll(() => release.remove(), TEST_TIMEOUT_MS)

test(
  'scaled 3 to 5 to 3 to 1 to 3 under load, the voters are exactly the wanted ones and no acknowledged write is lost',
  async () => {
    const counts = await release.underLoad(['insi-0', 'insi-1'], async () => {
      for (const replicas of [5, 3, 1, 3]) {
        await release.scale(replicas)
        report(`scale to ${replicas}: ${await release.settled(replicas)} ms`)
      }
    })
    report(`scaling under load: ${JSON.stringify(counts)}`)
  },
  TEST_TIMEOUT_MS,
)

test(
  'scaled 3 to 5 to 1 to 3 within seconds under load while the reconciler is killed, nothing is lost',
  async () => {
    const counts = await release.underLoad(['insi-0', 'insi-1'], async () => {
      for (const replicas of [5, 1, 3]) {
        await release.scale(replicas)
        await release.killReconciler()
        await release.takesAStep()
      }
      report(`5, 1 and 3 with a killed reconciler: ${await release.settled(3)} ms to settle`)
    })
    report(`scaling without waiting: ${JSON.stringify(counts)}`)
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
    expect(await read()).toBe(after)
  },
  TEST_TIMEOUT_MS,
)

test(
  'the first pod without its disk joins the cluster that it was in, and never founds another one',
  async () => {
    const { clusterId } = await release.status()
    const memberOf = async (): Promise<string> => {
      const found = JSON.parse(await release.insic('insi-1', '--root', '-o', 'json', 'cluster', 'members')) as {
        members: { node_id: string; member_id: string }[]
      }
      return found.members.find((member) => member.node_id === 'insi-0')?.member_id ?? ''
    }
    const before = await memberOf()
    const counts = await release.underLoad(['insi-1', 'insi-2'], async () => {
      await release.kubectl('delete', 'pvc', 'data-insi-0', '--wait=false')
      await release.kubectl('delete', 'pod', 'insi-0')
      await eventually(
        'insi-0 is another member',
        async () => {
          const now = await memberOf()
          return now !== '' && now !== before ? now : undefined
        },
        { timeoutMs: 60_000 },
      )
      report(`disk of insi-0 lost: ${await release.settled(3)} ms until it votes again`)
    })
    report(`disk lost under load: ${JSON.stringify(counts)}`)
    expect((await release.status())['clusterId']).toBe(clusterId)
    const marker = await release.kubectl('get', 'configmap', 'insi-identity', '-o', 'jsonpath={.data.clusterId}')
    expect(marker).toBe(clusterId)
  },
  TEST_TIMEOUT_MS,
)
