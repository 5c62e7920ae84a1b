// Requests by route. Bound once to their labels, since looking labels up costs as much as a read.
import type { Counter, Histogram } from 'prom-client'
import { STATUS_CLASSES } from './catalogue.ts'
import type { MetricsRegistry } from './registry.ts'

const STATUS_CLASS_SIZE = 100
const MS_PER_SECOND = 1_000

interface RouteSeries {
  readonly duration: Histogram.Internal<string>
  /** By the first digit of the status, less one. */
  readonly byClass: readonly Counter.Internal[]
}

export class RouteReports {
  readonly #routes: ReadonlyMap<string, RouteSeries>

  constructor(series: MetricsRegistry, routes: readonly string[]) {
    const requests = series.counter('insi_http_requests_total')
    const durations = series.histogram('insi_http_request_duration_seconds')
    this.#routes = new Map(
      routes.map((route) => {
        durations.zero({ route })
        const byClass = STATUS_CLASSES.map((status) => requests.labels({ route, status }))
        for (const counter of byClass) counter.inc(0)
        return [route, { duration: durations.labels({ route }), byClass }]
      }),
    )
  }

  onRequest(route: string, status: number, durationMs: number): void {
    const found = this.#routes.get(route)
    found?.duration.observe(durationMs / MS_PER_SECOND)
    found?.byClass[Math.floor(status / STATUS_CLASS_SIZE) - 1]?.inc()
  }
}
