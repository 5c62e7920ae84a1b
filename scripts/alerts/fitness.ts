// Alerts about nodes that run and cannot do their work as they should.
import { growing, lasting, onNodes, onPod, ours } from './rule.ts'
import type { AlertRule } from './rule.ts'

const ALWAYS_0 = lasting(0, 40)

export const FITNESS_ALERTS: readonly AlertRule[] = [
  {
    name: 'InsiRestartLoop',
    severity: 'warning',
    for: '0m',
    // By pod, and by steps: a pod that is made anew has another address, so its series has another name each time.
    expression: `changes(max by (pod) (${ours('process_start_time_seconds')})[30m:30s]) > 3`,
    summary: '{{ $labels.pod }} has started {{ $value }} times within half an hour.',
    advice: '`kubectl logs -p` has the reason of the last end; an end without one is most often the memory limit.',
    companions: ['InsiNodeDown', 'InsiQuorumMarginZero'],
    cases: [
      {
        when: 'a pod is made anew every four minutes, each time at another address',
        series: [0, 1, 2, 3, 4, 5].map((at) =>
          onPod(
            'process_start_time_seconds',
            'RELEASE-1',
            `${lasting('_', at * 4 + 1)} ${lasting(1000 + at * 240, 4)} stale`,
            `instance="10.0.0.${at}:9090"`,
          ),
        ),
        atMinute: 22,
        fires: [{ labels: { pod: 'RELEASE-1' }, summary: 'RELEASE-1 has started 5 times within half an hour.' }],
      },
      {
        when: 'it was upgraded twice',
        series: onNodes('process_start_time_seconds', [`${lasting(10, 10)} ${lasting(610, 10)} ${lasting(1210, 10)}`]),
        atMinute: 25,
        fires: [],
      },
    ],
  },
  {
    name: 'InsiNodeQuarantined',
    severity: 'critical',
    for: '0m',
    expression: `max by (pod) (${ours('insi_raft_quarantined')}) == 1`,
    summary: '{{ $labels.pod }} found its data damaged and serves nothing.',
    advice:
      'Its log names what is damaged. Replace its disk: delete its claim, then its pod; it comes back as a new member.',
    companions: ['InsiQuorumMarginZero'],
    cases: [
      {
        when: 'one node is quarantined',
        series: onNodes('insi_raft_quarantined', [ALWAYS_0, '0 1x10', ALWAYS_0]),
        atMinute: 2,
        fires: [{ labels: { pod: 'RELEASE-1' }, summary: 'RELEASE-1 found its data damaged and serves nothing.' }],
      },
      {
        when: 'it came back with a new disk',
        series: onNodes('insi_raft_quarantined', [ALWAYS_0, '0 1 1 stale 0x10', ALWAYS_0]),
        atMinute: 6,
        fires: [],
      },
    ],
  },
  {
    name: 'InsiBootstrapRefused',
    severity: 'critical',
    for: '1m',
    expression: `max by (pod) (${ours('insi_raft_bootstrap_refused')}) == 1`,
    summary: '{{ $labels.pod }} has an empty disk and begins no cluster, since there may be one already.',
    advice: 'Bring the other nodes back with their disks. Only when every disk is lost may a new cluster begin.',
    companions: ['InsiNotFounded', 'InsiNodeDown', 'InsiMemberMissing'],
    cases: [
      {
        when: 'it waits for nodes that do not come',
        series: onNodes('insi_raft_bootstrap_refused', ['0 1x10']),
        pendingAtMinute: 1,
        atMinute: 4,
        fires: [
          {
            labels: { pod: 'RELEASE-0' },
            summary: 'RELEASE-0 has an empty disk and begins no cluster, since there may be one already.',
          },
        ],
      },
      {
        when: 'the others answered a moment later',
        series: onNodes('insi_raft_bootstrap_refused', ['0 1 0x10']),
        atMinute: 3,
        fires: [],
      },
    ],
  },
  {
    name: 'InsiEventLoopSlow',
    severity: 'warning',
    for: '5m',
    expression: `max by (pod) (${ours('nodejs_eventloop_lag_p99_seconds')}) > 0.5`,
    summary: 'Everything that {{ $labels.pod }} does waits for {{ $value }} s.',
    advice:
      'The CPU limit is too low, or a single request is too large: compare with the CPU of the pod and with its slow requests.',
    companions: ['InsiLatencyHigh', 'InsiLeaderChanges', 'InsiFollowerLag', 'InsiApplyLag'],
    cases: [
      {
        when: 'a node has too little CPU',
        series: onNodes('nodejs_eventloop_lag_p99_seconds', ['0.02x20', '0.02 0.75x20']),
        pendingAtMinute: 4,
        atMinute: 8,
        fires: [{ labels: { pod: 'RELEASE-1' }, summary: 'Everything that RELEASE-1 does waits for 0.75 s.' }],
      },
      {
        when: 'a start or one large request takes a second',
        series: onNodes('nodejs_eventloop_lag_p99_seconds', ['1.2 1.2 0.02x20']),
        atMinute: 7,
        fires: [],
      },
    ],
  },
  {
    name: 'InsiPeerSlow',
    severity: 'warning',
    for: '10m',
    expression: `max by (pod, peer) (avg_over_time(${ours('insi_peer_rtt_seconds')}[5m])) > 0.15`,
    summary: 'From {{ $labels.pod }} to {{ $labels.peer }} and back takes {{ $value | humanizeDuration }}.',
    advice:
      'Every write waits for a majority, and slow heartbeats cost leaders their office. Look at the network between the machines, and at the event loops of both nodes.',
    companions: ['InsiReplicationSlow', 'InsiEventLoopSlow', 'InsiLatencyHigh', 'InsiLeaderChanges'],
    cases: [
      {
        when: 'the way to one node is slow',
        series: [
          onPod('insi_peer_rtt_seconds', 'RELEASE-0', lasting(0.25, 40), 'peer="RELEASE-2"'),
          onPod('insi_peer_rtt_seconds', 'RELEASE-0', lasting(0.001, 40), 'peer="RELEASE-1"'),
        ],
        pendingAtMinute: 8,
        atMinute: 20,
        fires: [
          {
            labels: { pod: 'RELEASE-0', peer: 'RELEASE-2' },
            summary: 'From RELEASE-0 to RELEASE-2 and back takes 250ms.',
          },
        ],
      },
      {
        when: 'single pings were slow',
        series: onNodes('insi_peer_rtt_seconds', ['0.001 0.4 0.001 0.001 0.001 0.4 0.001x20'], 'peer="RELEASE-2"'),
        atMinute: 12,
        fires: [],
      },
    ],
  },
  {
    name: 'InsiCertExpiresSoon',
    severity: 'warning',
    for: '1h',
    expression: `min by (pod) (${ours('insi_tls_certificate_not_after_timestamp_seconds')}) - time() < 1209600`,
    summary: 'The certificate of {{ $labels.pod }} ends in {{ $value | humanizeDuration }}.',
    advice: 'Clients refuse it from then on. Renew it, and see that the nodes have taken the new one.',
    cases: [
      {
        when: 'it ends in a week',
        series: onNodes('insi_tls_certificate_not_after_timestamp_seconds', ['604800x90']),
        pendingAtMinute: 30,
        atMinute: 80,
        fires: [{ labels: { pod: 'RELEASE-0' }, summary: 'The certificate of RELEASE-0 ends in 6d 22h 40m 0s.' }],
      },
      {
        when: 'it was renewed within the hour',
        series: onNodes('insi_tls_certificate_not_after_timestamp_seconds', [
          `${lasting(604_800, 30)} ${lasting(9_000_000, 90)}`,
        ]),
        atMinute: 80,
        fires: [],
      },
      {
        when: 'there is no TLS',
        series: onNodes('insi_tls_certificate_not_after_timestamp_seconds', [lasting('NaN', 90)]),
        atMinute: 80,
        fires: [],
      },
    ],
  },
  {
    name: 'InsiCertRefused',
    severity: 'warning',
    for: '15m',
    expression: `max by (pod) (${ours('insi_tls_certificate_refused')}) == 1`,
    summary: '{{ $labels.pod }} cannot use the certificate that was put in the place of its own.',
    advice: 'It serves the old one until that ends. Its log says what is wrong with the files.',
    companions: ['InsiCertExpiresSoon'],
    cases: [
      {
        when: 'key and certificate do not belong together',
        series: onNodes('insi_tls_certificate_refused', ['0 0 1x30']),
        pendingAtMinute: 12,
        atMinute: 20,
        fires: [
          {
            labels: { pod: 'RELEASE-0' },
            summary: 'RELEASE-0 cannot use the certificate that was put in the place of its own.',
          },
        ],
      },
      {
        when: 'one file was replaced before the other',
        series: onNodes('insi_tls_certificate_refused', ['0 1 0x30']),
        atMinute: 20,
        fires: [],
      },
    ],
  },
  {
    name: 'InsiVersionSkew',
    severity: 'warning',
    for: '1h',
    expression: `count(count by (version) (${ours('insi_build_info')})) > 1`,
    summary: 'The nodes have run {{ $value }} different versions for an hour.',
    advice: 'An upgrade is stuck: `kubectl rollout status statefulset` tells at which pod.',
    companions: ['InsiNodeDown'],
    cases: [
      {
        when: 'an upgrade stopped at the second pod',
        series: [
          onPod('insi_build_info', 'RELEASE-0', lasting(1, 90), 'version="1.0.0"'),
          onPod('insi_build_info', 'RELEASE-1', lasting(1, 90), 'version="1.0.0"'),
          onPod('insi_build_info', 'RELEASE-2', lasting(1, 90), 'version="1.1.0"'),
        ],
        pendingAtMinute: 50,
        atMinute: 70,
        fires: [{ labels: {}, summary: 'The nodes have run 2 different versions for an hour.' }],
      },
      {
        when: 'an upgrade takes a quarter of an hour',
        series: [0, 1, 2].flatMap((ordinal) => [
          onPod('insi_build_info', `RELEASE-${ordinal}`, `${lasting(1, 5 + 5 * ordinal)} stale`, 'version="1.0.0"'),
          onPod(
            'insi_build_info',
            `RELEASE-${ordinal}`,
            `${lasting('_', 6 + 5 * ordinal)} ${lasting(1, 90)}`,
            'version="1.1.0"',
          ),
        ]),
        atMinute: 75,
        fires: [],
      },
    ],
  },
  {
    name: 'InsiOverloaded',
    severity: 'warning',
    for: '5m',
    expression: `sum(rate(${ours('insi_proposals_total', 'outcome="overloaded"')}[5m])) > 1`,
    summary: '{{ $value }} writes a second are refused because too many wait.',
    advice:
      'The cluster takes fewer writes than clients send: find out what is slow (disk, CPU), or slow the clients down.',
    companions: ['InsiErrorBudgetFast', 'InsiErrorBudgetSlow', 'InsiLatencyHigh'],
    cases: [
      {
        when: 'writes are refused all the time',
        series: onNodes('insi_proposals_total', [growing(180, 30), growing(60, 30)], 'outcome="overloaded"'),
        pendingAtMinute: 4,
        atMinute: 15,
        fires: [{ labels: {}, summary: '4 writes a second are refused because too many wait.' }],
      },
      {
        when: 'there was one burst, and then a restart',
        series: onNodes('insi_proposals_total', ['0 0 400x10 0x20', growing(0, 30)], 'outcome="overloaded"'),
        atMinute: 9,
        fires: [],
      },
    ],
  },
]
