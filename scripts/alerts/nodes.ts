// Alerts about nodes that are away: not running, not scraped, cut off.
import { REPLICAS, lasting, onNodes, onPod, ours, wantedNodes, reconcilers } from './rule.ts'
import type { AlertRule } from './rule.ts'

const ALWAYS_1 = lasting(1, 40)
const ALWAYS_0 = lasting(0, 40)
const UP = 'up'

export const NODE_ALERTS: readonly AlertRule[] = [
  {
    name: 'InsiMetricsAbsent',
    severity: 'critical',
    for: '5m',
    // Nothing is amiss where no node is wanted.
    expression: `absent(${ours('insi_build_info')}) unless on () max(${REPLICAS}) == 0`,
    summary: 'No node of the cluster is scraped: the other alerts cannot fire.',
    advice:
      'Either no pod runs, or Prometheus cannot reach the ops port: see networkPolicy.metrics and the labels of the monitor.',
    companions: ['InsiNodeDown', 'InsiReconcilerAbsent', 'InsiReconcilerStalled'],
    cases: [
      {
        when: 'every pod has vanished',
        series: [...onNodes('insi_build_info', ['1 1 stale', '1 1 stale', '1 1 stale']), wantedNodes('3x20')],
        pendingAtMinute: 5,
        atMinute: 8,
        fires: [
          {
            labels: { namespace: 'NAMESPACE' },
            summary: 'No node of the cluster is scraped: the other alerts cannot fire.',
          },
        ],
      },
      {
        when: 'nobody knows how many nodes are wanted',
        series: onNodes('insi_build_info', ['1 1 stale']),
        atMinute: 8,
        fires: [
          {
            labels: { namespace: 'NAMESPACE' },
            summary: 'No node of the cluster is scraped: the other alerts cannot fire.',
          },
        ],
      },
      { when: 'one node is scraped', series: onNodes('insi_build_info', [ALWAYS_1]), atMinute: 10, fires: [] },
      {
        when: 'the cluster was scaled to zero',
        series: [...onNodes('insi_build_info', ['1 1 stale']), wantedNodes('3 3 0x20')],
        atMinute: 15,
        fires: [],
      },
    ],
  },
  {
    name: 'InsiNodeDown',
    severity: 'warning',
    for: '5m',
    expression: `max by (pod) (${ours(UP)}) == 0`,
    summary: '{{ $labels.pod }} does not answer.',
    advice:
      'The others serve. Read `kubectl describe pod` and the log of the container before it ended (`kubectl logs -p`).',
    companions: ['InsiQuorumMarginZero', 'InsiVoterCountMismatch'],
    cases: [
      {
        when: 'one of three does not answer',
        series: onNodes(UP, [ALWAYS_1, '1 1 0x20', ALWAYS_1]),
        pendingAtMinute: 5,
        atMinute: 8,
        fires: [{ labels: { pod: 'RELEASE-1' }, summary: 'RELEASE-1 does not answer.' }],
      },
      {
        when: 'a pod is replaced within three minutes, at a new address',
        series: [
          onPod(UP, 'RELEASE-1', '1 1 0 0 stale', 'instance="10.0.0.1:9090"'),
          onPod(UP, 'RELEASE-1', `${lasting('_', 4)} 0 1x20`, 'instance="10.0.0.9:9090"'),
        ],
        atMinute: 8,
        fires: [],
      },
      {
        when: 'only /metrics/entities is not served',
        series: [
          onPod(UP, 'RELEASE-1', ALWAYS_1, 'endpoint="ops"'),
          onPod(UP, 'RELEASE-1', ALWAYS_0, 'endpoint="entities"'),
        ],
        atMinute: 10,
        fires: [],
      },
    ],
  },
  {
    name: 'InsiMemberMissing',
    severity: 'warning',
    for: '10m',
    // A pod that cannot be placed is no target: nothing is `down`.
    expression: `count(count by (pod) (${ours(UP)})) < max(${ours('insi_raft_members', 'role="voter"')})`,
    summary: 'The cluster has more voters than {{ $value }}, the pods that Prometheus knows.',
    advice:
      'A pod of a voter does not exist or has no machine: `kubectl get pods` shows which one is missing or Pending.',
    companions: ['InsiQuorumMarginZero', 'InsiVoterCountMismatch', 'InsiNoLeader'],
    cases: [
      {
        when: 'a pod cannot be placed and vanished from service discovery',
        series: [
          ...onNodes(UP, [ALWAYS_1, ALWAYS_1, '1 1 stale']),
          ...onNodes('insi_raft_members', ['3x40', '3x40', '3 3 stale'], 'role="voter"'),
        ],
        pendingAtMinute: 8,
        atMinute: 15,
        fires: [{ labels: {}, summary: 'The cluster has more voters than 2, the pods that Prometheus knows.' }],
      },
      {
        when: 'a node is down and still a target',
        series: [
          ...onNodes(UP, [ALWAYS_1, ALWAYS_1, '1 1 0x38']),
          ...onNodes('insi_raft_members', ['3x40', '3x40', '3 3 stale'], 'role="voter"'),
        ],
        atMinute: 20,
        fires: [],
      },
      {
        when: 'the cluster is scaled down, one voter after the other',
        series: [
          ...onNodes(UP, [ALWAYS_1, ALWAYS_1, ALWAYS_1, '1 1 1 1 stale', '1 1 stale']),
          ...onNodes('insi_raft_members', ['5 5 5 4 4 3x35'], 'role="voter"'),
        ],
        atMinute: 15,
        fires: [],
      },
    ],
  },
  {
    name: 'InsiNodeIsolated',
    severity: 'warning',
    for: '3m',
    expression:
      `max by (pod) (${ours('insi_raft_has_leader')}) == 0` +
      ` unless on (pod) max by (pod) (${ours('insi_raft_quarantined')}) == 1` +
      ` unless on (pod) max by (pod) (${ours('insi_raft_bootstrap_refused')}) == 1` +
      ` and on () max(${ours('insi_raft_has_leader')}) == 1`,
    summary: '{{ $labels.pod }} runs and knows no leader, and others do.',
    advice:
      'It cannot reach the others on the raft port, is refused by them, or waits to become a member. Its /readyz?verbose says which.',
    companions: ['InsiQuorumMarginZero', 'InsiVoterCountMismatch'],
    cases: [
      {
        when: 'the network of one node is cut, and Prometheus still reaches it',
        series: [
          ...onNodes('insi_raft_has_leader', [ALWAYS_1, ALWAYS_1, '1 1 0x30']),
          ...onNodes('insi_raft_quarantined', [ALWAYS_0, ALWAYS_0, ALWAYS_0]),
          ...onNodes('insi_raft_bootstrap_refused', [ALWAYS_0, ALWAYS_0, ALWAYS_0]),
        ],
        pendingAtMinute: 4,
        atMinute: 6,
        fires: [{ labels: { pod: 'RELEASE-2' }, summary: 'RELEASE-2 runs and knows no leader, and others do.' }],
      },
      {
        when: 'no node knows a leader: another alert says so',
        series: onNodes('insi_raft_has_leader', [ALWAYS_0, ALWAYS_0, ALWAYS_0]),
        atMinute: 10,
        fires: [],
      },
      {
        when: 'it is quarantined, or begins no cluster: other alerts say so',
        series: [
          ...onNodes('insi_raft_has_leader', [ALWAYS_0, ALWAYS_0, ALWAYS_1]),
          ...onNodes('insi_raft_quarantined', [ALWAYS_0, ALWAYS_1, ALWAYS_0]),
          ...onNodes('insi_raft_bootstrap_refused', [ALWAYS_1, ALWAYS_0, ALWAYS_0]),
        ],
        atMinute: 10,
        fires: [],
      },
      {
        when: 'a node starts and finds the others within a minute',
        series: onNodes('insi_raft_has_leader', [ALWAYS_1, ALWAYS_1, '_ _ 0 0 1x30']),
        atMinute: 6,
        fires: [],
      },
    ],
  },
  {
    name: 'InsiTopologyNotPropagated',
    severity: 'warning',
    for: '10m',
    expression: `max by (pod) (${ours('insi_topology_generation')}) < on () group_left () max(${ours('insi_topology_generation')} or ${reconcilers('insi_reconciler_topology_generation')})`,
    summary: '{{ $labels.pod }} works by generation {{ $value }} of the topology, and there is a newer one.',
    advice: 'It may look for its peers at old addresses. Push the newest cluster.yaml to it, or restart it.',
    companions: ['InsiNodeIsolated', 'InsiReconcilerStalled', 'InsiReconcilerAbsent'],
    cases: [
      {
        when: 'one node did not get the newest',
        series: onNodes('insi_topology_generation', ['4 4 5x30', '4 4 5x30', '4x32']),
        pendingAtMinute: 8,
        atMinute: 15,
        fires: [
          {
            labels: { pod: 'RELEASE-2' },
            summary: 'RELEASE-2 works by generation 4 of the topology, and there is a newer one.',
          },
        ],
      },
      {
        when: 'the reconciler made a newer one, and nobody has it',
        series: [
          ...onNodes('insi_topology_generation', ['4x32', null, null]),
          onPod('insi_reconciler_topology_generation', 'RELEASE-reconciler-5d8f-x2x', '4 4 5x30'),
        ],
        atMinute: 15,
        fires: [
          {
            labels: { pod: 'RELEASE-0' },
            summary: 'RELEASE-0 works by generation 4 of the topology, and there is a newer one.',
          },
        ],
      },
      {
        when: 'nobody has ever pushed one',
        series: onNodes('insi_topology_generation', [ALWAYS_0, ALWAYS_0, ALWAYS_0]),
        atMinute: 20,
        fires: [],
      },
      {
        when: 'one got it three minutes later',
        series: onNodes('insi_topology_generation', ['4 4 5x30', '4 4 4 4 4 5x30']),
        atMinute: 14,
        fires: [],
      },
    ],
  },
]
