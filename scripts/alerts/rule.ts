// What an alert is made of, and the words in which alerts and their cases speak of the release's series.

/** Labels of an alert besides its severity, and its summary as a person reads it. */
interface Firing {
  readonly labels: Readonly<Record<string, string>>
  readonly summary: string
}

/** A series in the notation of promtool, one sample a minute. */
export interface InputSeries {
  readonly series: string
  readonly values: string
}

/** What Prometheus sees, and what must come of it; `promtool test rules` runs it. */
export interface AlertCase {
  readonly when: string
  readonly series: readonly InputSeries[]
  /** The expression holds at this minute already, but not for long enough: the alert must wait. */
  readonly pendingAtMinute?: number
  /** Minutes after the first sample. */
  readonly atMinute: number
  /** Empty: the alert must not fire. */
  readonly fires: readonly Firing[]
}

export interface AlertRule {
  readonly name: string
  readonly severity: 'critical' | 'warning'
  /** How long the expression must hold. */
  readonly for: string
  /** PromQL, with NAMESPACE and RELEASE in the place of the release's. */
  readonly expression: string
  readonly summary: string
  /** What it means for users, and what to do first. */
  readonly advice: string
  /** Alerts that the same fault may bring along. */
  readonly companions?: readonly string[]
  /** At least one that fires and one that does not; one that waits first, unless `for` is 0m. */
  readonly cases: readonly AlertCase[]
}

export interface RecordingRule {
  readonly record: string
  readonly expression: string
}

const labelled = (matchers: string, more: string): string => `{${matchers}${more === '' ? '' : `,${more}`}}`

/** A selector of the nodes' series. */
export const ours = (series: string, matchers = ''): string =>
  series + labelled('namespace="NAMESPACE",pod=~"RELEASE-[0-9]+"', matchers)

/** A selector of the series of the reconciler's pods. */
export const reconcilers = (series: string, matchers = ''): string =>
  series + labelled('namespace="NAMESPACE",pod=~"RELEASE-reconciler-.*"', matchers)

/** A selector of what was recorded for this release. */
export const recorded = (series: string): string => `${series}{namespace="NAMESPACE",release="RELEASE"}`

/** How many nodes are wanted, for whoever runs kube-state-metrics. */
export const REPLICAS = 'kube_statefulset_replicas{namespace="NAMESPACE",statefulset="RELEASE"}'

/** Samples of `count` minutes that are all the same; `_` for none, `stale` where the series ends. */
export const lasting = (value: number | string, count: number): string => Array(count).fill(String(value)).join(' ')

/** A counter that grows by `step` a minute. */
export const growing = (step: number, count: number, from = 0): string =>
  step === 0 ? lasting(from, count) : `${from}+${step}x${count - 1}`

/** The same series on the nodes 0, 1, … with the given samples; null leaves a node out. */
export function onNodes(series: string, values: readonly (string | null)[], labels = ''): InputSeries[] {
  return values.flatMap((samples, ordinal) =>
    samples === null ? [] : [onPod(series, `RELEASE-${ordinal}`, samples, labels)],
  )
}

export function onPod(series: string, pod: string, values: string, labels = ''): InputSeries {
  return { series: series + labelled(`namespace="NAMESPACE",pod="${pod}"`, labels), values }
}

/** A series of kube-state-metrics that says how many nodes are wanted. */
export const wantedNodes = (values: string): InputSeries => ({ series: REPLICAS, values })
