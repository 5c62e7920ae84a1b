// What Prometheus computes once and keeps, because alerts, boards and people ask for it again and again.
import { ours } from './rule.ts'
import type { RecordingRule } from './rule.ts'

/** Probes and scrapes are no requests of users: a node that is not ready would count as failing. */
export const OF_USERS = 'route!~"ops[.].*"'
/** Answers that last as long as the caller stays say nothing about latency. */
const ANSWERED_AT_ONCE = 'route!~"ops[.].*|event[.]subscribe|.*watch|cluster[.].*|join"'

const ERROR_WINDOWS = ['5m', '30m', '1h', '6h'] as const

const errorRatio = (window: string): RecordingRule => {
  const rateOf = (matchers: string): string =>
    `sum by (namespace) (rate(${ours('insi_http_requests_total', matchers)}[${window}]))`
  return {
    record: `insi:request_errors:ratio_rate${window}`,
    expression: `${rateOf(`${OF_USERS},status="5xx"`)} / ${rateOf(OF_USERS)}`,
  }
}

export const RECORDING_RULES: readonly RecordingRule[] = [
  {
    record: 'insi:http_requests:rate5m',
    expression: `sum by (namespace, pod, status) (rate(${ours('insi_http_requests_total', OF_USERS)}[5m]))`,
  },
  ...ERROR_WINDOWS.map(errorRatio),
  {
    record: 'insi:request_latency_seconds:p99_5m',
    expression: `histogram_quantile(0.99, sum by (namespace, le) (rate(${ours('insi_http_request_duration_seconds_bucket', ANSWERED_AT_ONCE)}[5m])))`,
  },
  {
    record: 'insi:raft_commit_latency_seconds:p99_5m',
    expression: `histogram_quantile(0.99, sum by (namespace, le) (rate(${ours('insi_write_phase_duration_seconds_bucket', 'phase="replicate"')}[5m])))`,
  },
  {
    record: 'insi:log_fsync_seconds:p99_5m',
    expression: `histogram_quantile(0.99, sum by (namespace, pod, le) (rate(${ours('insi_log_fsync_duration_seconds_bucket')}[5m])))`,
  },
]
