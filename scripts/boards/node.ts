// The board of single nodes: what one does that is slow, and which of its parts is.
import { STRIP_HEIGHT, graph, heatmap, stat, timeline } from './board.ts'
import type { Board, Panel } from './board.ts'
import { ANSWERED_AT_ONCE, OF_USERS, increase, nodes, quantile, rate, ratio } from './promql.ts'
import { ANNOTATIONS, CLUSTER_VARIABLES, NODE_VARIABLE } from './variables.ts'

const LATENCIES = nodes('insi_http_request_duration_seconds_bucket', ANSWERED_AT_ONCE)
const FSYNCS = nodes('insi_log_fsync_duration_seconds_bucket')
const average = (histogram: string, by: string): string =>
  ratio(`sum by (${by}) (${rate(nodes(`${histogram}_sum`))})`, `sum by (${by}) (${rate(nodes(`${histogram}_count`))})`)

const NOW: readonly Panel[] = [
  stat(4, 'CPU', { description: 'Cores in use, the busiest node.', decimals: 2, height: STRIP_HEIGHT }, [
    `max(${rate(nodes('process_cpu_seconds_total'))})`,
    'cores',
  ]),
  stat(4, 'Memory', { description: 'Resident, the largest node.', unit: 'bytes', height: STRIP_HEIGHT }, [
    `max(${nodes('process_resident_memory_bytes')})`,
    'resident',
  ]),
  stat(
    4,
    'Event loop, p99',
    {
      description: 'How long everything that a node does waits, the slowest node.',
      unit: 's',
      height: STRIP_HEIGHT,
      thresholds: [
        [null, 'green'],
        [0.1, 'orange'],
        [0.5, 'red'],
      ],
    },
    [`max(${nodes('nodejs_eventloop_lag_p99_seconds')})`, 'lag'],
  ),
  stat(
    4,
    'Sync of the log, p99',
    {
      description: 'The slowest node. Every write waits for the disks of a majority.',
      unit: 's',
      height: STRIP_HEIGHT,
      thresholds: [
        [null, 'green'],
        [0.05, 'orange'],
        [0.25, 'red'],
      ],
    },
    [`max(${quantile(0.99, FSYNCS, 'pod')})`, 'fsync'],
  ),
  stat(
    4,
    'Free disk',
    {
      description: 'Free part of the fullest disk.',
      unit: 'percentunit',
      height: STRIP_HEIGHT,
      thresholds: [
        [null, 'red'],
        [0.05, 'orange'],
        [0.15, 'green'],
      ],
    },
    [`min(${nodes('insi_disk_free_bytes')} / ${nodes('insi_disk_size_bytes')})`, 'free'],
  ),
  stat(
    4,
    'Requests under way',
    { description: 'All chosen nodes; streams last as long as their clients stay.', height: STRIP_HEIGHT, decimals: 0 },
    [`sum(${nodes('insi_http_requests_in_flight')})`, 'requests'],
  ),
]

const REQUESTS: readonly Panel[] = [
  graph(
    8,
    'Requests by route',
    { description: 'The ten routes with the most requests of users.', unit: 'reqps', min: 0, isStacked: true },
    [`topk(10, sum by (route) (${rate(nodes('insi_http_requests_total', OF_USERS))}))`, '{{route}}'],
  ),
  graph(
    8,
    'Latency by route, p99',
    { description: 'The ten slowest routes of those that are answered at once.', unit: 's', min: 0 },
    [`topk(10, ${quantile(0.99, LATENCIES, 'route')} >= 0)`, '{{route}}'],
  ),
  heatmap(8, 'Latency', { description: 'The darker, the more requests took so long.', unit: 's' }, [
    `sum by (le) (${increase(LATENCIES)})`,
    '{{le}}',
  ]),
  graph(8, 'Connections', { description: 'By listener; `raft`: those between nodes.', min: 0, decimals: 0 }, [
    `sum by (listener) (${nodes('insi_http_connections')})`,
    '{{listener}}',
  ]),
  graph(
    8,
    'Reads of keys that were there',
    {
      description: 'By store. A cache that is well mostly has what it is asked for.',
      unit: 'percentunit',
      min: 0,
      max: 1,
    },
    [
      ratio(
        `sum by (space) (${rate(nodes('insi_key_reads_total', 'result="hit"'))})`,
        `sum by (space) (${rate(nodes('insi_key_reads_total'))})`,
      ),
      '{{space}}',
    ],
  ),
  graph(
    8,
    'Subscribers and watchers',
    {
      description: 'Streams that are open, and those closed within ten minutes because they read too slowly.',
      min: 0,
      decimals: 0,
    },
    [`sum by (pod) (${nodes('insi_event_subscribers')})`, 'subscribers {{pod}}'],
    [`sum by (pod) (${nodes('insi_watchers')})`, 'watchers {{pod}}'],
    [`sum by (pod) (increase(${nodes('insi_event_subscribers_dropped_total')}[10m]))`, 'too slow {{pod}}'],
  ),
]

