// Disks that are lost for good, one after the other, the first pod's included: the pod comes back as a new member of the same
// cluster, and never as the founder of another one.
import { eventually } from '../support/eventually.ts'
import { requireCluster } from './cluster-tools.ts'
import { sumOf } from './metrics-text.ts'
import { Release, pods } from './release.ts'

requireCluster()

const TEST_TIMEOUT_MS = 300_000
const release = new Release()

beforeAll(() => release.create(), TEST_TIMEOUT_MS)
afterAll(() => release.remove(), TEST_TIMEOUT_MS)

/** Of the node with this name; empty while there is none. */
async function memberId(nodeId: string, askedPod: string): Promise<string> {
  return (await release.members(askedPod))[nodeId] ?? ''
}

test.each(pods(3))(
  'the disk and the pod of %s are lost under load: a new member of the same cluster takes its place with all data',
  async (lost) => {
    const others = pods(3).filter((pod) => pod !== lost)
    const [asked = ''] = others
    const { clusterId } = await release.status()
    const before = await memberId(lost, asked)
    await release.underLoad(`disk of ${lost} lost`, { through: others }, async () => {
      await release.kubectl('delete', 'pvc', `data-${lost}`, '--wait=false')
      await release.kubectl('delete', 'pod', lost)
      await eventually(
        `${lost} is another member`,
        async () => ![before, ''].includes(await memberId(lost, asked)) || undefined,
        { timeoutMs: 90_000 },
      )
      await release.settled(3)
    })
    expect((await release.status())['clusterId']).toBe(clusterId)
    expect(await release.field('configmap/insi-identity', '.data.clusterId')).toBe(clusterId)
    const scrapes = await Promise.all(pods(3).map((pod) => release.metricsOf(pod)))
    const leaders = scrapes.filter((text) => sumOf(text, 'insi_raft_is_leader') === 1)
    expect(leaders).toHaveLength(1)
    // What was written while it was away, and before, is on the new disk.
    const writer = await release.startLoad([lost])
    await writer.stop()
    await release.expectKept(writer, pods(3))
  },
  TEST_TIMEOUT_MS,
)
