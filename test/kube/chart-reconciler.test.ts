// What helm makes of the reconciler: its rights, its pod, and what the server pods know of it.
import { parseAllDocuments } from 'yaml'
import { render, requireHelm } from './cluster-tools.ts'

requireHelm()

interface Rule {
  readonly resources: readonly string[]
  readonly resourceNames?: readonly string[]
  readonly verbs: readonly string[]
}
interface Manifest {
  readonly kind: string
  readonly metadata: { readonly name: string }
  readonly rules: readonly Rule[]
  readonly data?: Readonly<Record<string, string>>
}

async function objects(...values: string[]): Promise<Manifest[]> {
  return parseAllDocuments(await render(['secret.existingSecret=given', ...values]))
    .map((document) => document.toJS() as Manifest | null)
    .filter((manifest) => manifest !== null)
}

async function one(kind: string, name: string, ...values: string[]): Promise<Manifest> {
  const found = (await objects(...values)).find((object) => object.kind === kind && object.metadata.name === name)
  if (found === undefined) throw new Error(`no ${kind} ${name}`)
  return found
}

test('its rights are by name wherever they can be, and none is to secrets, to change pods or to remove anything', async () => {
  const { rules } = await one('Role', 'insi-reconciler')
  const unnamed = rules.filter(({ resourceNames }) => resourceNames === undefined)
  expect(unnamed.map(({ resources, verbs }) => [resources, verbs])).toEqual([
    [['pods'], ['get', 'list', 'watch']],
    [['events'], ['create']],
  ])
  const verbs = rules.flatMap((rule) => rule.verbs)
  expect(verbs.filter((verb) => ['delete', 'deletecollection', '*'].includes(verb))).toEqual([])
  expect(rules.flatMap((rule) => rule.resources)).not.toContain('secrets')
})

test('the objects that it writes to are there before it, without the content that is its own', async () => {
  for (const name of ['insi-status', 'insi-identity']) expect((await one('ConfigMap', name)).data).toBeUndefined()
  await one('Lease', 'insi-reconciler')
  const topology = await one('ConfigMap', 'insi', 'config.logging.level=debug')
  expect(topology.data?.['base.yaml']).toContain('level: debug')
  expect(topology.data?.['base.yaml']).not.toContain('nodes')
})

test('the server pods ask it before they stop, and still have no token', async () => {
  const set = JSON.stringify(await one('StatefulSet', 'insi'))
  expect(set).toContain(
    '"--timeout-ms=20000","--linger-ms=5000","--removal-timeout-ms=75000","--reconciler=http://insi-reconciler:9090"',
  )
  expect(set).toContain('"automountServiceAccountToken":false')
  expect(set).toContain('INSI_IDENTITY_MARKER_FILE')
})

test('turned off, it leaves nothing behind but the gate', async () => {
  const all = await objects('reconciler.enabled=false')
  expect(
    all.filter(({ metadata }) => metadata.name !== 'insi' && /reconciler|status|identity/.test(metadata.name)),
  ).toEqual([])
  const set = JSON.stringify(all.find(({ kind }) => kind === 'StatefulSet'))
  expect(set).toContain('leave-gate')
  expect(set).not.toMatch(/reconciler|identity/i)
})

test.each([
  ['tls.enabled=true', ['--tls', '--ca-file=/run/insi/tls/tls.crt']],
  ['config.serverMustUseTLS=true', ['--tls', '--skip-verify']],
])('with %s it speaks TLS to the nodes, and never gets their private key', async (value, words) => {
  const more = value.startsWith('tls') ? ['tls.existingSecret=certificate'] : []
  const text = JSON.stringify(await one('Deployment', 'insi-reconciler', value, ...more))
  for (const word of words) expect(text).toContain(JSON.stringify(word))
  expect(text).not.toContain('tls.key')
})

test('several prefer different machines and zones and are drained one at a time; a single one is left to be drained', async () => {
  const spec = JSON.stringify(await one('Deployment', 'insi-reconciler', 'reconciler.replicas=2'))
  const ofReconciler = { 'app.kubernetes.io/component': 'reconciler' }
  const selector = { matchLabels: expect.objectContaining(ofReconciler) as unknown }
  expect(JSON.parse(spec)).toMatchObject({
    spec: {
      template: {
        metadata: { labels: ofReconciler },
        spec: {
          topologySpreadConstraints: ['kubernetes.io/hostname', 'topology.kubernetes.io/zone'].map((topologyKey) => ({
            maxSkew: 1,
            topologyKey,
            whenUnsatisfiable: 'ScheduleAnyway',
            labelSelector: selector,
          })),
        },
      },
    },
  })
  expect(await one('PodDisruptionBudget', 'insi-reconciler', 'reconciler.replicas=2')).toMatchObject({
    spec: { maxUnavailable: 1, unhealthyPodEvictionPolicy: 'AlwaysAllow', selector },
  })
  const budgets = (...values: string[]) =>
    objects(...values).then((all) =>
      all.filter(({ kind }) => kind === 'PodDisruptionBudget').map(({ metadata }) => metadata.name),
    )
  expect(await budgets()).toEqual(['insi'])
  expect(await budgets('reconciler.replicas=2', 'podDisruptionBudget.enabled=false')).toEqual([])
  expect(JSON.stringify(await one('Deployment', 'insi-reconciler'))).not.toContain('topologySpread')
})
