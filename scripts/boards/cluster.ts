// The board of a whole cluster: is it well, who leads, what do users get, what does the reconciler do.
import { STRIP_HEIGHT, alertList, graph, heatmap, stat, table, timeline } from './board.ts'
import type { Board, Panel } from './board.ts'
import { ANSWERED_AT_ONCE, OF_USERS, cluster, increase, quantile, rate, ratio } from './promql.ts'
import { RECONCILER } from './reconciler.ts'
import { ANNOTATIONS, CLUSTER_VARIABLES } from './variables.ts'

const REQUESTS = 'insi_http_requests_total'
const LATENCIES = cluster('insi_http_request_duration_seconds_bucket', ANSWERED_AT_ONCE)
const PHASES = 'insi_write_phase_duration_seconds_bucket'

const SERVICE_LEVEL: readonly Panel[] = [
  stat(
    3,
    'Availability',
    {
      description: 'Part of the requests of users within the time of the board that did not end with 5xx.',
      unit: 'percentunit',
      decimals: 3,
      max: 1,
      height: STRIP_HEIGHT,
      thresholds: [
        [null, 'red'],
        [0.999, 'orange'],
        [0.9995, 'green'],
      ],
    },
    [
      `1 - ${ratio(
        `sum(increase(${cluster(REQUESTS, `${OF_USERS},status="5xx"`)}[$__range]))`,
        `sum(increase(${cluster(REQUESTS, OF_USERS)}[$__range]))`,
      )}`,
      'available',
    ],
  ),
  stat(
    3,
    'Latency, p99',
    {
      description: 'One request of a hundred takes longer; without streams and administration.',
      unit: 's',
      height: STRIP_HEIGHT,
      thresholds: [
        [null, 'green'],
        [0.1, 'orange'],
        [0.5, 'red'],
      ],
    },
    [quantile(0.99, LATENCIES), 'p99'],
  ),
  stat(
    3,
    'Commit, p99',
    {
      description: 'Until a majority has one write of a hundred on disk.',
      unit: 's',
      height: STRIP_HEIGHT,
      thresholds: [
        [null, 'green'],
        [0.1, 'orange'],
        [0.25, 'red'],
      ],
    },
    [quantile(0.99, cluster(PHASES, 'phase="replicate"')), 'p99'],
  ),
  stat(3, 'Requests', { description: 'Requests of users a second, all nodes.', unit: 'reqps', height: STRIP_HEIGHT }, [
    `sum(${rate(cluster(REQUESTS, OF_USERS))})`,
    'requests',
  ]),
  stat(
    3,
    'Leader',
    {
      description: 'The node that leads now. None but for a moment: nothing can be written.',
      height: STRIP_HEIGHT,
      showsName: true,
    },
    [`max by (pod) (${cluster('insi_raft_is_leader')} == 1)`, '{{pod}}'],
  ),
  stat(
    3,
    'Quorum margin',
    {
      description: 'Voters that may still be lost. At 0 the loss of one more stops all writes.',
      height: STRIP_HEIGHT,
      thresholds: [
        [null, 'red'],
        [1, 'green'],
      ],
    },
    [`max(${cluster('insi_raft_quorum_margin')})`, 'margin'],
  ),
  stat(
    3,
    'Nodes away',
    {
      description: 'Members of the cluster that Prometheus does not reach.',
      height: STRIP_HEIGHT,
      thresholds: [
        [null, 'green'],
        [1, 'red'],
      ],
    },
    [
      `clamp_min(sum(max by (role) (${cluster('insi_raft_members')})) - sum(max by (pod) (${cluster('up')})), 0)`,
      'away',
    ],
  ),
  stat(
    3,
    'Alerts',
    {
      description: 'Alerts that are firing in the namespace.',
      height: STRIP_HEIGHT,
      thresholds: [
        [null, 'green'],
        [1, 'red'],
      ],
    },
    ['count(ALERTS{namespace="$namespace",alertname=~"Insi.+",alertstate="firing"}) or vector(0)', 'firing'],
  ),
]

const MEMBERS: readonly Panel[] = [
  timeline(
    16,
    'Leader',
    { description: 'Which node leads. Gaps: it was not scraped.', height: 7, texts: { 0: 'follows', 1: 'leads' } },
    [`max by (pod) (${cluster('insi_raft_is_leader')})`, '{{pod}}'],
  ),
  alertList(8, 'Alerts', { description: 'Alerts of the namespace that fire or are about to.', height: 7 }),
  table(
    24,
    'Members',
    {
      description:
        'One line a node. A node that is behind cannot take over; one of another version waits for its upgrade.',
      height: 7,
      columns: {
        pod: { title: 'Node' },
        version: { title: 'Version' },
        runtime: { title: 'Node.js' },
        B: { title: 'Role', texts: { 0: 'follows', 1: 'leads' } },
        C: {
          title: 'Entries behind',
          thresholds: [
            [null, 'green'],
            [1_000, 'orange'],
            [10_000, 'red'],
          ],
        },
        D: { title: 'Term' },
        E: { title: 'Last index' },
        F: { title: 'Up since', unit: 'dateTimeFromNow' },
        G: {
          title: 'Free disk',
          unit: 'percentunit',
          thresholds: [
            [null, 'red'],
            [0.15, 'green'],
          ],
        },
      },
    },
    [`max by (pod, version, runtime) (${cluster('insi_build_info')})`, ''],
    [`max by (pod) (${cluster('insi_raft_is_leader')})`, ''],
    [
      `clamp_min(scalar(max(${cluster('insi_raft_commit_index')})) - max by (pod) (${cluster('insi_raft_applied_index')}), 0)`,
      '',
    ],
    [`max by (pod) (${cluster('insi_raft_term')})`, ''],
    [`max by (pod) (${cluster('insi_raft_last_index')})`, ''],
    [`max by (pod) (${cluster('process_start_time_seconds')}) * 1000`, ''],
    [`max by (pod) (${cluster('insi_disk_free_bytes')} / ${cluster('insi_disk_size_bytes')})`, ''],
  ),
]

