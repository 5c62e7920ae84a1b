// k8s/grow-disks.sh on a real Kubernetes. Its volumes are folders that cannot grow, so this suite stands in for the storage: it writes
// into the claims' status what a resizer would.
import { randomBytes } from 'node:crypto'
import path from 'node:path'
import { eventually } from '../support/eventually.ts'
import { CHART, kubectl, requireCluster, run } from './cluster-tools.ts'
import { Release, pods } from './release.ts'

requireCluster()

const TEST_TIMEOUT_MS = 180_000
const GROW = path.resolve(CHART, '../../k8s/grow-disks.sh')
const growing = `insi-test-${randomBytes(4).toString('hex')}`
const release = new Release()

const grow = (...words: string[]): Promise<string> =>
  run(GROW, ['--namespace', release.namespace, '--chart', CHART, ...words])
const claimOf = (pod: string): string => `pvc/data-${pod}`
const setUid = (): Promise<string> => release.field('statefulset/insi', '.metadata.uid')
const template = (): Promise<string> =>
  release.field('statefulset/insi', '.spec.volumeClaimTemplates[0].spec.resources.requests.storage')
const requested = (pod: string): Promise<string> => release.field(claimOf(pod), '.spec.resources.requests.storage')

/** A class like the default one, but for one thing. */
async function makeGrowingClass(): Promise<void> {
  const { items } = JSON.parse(await kubectl('get', 'storageclass', '-o', 'json')) as {
    items: { provisioner: string; metadata: { annotations?: Record<string, string> } }[]
  }
  const like = items.find(
    ({ metadata }) => metadata.annotations?.['storageclass.kubernetes.io/is-default-class'] === 'true',
  )
  const made = {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name: growing },
    provisioner: like?.provisioner,
    volumeBindingMode: 'WaitForFirstConsumer',
    allowVolumeExpansion: true,
  }
  await run('kubectl', ['create', '-f', '-'], JSON.stringify(made))
}

async function report(pod: string, status: object): Promise<void> {
  await eventually('the claim asks for more', async () => ((await requested(pod)) === '2Gi' ? true : undefined))
  const patch = JSON.stringify({ status })
  await release.kubectl('patch', claimOf(pod), '--subresource', 'status', '--type', 'merge', '--patch', patch)
}

beforeAll(async () => {
  await makeGrowingClass()
  await release.create(`persistence.storageClass=${growing}`)
}, TEST_TIMEOUT_MS)
afterAll(async () => {
  await release.remove()
  await kubectl('delete', 'storageclass', growing)
}, TEST_TIMEOUT_MS)

test(
  'a size that one claim refuses changes none, and leaves the StatefulSet',
  async () => {
    const uid = await setUid()
    await expect(grow('512Mi')).rejects.toThrow(/can not be less than status\.capacity/)
    expect(await Promise.all(pods(3).map(requested))).toEqual(['1Gi', '1Gi', '1Gi'])
    expect(await setUid()).toBe(uid)
  },
  TEST_TIMEOUT_MS,
)

test(
  'storage that does not follow leaves the StatefulSet as it is',
  async () => {
    const uid = await setUid()
    await expect(grow('--timeout', '3', '2Gi')).rejects.toThrow(/data-insi-0 did not grow in 3 s/)
    expect(await setUid()).toBe(uid)
  },
  TEST_TIMEOUT_MS,
)

test(
  'once all have grown, the StatefulSet is made anew around pods that are not restarted',
  async () => {
    const uid = await setUid()
    const running = await release.uidsOf(pods(3))
    const now = new Date().toISOString()
    const grown = grow('2Gi')
    grown.catch(() => null)
    // Storage that rounds up, and storage that needs the pod to start again for the rest.
    await report('insi-0', { capacity: { storage: '3Gi' } })
    await report('insi-1', {
      conditions: [{ type: 'FileSystemResizePending', status: 'True', lastTransitionTime: now }],
    })
    expect(await setUid()).toBe(uid)
    await report('insi-2', { capacity: { storage: '2Gi' } })
    await grown

    expect(await setUid()).not.toBe(uid)
    expect(await template()).toBe('2Gi')
    expect(await release.uidsOf(pods(3))).toEqual(running)
    const owners = await Promise.all(
      pods(3).map((pod) => release.field(`pod/${pod}`, '.metadata.ownerReferences[0].uid')),
    )
    expect(new Set(owners)).toEqual(new Set([await setUid()]))
  },
  TEST_TIMEOUT_MS,
)

test(
  'run again, it finds all as it should be',
  async () => {
    // As after a restart of the pod.
    await report('insi-1', { capacity: { storage: '2Gi' }, conditions: [] })
    const grown = await grow('2Gi')
    expect(grown).toContain('data-insi-0: 3Gi')
    expect(grown).toMatch(/roll(ing update| out) complete/)
    expect(await template()).toBe('2Gi')
  },
  TEST_TIMEOUT_MS,
)
