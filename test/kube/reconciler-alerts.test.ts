// Real faults of the reconciler on Kubernetes: a real Prometheus evaluates the chart's rules and raises that fault's alert and its
// companions only, and the cure that the runbook names ends it. Time passes faster for the rules, see shortened-rules.ts.
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { parse } from 'yaml'
import { ALERT_GROUPS } from '../../scripts/chart-alerts.ts'
import { Prometheus, requirePrometheus } from '../observability/prometheus.ts'
import { shortened } from '../observability/shortened-rules.ts'
import { eventually } from '../support/eventually.ts'
import { CHART, requireCluster } from './cluster-tools.ts'
import { Release, pods, report } from './release.ts'

requireCluster()

const FACTOR = 30
/** InsiReconcilerStalled compares with 300 s, which no factor of durations shortens; idle passes are 30 s apart. */
const STALLED_SECONDS = ['> 300', '> 75'] as const
const TEST_TIMEOUT_MS = 300_000
const FIRING_TIMEOUT_MS = 200_000
const OVER_TIMEOUT_MS = 150_000
const OPS_PORT = 9090
const POD_LABELS = 'app.kubernetes.io/instance=insi'

const companionsOf = new Map(
  Object.values(ALERT_GROUPS)
    .flat()
    .map(({ companions = [], name }) => [name, companions]),
)
const release = new Release()
const times: string[] = []
let prometheus: Prometheus

interface Fault {
  readonly name: string
  readonly alerts: readonly string[]
  inject(): Promise<unknown>
  /** What the runbook says. */
  cure(): Promise<unknown>
}

interface PodList {
  readonly items: readonly {
    readonly metadata: { readonly name: string }
    readonly status: { readonly podIP?: string }
  }[]
}

/** As the operator of Prometheus does: pods that are there now, with the labels of its PodMonitor. */
async function discover(): Promise<void> {
  const { items } = JSON.parse(await release.kubectl('get', 'pods', '-l', POD_LABELS, '-o', 'json')) as PodList
  const targets = items.flatMap(({ metadata, status }) =>
    status.podIP === undefined
      ? []
      : [{ address: `${status.podIP}:${OPS_PORT}`, labels: { namespace: release.namespace, pod: metadata.name } }],
  )
  await prometheus.setTargets('insi', targets)
}

async function firing(): Promise<string[]> {
  await discover()
  const alerts = await prometheus.alerts()
  return alerts.filter(({ state }) => state === 'firing').map(({ labels }) => labels['alertname'] ?? '')
}

async function suffer({ alerts, cure, inject, name }: Fault): Promise<void> {
  const firedAfter = new Map<string, number>()
  const startMs = performance.now()
  const seconds = (): number => Math.round((performance.now() - startMs) / 1_000)
  const look = async (): Promise<string[]> => {
    const found = await firing()
    for (const alert of found) if (!firedAfter.has(alert)) firedAfter.set(alert, seconds())
    return found
  }
  try {
    await inject()
    const allFire = async (): Promise<true | undefined> => {
      const found = await look()
      return alerts.every((alert) => found.includes(alert)) || undefined
    }
    await eventually(`${name}: ${alerts.join(' and ')}`, allFire, { timeoutMs: FIRING_TIMEOUT_MS })
  } finally {
    await cure()
  }
  const curedSeconds = seconds()
  const isOver = async (): Promise<true | undefined> => ((await look()).length === 0 ? true : undefined)
  await eventually(`${name}: over`, isOver, { timeoutMs: OVER_TIMEOUT_MS })
  const told = [...firedAfter].map(([alert, after]) => `${alert} ${after} s`).join(', ')
  times.push(`${name}: ${told}; over ${seconds() - curedSeconds} s after the cure`)
  const allowed = alerts.flatMap((alert) => [alert, ...(companionsOf.get(alert) ?? [])])
  expect([...firedAfter.keys()].filter((alert) => !allowed.includes(alert))).toEqual([])
}

