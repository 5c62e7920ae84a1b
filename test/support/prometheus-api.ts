// Questions to a running Prometheus, wherever it runs.

const ANSWER_TIMEOUT_MS = 10_000

export type Labels = Readonly<Record<string, string>>

export interface InstantSeries {
  readonly metric: Labels
  readonly value: number
}

export interface RangeSeries {
  readonly metric: Labels
  /** Times in seconds since the epoch. */
  readonly values: readonly (readonly [timeSeconds: number, value: number])[]
}

export interface FiringAlert {
  readonly labels: Labels
  readonly annotations: Labels
  readonly state: 'pending' | 'firing'
  readonly activeAt: string
}

export interface RuleState {
  readonly type: 'alerting' | 'recording'
  readonly name: string
  readonly query: string
  readonly health: 'ok' | 'err' | 'unknown'
  readonly lastError?: string
  readonly state?: 'inactive' | 'pending' | 'firing'
}

export interface ScrapeTarget {
  readonly labels: Labels
  readonly health: 'up' | 'down' | 'unknown'
  readonly lastError: string
  readonly lastScrapeDuration: number
}

export interface RangeOptions {
  readonly startSeconds: number
  readonly endSeconds: number
  readonly stepSeconds: number
}

type Sample = readonly [timeSeconds: number, value: string]

export class PrometheusApi {
  readonly url: string

  /** `url` without a slash at its end. */
  constructor(url: string) {
    this.url = url
  }

  /** The `data` of an answer of its API, `target` as it stands behind /api/v1/. Throws with the text of any other answer. */
  async get<Data>(target: string): Promise<Data> {
    const answer = await fetch(`${this.url}/api/v1/${target}`, { signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS) })
    if (!answer.ok) throw new Error(`Prometheus answers ${answer.status}: ${await answer.text()}`)
    return ((await answer.json()) as { data: Data }).data
  }

  /** What an expression that yields a vector or a number is now, or at `timeSeconds`. */
  async query(expression: string, timeSeconds?: number): Promise<InstantSeries[]> {
    const time = timeSeconds === undefined ? '' : `&time=${timeSeconds}`
    const data = await this.get<
      | { resultType: 'vector'; result: { metric: Labels; value: Sample }[] }
      | { resultType: 'scalar' | 'string'; result: Sample }
    >(`query?query=${encodeURIComponent(expression)}${time}`)
    if (data.resultType !== 'vector') return [{ metric: {}, value: Number(data.result[1]) }]
    return data.result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }))
  }

  /** The first value of an expression; undefined while it yields none. */
  async value(expression: string): Promise<number | undefined> {
    return (await this.query(expression))[0]?.value
  }

  async queryRange(
    expression: string,
    { endSeconds, startSeconds, stepSeconds }: RangeOptions,
  ): Promise<RangeSeries[]> {
    const times = `start=${startSeconds}&end=${endSeconds}&step=${stepSeconds}`
    const { result } = await this.get<{ result: { metric: Labels; values: Sample[] }[] }>(
      `query_range?query=${encodeURIComponent(expression)}&${times}`,
    )
    return result.map(({ metric, values }) => ({
      metric,
      values: values.map(([time, value]) => [time, Number(value)]),
    }))
  }

  async alerts(): Promise<FiringAlert[]> {
    return (await this.get<{ alerts: FiringAlert[] }>('alerts')).alerts
  }

  async rules(): Promise<RuleState[]> {
    const { groups } = await this.get<{ groups: { rules: RuleState[] }[] }>('rules')
    return groups.flatMap(({ rules }) => rules)
  }

  async targets(): Promise<ScrapeTarget[]> {
    return (await this.get<{ activeTargets: ScrapeTarget[] }>('targets?state=active')).activeTargets
  }

  metricNames(): Promise<string[]> {
    return this.get<string[]>('label/__name__/values')
  }
}
