// Requests by route: counts by status class and latencies. Counted in plain arrays and rendered when scraped, because a
// library histogram costs a tenth of a read for each report.
import { must } from '../base/assert.ts'
import { SERIES, STATUS_CLASSES } from './catalogue.ts'

const COUNTER = 'insi_http_requests_total'
const HISTOGRAM = 'insi_http_request_duration_seconds'
const STATUS_CLASS_SIZE = 100
const MS_PER_SECOND = 1_000

const BOUNDS_SECONDS: readonly number[] = SERIES[HISTOGRAM].buckets
const BOUNDS_MS = BOUNDS_SECONDS.map((seconds) => seconds * MS_PER_SECOND)

interface RouteCounts {
  /** By the first digit of the status, less one. */
  readonly byClass: number[]
  /** Requests above the bound before and at most at this one; the last is above all. */
  readonly byBucket: number[]
  sumMs: number
}

export class RouteReports {
  readonly #routes: ReadonlyMap<string, RouteCounts>

  constructor(routes: readonly string[]) {
    this.#routes = new Map(
      routes.map((route) => [
        route,
        {
          byClass: STATUS_CLASSES.map(() => 0),
          byBucket: Array.from({ length: BOUNDS_MS.length + 1 }, () => 0),
          sumMs: 0,
        },
      ]),
    )
  }

  onRequest(route: string, status: number, durationMs: number): void {
    const counts = must(this.#routes.get(route), 'every route is known beforehand')
    const { byClass, byBucket } = counts
    const statusClass = Math.min(Math.max(Math.floor(status / STATUS_CLASS_SIZE) - 1, 0), byClass.length - 1)
    byClass[statusClass] = (byClass[statusClass] ?? 0) + 1
    let bucket = 0
    while (bucket < BOUNDS_MS.length && durationMs > (BOUNDS_MS[bucket] ?? 0)) bucket += 1
    byBucket[bucket] = (byBucket[bucket] ?? 0) + 1
    counts.sumMs += durationMs
  }

  /** Both series in the Prometheus text format. Route names and status classes need no escaping. */
  text(): string {
    const lines = [...head(COUNTER)]
    for (const [route, { byClass }] of this.#routes) {
      byClass.forEach((count, at) => lines.push(`${COUNTER}{route="${route}",status="${STATUS_CLASSES[at]}"} ${count}`))
    }
    lines.push(...head(HISTOGRAM))
    for (const [route, counts] of this.#routes) lines.push(...histogramLines(route, counts))
    return `${lines.join('\n')}\n`
  }
}

function head(name: typeof COUNTER | typeof HISTOGRAM): string[] {
  const { help, type } = SERIES[name]
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`]
}

function histogramLines(route: string, { byBucket, sumMs }: RouteCounts): string[] {
  let count = 0
  const lines = byBucket.map((inBucket, at) => {
    count += inBucket
    return `${HISTOGRAM}_bucket{le="${BOUNDS_SECONDS[at] ?? '+Inf'}",route="${route}"} ${count}`
  })
  return [
    ...lines,
    `${HISTOGRAM}_sum{route="${route}"} ${sumMs / MS_PER_SECOND}`,
    `${HISTOGRAM}_count{route="${route}"} ${count}`,
  ]
}
