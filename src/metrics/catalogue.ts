// Every series of a node: name, type, labels, unit and help in one list. docs and dashboards are checked against it.
// Names end in their unit; counters end in `_total`; durations are in seconds, sizes in bytes.

/** Upper bounds of histogram buckets. */
const LATENCY_BUCKETS_SECONDS = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
] as const
const DISK_BUCKETS_SECONDS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1] as const
const BATCH_BUCKETS_ENTRIES = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024] as const

type SeriesType = 'counter' | 'gauge' | 'histogram'

export interface Series {
  readonly type: SeriesType
  readonly help: string
  readonly labels: readonly string[]
  readonly buckets?: readonly number[]
}

/** Values that a label can have, where they are known beforehand: such series start at 0 rather than absent. */
export const STATUS_CLASSES = ['1xx', '2xx', '3xx', '4xx', '5xx'] as const
export const ROLES = ['joining', 'follower', 'preCandidate', 'candidate', 'leader', 'learner'] as const
export const PROPOSAL_OUTCOMES = [
  'applied',
  'overloaded',
  'no_leader',
  'outcome_unknown',
  'stopping',
  'quarantined',
] as const

export const SERIES = {
  insi_build_info: { type: 'gauge', labels: ['version', 'runtime'], help: 'Always 1; the release and the runtime.' },
  insi_http_requests_total: {
    type: 'counter',
    labels: ['route', 'status'],
    help: 'Requests by route name (`none`: no such route) and status class.',
  },
  insi_http_request_duration_seconds: {
    type: 'histogram',
    labels: ['route'],
    buckets: LATENCY_BUCKETS_SECONDS,
    help: 'Time from the arrival of the headers to the answer, by route name.',
  },
  insi_http_connections: { type: 'gauge', labels: ['listener'], help: 'Open connections by listener.' },
  insi_rate_limited_total: {
    type: 'counter',
    labels: ['limiter', 'class'],
    help: 'Requests refused with 429: by the limiter of their `address` or `key`, and its class of requests.',
  },
  insi_rate_token_requests_total: {
    type: 'counter',
    labels: ['result'],
    help: 'Questions to the leader for tokens: `answered`, `refused` by a node that does not lead, or `lost`.',
  },
  insi_raft_role: { type: 'gauge', labels: ['role'], help: '1 for the role that the node has now, 0 for the others.' },
  insi_raft_term: { type: 'gauge', labels: [], help: 'Current term.' },
  insi_raft_has_leader: { type: 'gauge', labels: [], help: '1 while the node knows a leader.' },
  insi_raft_commit_index: { type: 'gauge', labels: [], help: 'Highest index known to be committed.' },
  insi_raft_applied_index: { type: 'gauge', labels: [], help: 'Highest index applied to the state.' },
  insi_raft_last_index: { type: 'gauge', labels: [], help: 'Last index in the log.' },
  insi_raft_quarantined: {
    type: 'gauge',
    labels: [],
    help: '1 when the node serves nothing because its data is damaged.',
  },
  insi_raft_bootstrap_refused: {
    type: 'gauge',
    labels: [],
    help: '1 while the default leader has an empty data directory and begins no cluster, because there may be one already.',
  },
  insi_raft_peer_lag_entries: {
    type: 'gauge',
    labels: ['peer'],
    help: 'On the leader: entries that the log of each peer is behind its own.',
  },
  insi_raft_role_changes_total: { type: 'counter', labels: [], help: 'Changes of role, term or leader.' },
  insi_raft_elections_total: { type: 'counter', labels: [], help: 'Campaigns begun by this node.' },
  insi_log_fsync_duration_seconds: {
    type: 'histogram',
    labels: [],
    buckets: DISK_BUCKETS_SECONDS,
    help: 'Time to make the log durable once.',
  },
  insi_log_cut_entries_total: { type: 'counter', labels: [], help: 'Entries removed from the front of the log.' },
  insi_state_apply_duration_seconds: {
    type: 'histogram',
    labels: [],
    buckets: DISK_BUCKETS_SECONDS,
    help: 'Time to apply one batch of entries.',
  },
  insi_state_applied_entries_total: { type: 'counter', labels: [], help: 'Entries applied.' },
  insi_proposal_batch_entries: {
    type: 'histogram',
    labels: [],
    buckets: BATCH_BUCKETS_ENTRIES,
    help: 'Proposals that the leader appended at once.',
  },
  insi_proposal_batch_bytes_total: {
    type: 'counter',
    labels: [],
    help: 'Bytes of proposals that the leader appended.',
  },
  insi_proposals_total: { type: 'counter', labels: ['outcome'], help: 'Writes of this node by how they ended.' },
  insi_read_rounds_total: {
    type: 'counter',
    labels: ['result'],
    help: 'Rounds of read barriers, `confirmed` or `failed`.',
  },
  insi_read_round_reads_total: { type: 'counter', labels: [], help: 'Reads that waited for a round.' },
  insi_read_round_duration_seconds: {
    type: 'histogram',
    labels: [],
    buckets: LATENCY_BUCKETS_SECONDS,
    help: 'Time for one round of read barriers.',
  },
  insi_snapshots_total: {
    type: 'counter',
    labels: ['direction', 'result'],
    help: 'Snapshots `sent` or `installed`, `ok` or `failed`.',
  },
  insi_snapshot_bytes_total: { type: 'counter', labels: ['direction'], help: 'Bytes of snapshots sent or installed.' },
  insi_peer_messages_dropped_total: {
    type: 'counter',
    labels: [],
    help: 'Messages of peers dropped because the node had too much to do.',
  },
} as const satisfies Readonly<Record<string, Series>>

export type SeriesName = keyof typeof SERIES
