// What Kubernetes refuses to change in an object that exists: `node scripts/chart-immutable-fields.ts` prints those of the chart,
// for test/kube/released. Needs helm.
import { execFileSync } from 'node:child_process'
import path from 'node:path'
import { parseAllDocuments } from 'yaml'

const CHART = path.resolve(import.meta.dirname, '../charts/insi')

/** Values under which a release may have been installed. */
export const RELEASED_VALUES: Readonly<Record<string, readonly string[]>> = {
  defaults: ['secret.existingSecret=given'],
  everything: [
    'secret.existingSecret=given',
    'fullnameOverride=other',
    'nameOverride=short',
    'replicaCount=5',
    'commonLabels.team=blue',
    'podLabels.tier=data',
    'persistence.storageClass=fast',
    'persistence.size=20Gi',
    'persistence.annotations.note=kept',
    'service.type=LoadBalancer',
    'tls.enabled=true',
    'tls.existingSecret=certificate',
    'config.logging.level=debug',
  ],
}

interface Manifest {
  readonly kind: string
  readonly metadata: { readonly name: string }
  readonly spec?: Readonly<Record<string, unknown>>
  readonly roleRef?: unknown
  readonly type?: string
}

/** Fields of a StatefulSet's spec that may change; all others may not. */
const STATEFUL_SET_MUTABLE = [
  'replicas',
  'ordinals',
  'template',
  'updateStrategy',
  'revisionHistoryLimit',
  'persistentVolumeClaimRetentionPolicy',
  'minReadySeconds',
]

function immutableOf({ kind, roleRef, spec = {}, type }: Manifest): unknown {
  switch (kind) {
    case 'StatefulSet':
      return Object.fromEntries(Object.entries(spec).filter(([name]) => !STATEFUL_SET_MUTABLE.includes(name)))
    case 'Deployment':
      return { selector: spec['selector'] }
    case 'Service':
      return { clusterIP: spec['clusterIP'] ?? null }
    case 'RoleBinding':
      return { roleRef }
    case 'Secret':
      return { type }
    default:
      return {}
  }
}

/** By `Kind/name`, for every object that a release owns. Jobs are left out: their names change with them. */
export function immutableFields(manifests: string): Record<string, unknown> {
  const owned = parseAllDocuments(manifests)
    .map((document) => document.toJS() as Manifest | null)
    .filter((manifest) => manifest !== null)
    .filter(({ kind }) => kind !== 'Job')
  return Object.fromEntries(
    owned.map((manifest) => [`${manifest.kind}/${manifest.metadata.name}`, immutableOf(manifest)]),
  )
}

/** Renders the chart in `folder` and takes what is immutable out of it, for each set of values. */
export function renderImmutableFields(folder = CHART): Record<string, Record<string, unknown>> {
  const rendered = Object.entries(RELEASED_VALUES).map(([name, values]) => {
    const set = values.flatMap((value) => ['--set', value])
    const words = [
      'template',
      'insi',
      folder,
      '--namespace',
      'insi',
      '--kube-version',
      '1.34.0',
      '--skip-tests',
      ...set,
    ]
    return [name, immutableFields(execFileSync('helm', words, { encoding: 'utf8' }))]
  })
  return Object.fromEntries(rendered)
}

if (import.meta.filename === process.argv[1]) {
  process.stdout.write(`${JSON.stringify(renderImmutableFields(process.argv[2]), null, 2)}\n`)
}
