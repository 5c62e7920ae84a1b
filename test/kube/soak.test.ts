// Chance disturbs a cluster under load: scaled to any size, pods deleted, killed and rolled, disks lost, the reconciler killed, often
// before the step before is over. INSI_KUBE_SOAK_STEPS says how many steps, INSI_KUBE_SOAK_SEED repeats a run's choices.
import { eventually } from '../support/eventually.ts'
import { SeededRandom } from '../support/seeded-random.ts'
import { requireCluster } from './cluster-tools.ts'
import { Release, pods, report } from './release.ts'

requireCluster()

const STEPS = Number(process.env['INSI_KUBE_SOAK_STEPS'] ?? 20)
const SEED = Number(process.env['INSI_KUBE_SOAK_SEED'] ?? Math.floor(Math.random() * 2 ** 32))
const STEP_TIMEOUT_MS = 240_000
const REPLICAS_MAX = 5
const STOPPING = 'jsonpath={.items[*].metadata.deletionTimestamp}'
const SETTING_UP_MS = 300_000
/** With fewer voters, a pod that goes without a word takes the quorum with it. */
const VOTERS_TO_SPARE = 3
const release = new Release()
const random = new SeededRandom(SEED)
let replicas = 3
let restarts = 0

beforeAll(() => release.create(), SETTING_UP_MS)
afterAll(() => release.remove(), SETTING_UP_MS)

const isOneOf = (count: number): boolean => random.int(count) === 0
const anyPod = (): string => `insi-${random.int(replicas)}`

const STEPS_AT_ANY_TIME: Readonly<Record<string, () => Promise<string>>> = {
  scaled: async () => {
    replicas = 1 + random.int(REPLICAS_MAX)
    await release.scale(replicas)
    return `to ${replicas}`
  },
  deleted: async () => {
    const pod = anyPod()
    await release.kubectl('delete', 'pod', pod, '--wait=false', '--ignore-not-found')
    return pod
  },
  'rolling restart begun': async () => {
    restarts += 1
    const annotations = { 'insi.io/soak-restart': String(restarts) }
    const patch = JSON.stringify({ spec: { template: { metadata: { annotations } } } })
    await release.kubectl('patch', 'statefulset', 'insi', '--type', 'merge', '-p', patch)
    return ''
  },
  'reconciler killed': async () => {
    await release.killReconciler()
    return ''
  },
}

/** What costs a vote without a word: only from rest, and one at a time. */
const STEPS_FROM_REST: Readonly<Record<string, () => Promise<string>>> = {
  'killed by force': async () => {
    const pod = anyPod()
    await release.kubectl('delete', 'pod', pod, '--force', '--grace-period=0')
    return pod
  },
  'disk lost': async () => {
    const pod = anyPod()
    await release.kubectl('delete', 'pvc', `data-${pod}`, '--wait=false')
    await release.kubectl('delete', 'pod', pod)
    return pod
  },
}

async function takeStep(isAtRest: boolean): Promise<string> {
  const canLoseOne = isAtRest && replicas >= VOTERS_TO_SPARE
  const steps = canLoseOne ? { ...STEPS_AT_ANY_TIME, ...STEPS_FROM_REST } : STEPS_AT_ANY_TIME
  const names = Object.keys(steps)
  const name = names[random.int(names.length)] ?? ''
  const detail = await steps[name]?.()
  return `${name} ${detail}${name in STEPS_FROM_REST ? ', then rest' : ''}`
}

/** Waits until no pod is about to be replaced any more and the membership is as it should be. */
async function rest(): Promise<number> {
  const startMs = performance.now()
  await eventually(
    'no pod is about to stop',
    async () => ((await release.kubectl('get', 'pods', '-o', STOPPING)) === '' ? true : undefined),
    { timeoutMs: STEP_TIMEOUT_MS },
  )
  await release.rolledOut()
  await release.settled(replicas)
  return Math.round(performance.now() - startMs)
}

test(
  `${STEPS} steps of chance lose no acknowledged write and never make a second cluster (seed ${SEED})`,
  async () => {
    const { clusterId } = await release.status()
    await release.underLoad(`${STEPS} steps of chance, seed ${SEED}`, { through: ['insi-0'] }, async () => {
      let isAtRest = true
      for (let step = 1; step <= STEPS; step += 1) {
        const taken = await takeStep(isAtRest)
        isAtRest = step === STEPS || taken.endsWith('rest') || isOneOf(3)
        report(`step ${step}: ${taken}`)
        if (isAtRest) report(`  at rest with ${replicas} after ${await rest()} ms`)
      }
    })
    expect((await release.status())['clusterId']).toBe(clusterId)
    await release.startLoad(pods(replicas)).then((writer) => writer.stop())
  },
  STEPS * STEP_TIMEOUT_MS,
)
