// What Prometheus answers to a panel's queries, named as the panel wants it.
import { REFERENCES } from '../../../scripts/boards/board.ts'
import type { Panel } from '../../../scripts/boards/board.ts'
import type { InstantSeries, Labels, PrometheusApi, RangeOptions } from '../../support/prometheus-api.ts'
import { filledIn } from '../board-queries.ts'

export interface NamedSeries {
  readonly name: string
  readonly labels: Labels
  readonly values: readonly (readonly [timeSeconds: number, value: number])[]
}

export interface NamedValue {
  readonly name: string
  readonly value: number
}

/** What is asked, and for which nodes. */
export interface Question {
  readonly prometheus: PrometheusApi
  readonly nodeIds: readonly string[]
  readonly range: RangeOptions
  readonly rateSeconds: number
}

const named = (legend: string, labels: Labels): string =>
  legend.replaceAll(/\{\{(\w+)\}\}/g, (_all, label: string) => labels[label] ?? '')

const lengthOf = ({ endSeconds, startSeconds }: RangeOptions): number => endSeconds - startSeconds

const askedOf = (expression: string, { nodeIds, range, rateSeconds }: Question): string =>
  filledIn(expression, nodeIds, lengthOf(range), rateSeconds)

export async function seriesOf(panel: Panel, question: Question): Promise<NamedSeries[]> {
  const { prometheus, range } = question
  const answers = await Promise.all(
    panel.queries.map(async ({ expression, legend }) => {
      const found = await prometheus.queryRange(askedOf(expression, question), range)
      return found.map(({ metric, values }) => ({ name: named(legend, metric), labels: metric, values }))
    }),
  )
  return answers.flat()
}

export async function valuesOf(panel: Panel, question: Question): Promise<NamedValue[]> {
  const answers = await Promise.all(
    panel.queries.map(async ({ expression, legend }) => {
      const found = await question.prometheus.query(askedOf(expression, question), question.range.endSeconds)
      return found.map(({ metric, value }) => ({ name: named(legend, metric), value }))
    }),
  )
  return answers.flat()
}

/** One line for each set of labels that the queries share, by label and by reference of the query. */
export async function linesOf(panel: Panel, question: Question): Promise<Map<string, string | number>[]> {
  const lines = new Map<string, Map<string, string | number>>()
  const keyLabel = Object.keys(panel.columns ?? {})[0] ?? ''
  for (const [at, { expression }] of panel.queries.entries()) {
    const found: InstantSeries[] = await question.prometheus.query(
      askedOf(expression, question),
      question.range.endSeconds,
    )
    for (const { metric, value } of found) {
      const key = metric[keyLabel] ?? ''
      const cells = lines.get(key) ?? new Map<string, string | number>()
      for (const [label, content] of Object.entries(metric)) cells.set(label, content)
      lines.set(key, cells.set(REFERENCES[at] ?? '', value))
    }
  }
  return [...lines].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, cells]) => cells)
}

/** When the marks of an annotation are. */
export async function marksOf(expression: string, question: Question): Promise<number[]> {
  const found = await question.prometheus.queryRange(askedOf(expression, question), question.range)
  // A change stays within the window of its query for a while: it happened when it came into it.
  return found.flatMap(({ values }) =>
    values
      .filter(([time], at) => time - (values[at - 1]?.[0] ?? 0) > 2 * question.range.stepSeconds)
      .map(([time]) => time),
  )
}
