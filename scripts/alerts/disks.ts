// Alerts about disks, and about what is written to them and read from them as a whole.
import { growing, lasting, onNodes, onPod, ours } from './rule.ts'
import type { AlertRule } from './rule.ts'

const FREE = ours('insi_disk_free_bytes')
const SIZE = ours('insi_disk_size_bytes')
const freeRatio = `max by (pod) (${FREE}) / max by (pod) (${SIZE})`
const GIB = 1_073_741_824
const sizes = onNodes('insi_disk_size_bytes', [`${10 * GIB}x500`])
const free = (values: string): typeof sizes => [...sizes, ...onNodes('insi_disk_free_bytes', [values])]

/** Samples in which the histogram's observations all fall between `above` and the next bound. */
const fsyncs = (above: number): typeof sizes =>
  ['0.01', '0.1', '0.25', '1', '+Inf'].map((bound) =>
    onPod(
      'insi_log_fsync_duration_seconds_bucket',
      'RELEASE-1',
      growing(bound === '+Inf' || Number(bound) > above ? 60 : 0, 60),
      `le="${bound}"`,
    ),
  )

export const DISK_ALERTS: readonly AlertRule[] = [
  {
    name: 'InsiDiskLow',
    severity: 'warning',
    for: '5m',
    expression: `${freeRatio} < 0.15`,
    summary: 'Of the disk of {{ $labels.pod }}, {{ $value | humanizePercentage }} is free.',
    advice: 'Grow the claim, or lower the limits of tenants. All nodes hold the same data and fill up together.',
    companions: ['InsiDiskFull', 'InsiDiskFillsUp'],
    cases: [
      {
        when: 'a tenth is free',
        series: free(`${GIB}x20`),
        pendingAtMinute: 3,
        atMinute: 10,
        fires: [{ labels: { pod: 'RELEASE-0' }, summary: 'Of the disk of RELEASE-0, 10% is free.' }],
      },
      { when: 'half is free', series: free(`${5 * GIB}x20`), atMinute: 10, fires: [] },
      {
        when: 'the file system does not say',
        series: [
          ...onNodes('insi_disk_size_bytes', [lasting('NaN', 20)]),
          ...onNodes('insi_disk_free_bytes', [lasting('NaN', 20)]),
        ],
        atMinute: 10,
        fires: [],
      },
    ],
  },
  {
    name: 'InsiDiskFull',
    severity: 'critical',
    for: '1m',
    expression: `${freeRatio} < 0.05`,
    summary: 'The disk of {{ $labels.pod }} is about to be full; the node stops when it is.',
    advice: 'Grow the claim now. Files of the data directory must not be removed by hand.',
    companions: ['InsiDiskLow', 'InsiDiskFillsUp', 'InsiRestartLoop', 'InsiNodeDown'],
    cases: [
      {
        when: 'a hundredth is free',
        series: free(`${GIB / 8}x20`),
        pendingAtMinute: 0,
        atMinute: 5,
        fires: [
          {
            labels: { pod: 'RELEASE-0' },
            summary: 'The disk of RELEASE-0 is about to be full; the node stops when it is.',
          },
        ],
      },
      { when: 'a tenth is free', series: free(`${GIB}x20`), atMinute: 10, fires: [] },
    ],
  },
  {
    name: 'InsiDiskFillsUp',
    severity: 'warning',
    for: '1h',
    // By pod, since a pod that is made anew has other series at another address.
    expression: `predict_linear(max by (pod) (${FREE})[6h:5m], 86400) < 0 and on (pod) ${freeRatio} < 0.4`,
    summary: 'The disk of {{ $labels.pod }} will be full within a day if it fills as in the last six hours.',
    advice: 'Find out which tenant grows (`insic --root top`), then grow the claim or lower its limit.',
    companions: ['InsiDiskLow', 'InsiDiskFull'],
    cases: [
      {
        when: 'a fortieth of the disk goes each hour',
        series: free(`${4.5 * GIB}-${Math.round(GIB / 240)}x500`),
        pendingAtMinute: 150,
        atMinute: 480,
        fires: [
          {
            labels: { pod: 'RELEASE-0' },
            summary: 'The disk of RELEASE-0 will be full within a day if it fills as in the last six hours.',
          },
        ],
      },
      {
        when: 'it fills as fast and has room for a day',
        series: free(`${9.9 * GIB}-${Math.round(GIB / 240)}x500`),
        atMinute: 480,
        fires: [],
      },
      { when: 'a third is free, and stays so', series: free(`${3.5 * GIB}x500`), atMinute: 480, fires: [] },
    ],
  },
  {
    name: 'InsiFsyncSlow',
    severity: 'warning',
    for: '10m',
    expression: `histogram_quantile(0.99, sum by (pod, le) (rate(${ours('insi_log_fsync_duration_seconds_bucket')}[5m]))) > 0.25`,
    summary: 'One in a hundred syncs of {{ $labels.pod }} takes longer than {{ $value | humanizeDuration }}.',
    advice:
      'Every write waits for the disks of a majority. Look for a throttled volume or a noisy neighbour, and for a better storage class.',
    companions: ['InsiLatencyHigh', 'InsiReplicationSlow', 'InsiDiskStalled', 'InsiLeaderChanges'],
    cases: [
      {
        when: 'each sync takes half a second',
        series: fsyncs(0.25),
        pendingAtMinute: 8,
        atMinute: 20,
        fires: [
          { labels: { pod: 'RELEASE-1' }, summary: 'One in a hundred syncs of RELEASE-1 takes longer than 992.5ms.' },
        ],
      },
      { when: 'each sync takes some milliseconds', series: fsyncs(0.01), atMinute: 20, fires: [] },
      {
        when: 'nothing is written',
        series: fsyncs(0.25).map(({ series }) => ({ series, values: lasting(9, 30) })),
        atMinute: 20,
        fires: [],
      },
    ],
  },
  {
    name: 'InsiDiskStalled',
    severity: 'critical',
    for: '0m',
    // The liveness probe ends a node that stalls before any `for` is over; what was seen then must not be forgotten at once.
    expression: `max by (pod) (max_over_time(${ours('insi_disk_stalled_seconds')}[5m])) > 10`,
    summary: 'The disk of {{ $labels.pod }} did not answer for {{ $value }} s within the last five minutes.',
    advice:
      'Look at the volume and at the log of its machine. When it leads, move leadership: `insic --root cluster transfer`.',
    companions: ['InsiQuorumMarginZero', 'InsiNodeDown', 'InsiRestartLoop', 'InsiErrorBudgetFast', 'InsiNodeIsolated'],
    cases: [
      {
        when: 'a disk hangs for half a minute, then its node is restarted',
        series: onNodes('insi_disk_stalled_seconds', ['0 0 0 0', '0 30 0 0']),
        atMinute: 3,
        fires: [
          {
            labels: { pod: 'RELEASE-1' },
            summary: 'The disk of RELEASE-1 did not answer for 30 s within the last five minutes.',
          },
        ],
      },
      {
        when: 'it was over ten minutes ago',
        series: onNodes('insi_disk_stalled_seconds', ['0x20', '0 30 0x20']),
        atMinute: 12,
        fires: [],
      },
      {
        when: 'a sync takes some seconds on a busy disk',
        series: onNodes('insi_disk_stalled_seconds', ['0x9', '0 4 6 3 0x9']),
        atMinute: 4,
        fires: [],
      },
    ],
  },
  {
    name: 'InsiSnapshotsFail',
    severity: 'warning',
    for: '0m',
    expression: `sum by (pod, direction) (increase(${ours('insi_snapshots_total', 'result="failed"')}[30m])) > 2`,
    summary: 'Snapshots fail on {{ $labels.pod }} again and again ({{ $labels.direction }}).',
    advice:
      'A node that is too far behind for the log can then never catch up. Look at the disk of the node that receives.',
    companions: ['InsiFollowerLag', 'InsiLearnerStuck', 'InsiNodeIsolated', 'InsiQuorumMarginZero'],
    cases: [
      {
        when: 'one snapshot after the other fails',
        series: onNodes(
          'insi_snapshots_total',
          ['0 0 1 2 3 4 5 5x10', lasting(0, 17)],
          'direction="sent",result="failed"',
        ),
        atMinute: 10,
        fires: [
          {
            labels: { pod: 'RELEASE-0', direction: 'sent' },
            summary: 'Snapshots fail on RELEASE-0 again and again (sent).',
          },
        ],
      },
      {
        when: 'one failed because its receiver was restarted',
        series: onNodes('insi_snapshots_total', ['0 0 1x10'], 'direction="sent",result="failed"'),
        atMinute: 10,
        fires: [],
      },
    ],
  },
]