const RUNTIME: readonly Panel[] = [
  graph(
    8,
    'Event loop',
    {
      description: 'How late timers are: everything waits that long. Longest and p99 since the scrape before.',
      unit: 's',
      min: 0,
    },
    [nodes('nodejs_eventloop_lag_p99_seconds'), 'p99 {{pod}}'],
    [nodes('nodejs_eventloop_lag_max_seconds'), 'longest {{pod}}'],
  ),
  graph(
    8,
    'Garbage collection',
    { description: 'Part of the time, by kind. `major` stops everything.', unit: 'percentunit', min: 0 },
    [`sum by (pod, kind) (${rate(nodes('nodejs_gc_duration_seconds_sum'))})`, '{{kind}} {{pod}}'],
  ),
  graph(
    8,
    'Memory',
    { description: 'Resident, and the heap of JavaScript in use.', unit: 'bytes', min: 0 },
    [nodes('process_resident_memory_bytes'), 'resident {{pod}}'],
    [nodes('nodejs_heap_size_used_bytes'), 'heap {{pod}}'],
  ),
  graph(
    8,
    'CPU',
    { description: 'Cores in use. One is the most that JavaScript itself can have.', min: 0, decimals: 2 },
    [rate(nodes('process_cpu_seconds_total')), '{{pod}}'],
  ),
  graph(8, 'Open files', { description: 'File descriptors, sockets included.', min: 0, decimals: 0 }, [
    nodes('process_open_fds'),
    '{{pod}}',
  ]),
  timeline(8, 'Role', { description: 'What each node was.', texts: { 0: 'follows', 1: 'leads' } }, [
    nodes('insi_raft_is_leader'),
    '{{pod}}',
  ]),
]

const LOG: readonly Panel[] = [
  graph(
    8,
    'Sync of the log',
    { description: 'How long the disk takes to make writes durable.', unit: 's', min: 0 },
    [quantile(0.5, FSYNCS, 'pod'), 'p50 {{pod}}'],
    [quantile(0.99, FSYNCS, 'pod'), 'p99 {{pod}}'],
  ),
  heatmap(8, 'Sync of the log, all', { description: 'The darker, the more syncs took so long.', unit: 's' }, [
    `sum by (le) (${increase(FSYNCS)})`,
    '{{le}}',
  ]),
  graph(
    8,
    'Applying a batch, p99',
    { description: 'How long a batch of committed entries takes to become readable.', unit: 's', min: 0 },
    [quantile(0.99, nodes('insi_state_apply_duration_seconds_bucket'), 'pod'), '{{pod}}'],
  ),
  graph(
    8,
    'Waiting',
    {
      description:
        'Writes that wait for their fate, reads that wait for a barrier, committed entries that are not applied.',
      min: 0,
      decimals: 0,
    },
    [nodes('insi_proposals_pending'), 'writes {{pod}}'],
    [nodes('insi_reads_pending'), 'reads {{pod}}'],
    [`${nodes('insi_raft_commit_index')} - ${nodes('insi_raft_applied_index')}`, 'entries {{pod}}'],
  ),
  graph(
    8,
    'Writes in a batch',
    { description: 'On the leader, on average. Grows with load, and makes up for slow disks.', min: 0 },
    [average('insi_proposal_batch_entries', 'pod'), '{{pod}}'],
  ),
  graph(8, 'Size of the log', { description: 'Falls when a snapshot lets it be cut.', unit: 'bytes', min: 0 }, [
    nodes('insi_log_size_bytes'),
    '{{pod}}',
  ]),
]

