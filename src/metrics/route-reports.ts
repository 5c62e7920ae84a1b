// Requests by route: counts by status class and latencies. Counted in plain arrays and rendered when scraped.
import { must } from '../base/assert.ts'
import { SERIES, STATUS_CLASSES } from './catalogue.ts'
import { headLines, PlainHistogram } from './plain-histogram.ts'

const COUNTER = 'insi_http_requests_total'
const HISTOGRAM = 'insi_http_request_duration_seconds'
const STATUS_CLASS_SIZE = 100

/** The place in STATUS_CLASSES by the first digit of a status. */
const CLASS_OF_DIGIT = Array.from({ length: 10 }, (_, digit) => {
  const at = STATUS_CLASSES.findIndex((name) => name === `${digit}xx`)
  return at === -1 ? STATUS_CLASSES.indexOf('other') : at
})

interface RouteCounts {
  readonly byClass: number[]
  readonly durations: PlainHistogram | null
}

export class RouteReports {
  readonly #routes: ReadonlyMap<string, RouteCounts>

  /** `isTimed`: whether the latencies of the route are worth a histogram. */
  constructor(routes: readonly { readonly name: string; readonly isTimed: boolean }[]) {
    this.#routes = new Map(
      routes.map(({ name, isTimed }) => [
        name,
        {
          byClass: STATUS_CLASSES.map(() => 0),
          durations: isTimed ? new PlainHistogram(SERIES[HISTOGRAM].buckets) : null,
        },
      ]),
    )
  }

  onRequest(route: string, status: number, durationMs: number): void {
    const { byClass, durations } = must(this.#routes.get(route), 'every route is known beforehand')
    const statusClass = CLASS_OF_DIGIT[Math.floor(status / STATUS_CLASS_SIZE)] ?? byClass.length - 1
    byClass[statusClass] = (byClass[statusClass] ?? 0) + 1
    durations?.observe(durationMs)
  }

  /** Both series in the Prometheus text format. Route names and status classes need no escaping. */
  text(): string {
    const lines = headLines(COUNTER, SERIES[COUNTER])
    for (const [route, { byClass }] of this.#routes) {
      byClass.forEach((count, at) => lines.push(`${COUNTER}{route="${route}",status="${STATUS_CLASSES[at]}"} ${count}`))
    }
    lines.push(...headLines(HISTOGRAM, SERIES[HISTOGRAM]))
    for (const [route, { durations }] of this.#routes) {
      if (durations !== null) lines.push(...durations.lines(HISTOGRAM, `route="${route}"`))
    }
    return `${lines.join('\n')}\n`
  }
}
