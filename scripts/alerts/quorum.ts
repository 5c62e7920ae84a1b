// Alerts about leadership, quorum and membership.
import { growing, lasting, onNodes, onPod, ours } from './rule.ts'
import type { AlertRule } from './rule.ts'

const MINUTES = 40
const ALWAYS_1 = lasting(1, MINUTES)
const ALWAYS_0 = lasting(0, MINUTES)

const LEADERSHIP: readonly AlertRule[] = [
  {
    name: 'InsiNoLeader',
    severity: 'critical',
    for: '1m',
    // A cluster that was never founded has no term: see InsiNotFounded.
    expression: `max(${ours('insi_raft_has_leader')}) == 0 and max(${ours('insi_raft_term')}) > 0`,
    summary: 'No node leads: nothing can be written, and nothing can be read up to date.',
    advice: 'Most nodes must run and reach each other on the raft port. Bring pods back rather than removing disks.',
    companions: ['InsiErrorBudgetFast', 'InsiErrorBudgetSlow', 'InsiLatencyHigh', 'InsiNodeDown', 'InsiMemberMissing'],
    cases: [
      {
        when: 'two of three are gone',
        series: [
          ...onNodes('insi_raft_has_leader', ['1 1 0x20', '1 1 stale', '1 1 stale']),
          ...onNodes('insi_raft_term', ['4x22', '4 4 stale', '4 4 stale']),
        ],
        pendingAtMinute: 2,
        atMinute: 4,
        fires: [{ labels: {}, summary: 'No node leads: nothing can be written, and nothing can be read up to date.' }],
      },
      {
        when: 'an election ended between two scrapes',
        series: [
          ...onNodes('insi_raft_has_leader', ['1 1 0 1x20', '1 1 0 1x20', '1 1 0 1x20']),
          ...onNodes('insi_raft_term', ['4x22', '4x22', '4x22']),
        ],
        atMinute: 3,
        fires: [],
      },
      {
        when: 'the leader is not scraped, and the others know it',
        series: [...onNodes('insi_raft_has_leader', [null, ALWAYS_1]), ...onNodes('insi_raft_term', [null, '4x40'])],
        atMinute: 10,
        fires: [],
      },
      {
        when: 'a fresh install waits for its other pods',
        series: [...onNodes('insi_raft_has_leader', [ALWAYS_0]), ...onNodes('insi_raft_term', [ALWAYS_0])],
        atMinute: 10,
        fires: [],
      },
    ],
  },
  {
    name: 'InsiNotFounded',
    severity: 'warning',
    for: '15m',
    expression: `max(${ours('insi_raft_term')}) == 0`,
    summary: 'Pods run, but there is no cluster: none was founded within a quarter of an hour.',
    advice:
      'A majority of the nodes must run with empty disks, RELEASE-0 among them, and reach each other on the raft port.',
    companions: ['InsiBootstrapRefused'],
    cases: [
      {
        when: 'only one of three pods could be scheduled',
        series: onNodes('insi_raft_term', [ALWAYS_0]),
        pendingAtMinute: 10,
        atMinute: 20,
        fires: [
          {
            labels: {},
            summary: 'Pods run, but there is no cluster: none was founded within a quarter of an hour.',
          },
        ],
      },
      {
        when: 'images are pulled for ten minutes',
        series: onNodes('insi_raft_term', [`${lasting(0, 10)} 1x30`, `${lasting('_', 10)} 1x30`]),
        atMinute: 20,
        fires: [],
      },
      {
        when: 'a node with a new disk has no term yet, and the others have one',
        series: onNodes('insi_raft_term', ['9x40', ALWAYS_0, '9x40']),
        atMinute: 30,
        fires: [],
      },
    ],
  },
  {
    name: 'InsiTwoLeaders',
    severity: 'critical',
    for: '3m',
    expression: `count(max by (pod) (${ours('insi_raft_is_leader')}) == 1) > 1`,
    summary: 'Two nodes have said for minutes that they lead.',
    advice:
      'Writes are safe as long as their terms differ: only the one with a majority can commit. A cut network or a stopped clock looks like this, and so does a second cluster.',
    companions: ['InsiSplitBrainSuspected', 'InsiQuorumMarginZero'],
    cases: [
      {
        when: 'an old leader does not notice that it was replaced',
        series: onNodes('insi_raft_is_leader', [ALWAYS_1, `0 0 1x30`, ALWAYS_0]),
        pendingAtMinute: 4,
        atMinute: 8,
        fires: [{ labels: {}, summary: 'Two nodes have said for minutes that they lead.' }],
      },
      {
        when: 'scrapes around a change of leaders see both',
        series: onNodes('insi_raft_is_leader', ['1 1 1 0x30', '0 0 1 1x30', ALWAYS_0]),
        atMinute: 6,
        fires: [],
      },
      {
        when: 'a pod is scraped by two monitors',
        series: [
          onPod('insi_raft_is_leader', 'RELEASE-0', ALWAYS_1, 'job="a"'),
          onPod('insi_raft_is_leader', 'RELEASE-0', ALWAYS_1, 'job="b"'),
        ],
        atMinute: 10,
        fires: [],
      },
    ],
  },
  {
    name: 'InsiSplitBrainSuspected',
    severity: 'critical',
    for: '0m',
    expression: `count_values("term", max by (pod) (${ours('insi_raft_term')}) and on (pod) max by (pod) (${ours('insi_raft_is_leader')}) == 1) > 1`,
    summary: 'Two nodes lead in term {{ $labels.term }}: there are two clusters, or one has voted twice.',
    advice:
      'This must never happen. Stop writing, keep every disk as it is, and find out which nodes belong to which cluster before anything else.',
    companions: ['InsiTwoLeaders'],
    cases: [
      {
        when: 'two nodes lead in the same term',
        series: [
          ...onNodes('insi_raft_is_leader', [ALWAYS_1, ALWAYS_1, ALWAYS_0]),
          ...onNodes('insi_raft_term', ['7x40', '7x40', '7x40']),
        ],
        atMinute: 1,
        fires: [
          {
            labels: { term: '7' },
            summary: 'Two nodes lead in term 7: there are two clusters, or one has voted twice.',
          },
        ],
      },
      {
        when: 'an old leader of an older term is still seen',
        series: [
          ...onNodes('insi_raft_is_leader', [ALWAYS_1, ALWAYS_1, ALWAYS_0]),
          ...onNodes('insi_raft_term', ['7x40', '8x40', '8x40']),
        ],
        atMinute: 10,
        fires: [],
      },
    ],
  },
  {
    name: 'InsiLeaderChanges',
    severity: 'warning',
    for: '5m',
    expression: `max(increase(${ours('insi_raft_leader_changes_total')}[15m])) > 4`,
    summary: 'Leadership does not settle; each change stops writes for a moment.',
    advice:
      'Slow disks, starved CPUs and a lossy network are the usual causes: look at the latency of fsync and of the event loop.',
    companions: ['InsiFsyncSlow', 'InsiEventLoopSlow'],
    cases: [
      {
        when: 'the leader changes every second minute',
        series: onNodes('insi_raft_leader_changes_total', ['0 0 1 1 2 2 3 3 4 4 5 5 6 6 7 7 8 8 9 9 10 10']),
        pendingAtMinute: 11,
        atMinute: 20,
        fires: [{ labels: {}, summary: 'Leadership does not settle; each change stops writes for a moment.' }],
      },
      {
        when: 'a rolling restart sets the counters of all back, and each sees few changes',
        series: onNodes('insi_raft_leader_changes_total', [
          '12 12 12 12 13 13 13 1x20',
          '12 12 12 12 1x23',
          '12 12 1x25',
        ]),
        atMinute: 15,
        fires: [],
      },
    ],
  },
]

