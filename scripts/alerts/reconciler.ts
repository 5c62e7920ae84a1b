// Alerts about the reconciler, and about members that the StatefulSet wants otherwise. The chart leaves them out without one.
import { REPLICAS, growing, lasting, onNodes, onPod, ours, reconcilers, wantedNodes } from './rule.ts'
import type { AlertRule, InputSeries } from './rule.ts'

const POD = 'RELEASE-reconciler-5d8f-x2x'
const ALWAYS_1 = lasting(1, 60)

const ofReconciler = (series: string, values: string, labels = ''): InputSeries => onPod(series, POD, values, labels)
const voters = (values: string): InputSeries[] => [
  ...onNodes('insi_raft_members', [values, values], 'role="voter"'),
  ...onNodes('insi_raft_is_leader', [ALWAYS_1, lasting(0, 60)]),
]

export const RECONCILER_ALERTS: readonly AlertRule[] = [
  {
    name: 'InsiReconcilerStalled',
    severity: 'warning',
    for: '5m',
    expression: `time() - max(${reconcilers('insi_reconciler_last_success_timestamp_seconds')}) > 300`,
    summary: 'The reconciler has not seen cluster and StatefulSet together for {{ $value | humanizeDuration }}.',
    advice:
      'The cluster works without it; only scaling and the replacement of lost disks wait. Its log has the reason: no leader, no API server, or a missing right.',
    companions: ['InsiReconcilerApiErrors', 'InsiNoLeader', 'InsiVoterCountMismatch'],
    cases: [
      {
        when: 'passes have failed for a quarter of an hour',
        series: [ofReconciler('insi_reconciler_last_success_timestamp_seconds', '0 60 120x30')],
        pendingAtMinute: 10,
        atMinute: 20,
        fires: [{ labels: {}, summary: 'The reconciler has not seen cluster and StatefulSet together for 18m 0s.' }],
      },
      {
        when: 'one of two is idle, and the other works',
        series: [
          ofReconciler('insi_reconciler_last_success_timestamp_seconds', '0+60x30'),
          onPod('insi_reconciler_last_success_timestamp_seconds', 'RELEASE-reconciler-idle', lasting(0, 30)),
        ],
        atMinute: 20,
        fires: [],
      },
      {
        when: 'the API server was away for five minutes',
        series: [ofReconciler('insi_reconciler_last_success_timestamp_seconds', '0 0 0 0 0 0 0+60x1 480+60x30')],
        atMinute: 12,
        fires: [],
      },
    ],
  },
  {
    name: 'InsiReconcilerAbsent',
    severity: 'warning',
    for: '15m',
    expression: `absent(${reconcilers('insi_reconciler_build_info')})`,
    summary: 'The reconciler does not run, or is not scraped.',
    advice:
      'The cluster works without it; only scaling and the replacement of lost disks wait. See `kubectl get deploy`.',
    companions: ['InsiMetricsAbsent', 'InsiVoterCountMismatch'],
    cases: [
      {
        when: 'its pod is gone',
        series: [ofReconciler('insi_reconciler_build_info', '1 1 stale')],
        pendingAtMinute: 10,
        atMinute: 20,
        fires: [{ labels: { namespace: 'NAMESPACE' }, summary: 'The reconciler does not run, or is not scraped.' }],
      },
      {
        when: 'a drained machine moved it within ten minutes',
        series: [
          ofReconciler('insi_reconciler_build_info', '1 1 stale'),
          onPod('insi_reconciler_build_info', 'RELEASE-reconciler-other', `${lasting('_', 10)} ${lasting(1, 30)}`),
        ],
        atMinute: 22,
        fires: [],
      },
    ],
  },
  {
    name: 'InsiReconcilerApiErrors',
    severity: 'warning',
    for: '15m',
    expression: `sum(rate(${reconcilers('insi_reconciler_api_errors_total')}[5m])) > 0.05`,
    summary: 'Requests of the reconciler to the API server keep failing.',
    advice: 'Its log names request and status; a 403 means that the Role of the chart was changed or is not bound.',
    companions: ['InsiReconcilerStalled'],
    cases: [
      {
        when: 'a right is missing',
        series: [ofReconciler('insi_reconciler_api_errors_total', growing(6, 40), 'code="403",verb="patch"')],
        pendingAtMinute: 10,
        atMinute: 25,
        fires: [{ labels: {}, summary: 'Requests of the reconciler to the API server keep failing.' }],
      },
      {
        when: 'some requests failed while the API server was upgraded',
        series: [ofReconciler('insi_reconciler_api_errors_total', '0+6x5 30x30', 'code="none",verb="get"')],
        atMinute: 25,
        fires: [],
      },
    ],
  },
  {
    name: 'InsiReconcilerRunaway',
    severity: 'warning',
    for: '0m',
    expression: `sum(increase(${reconcilers('insi_reconciler_actions_total')}[30m])) > 30`,
    summary: 'The reconciler has changed the membership {{ $value | humanize }} times within half an hour.',
    advice:
      'It or the pods go back and forth. Pause it (`kubectl annotate statefulset RELEASE insi.io/paused=true`) and read its Events.',
    companions: ['InsiRestartLoop', 'InsiLearnerStuck', 'InsiVoterCountMismatch'],
    cases: [
      {
        when: 'it makes two changes a minute',
        series: [ofReconciler('insi_reconciler_actions_total', growing(2, 60), 'action="add",result="done"')],
        atMinute: 45,
        fires: [{ labels: {}, summary: 'The reconciler has changed the membership 60 times within half an hour.' }],
      },
      {
        when: 'the cluster grows from three to five and shrinks again',
        series: [ofReconciler('insi_reconciler_actions_total', '0 2 4 4 4 6 8 10x40', 'action="add",result="done"')],
        atMinute: 20,
        fires: [],
      },
    ],
  },
  {
    name: 'InsiVoterCountMismatch',
    severity: 'warning',
    for: '15m',
    // The leader's view; a node that is cut off may hold an old one. kube-state-metrics or the reconciler says what is wanted.
    expression:
      `max(${ours('insi_raft_members', 'role="voter"')} and on (pod) max by (pod) (${ours('insi_raft_is_leader')}) == 1)` +
      ` != (max(${REPLICAS} or ${reconcilers('insi_reconciler_voters_wanted')} and on (pod) max by (pod) (${reconcilers('insi_reconciler_is_lease_holder')}) == 1) > 0)`,
    summary: 'The cluster has {{ $value }} voters, and the StatefulSet wants another number.',
    advice:
      'A member waits to join or to be removed. `kubectl get events` on the StatefulSet tells which step was refused, and why.',
    companions: ['InsiLearnerStuck', 'InsiMemberMissing', 'InsiReconcilerStalled', 'InsiReconcilerAbsent'],
    cases: [
      {
        when: 'a fourth and fifth pod are wanted and never join',
        series: [...voters('3x60'), wantedNodes('3 3 5x60')],
        pendingAtMinute: 10,
        atMinute: 25,
        fires: [{ labels: {}, summary: 'The cluster has 3 voters, and the StatefulSet wants another number.' }],
      },
      {
        when: 'only the reconciler knows what is wanted',
        series: [
          ...voters('5x60'),
          ofReconciler('insi_reconciler_voters_wanted', '5 3x60'),
          ofReconciler('insi_reconciler_is_lease_holder', ALWAYS_1),
        ],
        atMinute: 25,
        fires: [{ labels: {}, summary: 'The cluster has 5 voters, and the StatefulSet wants another number.' }],
      },
      {
        when: 'a second reconciler that only waits remembers another number',
        series: [
          ...voters('3x60'),
          ofReconciler('insi_reconciler_voters_wanted', '3x60'),
          ofReconciler('insi_reconciler_is_lease_holder', ALWAYS_1),
          onPod('insi_reconciler_voters_wanted', 'RELEASE-reconciler-idle', '5x60'),
          onPod('insi_reconciler_is_lease_holder', 'RELEASE-reconciler-idle', lasting(0, 60)),
        ],
        atMinute: 25,
        fires: [],
      },
      {
        when: 'a node that is cut off remembers more voters',
        series: [
          ...onNodes('insi_raft_members', ['3x60', '3x60', '3x60', '5x60'], 'role="voter"'),
          ...onNodes('insi_raft_is_leader', [ALWAYS_1, lasting(0, 60), lasting(0, 60), lasting(0, 60)]),
          wantedNodes('3x60'),
        ],
        atMinute: 25,
        fires: [],
      },
      {
        when: 'the cluster is asleep: no replica is wanted, and no member is removed',
        series: [...voters('3x60'), wantedNodes('0x60')],
        atMinute: 25,
        fires: [],
      },
    ],
  },
  {
    name: 'InsiBackupTooOld',
    severity: 'warning',
    for: '30m',
    // A day, and two hours for one that runs long. Without a backup job the series is 0.
    expression: `time() - (max(${reconcilers('insi_reconciler_backup_last_success_timestamp_seconds')}) > 0) > 93600`,
    summary: 'No backup has succeeded for {{ $value | humanizeDuration }}.',
    advice:
      'Every backup counts that was made and restored as a drill. `kubectl get jobs` shows which part fails, and the log of its pod why.',
    companions: ['InsiNoLeader', 'InsiReconcilerApiErrors'],
    cases: [
      {
        when: 'the job fails every night',
        series: [ofReconciler('insi_reconciler_backup_last_success_timestamp_seconds', lasting(60, 2_000))],
        pendingAtMinute: 1_575,
        atMinute: 1_700,
        fires: [{ labels: {}, summary: 'No backup has succeeded for 1d 4h 19m 0s.' }],
      },
      {
        when: 'it succeeds every night, and takes an hour',
        series: [
          ofReconciler(
            'insi_reconciler_backup_last_success_timestamp_seconds',
            `${lasting(60, 1_440 + 60)} ${lasting(90_000, 500)}`,
          ),
        ],
        atMinute: 1_700,
        fires: [],
      },
      {
        when: 'there is no such job',
        series: [ofReconciler('insi_reconciler_backup_last_success_timestamp_seconds', lasting(0, 2_000))],
        atMinute: 1_700,
        fires: [],
      },
    ],
  },
]
