// A Role that lacks a verb: the reconciler says which, does not crash, and goes on once it has it again. Beside it, what it does in
// calm weather: it keeps the nodes' files and the leader's service up to date and writes nothing.
import { eventually } from '../support/eventually.ts'
import { requireCluster, run } from './cluster-tools.ts'
import { sumOf } from './metrics-text.ts'
import { Release, pods, report } from './release.ts'

requireCluster()

const TEST_TIMEOUT_MS = 300_000
const FILE = ".data['cluster\\.yaml']"
const BY_HAND = '# edited by hand'
const SOON = { timeoutMs: 45_000 }
const release = new Release()

interface Rule {
  readonly apiGroups: readonly string[]
  readonly resources: readonly string[]
  readonly verbs: readonly string[]
}

beforeAll(() => release.create('leaderService.enabled=true'), TEST_TIMEOUT_MS)
afterAll(() => release.remove(), TEST_TIMEOUT_MS)

const rulesOf = async (): Promise<Rule[]> =>
  (JSON.parse(await release.kubectl('get', 'role', 'insi-reconciler', '-o', 'json')) as { rules: Rule[] }).rules

async function setRules(rules: readonly Rule[]): Promise<void> {
  await release.kubectl('patch', 'role', 'insi-reconciler', '--type=merge', '-p', JSON.stringify({ rules }))
}

const denialTold = async (): Promise<string> => {
  const conditions = (await release.status())['conditions.json'] ?? '[]'
  const found = (JSON.parse(conditions) as { type: string; status: string; message: string }[]).find(
    ({ status, type }) => type === 'RBACDenied' && status === 'True',
  )
  return found?.message ?? ''
}

const restarts = (): Promise<string> =>
  release.kubectl(
    'get',
    'pods',
    '-l',
    'app.kubernetes.io/component=reconciler',
    '-o',
    'jsonpath={.items[*].status.containerStatuses[*].restartCount}',
  )

test(
  'without the right to list pods or to patch cluster.yaml, condition, metric, Event and log name it, until it is given back',
  async () => {
    const all = await rulesOf()
    const lacking: [string, Rule[]][] = [
      ['list pods', all.map((rule) => (rule.resources[0] === 'pods' ? { ...rule, verbs: ['get', 'watch'] } : rule))],
      [
        'patch configmaps/insi',
        all.map((rule) =>
          rule.resources[0] === 'configmaps' && rule.verbs.includes('watch')
            ? { ...rule, verbs: ['get', 'list', 'watch'] }
            : rule,
        ),
      ],
    ]
    for (const [request, rules] of lacking) {
      await setRules(rules)
      // Something to look at, and to write; the nodes can work with the file when the kubelet brings it.
      const edited = `${await release.field('configmap/insi', FILE)}\n${BY_HAND}\n`
      await release.kubectl('patch', 'configmap', 'insi', '-p', JSON.stringify({ data: { 'cluster.yaml': edited } }))
      await eventually(
        'the condition names it',
        async () => ((await denialTold()).includes(request) ? true : undefined),
        SOON,
      )
      const metrics = await release.proxied('services/insi-reconciler:9090', '/metrics')
      expect(metrics).toContain(`insi_reconciler_denied{request="${request}"} 1`)
      expect(await release.kubectl('logs', 'deployment/insi-reconciler')).toContain(request)
      await eventually(
        'an Event names it',
        async () => {
          const notes = await release.kubectl(
            'get',
            'events',
            '-o',
            'jsonpath={.items[?(@.reason=="RBACDenied")].message}',
          )
          return notes.includes(request) ? true : undefined
        },
        SOON,
      )
      await setRules(all)
      await eventually(
        'nothing is denied any more',
        async () => ((await release.status())['RBACDenied'] === 'False' ? true : undefined),
        {
          timeoutMs: 90_000,
        },
      )
      await eventually(
        'cluster.yaml is repaired',
        async () => ((await release.field('configmap/insi', FILE)).includes(BY_HAND) ? undefined : true),
        SOON,
      )
    }
    expect(await restarts()).toBe('0')
  },
  TEST_TIMEOUT_MS,
)

