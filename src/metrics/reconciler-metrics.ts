// What the parts of insi-reconciler report to.
import { Counter, Gauge, Registry, collectDefaultMetrics } from 'prom-client'
import { must } from '../base/assert.ts'
import { RECONCILER_LABELS, RECONCILER_SERIES } from './catalogue-reconciler.ts'
import type { Series } from './series.ts'

type SeriesName = keyof typeof RECONCILER_SERIES
type Labels = Readonly<Record<string, string>>

export class ReconcilerMetrics {
  readonly #registry = new Registry()
  readonly #counters = new Map<string, Counter>()
  readonly #gauges = new Map<string, Gauge>()

  constructor(build: { readonly version: string; readonly runtimeVersion: string }) {
    collectDefaultMetrics({ register: this.#registry })
    for (const [name, { type, help, labels }] of Object.entries<Series>(RECONCILER_SERIES)) {
      const settings = { name, help, labelNames: [...labels], registers: [this.#registry] }
      if (type === 'counter') this.#counters.set(name, new Counter(settings))
      else this.#gauges.set(name, new Gauge(settings))
    }
    for (const [name, values] of Object.entries<Readonly<Record<string, readonly string[]>>>(RECONCILER_LABELS)) {
      for (const labels of combinations(values)) this.#counters.get(name)?.inc(labels, 0)
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

  /** The gauge says nothing about these labels any more. */
  remove(name: SeriesName, labels: Labels): void {
    must(this.#gauges.get(name), `${name} is a gauge`).remove(labels)
  }

  /** All series in the Prometheus text format. */
  text(): Promise<string> {
    return this.#registry.metrics()
  }
}

/** Every set of labels that can be made of the values of each. */
function combinations(values: Readonly<Record<string, readonly string[]>>): Labels[] {
  return Object.entries(values).reduce<Labels[]>(
    (sets, [label, possible]) => sets.flatMap((set) => possible.map((value) => ({ ...set, [label]: value }))),
    [{}],
  )
}
