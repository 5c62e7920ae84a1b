// The alerts and recording rules that the chart installs. charts/insi/files/rules.yaml and docs/ALERTS.md are made from here.

export interface AlertRule {
  readonly name: string
  readonly severity: 'critical' | 'warning'
  /** How long the expression must hold. */
  readonly for: string
  /** PromQL; OURS stands for the matchers of the cluster's own series. */
  readonly expression: string
  readonly summary: string
  /** What it means for users, and what to do first. */
  readonly advice: string
}

export interface RecordingRule {
  readonly record: string
  readonly expression: string
}

/** The chart puts the release's namespace and names in the place of NAMESPACE and RELEASE. */
const OURS = 'namespace="NAMESPACE",pod=~"RELEASE-[0-9]+"'
const ours = (series: string, matchers = ''): string => `${series}{${OURS}${matchers === '' ? '' : `,${matchers}`}}`

const QUORUM_ALERTS: readonly AlertRule[] = [
  {
    name: 'InsiNoLeader',
    severity: 'critical',
    for: '1m',
    expression: `sum(${ours('insi_raft_is_leader')}) == 0`,
    summary: 'No node leads: nothing can be written, and nothing can be read up to date.',
    advice:
      'Most nodes must run and reach each other on the raft port. Look at `kubectl get pods` and at the logs of the nodes; bring pods back rather than removing disks.',
  },
  {
    name: 'InsiQuorumMarginZero',
    severity: 'critical',
    for: '5m',
    expression: `max(${ours('insi_raft_quorum_margin')}) == 0 and max(${ours('insi_raft_members', 'role="voter"')}) > 1`,
    summary: 'The loss of one more node would stop all writes.',
    advice:
      'Find the voter that is away (`insic cluster status`) and bring its pod back before anything else is restarted.',
  },
  {
    name: 'InsiTwoLeaders',
    severity: 'critical',
    for: '3m',
    expression: `count(${ours('insi_raft_is_leader')} == 1) > 1`,
    summary: 'Two nodes have said for minutes that they lead.',
    advice:
      'Writes are safe: only the one with a majority can commit. Compare the terms of both, and what they log about their peers; cut networks and stopped clocks look like this.',
  },
  {
    name: 'InsiLeaderChanges',
    severity: 'warning',
    for: '5m',
    expression: `max(increase(${ours('insi_raft_leader_changes_total')}[15m])) > 4`,
    summary: 'Leadership does not settle; each change stops writes for a moment.',
    advice:
      'Slow disks, starved CPUs and a lossy network are the usual causes: look at the latency of fsync and of the event loop.',
  },
  {
    name: 'InsiFollowerLag',
    severity: 'warning',
    for: '5m',
    expression: `max by (peer) (${ours('insi_raft_peer_lag_entries')}) > 10000`,
    summary: 'The log of {{ $labels.peer }} is {{ $value }} entries behind the leader.',
    advice:
      'A node that lags cannot take over. Look at its disk and CPU; one that is down is reported by InsiNodeDown too.',
  },
  {
    name: 'InsiApplyLag',
    severity: 'warning',
    for: '5m',
    expression: `max by (pod) (${ours('insi_raft_commit_index')} - ${ours('insi_raft_applied_index')}) > 10000`,
    summary: '{{ $labels.pod }} has not applied {{ $value }} entries that are committed.',
    advice: 'Its reads wait. Look at the duration of applying batches, at its CPU limit and at its disk.',
  },
  {
    name: 'InsiLearnerStuck',
    severity: 'warning',
    for: '30m',
    expression: `max(${ours('insi_raft_members', 'role="learner"')}) > 0`,
    summary: 'A new node has not become a voter for half an hour.',
    advice:
      'Until it does it adds nothing to availability. `insic cluster members` tells which one and how far behind it is.',
  },
]

