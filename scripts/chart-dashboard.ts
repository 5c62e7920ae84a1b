// The Grafana dashboard of one cluster. charts/insi/files/cluster-dashboard.json is made from here: `npm run generate`.
import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'

export const DASHBOARD_FILE = path.resolve(import.meta.dirname, '../charts/insi/files/cluster-dashboard.json')

interface Query {
  readonly expression: string
  readonly legend: string
}

interface Panel {
  readonly title: string
  readonly description: string
  readonly type: 'stat' | 'timeseries' | 'state-timeline' | 'table'
  readonly unit: string
  readonly width: number
  readonly queries: readonly Query[]
}

const COLUMNS = 24
const ROW_HEIGHT = 8
const STAT_HEIGHT = 4
/** Names of a panel's queries. */
const REFERENCES = ['A', 'B', 'C', 'D'] as const
const DATASOURCE = { type: 'prometheus', uid: '${datasource}' }
const OURS = '{namespace="$namespace",pod=~"$pod"}'
const ours = (series: string, matchers = ''): string =>
  `${series}${matchers === '' ? OURS : OURS.replace('}', `,${matchers}}`)}`
const rate = (series: string, matchers = ''): string => `rate(${ours(series, matchers)}[$__rate_interval])`
const quantile = (part: number, series: string, by: string): string =>
  `histogram_quantile(${part}, sum by (${by}, le) (${rate(`${series}_bucket`)}))`

const panel = (
  type: Panel['type'],
  width: number,
  title: string,
  unit: string,
  description: string,
  ...queries: readonly (readonly [expression: string, legend: string])[]
): Panel => ({
  type,
  width,
  title,
  unit,
  description,
  queries: queries.map(([expression, legend]) => ({ expression, legend })),
})

/** Rows from top to bottom, each of panels of one height. */
const ROWS: Readonly<Record<string, readonly Panel[]>> = {
  Cluster: [
    panel('stat', 4, 'Nodes up', 'none', 'Nodes that answer.', [`sum(${ours('up')})`, 'up']),
    panel('stat', 4, 'Leaders', 'none', 'One, but for the moment of an election.', [
      `sum(${ours('insi_raft_is_leader')})`,
      'leaders',
    ]),
    panel('stat', 4, 'Quorum margin', 'none', 'Voters that may still be lost.', [
      `max(${ours('insi_raft_quorum_margin')})`,
      'margin',
    ]),
    panel('stat', 4, 'Voters', 'none', 'Members that vote.', [
      `max(${ours('insi_raft_members', 'role="voter"')})`,
      'voters',
    ]),
    panel('stat', 4, 'Failed requests', 'percentunit', 'Part of all requests that ended with 5xx.', [
      `sum(${rate('insi_http_requests_total', 'status="5xx"')}) / sum(${rate('insi_http_requests_total')})`,
      'failed',
    ]),
    panel('stat', 4, 'Least free disk', 'percentunit', 'Free part of the fullest disk.', [
      `min(${ours('insi_disk_free_bytes')} / ${ours('insi_disk_size_bytes')})`,
      'free',
    ]),
  ],
  Replication: [
    panel('state-timeline', 12, 'Leader', 'none', '1 while a node leads.', [
      `max by (pod) (${ours('insi_raft_is_leader')})`,
      '{{pod}}',
    ]),
    panel('table', 12, 'Nodes', 'none', 'Version of each node.', [
      `max by (pod, version, runtime) (${ours('insi_build_info')})`,
      '{{pod}}',
    ]),
    panel('timeseries', 12, 'Entries behind the leader', 'none', 'By node, as the leader sees it.', [
      `max by (peer) (${ours('insi_raft_peer_lag_entries')})`,
      '{{peer}}',
    ]),
    panel(
      'timeseries',
      12,
      'Elections and changes of leader',
      'none',
      'Within ten minutes, by node.',
      [`increase(${ours('insi_raft_elections_total')}[10m])`, 'elections {{pod}}'],
      [`increase(${ours('insi_raft_leader_changes_total')}[10m])`, 'changes {{pod}}'],
    ),
  ],
  Requests: [
    panel('timeseries', 8, 'Requests a second', 'reqps', 'All nodes, by how they ended.', [
      `sum by (status) (${rate('insi_http_requests_total')})`,
      '{{status}}',
    ]),
    panel('timeseries', 8, 'Latency, p99', 's', 'By route.', [
      quantile(0.99, 'insi_http_request_duration_seconds', 'route'),
      '{{route}}',
    ]),
    panel('timeseries', 8, 'Writes by outcome', 'wps', 'All nodes.', [
      `sum by (outcome) (${rate('insi_proposals_total')})`,
      '{{outcome}}',
    ]),
  ],
  Nodes: [
    panel('timeseries', 8, 'Sync of the log, p99', 's', 'By node.', [
      quantile(0.99, 'insi_log_fsync_duration_seconds', 'pod'),
      '{{pod}}',
    ]),
    panel('timeseries', 8, 'Free disk', 'bytes', 'By node.', [ours('insi_disk_free_bytes'), '{{pod}}']),
    panel('timeseries', 8, 'Memory', 'bytes', 'Resident, by node.', [ours('process_resident_memory_bytes'), '{{pod}}']),
    panel('timeseries', 8, 'CPU', 'none', 'Cores in use, by node.', [rate('process_cpu_seconds_total'), '{{pod}}']),
    panel('timeseries', 8, 'Event loop, p99', 's', 'How long everything waits, by node.', [
      ours('nodejs_eventloop_lag_p99_seconds'),
      '{{pod}}',
    ]),
    panel('timeseries', 8, 'Connections', 'none', 'All nodes, by listener.', [
      `sum by (listener) (${ours('insi_http_connections')})`,
      '{{listener}}',
    ]),
  ],
}

