// Whole clusters as Prometheus sees them in which nothing is wrong: no alert may fire.
import { growing, lasting, onNodes, onPod, wantedNodes } from '../../scripts/alerts/rule.ts'
import type { InputSeries } from '../../scripts/alerts/rule.ts'

interface Scene {
  readonly when: string
  readonly series: readonly InputSeries[]
  /** When to look. */
  readonly minutes: readonly number[]
}

const LENGTH = 90
const GIB = 1_073_741_824

/** What one node says; `before` minutes pass before it is there. */
interface NodeLife {
  readonly leads: boolean
  readonly voters: number
  readonly before?: number
}

function nodeSeries({ before = 0, leads, voters }: NodeLife, ordinal: number): InputSeries[] {
  const pod = `RELEASE-${ordinal}`
  const steady = (value: number | string): string =>
    before === 0 ? lasting(value, LENGTH) : `${lasting('_', before)} ${lasting(value, LENGTH - before)}`
  const counting = (step: number): string =>
    before === 0 ? growing(step, LENGTH) : `${lasting('_', before)} ${growing(step, LENGTH - before)}`
  const one = (series: string, values: string, labels = ''): InputSeries => onPod(series, pod, values, labels)
  return [
    one('up', steady(1)),
    one('insi_build_info', steady(1), 'version="1.0.0"'),
    one('process_start_time_seconds', steady(before * 60)),
    one('nodejs_eventloop_lag_p99_seconds', steady(0.02)),
    one('insi_raft_has_leader', steady(1)),
    one('insi_raft_is_leader', steady(leads ? 1 : 0)),
    one('insi_raft_term', steady(3)),
    one('insi_raft_members', steady(voters), 'role="voter"'),
    one('insi_raft_members', steady(0), 'role="learner"'),
    one('insi_raft_quorum_margin', steady(leads ? Math.ceil(voters / 2) - 1 : 'NaN')),
    one('insi_raft_leader_changes_total', steady(1)),
    one('insi_raft_commit_index', counting(6_000)),
    one('insi_raft_applied_index', counting(6_000)),
    one('insi_raft_quarantined', steady(0)),
    one('insi_raft_bootstrap_refused', steady(0)),
    one('insi_disk_size_bytes', steady(10 * GIB)),
    one('insi_disk_free_bytes', steady(8 * GIB)),
    one('insi_disk_stalled_seconds', steady(0)),
    one('insi_proposals_total', steady(0), 'outcome="overloaded"'),
    one('insi_snapshots_total', steady(0), 'direction="sent",result="failed"'),
    one('insi_http_requests_total', counting(6_000), 'route="set",status="2xx"'),
    one('insi_http_requests_total', steady(0), 'route="set",status="5xx"'),
    one('insi_log_fsync_duration_seconds_bucket', counting(600), 'le="0.01"'),
    one('insi_log_fsync_duration_seconds_bucket', counting(600), 'le="+Inf"'),
    one('insi_entity_quota_usage_ratio_max', steady(0.4), 'resource="disk"'),
  ]
}

const reconciler: readonly InputSeries[] = [
  ['insi_reconciler_build_info', lasting(1, LENGTH)],
  ['insi_reconciler_last_success_timestamp_seconds', `0+60x${LENGTH}`],
  ['insi_reconciler_is_lease_holder', lasting(1, LENGTH)],
  ['insi_reconciler_actions_total', lasting(0, LENGTH)],
].map(([series = '', values = '']) => onPod(series, 'RELEASE-reconciler-7c-x', values))

const LOOKS = [1, 6, 20, 45, 80]

/** The same series until a minute, at which they end. */
const until = (minute: number, series: readonly InputSeries[]): InputSeries[] =>
  series.map(({ series: name, values }) => {
    const samples = values.split(' ')
    return { series: name, values: `${samples.slice(0, minute).join(' ')} stale` }
  })

export const QUIET_SCENES: readonly Scene[] = [
  {
    when: 'three nodes work',
    series: [
      ...[0, 1, 2].flatMap((ordinal) => nodeSeries({ leads: ordinal === 1, voters: 3 }, ordinal)),
      ...reconciler,
      wantedNodes(lasting(3, LENGTH)),
    ],
    minutes: LOOKS,
  },
  {
    when: 'one node works alone, and nobody runs kube-state-metrics',
    series: [...nodeSeries({ leads: true, voters: 1 }, 0), ...reconciler],
    minutes: LOOKS,
  },
  {
    when: 'a fresh install, whose images take four minutes',
    series: [
      ...[0, 1, 2].flatMap((ordinal) => nodeSeries({ leads: ordinal === 0, voters: 3, before: 4 }, ordinal)),
      ...reconciler,
      wantedNodes(lasting(3, LENGTH)),
    ],
    minutes: [0, ...LOOKS],
  },
  {
    when: 'all nodes were sent to sleep',
    series: [
      ...until(
        10,
        [0, 1, 2]
          .flatMap((ordinal) => nodeSeries({ leads: ordinal === 1, voters: 3 }, ordinal))
          .filter(({ values }) => !values.includes('+')),
      ),
      ...reconciler,
      wantedNodes(`${lasting(3, 10)} ${lasting(0, LENGTH - 10)}`),
    ],
    minutes: LOOKS,
  },
  {
    when: 'another release of the same namespace is in trouble',
    series: [
      ...[0, 1, 2].flatMap((ordinal) => nodeSeries({ leads: ordinal === 1, voters: 3 }, ordinal)),
      ...reconciler,
      wantedNodes(lasting(3, LENGTH)),
      ...onNodes('up', [lasting(0, LENGTH), lasting(0, LENGTH)]).map(({ series, values }) => ({
        series: series.replaceAll('RELEASE', 'other'),
        values,
      })),
      { series: 'insi_raft_has_leader{namespace="NAMESPACE",pod="other-RELEASE-0"}', values: lasting(0, LENGTH) },
    ],
    minutes: LOOKS,
  },
]
