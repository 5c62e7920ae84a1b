// What is wrong with a query of an alert or a board, as far as the catalogue of series can tell.
import { Registry, collectDefaultMetrics } from 'prom-client'
import { RECONCILER_SERIES } from '../../src/metrics/catalogue-reconciler.ts'
import { ENTITY_SERIES, SERIES } from '../../src/metrics/catalogue.ts'
import type { Series } from '../../src/metrics/series.ts'

/** What Prometheus and its operator add to every series. */
const TARGET_LABELS = ['namespace', 'pod', 'job', 'endpoint']
/** Of Prometheus itself, and of kube-state-metrics. */
const OTHERS: readonly (readonly [name: string, labels: readonly string[]])[] = [
  ['up', []],
  ['ALERTS', ['alertname', 'alertstate', 'severity']],
  ['kube_statefulset_replicas', ['statefulset']],
]
/** Functions whose argument must only ever grow. */
const OF_COUNTERS = /\b(rate|irate|increase)\($/

type Kind = 'counter' | 'gauge' | 'bucket' | 'any'

interface KnownSeries {
  readonly kind: Kind
  readonly labels: readonly string[]
}

function addSeries(known: Map<string, KnownSeries>, name: string, type: string, labels: readonly string[]): void {
  if (type !== 'histogram') {
    known.set(name, { kind: type === 'counter' || type === 'gauge' ? type : 'any', labels })
    return
  }
  known.set(`${name}_bucket`, { kind: 'bucket', labels: [...labels, 'le'] })
  for (const part of ['sum', 'count']) known.set(`${name}_${part}`, { kind: 'counter', labels })
}

function knownSeries(): Map<string, KnownSeries> {
  const known = new Map(OTHERS.map(([name, labels]): [string, KnownSeries] => [name, { kind: 'any', labels }]))
  for (const [name, { labels, type }] of Object.entries<Series>({
    ...SERIES,
    ...ENTITY_SERIES,
    ...RECONCILER_SERIES,
  })) {
    addSeries(known, name, type, labels)
  }
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  for (const metric of registry.getMetricsAsArray()) {
    const { labelNames = [], name, type } = metric as typeof metric & { readonly labelNames?: readonly string[] }
    addSeries(known, name, String(type), labelNames)
  }
  registry.clear()
  return known
}

const KNOWN = knownSeries()

/** `records`: names that recording rules make. */
export function faultsOf(expression: string, records: readonly string[] = []): string[] {
  const selectors = [...expression.matchAll(/([A-Za-z_:][\w:]*)\{([^}]*)\}/g)]
  const bare = [...expression.matchAll(/\b(?:insi|nodejs|process)_\w+\b(?!\{)/g)].map(([name]) => `${name} of all`)
  if (selectors.length === 0) return [`no selector in ${expression}`]
  const faults = selectors.flatMap((match) => {
    const [selector, series = '', matchers = ''] = match
    if (records.includes(series)) return []
    const known = KNOWN.get(series)
    if (known === undefined) return [`${series} does not exist`]
    const asked = [...matchers.matchAll(/(\w+)(?:=~|!~|!=|=)"/g)].map(([, label = '']) => label)
    const unknown = asked.filter((label) => !known.labels.includes(label) && !TARGET_LABELS.includes(label))
    const misuse = misuseOf(known.kind, expression.slice(0, match.index))
    return [
      ...unknown.map((label) => `${series} has no label ${label}`),
      ...(misuse === null ? [] : [`${selector} is ${misuse}`]),
    ]
  })
  return [...faults, ...bare]
}

/** `before`: what stands before the selector. */
function misuseOf(kind: Kind, before: string): string | null {
  if (kind === 'gauge' && OF_COUNTERS.test(before)) return 'no counter'
  if (kind === 'counter' && !OF_COUNTERS.test(before)) return 'a counter without its rate'
  if (kind === 'bucket' && !/\bby \((\w+, )*le\) \((rate|increase)\($/.test(before))
    return 'a bucket out of its histogram'
  return null
}
