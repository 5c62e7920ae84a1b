// Every series of insi-reconciler, and the object that its parts report to.
import { Counter, Gauge, Registry, collectDefaultMetrics } from 'prom-client'
import { must } from '../base/assert.ts'

interface ReconcilerSeries {
  readonly type: 'counter' | 'gauge'
  readonly labels: readonly string[]
  readonly help: string
}

const RECONCILER_SERIES = {
  insi_reconciler_build_info: {
    type: 'gauge',
    labels: ['version', 'runtime'],
    help: 'Always 1; the release and the runtime.',
  },
  insi_reconciler_passes_total: {
    type: 'counter',
    labels: ['result'],
    help: 'Passes by what they came to: a state of the plan, or `failed`.',
  },
  insi_reconciler_pass_duration_seconds: { type: 'gauge', labels: [], help: 'How long the last pass took.' },
  insi_reconciler_actions_total: {
    type: 'counter',
    labels: ['action', 'result'],
    help: 'Changes of the membership asked for.',
  },
  insi_reconciler_refusals_total: {
    type: 'counter',
    labels: ['guard'],
    help: 'Passes in which a guard refused a change.',
  },
  insi_reconciler_writes_total: {
    type: 'counter',
    labels: ['object'],
    help: 'Writes to Kubernetes; none in steady state.',
  },
  insi_reconciler_api_errors_total: {
    type: 'counter',
    labels: ['verb', 'code'],
    help: 'Requests to Kubernetes that failed, by HTTP status (`none`: no answer).',
  },
  insi_reconciler_topology_generation: { type: 'gauge', labels: [], help: 'Generation of cluster.yaml.' },
  insi_reconciler_is_lease_holder: { type: 'gauge', labels: [], help: '1 while this process may act.' },
  insi_reconciler_last_success_timestamp_seconds: {
    type: 'gauge',
    labels: [],
    help: 'When a pass last saw everything, in seconds since the epoch.',
  },
  insi_reconciler_voters: { type: 'gauge', labels: [], help: 'Voters of the cluster.' },
  insi_reconciler_voters_wanted: { type: 'gauge', labels: [], help: 'Replicas of the StatefulSet.' },
} as const satisfies Readonly<Record<string, ReconcilerSeries>>

type SeriesName = keyof typeof RECONCILER_SERIES
type Labels = Readonly<Record<string, string>>

export class ReconcilerMetrics {
  readonly #registry = new Registry()
  readonly #counters = new Map<string, Counter>()
  readonly #gauges = new Map<string, Gauge>()

  constructor(build: { readonly version: string; readonly runtimeVersion: string }) {
    collectDefaultMetrics({ register: this.#registry })
    for (const [name, { type, help, labels }] of Object.entries<ReconcilerSeries>(RECONCILER_SERIES)) {
      const settings = { name, help, labelNames: [...labels], registers: [this.#registry] }
      if (type === 'counter') this.#counters.set(name, new Counter(settings))
      else this.#gauges.set(name, new Gauge(settings))
    }
    this.set('insi_reconciler_build_info', 1, { version: build.version, runtime: build.runtimeVersion })
  }

  get contentType(): string {
    return this.#registry.contentType
  }

  count(name: SeriesName, labels: Labels = {}): void {
    must(this.#counters.get(name), `${name} is a counter`).inc(labels)
  }

  set(name: SeriesName, value: number, labels: Labels = {}): void {
    must(this.#gauges.get(name), `${name} is a gauge`).set(labels, value)
  }

  /** All series in the Prometheus text format. */
  text(): Promise<string> {
    return this.#registry.metrics()
  }
}
