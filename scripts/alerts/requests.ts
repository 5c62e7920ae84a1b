// Alerts about what users get: failed and slow requests, and tenants at their limits.
import { OF_USERS } from './records.ts'
import { growing, lasting, onNodes, onPod, ours, recorded } from './rule.ts'
import type { AlertRule, InputSeries } from './rule.ts'

/** Of all requests, one in a thousand may fail; this is how much faster the budget of a month is spent. */
const FAST_BURN = 0.0144
const SLOW_BURN = 0.006

const burning = (long: string, short: string, ratio: number, failuresMin: number): string =>
  `max(${recorded(`insi:request_errors:ratio_rate${long}`)}) > ${ratio}` +
  ` and max(${recorded(`insi:request_errors:ratio_rate${short}`)}) > ${ratio}` +
  ` and sum(increase(${ours('insi_http_requests_total', `${OF_USERS},status="5xx"`)}[${long}])) > ${failuresMin}`

/** Requests of users on one node; samples of those that succeed and of those that fail. */
const requests = (good: string, bad: string, route = 'set'): InputSeries[] => [
  onPod('insi_http_requests_total', 'RELEASE-0', good, `route="${route}",status="2xx"`),
  onPod('insi_http_requests_total', 'RELEASE-0', bad, `route="${route}",status="5xx"`),
]

/** A histogram in which every observation falls between `above` and the next bound. */
const histogram = (series: string, bounds: readonly number[], above: number, labels: string): InputSeries[] =>
  [...bounds.map(String), '+Inf'].map((bound) =>
    onPod(
      `${series}_bucket`,
      'RELEASE-0',
      growing(bound === '+Inf' || Number(bound) > above ? 600 : 0, 40),
      `${labels},le="${bound}"`,
    ),
  )
const requestTimes = (above: number, route: string): InputSeries[] =>
  histogram('insi_http_request_duration_seconds', [0.01, 0.1, 0.5, 2.5], above, `route="${route}"`)
const replicateTimes = (above: number): InputSeries[] =>
  histogram('insi_write_phase_duration_seconds', [0.01, 0.1, 0.25, 1], above, 'phase="replicate"')

