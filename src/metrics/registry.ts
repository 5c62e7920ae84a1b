// From the catalogue to live series: one object a series, made once, with the labels that are known beforehand at 0.
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import { must } from '../base/assert.ts'
import { SERIES } from './catalogue.ts'
import type { SeriesName } from './catalogue.ts'
import type { Series, SeriesTable } from './series.ts'

type NamesOf<T extends Series['type']> = {
  [N in SeriesName]: (typeof SERIES)[N]['type'] extends T ? N : never
}[SeriesName]

/** route-reports.ts and phase-reports.ts count and render these themselves. */
const RENDERED_APART: readonly string[] = [
  'insi_http_requests_total',
  'insi_http_request_duration_seconds',
  'insi_write_phase_duration_seconds',
]

export class MetricsRegistry {
  readonly registry = new Registry()
  readonly #counters = new Map<string, Counter>()
  readonly #gauges = new Map<string, Gauge>()
  readonly #histograms = new Map<string, Histogram>()

  constructor() {
    collectDefaultMetrics({ register: this.registry })
    for (const [name, series] of Object.entries<Series>(SERIES satisfies SeriesTable)) {
      if (!RENDERED_APART.includes(name)) this.#create(name, series)
    }
  }

  counter(name: NamesOf<'counter'>): Counter {
    return found(this.#counters, name)
  }

  gauge(name: NamesOf<'gauge'>): Gauge {
    return found(this.#gauges, name)
  }

  histogram(name: NamesOf<'histogram'>): Histogram {
    return found(this.#histograms, name)
  }

  #create(name: string, { type, help, labels, buckets = [] }: Series): void {
    const settings = { name, help, labelNames: [...labels], registers: [this.registry] }
    if (type === 'counter') this.#counters.set(name, new Counter(settings))
    else if (type === 'gauge') this.#gauges.set(name, new Gauge(settings))
    else this.#histograms.set(name, new Histogram({ ...settings, buckets: [...buckets] }))
  }
}

function found<T>(series: ReadonlyMap<string, T>, name: string): T {
  return must(series.get(name), `series ${name} exists`)
}