const REPLICATION: readonly Panel[] = [
  graph(
    8,
    'Entries behind the leader',
    { description: 'The log of each node, as the leader sees it.', unit: 'short', min: 0 },
    [`max by (peer) (${cluster('insi_raft_peer_lag_entries')})`, '{{peer}}'],
  ),
  graph(
    8,
    'Voters, learners and margin',
    {
      description: 'Members as the leader knows them, and voters that may still be lost.',
      unit: 'short',
      min: 0,
      decimals: 0,
    },
    [`max by (role) (${cluster('insi_raft_members')})`, '{{role}}'],
    [`max(${cluster('insi_raft_quorum_margin')})`, 'margin'],
  ),
  graph(
    8,
    'Elections and changes of leader',
    { description: 'Within ten minutes, by node. A cluster that is well has none.', unit: 'short', min: 0 },
    [`increase(${cluster('insi_raft_elections_total')}[10m])`, 'elections {{pod}}'],
    [`increase(${cluster('insi_raft_leader_changes_total')}[10m])`, 'changes {{pod}}'],
  ),
  graph(
    8,
    'Round trip between nodes',
    {
      description: 'The last ping of each node to each other. Commits wait for the second fastest.',
      unit: 's',
      min: 0,
      thresholds: [
        [null, 'green'],
        [0.15, 'red'],
      ],
    },
    [`max by (pod, peer) (${cluster('insi_peer_rtt_seconds')})`, '{{pod}} → {{peer}}'],
  ),
  graph(
    8,
    'Writes by outcome',
    { description: 'All nodes. Only `applied` is in steady state above 0.', unit: 'wps', min: 0, isStacked: true },
    [`sum by (outcome) (${rate(cluster('insi_proposals_total'))})`, '{{outcome}}'],
  ),
  graph(
    8,
    'Phases of a write, p99',
    {
      description: 'Where writes spend their time on the leader: fsync and replicate run at the same time.',
      unit: 's',
      min: 0,
    },
    [quantile(0.99, cluster(PHASES), 'phase'), '{{phase}}'],
  ),
]

const USERS: readonly Panel[] = [
  graph(
    8,
    'Requests by status',
    { description: 'Requests of users a second, all nodes.', unit: 'reqps', min: 0, isStacked: true },
    [`sum by (status) (${rate(cluster(REQUESTS, OF_USERS))})`, '{{status}}'],
  ),
  graph(
    8,
    'Latency',
    { description: 'Of all requests that are answered at once.', unit: 's', min: 0 },
    [quantile(0.5, LATENCIES), 'p50'],
    [quantile(0.95, LATENCIES), 'p95'],
    [quantile(0.99, LATENCIES), 'p99'],
  ),
  heatmap(8, 'Latency, all requests', { description: 'The darker, the more requests took so long.', unit: 's' }, [
    `sum by (le) (${increase(LATENCIES)})`,
    '{{le}}',
  ]),
  graph(8, 'Requests by node', { description: 'Whether clients spread over the nodes.', unit: 'reqps', min: 0 }, [
    `sum by (pod) (${rate(cluster(REQUESTS, OF_USERS))})`,
    '{{pod}}',
  ]),
  graph(
    8,
    'Refused by rate',
    { description: 'Answers with 429, by the limiter that refused.', unit: 'reqps', min: 0 },
    [`sum by (limiter, class) (${rate(cluster('insi_rate_limited_total'))})`, '{{limiter}} {{class}}'],
  ),
  graph(
    8,
    'Events',
    { description: 'Published a second, and frames handed to subscribers a second.', unit: 'ops', min: 0 },
    [`max(${rate(cluster('insi_event_applied_total'))})`, 'published'],
    [`sum(${rate(cluster('insi_event_frames_sent_total'))})`, 'sent'],
  ),
]

export const CLUSTER_BOARD: Board = {
  uid: 'insi-cluster',
  title: 'Insi / Cluster',
  description: 'One cluster as its users, and whoever is on call for it, see it.',
  variables: CLUSTER_VARIABLES,
  annotations: ANNOTATIONS,
  rows: [
    { title: 'Service level', panels: SERVICE_LEVEL },
    { title: 'Leadership and members', panels: MEMBERS },
    { title: 'Requests', panels: USERS },
    { title: 'Replication', panels: REPLICATION },
    { title: 'Reconciler', panels: RECONCILER },
  ],
}