const NODE_ALERTS: readonly AlertRule[] = [
  {
    name: 'InsiMetricsAbsent',
    severity: 'critical',
    for: '5m',
    expression: `absent(${ours('insi_build_info')})`,
    summary: 'No node of the cluster is scraped: the other alerts cannot fire.',
    advice:
      'Either no pod runs, or Prometheus cannot reach the ops port: see networkPolicy.metrics and the labels of the monitor.',
  },
  {
    name: 'InsiNodeDown',
    severity: 'warning',
    for: '5m',
    expression: `${ours('up')} == 0`,
    summary: '{{ $labels.pod }} does not answer.',
    advice:
      'The others serve. Read `kubectl describe pod` and the log of the container before it ended (`kubectl logs -p`).',
  },
  {
    name: 'InsiRestartLoop',
    severity: 'warning',
    for: '0m',
    expression: `changes(${ours('process_start_time_seconds')}[30m]) > 3`,
    summary: '{{ $labels.pod }} has started {{ $value }} times within half an hour.',
    advice: '`kubectl logs -p` has the reason of the last end; an end without one is most often the memory limit.',
  },
  {
    name: 'InsiNodeQuarantined',
    severity: 'critical',
    for: '0m',
    expression: `${ours('insi_raft_quarantined')} == 1`,
    summary: '{{ $labels.pod }} found its data damaged and serves nothing.',
    advice:
      'Its log names what is damaged. Replace the node: delete its pod and its claim; it comes back as a new member.',
  },
  {
    name: 'InsiBootstrapRefused',
    severity: 'critical',
    for: '1m',
    expression: `${ours('insi_raft_bootstrap_refused')} == 1`,
    summary: '{{ $labels.pod }} has an empty disk and begins no cluster, since there may be one already.',
    advice: 'Bring the other nodes back with their disks. Only when every disk is lost may a new cluster begin.',
  },
  {
    name: 'InsiEventLoopSlow',
    severity: 'warning',
    for: '5m',
    expression: `${ours('nodejs_eventloop_lag_p99_seconds')} > 0.5`,
    summary: 'Everything that {{ $labels.pod }} does waits for {{ $value }} s.',
    advice:
      'The CPU limit is too low, or a single request is too large: compare with the CPU of the pod and with its slow requests.',
  },
  {
    name: 'InsiVersionSkew',
    severity: 'warning',
    for: '1h',
    expression: `count(count by (version) (${ours('insi_build_info')})) > 1`,
    summary: 'The nodes have run different versions for an hour.',
    advice: 'An upgrade is stuck: `kubectl rollout status statefulset` tells at which pod.',
  },
  {
    name: 'InsiErrors',
    severity: 'critical',
    for: '5m',
    expression: `sum(rate(${ours('insi_http_requests_total', 'status="5xx"')}[5m])) / sum(rate(${ours('insi_http_requests_total')}[5m])) > 0.05`,
    summary: '{{ $value | humanizePercentage }} of all requests fail.',
    advice: 'See whether InsiNoLeader or an alert of a disk is firing too; the logs name the error of each request.',
  },
  {
    name: 'InsiOverloaded',
    severity: 'warning',
    for: '5m',
    expression: `sum(rate(${ours('insi_proposals_total', 'outcome="overloaded"')}[5m])) > 1`,
    summary: '{{ $value }} writes a second are refused because too many wait.',
    advice:
      'The cluster takes fewer writes than clients send: find out what is slow (disk, CPU), or slow the clients down.',
  },
]

