// Another image on a real Kubernetes: pods are replaced one by one under load, forward, back while half of them are new, and back
// from the whole. How often the leadership moves and how long writes stall is bounded.
import { eventually } from '../support/eventually.ts'
import { IMAGE, helm, nextImage, requireCluster } from './cluster-tools.ts'
import { samplesOf } from './metrics-text.ts'
import { Release, imageValues, pods } from './release.ts'

requireCluster()

const TEST_TIMEOUT_MS = 300_000
const NEXT_IMAGE = nextImage()
const TARGET = { leaderMoves: 2, longestGapMs: 1_000 }
const release = new Release()

beforeAll(() => release.create(), TEST_TIMEOUT_MS)
afterAll(() => release.remove(), TEST_TIMEOUT_MS)

const imageOf = (pod: string): Promise<string> => release.field(`pod/${pod}`, '.spec.containers[0].image')
const isReady = async (pod: string): Promise<boolean> =>
  (await release.field(`pod/${pod}`, '.status.containerStatuses[0].ready')) === 'true'

async function versionOf(pod: string): Promise<string> {
  const info = samplesOf(await release.metricsOf(pod)).find(({ name }) => name === 'insi_build_info')
  return /version="([^"]*)"/.exec(info?.labels ?? '')?.[1] ?? ''
}

async function expectImage(image: string): Promise<void> {
  expect(await Promise.all(pods(3).map(imageOf))).toEqual([image, image, image])
}

const rollBack = (): Promise<string> =>
  helm('rollback', 'insi', '--namespace', release.namespace, '--wait', '--timeout', '150s')

test(
  'an upgrade that is rolled back half way loses nothing: the cluster works while its versions differ',
  async () => {
    const before = await versionOf('insi-0')
    expect(before).not.toBe('')
    await release.underLoad('upgrade, rolled back half way', { through: pods(3) }, async () => {
      await release.beginUpgrade(...imageValues(NEXT_IMAGE))
      await eventually(
        'the last pod runs the other image',
        async () => ((await imageOf('insi-2')) === NEXT_IMAGE && (await isReady('insi-2'))) || undefined,
        { timeoutMs: 60_000 },
      )
      expect(await versionOf('insi-2')).not.toBe(before)
      expect(await imageOf('insi-0')).toBe(IMAGE)
      await rollBack()
      await release.rolledOut()
    })
    await expectImage(IMAGE)
  },
  TEST_TIMEOUT_MS,
)

test(
  'a rolling upgrade moves the leadership at most twice and stalls writes for less than a second',
  async () => {
    await release.underLoad('rolling upgrade', { through: pods(3), target: TARGET }, async () => {
      await release.upgrade(...imageValues(NEXT_IMAGE))
      await release.rolledOut()
    })
    await expectImage(NEXT_IMAGE)
  },
  TEST_TIMEOUT_MS,
)

test(
  'a finished upgrade is rolled back by helm at the same price',
  async () => {
    await release.underLoad('upgrade, rolled back afterwards', { through: pods(3), target: TARGET }, async () => {
      await rollBack()
      await release.rolledOut()
    })
    await expectImage(IMAGE)
  },
  TEST_TIMEOUT_MS,
)
