// Makes charts/insi/README.md from chart-values.ts: how to install the chart, and every value with its type, default and meaning.
import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { format, resolveConfig } from 'prettier'
import { parse } from 'yaml'
import { CHART_VALUES, type JsonSchema, type ValueField, type ValueTree } from './chart-values.ts'

const CHART = path.resolve(import.meta.dirname, '../charts/insi')
const README = path.join(CHART, 'README.md')

/** Where the values of the chart stand, by the first part of their names. One that is in no section gets a section of its own. */
const SECTIONS: readonly (readonly [title: string, names: readonly string[]])[] = [
  ['Cluster', ['replicaCount', 'allowScaleDown', 'config', 'clusterDomain', 'reconciler']],
  ['Names', ['nameOverride', 'fullnameOverride', 'namespaceOverride', 'commonLabels']],
  ['Image', ['image', 'imagePullSecrets']],
  ['Secret and TLS', ['secret', 'tls']],
  ['Disks', ['persistence']],
  ['Network', ['ports', 'service', 'readService', 'leaderService', 'networkPolicy']],
  ['Monitoring', ['serviceMonitor', 'podMonitor', 'prometheusRule', 'grafanaDashboards']],
  ['Life of the pods', ['probes', 'preStopSleepSeconds', 'terminationGracePeriodSeconds', 'podDisruptionBudget']],
  [
    'Place and rights of the pods',
    [
      'resources',
      'topologySpreadConstraints',
      'affinity',
      'nodeSelector',
      'tolerations',
      'priorityClassName',
      'serviceAccount',
      'podSecurityContext',
      'securityContext',
    ],
  ],
  [
    'What the values do not foresee',
    [
      'annotations',
      'podLabels',
      'podAnnotations',
      'extraEnv',
      'extraVolumes',
      'extraVolumeMounts',
      'objectPatches',
      'extraObjects',
    ],
  ],
]

/** What charts/insi/README.md must contain now. */
export async function renderChartReadme(): Promise<string> {
  const chart = parse(await readFile(path.join(CHART, 'Chart.yaml'), 'utf8')) as ChartFile
  const sections = sectionsOf(CHART_VALUES).map(([title, tree]) => `### ${title}\n\n${table(tree)}`)
  const document = [introduction(chart), ...sections].join('\n\n')
  const style = await resolveConfig(README)
  return format(document, { ...style, parser: 'markdown' })
}

export async function generateChartReadme(): Promise<void> {
  await writeFile(README, await renderChartReadme())
}

interface ChartFile {
  readonly description: string
  readonly version: string
  readonly kubeVersion: string
}

function introduction({ description, version, kubeVersion }: ChartFile): string {
  return `# insi

<!-- Made by \`npm run generate\` from scripts/chart-values.ts. -->

${description}.

Needs Kubernetes ${kubeVersion.replace('>=', '').replace('.0-0', '')} or newer and helm 3 or 4. From a registry that the chart and its image were [released](../../docs/RELEASING.md) to:

\`\`\`sh
helm install insi oci://registry.example.org/charts/insi --version ${version} --namespace insi --create-namespace --wait \\
  --set image.registry=registry.example.org
helm test insi --namespace insi   # values and events through each node
\`\`\`

From a checkout, with an image of your own: \`helm install insi charts/insi\` and the same flags.

- [KUBERNETES.md](../../docs/KUBERNETES.md): first key, TLS, scaling, upgrades, disks, backup, lost pods, recovery.
- [CONFIG.md](../../docs/CONFIG.md): the options that \`config\` takes.
- [ALERTS.md](../../docs/ALERTS.md), [METRICS.md](../../docs/METRICS.md), [OBSERVABILITY.md](../../docs/OBSERVABILITY.md): what \`prometheusRule\` and \`grafanaDashboards\` install.

## Values

A misspelt or unsafe value fails when the chart is rendered, with the reason.`
}

function sectionsOf(tree: ValueTree): [title: string, tree: ValueTree][] {
  const placed = new Set(SECTIONS.flatMap(([, names]) => names))
  const unknown = [...placed].filter((name) => !(name in tree))
  if (unknown.length > 0) throw new Error(`no such values: ${unknown.join(', ')}`)
  const rest = Object.keys(tree).filter((name) => !placed.has(name))
  const own = rest.map((name) => [name.slice(0, 1).toUpperCase() + name.slice(1), [name]] as const)
  return [...SECTIONS, ...own].map(([title, names]) => [
    title,
    Object.fromEntries(Object.entries(tree).filter(([name]) => names.includes(name))),
  ])
}

function table(tree: ValueTree): string {
  const heads = ['Value', 'Type', 'Default', 'Meaning']
  return [heads, heads.map(() => '---'), ...rows(tree)].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

function rows(tree: ValueTree, prefix = ''): string[][] {
  return Object.entries(tree).flatMap(([name, value]) => {
    const head = code(prefix + name)
    const meaning = escaped(value.description)
    if ('fields' in value) return [[head, '', '', meaning], ...rows(value.fields, `${prefix}${name}.`)]
    return [[head, typeOf(value.schema), defaultOf(value), meaning]]
  })
}

function typeOf({ type, enum: words, items, additionalProperties: entries, minimum, maximum }: JsonSchema): string {
  if (Array.isArray(words)) return words.map((word) => code(String(word))).join(', ')
  const [kind, ...more] = Array.isArray(type) ? (type as string[]) : [String(type)]
  const others = more.map((other) => ` or ${other}`).join('')
  if (kind === 'array') return `list of ${kindsOf(items as JsonSchema)}${others}`
  if (kind === 'object' && typeof entries === 'object') return `map of ${kindsOf(entries as JsonSchema)}${others}`
  if (typeof minimum !== 'number') return `${String(kind)}${others}`
  return `${String(kind)} ${typeof maximum === 'number' ? `${minimum}–${maximum}` : `≥ ${minimum}`}${others}`
}

function kindsOf({ type }: JsonSchema): string {
  return (Array.isArray(type) ? (type as string[]) : [String(type)]).map((kind) => `${kind}s`).join(' or ')
}

const code = (text: string): string => `\`${text}\``

const escaped = (text: string): string => text.replaceAll('|', '\\|')

function defaultOf({ default: value }: ValueField): string {
  return code(JSON.stringify(value).replaceAll('|', '\\|'))
}

if (import.meta.main) await generateChartReadme()