test(
  'every node has the newest cluster.yaml long before the kubelet brings it, and keeps it over a restart',
  async () => {
    const generationOf = async (pod: string): Promise<number> =>
      sumOf(await release.metricsOf(pod), 'insi_topology_generation')
    await release.scale(4)
    await eventually(
      'insi-0 was told of insi-3',
      async () => {
        const shown = await release.insic('insi-0', '--root', '-o', 'json', 'cluster', 'topology')
        return shown.includes('insi-3') ? true : undefined
      },
      { timeoutMs: 30_000 },
    )
    await release.settled(4)
    const written = Number(
      await release.field('configmap/insi', ".metadata.annotations['insi\\.io/topology-generation']"),
    )
    for (const pod of pods(4)) {
      await eventually(
        `${pod} has generation ${written}`,
        async () => ((await generationOf(pod)) === written ? true : undefined),
        SOON,
      )
    }
    await release.kubectl('delete', 'pod', 'insi-1')
    await release.rolledOut()
    await eventually(
      'insi-1 remembers',
      async () => ((await generationOf('insi-1')) >= written ? true : undefined),
      SOON,
    )
    await release.scale(3)
    await release.settled(3)
  },
  TEST_TIMEOUT_MS,
)

test(
  'the service of the leader leads to the new one soon, and nothing is written in calm weather',
  async () => {
    const endpoint = (): Promise<string> => release.field('endpointslice/insi-leader', '.endpoints[*].targetRef.name')
    const before = await release.leader('insi-0')
    await eventually('the slice names the leader', async () => ((await endpoint()) === before ? true : undefined), SOON)
    const target = pods(3).find((pod) => pod !== before) ?? ''
    await release.insic('insi-0', '--root', 'cluster', 'transfer', target)
    const startMs = performance.now()
    await eventually(
      'the slice names the new leader',
      async () => ((await endpoint()) === target ? true : undefined),
      SOON,
    )
    report(`leader's endpoint moved: ${Math.round(performance.now() - startMs)} ms after the transfer was answered`)
    const series = 'insi_reconciler_writes_total'
    const count = (): Promise<number> => release.reconcilerSeries(series)
    const passes = await release.reconcilerSeries('insi_reconciler_passes_total')
    await eventually(
      'a pass after the transfer',
      async () => ((await release.reconcilerSeries('insi_reconciler_passes_total')) > passes + 1 ? true : undefined),
      { timeoutMs: 90_000 },
    )
    const writes = await count()
    const seen = await release.reconcilerSeries('insi_reconciler_passes_total')
    await release.kubectl('annotate', 'statefulset', 'insi', `looked-at=${seen}`, '--overwrite')
    await eventually(
      'another pass',
      async () => ((await release.reconcilerSeries('insi_reconciler_passes_total')) > seen ? true : undefined),
      { timeoutMs: 60_000 },
    )
    expect(await count()).toBe(writes)
  },
  TEST_TIMEOUT_MS,
)

test(
  'a dry run prints the plan and the file for people and for programs, and changes nothing',
  async () => {
    const node = [
      '/usr/local/bin/node',
      '/app/dist/bin/insi-reconciler.js',
      '--statefulset=insi',
      '--once',
      '--dry-run',
    ]
    const secret = '--secret-file=/run/insi/secret/instanceSecret'
    const dryRun = (...words: string[]): Promise<string> =>
      run('kubectl', [
        '--namespace',
        release.namespace,
        'exec',
        'deployment/insi-reconciler',
        '--',
        ...node,
        secret,
        '--log-level=error',
        ...words,
      ])
    const before = await release.field('configmap/insi', '.metadata.resourceVersion')
    const found = JSON.parse(await dryRun('-o', 'json')) as Readonly<Record<string, unknown>>
    const file = await release.field('configmap/insi', FILE)
    expect(found).toMatchObject({ replicas: 3, plan: { state: 'idle', action: null }, cluster_yaml: file })
    expect(Object.values(found['node_generations'] as object)).toEqual([
      found['generation'],
      found['generation'],
      found['generation'],
    ])
    expect(await dryRun()).toContain(`# plan:    nothing\n`)
    expect(await dryRun('-o', 'yaml')).toContain('cluster_yaml: |')
    expect(await release.field('configmap/insi', '.metadata.resourceVersion')).toBe(before)
  },
  TEST_TIMEOUT_MS,
)