const DISK: readonly Panel[] = [
  graph(
    8,
    'Tables of LevelDB',
    { description: 'Size of the sorted tables that hold the state.', unit: 'bytes', min: 0 },
    [nodes('insi_state_tables_bytes'), '{{pod}}'],
  ),
  graph(
    8,
    'Compaction',
    { description: 'Bytes a second that LevelDB reads and writes to keep its tables in order.', unit: 'Bps', min: 0 },
    [`sum by (pod, direction) (${rate(nodes('insi_state_compaction_bytes_total'))})`, '{{direction}} {{pod}}'],
  ),
  graph(
    8,
    'Compaction, part of the time',
    { description: 'Near 100 % LevelDB does not keep up, and writes will wait for it.', unit: 'percentunit', min: 0 },
    [rate(nodes('insi_state_compaction_seconds_total')), '{{pod}}'],
  ),
  graph(8, 'Free disk', { description: 'All nodes hold the same data and fill up together.', unit: 'bytes', min: 0 }, [
    nodes('insi_disk_free_bytes'),
    '{{pod}}',
  ]),
  graph(
    8,
    'Disk that does not answer',
    {
      description: 'How long the oldest write that is under way has taken so far.',
      unit: 's',
      min: 0,
      thresholds: [
        [null, 'green'],
        [5, 'red'],
      ],
    },
    [nodes('insi_disk_stalled_seconds'), '{{pod}}'],
  ),
  graph(8, 'Number of tables', { description: 'Files of LevelDB.', min: 0, decimals: 0 }, [
    nodes('insi_state_tables'),
    '{{pod}}',
  ]),
]

const PEERS: readonly Panel[] = [
  graph(8, 'Round trip', { description: 'The last ping to each other node and back.', unit: 's', min: 0 }, [
    nodes('insi_peer_rtt_seconds'),
    '{{pod}} → {{peer}}',
  ]),
  graph(8, 'Traffic between nodes', { description: 'Before encryption.', unit: 'Bps', min: 0 }, [
    `sum by (pod, direction) (${rate(nodes('insi_peer_bytes_total'))})`,
    '{{direction}} {{pod}}',
  ]),
  graph(
    8,
    'Dropped, refused, not reached',
    {
      description: 'Within ten minutes: messages dropped, connections refused, nodes that could not be dialled.',
      min: 0,
    },
    [`sum by (reason) (increase(${nodes('insi_peer_messages_dropped_total')}[10m]))`, 'dropped: {{reason}}'],
    [`sum by (reason) (increase(${nodes('insi_peer_refused_total')}[10m]))`, 'refused: {{reason}}'],
    [`sum by (pod) (increase(${nodes('insi_peer_dials_failed_total')}[10m]))`, 'not reached by {{pod}}'],
  ),
  graph(
    8,
    'Clocks',
    {
      description: 'How far the clock of each other node is ahead. Lifetimes of keys go by the clock of the leader.',
      unit: 's',
      thresholds: [
        [null, 'green'],
        [1, 'red'],
      ],
    },
    [nodes('insi_peer_clock_skew_seconds'), '{{pod}} → {{peer}}'],
  ),
  graph(
    8,
    'Writes handed to the leader',
    { description: 'Clients that ask a node that does not lead wait for one more hop.', unit: 'wps', min: 0 },
    [rate(nodes('insi_forwarded_proposals_total')), '{{pod}}'],
  ),
  graph(
    8,
    'Snapshots',
    {
      description: 'Bytes within ten minutes, sent to nodes that were too far behind for the log, or installed.',
      unit: 'bytes',
      min: 0,
    },
    [`sum by (pod, direction) (increase(${nodes('insi_snapshot_bytes_total')}[10m]))`, '{{direction}} {{pod}}'],
  ),
  graph(
    12,
    'Time for a snapshot',
    { description: 'On average, of those that ended within ten minutes.', unit: 's', min: 0 },
    [
      `sum by (pod, direction) (increase(${nodes('insi_snapshot_duration_seconds_sum')}[10m])) / clamp_min(sum by (pod, direction) (increase(${nodes('insi_snapshot_duration_seconds_count')}[10m])), 1)`,
      '{{direction}} {{pod}}',
    ],
  ),
]

export const NODE_BOARD: Board = {
  uid: 'insi-node',
  title: 'Insi / Node',
  description: 'One node or several, part by part.',
  variables: [...CLUSTER_VARIABLES, NODE_VARIABLE],
  annotations: ANNOTATIONS,
  rows: [
    { title: 'Now', panels: NOW },
    { title: 'Requests', panels: REQUESTS },
    { title: 'Node.js', panels: RUNTIME },
    { title: 'Log and state', panels: LOG },
    { title: 'LevelDB and disk', panels: DISK },
    { title: 'Other nodes', panels: PEERS },
  ],
}
