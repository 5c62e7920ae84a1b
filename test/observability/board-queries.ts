// Queries of boards as Grafana sends them for the cluster of scraped-cluster.ts.
import type { Variable } from '../../scripts/boards/board.ts'
import type { PrometheusApi, RangeOptions, RangeSeries } from '../support/prometheus-api.ts'
import { NAMESPACE, RELEASE } from './scraped-cluster.ts'

/** Four scrapes and more, as Grafana chooses it. */
const RATE_SECONDS = 5

/** With `nodeIds` chosen as nodes, over a board that shows `rangeSeconds`. */
export function filledIn(
  expression: string,
  nodeIds: readonly string[],
  rangeSeconds: number,
  rateSeconds = RATE_SECONDS,
): string {
  return expression
    .replaceAll('$namespace', NAMESPACE)
    .replaceAll('$cluster', RELEASE)
    .replaceAll('$pod', `(${nodeIds.join('|')})`)
    .replaceAll('$__rate_interval', `${rateSeconds}s`)
    .replaceAll('$__range', `${Math.ceil(rangeSeconds)}s`)
}

/** The series of an expression that have a number at some time within the range. */
export async function numbersOf(
  prometheus: PrometheusApi,
  expression: string,
  range: RangeOptions,
): Promise<RangeSeries[]> {
  const series = await prometheus.queryRange(expression, range)
  return series.filter(({ values }) => values.some(([, value]) => !Number.isNaN(value)))
}

/** What a variable of a board offers to choose from. */
export async function choicesOf(prometheus: PrometheusApi, { query, regex = '/(.*)/' }: Variable): Promise<string[]> {
  const [, selector = '', label = ''] = /^label_values\((.*), (\w+)\)$/.exec(query) ?? []
  const match = encodeURIComponent(filledIn(selector, [], 0))
  const values = await prometheus.get<string[]>(`label/${label}/values?match[]=${match}`)
  const pattern = new RegExp(regex.slice(1, -1))
  return [...new Set(values.flatMap((value) => pattern.exec(value)?.[1] ?? []))]
}