const DISK_ALERTS: readonly AlertRule[] = [
  {
    name: 'InsiDiskLow',
    severity: 'warning',
    for: '5m',
    expression: `${ours('insi_disk_free_bytes')} / ${ours('insi_disk_size_bytes')} < 0.15`,
    summary: 'Of the disk of {{ $labels.pod }}, {{ $value | humanizePercentage }} is free.',
    advice: 'Grow the claim, or lower the limits of tenants. All nodes hold the same data and fill up together.',
  },
  {
    name: 'InsiDiskFull',
    severity: 'critical',
    for: '1m',
    expression: `${ours('insi_disk_free_bytes')} / ${ours('insi_disk_size_bytes')} < 0.05`,
    summary: 'The disk of {{ $labels.pod }} is about to be full; the node stops when it is.',
    advice: 'Grow the claim now. Files of the data directory must not be removed by hand.',
  },
  {
    name: 'InsiFsyncSlow',
    severity: 'warning',
    for: '10m',
    expression: `histogram_quantile(0.99, sum by (pod, le) (rate(${ours('insi_log_fsync_duration_seconds_bucket')}[5m]))) > 0.25`,
    summary: 'One in a hundred syncs of {{ $labels.pod }} takes longer than {{ $value }} s.',
    advice:
      'Every write waits for the disks of a majority. Look for a throttled volume or a noisy neighbour, and for a better storage class.',
  },
  {
    name: 'InsiDiskStalled',
    severity: 'critical',
    for: '1m',
    expression: `${ours('insi_disk_stalled_seconds')} > 5`,
    summary: 'The disk of {{ $labels.pod }} has not answered for {{ $value }} s.',
    advice:
      'Look at the volume and at the log of its machine. When it leads, move leadership: `insic cluster transfer`.',
  },
  {
    name: 'InsiQuotaNear',
    severity: 'warning',
    for: '15m',
    expression: `max by (resource) (${ours('insi_entity_quota_usage_ratio_max')}) >= 0.9`,
    summary: 'A tenant uses {{ $value | humanizePercentage }} of what it may of {{ $labels.resource }}.',
    advice: 'Its writes are refused at the limit. `insic` shows usage and limits of each key, and raises a limit.',
  },
]

/** Series of the reconciler's pods. */
const reconcilers = (series: string): string => `${series}{namespace="NAMESPACE",pod=~"RELEASE-reconciler-.*"}`

const RECONCILER_ALERTS: readonly AlertRule[] = [
  {
    name: 'InsiReconcilerStalled',
    severity: 'warning',
    for: '5m',
    expression: `time() - max(${reconcilers('insi_reconciler_last_success_timestamp_seconds')}) > 300`,
    summary: 'The reconciler has not seen cluster and StatefulSet together for {{ $value | humanizeDuration }}.',
    advice:
      'The cluster works without it; only scaling and the replacement of lost disks wait. Its log has the reason: no leader, no API server, or a missing right.',
  },
  {
    name: 'InsiReconcilerApiErrors',
    severity: 'warning',
    for: '15m',
    expression: `sum(rate(${reconcilers('insi_reconciler_api_errors_total')}[5m])) > 0.05`,
    summary: 'Requests of the reconciler to the API server keep failing.',
    advice: 'Its log names request and status; a 403 means that the Role of the chart was changed or is not bound.',
  },
  {
    name: 'InsiVoterCountMismatch',
    severity: 'warning',
    for: '15m',
    expression: `${reconcilers('insi_reconciler_voters')} != on (pod) (${reconcilers('insi_reconciler_voters_wanted')} > 0) and on (pod) ${reconcilers('insi_reconciler_is_lease_holder')} == 1`,
    summary: 'The cluster has {{ $value }} voters, and the StatefulSet wants another number.',
    advice:
      'A member waits to join or to be removed. `kubectl get events` on the StatefulSet tells which step was refused, and why.',
  },
]

export const ALERT_GROUPS: Readonly<Record<string, readonly AlertRule[]>> = {
  quorum: QUORUM_ALERTS,
  nodes: NODE_ALERTS,
  disks: DISK_ALERTS,
  reconciler: RECONCILER_ALERTS,
}

export const RECORDING_RULES: readonly RecordingRule[] = [
  {
    record: 'insi:http_requests:rate5m',
    expression: `sum by (namespace, pod, status) (rate(${ours('insi_http_requests_total')}[5m]))`,
  },
  {
    record: 'insi:http_errors:ratio_rate5m',
    expression: `sum by (namespace) (rate(${ours('insi_http_requests_total', 'status="5xx"')}[5m])) / sum by (namespace) (rate(${ours('insi_http_requests_total')}[5m]))`,
  },
  {
    record: 'insi:log_fsync_seconds:p99_5m',
    expression: `histogram_quantile(0.99, sum by (namespace, pod, le) (rate(${ours('insi_log_fsync_duration_seconds_bucket')}[5m])))`,
  },
]