beforeAll(async () => {
  requirePrometheus()
  await release.create()
  await release.settled(3)
  const rules = (await readFile(path.join(CHART, 'files/rules.yaml'), 'utf8'))
    .replaceAll('NAMESPACE', release.namespace)
    .replaceAll('RELEASE', 'insi')
  prometheus = await Prometheus.start({
    rules: shortened(rules, FACTOR).replace(...STALLED_SECONDS),
    jobs: [{ name: 'insi', targets: [] }],
  })
  await discover()
  await eventually(
    'nodes and reconciler are scraped',
    async () => ((await prometheus.value('sum(up)')) === 4 ? true : undefined),
    { timeoutMs: 60_000 },
  )
  await eventually('nothing fires', async () => ((await firing()).length === 0 ? true : undefined), {
    timeoutMs: 60_000,
  })
}, TEST_TIMEOUT_MS)

afterAll(async () => {
  await prometheus?.stop()
  await release.remove()
  for (const line of times) report(line)
}, TEST_TIMEOUT_MS)

test('the one threshold in seconds that is shortened is that of InsiReconcilerStalled', async () => {
  const { groups } = parse(await readFile(path.join(CHART, 'files/rules.yaml'), 'utf8')) as {
    groups: { rules: { alert?: string; expr: string }[] }[]
  }
  const rules = groups.flatMap((group) => group.rules).filter(({ expr }) => expr.includes(STALLED_SECONDS[0]))
  expect(rules.map(({ alert }) => alert)).toEqual(['InsiReconcilerStalled'])
})

test(
  'the reconciler is scaled away',
  () =>
    suffer({
      name: 'the reconciler is scaled away',
      alerts: ['InsiReconcilerAbsent'],
      inject: () => release.kubectl('scale', 'deployment/insi-reconciler', '--replicas=0'),
      cure: () => release.kubectl('scale', 'deployment/insi-reconciler', '--replicas=1'),
    }),
  TEST_TIMEOUT_MS,
)

test(
  'the RoleBinding of the reconciler is gone',
  () =>
    suffer({
      name: 'the RoleBinding of the reconciler is gone',
      alerts: ['InsiReconcilerApiErrors', 'InsiReconcilerStalled'],
      inject: () => release.kubectl('delete', 'rolebinding', 'insi-reconciler'),
      cure: () => release.upgrade(),
    }),
  TEST_TIMEOUT_MS,
)

test(
  'a fourth node is wanted, and a quota forbids its pod',
  async () => {
    await suffer({
      name: 'a fourth node is wanted, and a quota forbids its pod',
      alerts: ['InsiVoterCountMismatch'],
      inject: async () => {
        await release.kubectl('create', 'quota', 'full', '--hard=pods=4')
        await release.scale(4)
      },
      cure: async () => {
        await release.kubectl('delete', 'quota', 'full')
        // The controller of the StatefulSet tries again by itself, but only after minutes.
        await release.kubectl('annotate', 'statefulset', 'insi', 'looked-at=now', '--overwrite')
      },
    })
    await release.settled(4)
    expect(await release.podNames()).toEqual(pods(4))
    await release.scale(3)
    await release.settled(3)
  },
  TEST_TIMEOUT_MS,
)

test(
  'a member is added that never comes, while the reconciler is paused',
  async () => {
    await suffer({
      name: 'a member is added that never comes',
      alerts: ['InsiLearnerStuck'],
      inject: async () => {
        await release.kubectl('annotate', 'statefulset', 'insi', 'insi.io/paused=true')
        const words = [
          '--root',
          'cluster',
          'add',
          'insi-7',
          '192.0.2.7:7000',
          '--member',
          'insi-7/7d3cc1d6-0f0d-4e1c-9d4c-3a1c5d6c9f10',
        ]
        await release.insic('insi-0', ...words)
      },
      cure: async () => {
        await release.insic('insi-0', '--root', 'cluster', 'remove', 'insi-7')
        await release.kubectl('annotate', 'statefulset', 'insi', 'insi.io/paused-')
      },
    })
    await release.settled(3)
  },
  TEST_TIMEOUT_MS,
)
