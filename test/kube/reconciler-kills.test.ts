// The reconciler is killed at every step of a scale up and down: it keeps nothing that it would miss.
import { requireCluster } from './cluster-tools.ts'
import { samplesOf } from './metrics-text.ts'
import { Release, pods, report } from './release.ts'

requireCluster()

const TEST_TIMEOUT_MS = 420_000
const SCALE_TIMEOUT_MS = 300_000
const release = new Release()

beforeAll(() => release.create(), TEST_TIMEOUT_MS)
afterAll(() => release.remove(), TEST_TIMEOUT_MS)

/** What a step changes: the pods, the members by role, and what the status says. */
async function situation(): Promise<string> {
  const roles = samplesOf(await release.metricsOf('insi-0')).filter(({ name }) => name === 'insi_raft_members')
  const { learners, voters } = await release.status()
  const members = roles.map(({ labels, value }) => `${labels} ${value}`)
  return JSON.stringify({ pods: await release.podNames(), members, learners, voters })
}

/** Scales, and kills the reconciler whenever something has changed, until all is as wanted. Resolves with the number of kills. */
async function scaleWithKills(replicas: number): Promise<number> {
  const endMs = performance.now() + SCALE_TIMEOUT_MS
  let kills = 0
  let last = ''
  await release.scale(replicas)
  for (;;) {
    const now = await situation()
    if (now !== last) {
      last = now
      await release.killReconciler()
      kills += 1
    }
    const { learners, state, voters } = await release.status()
    if (voters === pods(replicas).join(',') && learners === '' && state === 'idle' && now === last) {
      const running = await release.podNames()
      if (running.length === replicas) return kills
    }
    if (performance.now() > endMs) throw new Error(`not scaled to ${replicas} after ${kills} kills: ${now}`)
  }
}

test.each([
  [3, 5],
  [5, 3],
])(
  'killed at every step from %i to %i under load, the reconciler finishes and nothing is lost',
  async (from, to) => {
    const scenario = `reconciler killed at every step from ${from} to ${to}`
    await release.underLoad(scenario, { through: pods(3) }, async () => {
      const kills = await scaleWithKills(to)
      report(`${scenario}: ${kills} kills`)
      expect(kills).toBeGreaterThan(2)
      await release.settled(to)
    })
  },
  TEST_TIMEOUT_MS,
)