const MEMBERSHIP: readonly AlertRule[] = [
  {
    name: 'InsiQuorumMarginZero',
    severity: 'critical',
    for: '5m',
    // Two voters have no margin on their best day.
    expression: `max(${ours('insi_raft_quorum_margin')}) == 0 and max(${ours('insi_raft_members', 'role="voter"')}) > 2`,
    summary: 'The loss of one more node would stop all writes.',
    advice:
      'Find the voter that is away (`insic cluster status`) and bring its pod back before anything else is restarted.',
    companions: ['InsiNodeDown', 'InsiMemberMissing', 'InsiNodeIsolated', 'InsiDiskStalled', 'InsiNodeQuarantined'],
    cases: [
      {
        when: 'one of three is away, and its series with it',
        series: [
          ...onNodes('insi_raft_quorum_margin', [lasting('NaN', 12), '1 1 0x20', '_']),
          ...onNodes('insi_raft_members', ['3x20', '3x20', '3 3 stale'], 'role="voter"'),
        ],
        pendingAtMinute: 5,
        atMinute: 8,
        fires: [{ labels: {}, summary: 'The loss of one more node would stop all writes.' }],
      },
      {
        when: 'a pod is replaced within three minutes',
        series: [
          ...onNodes('insi_raft_quorum_margin', ['1 1 0 0 0 1x20']),
          ...onNodes('insi_raft_members', ['3x20'], 'role="voter"'),
        ],
        atMinute: 6,
        fires: [],
      },
      {
        when: 'two nodes are all that is wanted',
        series: [
          ...onNodes('insi_raft_quorum_margin', [ALWAYS_0, lasting('NaN', 20)]),
          ...onNodes('insi_raft_members', ['2x20', '2x20'], 'role="voter"'),
        ],
        atMinute: 15,
        fires: [],
      },
      {
        when: 'there is one node',
        series: [
          ...onNodes('insi_raft_quorum_margin', [ALWAYS_0]),
          ...onNodes('insi_raft_members', ['1x20'], 'role="voter"'),
        ],
        atMinute: 15,
        fires: [],
      },
    ],
  },
  {
    name: 'InsiLearnerStuck',
    severity: 'warning',
    for: '30m',
    expression: `max(${ours('insi_raft_members', 'role="learner"')}) > 0`,
    summary: 'A member has been without a vote for half an hour.',
    advice:
      'Until it votes it adds nothing to availability. `insic cluster members` tells which one and how far behind it is.',
    companions: ['InsiNodeDown', 'InsiMemberMissing', 'InsiVoterCountMismatch'],
    cases: [
      {
        when: 'a learner never catches up',
        series: onNodes('insi_raft_members', ['0 0 1x38', '0 0 1x38'], 'role="learner"'),
        pendingAtMinute: 20,
        atMinute: 35,
        fires: [{ labels: {}, summary: 'A member has been without a vote for half an hour.' }],
      },
      {
        when: 'it takes twenty minutes',
        series: onNodes('insi_raft_members', [`0 0 ${lasting(1, 20)} ${lasting(0, 20)}`], 'role="learner"'),
        atMinute: 35,
        fires: [],
      },
    ],
  },
  {
    name: 'InsiFollowerLag',
    severity: 'warning',
    for: '5m',
    expression: `max by (peer) (${ours('insi_raft_peer_lag_entries')}) > 10000 and on (peer) max by (peer) (${ours('insi_raft_peer_active')}) == 1`,
    summary: 'The log of {{ $labels.peer }} is {{ $value }} entries behind the leader.',
    advice: 'A node that lags cannot take over, and its reads wait. Look at its disk and CPU.',
    companions: ['InsiFsyncSlow', 'InsiEventLoopSlow', 'InsiApplyLag', 'InsiDiskStalled'],
    cases: [
      {
        when: 'a peer that answers falls behind',
        series: [
          onPod('insi_raft_peer_lag_entries', 'RELEASE-0', '0 0 20000x20', 'peer="RELEASE-2"'),
          onPod('insi_raft_peer_active', 'RELEASE-0', ALWAYS_1, 'peer="RELEASE-2"'),
        ],
        pendingAtMinute: 5,
        atMinute: 8,
        fires: [{ labels: { peer: 'RELEASE-2' }, summary: 'The log of RELEASE-2 is 20000 entries behind the leader.' }],
      },
      {
        when: 'the peer is down: another alert says so',
        series: [
          onPod('insi_raft_peer_lag_entries', 'RELEASE-0', '0 0 20000x20', 'peer="RELEASE-2"'),
          onPod('insi_raft_peer_active', 'RELEASE-0', '1 1 0x20', 'peer="RELEASE-2"'),
        ],
        atMinute: 8,
        fires: [],
      },
      {
        when: 'a peer came back and catches up within minutes',
        series: [
          onPod('insi_raft_peer_lag_entries', 'RELEASE-0', '30000 25000 15000 5000 0x20', 'peer="RELEASE-2"'),
          onPod('insi_raft_peer_active', 'RELEASE-0', ALWAYS_1, 'peer="RELEASE-2"'),
        ],
        atMinute: 6,
        fires: [],
      },
    ],
  },
  {
    name: 'InsiApplyLag',
    severity: 'warning',
    for: '5m',
    expression: `max by (pod) (${ours('insi_raft_commit_index')}) - max by (pod) (${ours('insi_raft_applied_index')}) > 10000`,
    summary: '{{ $labels.pod }} has not applied {{ $value }} entries that are committed.',
    advice: 'Its reads wait. Look at the duration of applying batches, at its CPU limit and at its disk.',
    companions: ['InsiEventLoopSlow', 'InsiDiskStalled', 'InsiLatencyHigh'],
    cases: [
      {
        when: 'the state falls behind the log',
        series: [
          ...onNodes('insi_raft_commit_index', [growing(20_000, 20), growing(20_000, 20)]),
          ...onNodes('insi_raft_applied_index', [growing(20_000, 20), growing(10_000, 20)]),
        ],
        pendingAtMinute: 5,
        atMinute: 10,
        fires: [
          {
            labels: { pod: 'RELEASE-1' },
            summary: 'RELEASE-1 has not applied 100000 entries that are committed.',
          },
        ],
      },
      {
        when: 'a node that was replaced starts from an index of its own',
        series: [
          ...onNodes('insi_raft_commit_index', ['500000x5 0 500000x20']),
          ...onNodes('insi_raft_applied_index', ['500000x5 0 500000x20']),
        ],
        atMinute: 12,
        fires: [],
      },
    ],
  },
]

export const QUORUM_ALERTS: readonly AlertRule[] = [...LEADERSHIP, ...MEMBERSHIP]