export const REQUEST_ALERTS: readonly AlertRule[] = [
  {
    name: 'InsiErrorBudgetFast',
    severity: 'critical',
    for: '2m',
    expression: burning('1h', '5m', FAST_BURN, 10),
    summary: '{{ $value | humanizePercentage }} of the requests of the last hour failed, and they still fail.',
    advice: 'At this rate the failures that a month may have are used up in two days. See which other alert fires.',
    companions: ['InsiErrorBudgetSlow', 'InsiNoLeader', 'InsiDiskStalled', 'InsiOverloaded'],
    cases: [
      {
        when: 'five in a hundred requests fail',
        series: requests(growing(950, 40), growing(50, 40)),
        pendingAtMinute: 2,
        atMinute: 20,
        fires: [{ labels: {}, summary: '5% of the requests of the last hour failed, and they still fail.' }],
      },
      {
        when: 'it is over, though the hour was bad',
        series: requests(growing(1000, 60), `0+100x20 ${lasting(2000, 40)}`),
        atMinute: 35,
        fires: [],
      },
      {
        when: 'probes of a node that is not ready fail',
        series: [
          ...requests(growing(1000, 40), growing(0, 40)),
          ...requests(growing(0, 40), growing(60, 40), 'ops.readyz'),
        ],
        atMinute: 20,
        fires: [],
      },
      {
        when: 'nobody sends anything but one request that failed',
        series: requests(growing(0, 40), '0 0 0 1x36'),
        atMinute: 8,
        fires: [],
      },
      {
        when: 'all of it was before a restart, which set the counters back',
        series: requests('50000x5 0+1000x40', '9000x5 0x40'),
        atMinute: 20,
        fires: [],
      },
    ],
  },
  {
    name: 'InsiErrorBudgetSlow',
    severity: 'warning',
    for: '15m',
    expression: burning('6h', '30m', SLOW_BURN, 30),
    summary: '{{ $value | humanizePercentage }} of the requests of the last six hours failed, and they still fail.',
    advice:
      'At this rate the failures that a month may have are used up in five days. The logs name the error of each.',
    companions: ['InsiErrorBudgetFast', 'InsiOverloaded'],
    cases: [
      {
        when: 'one in a hundred requests fails for hours',
        series: requests(growing(990, 200), growing(10, 200)),
        pendingAtMinute: 12,
        atMinute: 120,
        fires: [{ labels: {}, summary: '1% of the requests of the last six hours failed, and they still fail.' }],
      },
      {
        when: 'there was an outage of ten minutes an hour ago',
        series: requests(growing(1000, 200), `${lasting(0, 30)} 0+300x10 ${lasting(3000, 160)}`),
        atMinute: 120,
        fires: [],
      },
      {
        when: 'one request in a thousand fails',
        series: requests(growing(999, 200), growing(1, 200)),
        atMinute: 120,
        fires: [],
      },
    ],
  },
  {
    name: 'InsiLatencyHigh',
    severity: 'warning',
    for: '10m',
    expression: `max(${recorded('insi:request_latency_seconds:p99_5m')}) > 0.5`,
    summary: 'One in a hundred requests takes longer than {{ $value | humanizeDuration }}.',
    advice: 'Ask one request to explain itself (`insic --explain get KEY`): it says where its time goes.',
    companions: ['InsiFsyncSlow', 'InsiReplicationSlow', 'InsiEventLoopSlow', 'InsiApplyLag'],
    cases: [
      {
        when: 'requests take a second or two',
        series: requestTimes(0.5, 'set'),
        pendingAtMinute: 8,
        atMinute: 20,
        fires: [{ labels: {}, summary: 'One in a hundred requests takes longer than 2.48s.' }],
      },
      { when: 'requests take some milliseconds', series: requestTimes(0.01, 'set'), atMinute: 20, fires: [] },
      { when: 'subscribers stay for minutes', series: requestTimes(0.5, 'event.subscribe'), atMinute: 20, fires: [] },
      {
        when: 'nobody asks for anything',
        series: requestTimes(0.5, 'set').map(({ series }) => ({ series, values: lasting(7, 40) })),
        atMinute: 20,
        fires: [],
      },
    ],
  },
  {
    name: 'InsiReplicationSlow',
    severity: 'warning',
    for: '10m',
    expression: `max(${recorded('insi:raft_commit_latency_seconds:p99_5m')}) > 0.25`,
    summary: 'One in a hundred writes waits longer than {{ $value | humanizeDuration }} for a majority.',
    advice: 'The network between the nodes, or the disks of the followers, are slow: compare their fsync latency.',
    companions: ['InsiFsyncSlow', 'InsiLatencyHigh', 'InsiDiskStalled', 'InsiFollowerLag'],
    cases: [
      {
        when: 'a majority needs half a second',
        series: replicateTimes(0.25),
        pendingAtMinute: 8,
        atMinute: 20,
        fires: [{ labels: {}, summary: 'One in a hundred writes waits longer than 992.5ms for a majority.' }],
      },
      { when: 'a majority needs some milliseconds', series: replicateTimes(0.01), atMinute: 20, fires: [] },
    ],
  },
  {
    name: 'InsiQuotaNear',
    severity: 'warning',
    for: '15m',
    expression: `max by (resource) (${ours('insi_entity_quota_usage_ratio_max')}) >= 0.9`,
    summary: 'A tenant uses {{ $value | humanizePercentage }} of what it may of {{ $labels.resource }}.',
    advice:
      'Its writes are refused at the limit; nobody else is affected. `insic --root top` shows which tenant it is.',
    cases: [
      {
        when: 'a tenant stays above nine tenths of its disk',
        series: [
          ...onNodes('insi_entity_quota_usage_ratio_max', ['0.95x40', '0.95x40', '0.95x40'], 'resource="disk"'),
          ...onNodes('insi_entity_quota_usage_ratio_max', ['0.2x40', '0.2x40', '0.2x40'], 'resource="memory"'),
        ],
        pendingAtMinute: 10,
        atMinute: 20,
        fires: [{ labels: { resource: 'disk' }, summary: 'A tenant uses 95% of what it may of disk.' }],
      },
      {
        when: 'it was near its limit of events for ten minutes',
        series: onNodes(
          'insi_entity_quota_usage_ratio_max',
          [`${lasting(0.95, 10)} ${lasting(0.5, 30)}`],
          'resource="events"',
        ),
        atMinute: 20,
        fires: [],
      },
    ],
  },
]