/** Every expression of the dashboard, variables included. */
export function dashboardExpressions(): string[] {
  return Object.values(ROWS).flatMap((panels) =>
    panels.flatMap(({ queries }) => queries.map(({ expression }) => expression)),
  )
}

const variable = (name: string, label: string, query: string): object => ({
  type: 'query',
  name,
  label,
  datasource: DATASOURCE,
  query: { query, refId: name },
  refresh: 2,
  sort: 1,
})

function panelsOf(): object[] {
  const made: object[] = []
  let y = 0
  for (const [title, panels] of Object.entries(ROWS)) {
    made.push({
      id: made.length + 1,
      type: 'row',
      title,
      collapsed: false,
      panels: [],
      gridPos: { x: 0, y, w: COLUMNS, h: 1 },
    })
    y += 1
    let x = 0
    let height = 0
    for (const { description, queries, title: name, type, unit, width } of panels) {
      if (x + width > COLUMNS) {
        x = 0
        y += height
      }
      height = type === 'stat' ? STAT_HEIGHT : ROW_HEIGHT
      made.push({
        id: made.length + 1,
        type,
        title: name,
        description,
        datasource: DATASOURCE,
        gridPos: { x, y, w: width, h: height },
        fieldConfig: { defaults: { unit }, overrides: [] },
        targets: queries.map(({ expression, legend }, at) => ({
          refId: REFERENCES[at] ?? '',
          expr: expression,
          legendFormat: legend,
          ...(type === 'table' ? { format: 'table', instant: true } : {}),
        })),
      })
      x += width
    }
    y += height
  }
  return made
}

export function renderDashboard(): string {
  const dashboard = {
    // Stable, so that links to the dashboard outlive its updates.
    uid: 'insi-cluster',
    title: 'Insi / Cluster',
    tags: ['insi'],
    schemaVersion: 39,
    editable: true,
    refresh: '30s',
    time: { from: 'now-1h', to: 'now' },
    templating: {
      list: [
        { type: 'datasource', name: 'datasource', label: 'Data source', query: 'prometheus' },
        variable('namespace', 'Namespace', 'label_values(insi_build_info, namespace)'),
        {
          ...variable('pod', 'Node', 'label_values(insi_build_info{namespace="$namespace"}, pod)'),
          includeAll: true,
          multi: true,
          current: { text: 'All', value: '$__all' },
        },
      ],
    },
    panels: panelsOf(),
  }
  return `${JSON.stringify(dashboard, null, 2)}\n`
}

export async function generateDashboard(): Promise<void> {
  await mkdir(path.dirname(DASHBOARD_FILE), { recursive: true })
  await writeFile(DASHBOARD_FILE, renderDashboard())
}
