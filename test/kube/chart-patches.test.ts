// objectPatches: every object of the chart can be changed as its owner likes, but for what makes it the same one at every upgrade.
import { parseAllDocuments } from 'yaml'
import { PATCHED_OBJECTS } from '../../scripts/chart-values.ts'
import { render, requireHelm } from './cluster-tools.ts'

requireHelm()

interface Manifest {
  readonly kind: string
  readonly metadata: { readonly name: string; readonly namespace: string; annotations?: Record<string, string> }
  readonly spec?: unknown
}

const OPERATOR = ['--api-versions', 'monitoring.coreos.com/v1']
/** Between them every object that the chart can make. */
const EVERYTHING = [
  'readService.enabled=true',
  'leaderService.enabled=true',
  'backup.enabled=true',
  'backup.existingClaim=kept',
  'serviceMonitor.enabled=true',
  'podMonitor.enabled=true',
  'prometheusRule.enabled=true',
  'grafanaDashboards.enabled=true',
  'tls.enabled=true',
  'tls.certManager.enabled=true',
  'tls.certManager.issuerRef.name=internal',
]
const SOURCES = ['secret.generate=helm', 'secret.generate=job']

function objects(yaml: string): Manifest[] {
  // As Kubernetes reads it, where 0440 is octal.
  return parseAllDocuments(yaml, { version: '1.1' })
    .map((document) => document.toJS() as Manifest | null)
    .filter((manifest) => manifest !== null)
}

async function rendered(values: readonly string[], patches: object): Promise<Manifest[]> {
  const json = ['--set-json', `objectPatches=${JSON.stringify(patches)}`]
  return objects(await render(values, [...OPERATOR, ...json]))
}

async function statefulSet(patch: object): Promise<Manifest> {
  const found = (await rendered(['secret.existingSecret=given'], { StatefulSet: patch })).find(
    ({ kind }) => kind === 'StatefulSet',
  )
  if (found === undefined) throw new Error('no StatefulSet')
  return found
}

const nameOf = ({ kind, metadata }: Manifest): string =>
  kind +
  metadata.name
    .replace(/^insi/, '')
    .replace(/^-tls$/, '')
    .replace(/(-secret)-[0-9a-f]{8}$/, '$1')
const mark = { metadata: { annotations: { patched: 'yes' } } }
const marks = Object.fromEntries(PATCHED_OBJECTS.map((name) => [name, mark]))

test('every object can be patched by a name that the schema knows, and nothing else of it changes', async () => {
  const seen = new Set<string>()
  for (const source of SOURCES) {
    const plain = await rendered([...EVERYTHING, source], {})
    const patched = await rendered([...EVERYTHING, source], marks)
    expect(patched.map(nameOf)).toEqual(plain.map(nameOf))
    for (const [at, manifest] of patched.entries()) {
      const before = plain[at]
      const name = nameOf(manifest)
      seen.add(name)
      expect({ name, annotations: manifest.metadata.annotations }).toMatchObject({ annotations: { patched: 'yes' } })
      if (before === undefined || name === 'Secret') continue
      delete manifest.metadata.annotations?.['patched']
      const annotations = { ...manifest.metadata.annotations }
      const isJob = name === 'Job-secret'
      const same = {
        ...manifest,
        metadata: { ...manifest.metadata, annotations, ...(isJob ? { name: before.metadata.name } : {}) },
      }
      expect(same).toEqual({
        ...before,
        metadata: { ...before.metadata, annotations: before.metadata.annotations ?? {} },
      })
    }
  }
  expect([...seen].toSorted()).toEqual([...PATCHED_OBJECTS].toSorted())
})

test('null removes, lists are replaced, and a map changes what is named in a list', async () => {
  const { spec } = await statefulSet({
    spec: {
      minReadySeconds: null,
      revisionHistoryLimit: 12_345_678,
      template: {
        spec: {
          tolerations: [{ operator: 'Exists' }],
          containers: {
            insi: { workingDir: '/tmp', env: { POD_NAME: null, MORE: { value: '1' } } },
            side: { image: 'x' },
          },
        },
      },
    },
  })
  expect(spec).not.toHaveProperty('minReadySeconds')
  expect(spec).toMatchObject({
    revisionHistoryLimit: 12_345_678,
    template: { spec: { tolerations: [{ operator: 'Exists' }] } },
  })
  const { containers } = (spec as { template: { spec: { containers: { name: string; env?: { name: string }[] }[] } } })
    .template.spec
  expect(containers.map(({ name }) => name)).toEqual(['insi', 'side'])
  expect(containers[0]).toMatchObject({ workingDir: '/tmp', image: 'insi:0.1.0' })
  const variables = containers[0]?.env?.map(({ name }) => name)
  expect(variables).toContain('MORE')
  expect(variables).not.toContain('POD_NAME')
})

test('another Job takes the place of one whose pods a patch changes', async () => {
  const jobName = async (patches: object): Promise<string | undefined> =>
    (await rendered(['secret.generate=job'], patches)).find(({ kind }) => kind === 'Job')?.metadata.name
  expect(await jobName({ Service: mark })).toBe(await jobName({}))
  expect(await jobName({ 'Job-secret': { spec: { backoffLimit: 3 } } })).not.toBe(await jobName({}))
})

test.each([
  ['StatefulSet', { metadata: { name: 'other' } }, 'must not change metadata.name'],
  ['StatefulSet', { spec: { replicas: 4 } }, 'must not change spec.replicas'],
  ['StatefulSet', { spec: { serviceName: 'other' } }, 'must not change spec.serviceName'],
  ['StatefulSet', { spec: { volumeClaimTemplates: null } }, 'must not change spec.volumeClaimTemplates'],
  [
    'StatefulSet',
    { spec: { template: { metadata: { labels: { 'app.kubernetes.io/name': 'other' } } } } },
    'must not change the label app.kubernetes.io/name of the pods',
  ],
  ['Deployment-reconciler', { spec: { selector: { matchLabels: { more: 'x' } } } }, 'must not change spec.selector'],
  ['Service', { spec: { selector: null } }, 'must not change spec.selector'],
  ['Service-headless', { spec: { clusterIP: null } }, 'must not change spec.clusterIP'],
  ['PodDisruptionBudget', { metadata: { namespace: 'other' } }, 'must not change metadata.namespace'],
  ['NetworkPolicy', { spec: { podSelector: { matchLabels: null } } }, 'must not change spec.podSelector'],
  ['RoleBinding-reconciler', { roleRef: { name: 'other' } }, 'must not change roleRef'],
  ['ConfigMap', { data: { 'cluster.yaml': 'x' } }, 'must not change data'],
  ['Secret', { data: { instanceSecret: 'x' } }, 'must not change data'],
  ['EndpointSlice-leader', { endpoints: [] }, 'must not change endpoints'],
  ['Statefulset', {}, 'Statefulset'],
])('a patch of %s by %j is told: %s', async (name, patch, sentence) => {
  await expect(rendered(['leaderService.enabled=true'], { [name]: patch })).rejects.toThrow(sentence)
})

test('namespaceOverride moves every object and every name that holds the namespace', async () => {
  const yaml = await render(
    [...EVERYTHING, 'secret.existingSecret=given', 'namespaceOverride=elsewhere'],
    [...OPERATOR, '--namespace', 'release-space'],
  )
  expect([...new Set(objects(yaml).map(({ metadata }) => metadata.namespace))]).toEqual(['elsewhere'])
  expect(yaml).not.toContain('release-space')
  expect(yaml).toContain('insi-0.insi-headless.elsewhere.svc.cluster.local')
})
