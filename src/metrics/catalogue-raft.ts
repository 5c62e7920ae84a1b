// The series of replication: role, log, proposals, reads, peers.
import { DISK_BUCKETS_SECONDS, ROUND_BUCKETS_SECONDS, SNAPSHOT_BUCKETS_SECONDS } from './series.ts'
import type { SeriesTable } from './series.ts'

const BATCH_BUCKETS_ENTRIES = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024] as const

const ROLE_SERIES = {
  insi_raft_role: {
    type: 'gauge',
    unit: 'none',
    labels: ['role'],
    help: '1 for the role that the node has now, 0 for the others.',
  },
  insi_raft_is_leader: { type: 'gauge', unit: 'none', labels: [], help: '1 while the node leads.' },
  insi_raft_has_leader: { type: 'gauge', unit: 'none', labels: [], help: '1 while the node knows a leader.' },
  insi_raft_term: { type: 'gauge', unit: 'none', labels: [], help: 'Current term.' },
  insi_raft_commit_index: { type: 'gauge', unit: 'none', labels: [], help: 'Highest index known to be committed.' },
  insi_raft_applied_index: { type: 'gauge', unit: 'none', labels: [], help: 'Highest index applied to the state.' },
  insi_raft_last_index: { type: 'gauge', unit: 'none', labels: [], help: 'Last index in the log.' },
  insi_raft_membership_index: {
    type: 'gauge',
    unit: 'none',
    labels: [],
    help: 'Index of the entry that the membership in force comes from.',
  },
  insi_topology_generation: {
    type: 'gauge',
    unit: 'none',
    labels: [],
    help: 'Generation of the cluster.yaml by which the node looks for its peers; 0 when it has none.',
  },
  insi_raft_quarantined: {
    type: 'gauge',
    unit: 'none',
    labels: [],
    help: '1 when the node serves nothing because its data is damaged.',
  },
  insi_raft_bootstrap_refused: {
    type: 'gauge',
    unit: 'none',
    labels: [],
    help: '1 while the default leader has an empty data directory and begins no cluster, because there may be one already.',
  },
  insi_raft_members: {
    type: 'gauge',
    unit: 'count',
    labels: ['role'],
    help: 'Members of the cluster, `voter` or `learner`, as this node knows them.',
  },
  insi_raft_quorum_margin: {
    type: 'gauge',
    unit: 'count',
    labels: [],
    help: 'On the leader: voters that may still be lost without losing the quorum. NaN elsewhere.',
  },
  insi_raft_peer_lag_entries: {
    type: 'gauge',
    unit: 'entries',
    labels: ['peer'],
    help: 'On the leader: entries that the log of each peer is behind its own.',
  },
  insi_raft_peer_active: {
    type: 'gauge',
    unit: 'none',
    labels: ['peer'],
    help: 'On the leader: 1 for each peer that it heard from within an election timeout.',
  },
  insi_raft_role_changes_total: {
    type: 'counter',
    unit: 'count',
    labels: [],
    help: 'Changes of role, term or leader.',
  },
  insi_raft_leader_changes_total: {
    type: 'counter',
    unit: 'count',
    labels: [],
    help: 'Times that the node learned of a leader other than the one before.',
  },
  insi_raft_elections_total: { type: 'counter', unit: 'count', labels: [], help: 'Campaigns begun by this node.' },
} as const satisfies SeriesTable

const WRITE_SERIES = {
  insi_write_phase_duration_seconds: {
    type: 'histogram',
    unit: 'seconds',
    labels: ['phase'],
    buckets: DISK_BUCKETS_SECONDS,
    help:
      "On the leader: how long writes are in each phase. `queue`: until the leader's turn; `append`: into its log in memory; `fsync`: from " +
      'there until its own disk has them; `replicate`: from there, at the same time, until a majority has them; `apply`: until they have their result.',
  },
  insi_proposals_total: {
    type: 'counter',
    unit: 'requests',
    labels: ['outcome'],
    help: 'Writes of this node by how they ended.',
  },
  insi_proposals_pending: {
    type: 'gauge',
    unit: 'requests',
    labels: [],
    help: 'Writes that wait on this node for their fate, those of other nodes included.',
  },
  insi_proposal_batch_entries: {
    type: 'histogram',
    unit: 'entries',
    labels: [],
    buckets: BATCH_BUCKETS_ENTRIES,
    help: 'Proposals that the leader appended at once.',
  },
  insi_proposal_batch_bytes_total: {
    type: 'counter',
    unit: 'bytes',
    labels: [],
    help: 'Bytes of proposals that the leader appended.',
  },
  insi_forwarded_proposals_total: {
    type: 'counter',
    unit: 'requests',
    labels: [],
    help: 'Writes that this node handed to the leader.',
  },
  insi_read_rounds_total: {
    type: 'counter',
    unit: 'count',
    labels: ['result'],
    help: 'Rounds of read barriers, `confirmed` or `failed`.',
  },
  insi_read_round_reads_total: {
    type: 'counter',
    unit: 'requests',
    labels: [],
    help: 'Reads that waited for a round.',
  },
  insi_read_round_duration_seconds: {
    type: 'histogram',
    unit: 'seconds',
    labels: [],
    buckets: ROUND_BUCKETS_SECONDS,
    help: 'Time for one round of read barriers.',
  },
  insi_reads_pending: { type: 'gauge', unit: 'requests', labels: [], help: 'Reads that wait for their barrier.' },
} as const satisfies SeriesTable

const PEER_SERIES = {
  insi_snapshots_total: {
    type: 'counter',
    unit: 'count',
    labels: ['direction', 'result'],
    help: 'Snapshots `sent` or `installed`, `ok` or `failed`.',
  },
  insi_snapshot_bytes_total: {
    type: 'counter',
    unit: 'bytes',
    labels: ['direction'],
    help: 'Bytes of snapshots sent or installed.',
  },
  insi_snapshot_duration_seconds: {
    type: 'histogram',
    unit: 'seconds',
    labels: ['direction'],
    buckets: SNAPSHOT_BUCKETS_SECONDS,
    help: 'Time to send or install one snapshot, from its first chunk on.',
  },
  insi_peer_bytes_total: {
    type: 'counter',
    unit: 'bytes',
    labels: ['direction'],
    help: 'Bytes `sent` to and `received` from other nodes, before encryption.',
  },
  insi_peer_messages_total: {
    type: 'counter',
    unit: 'count',
    labels: ['direction'],
    help: 'Frames `sent` to and `received` from other nodes.',
  },
  insi_peer_rtt_seconds: {
    type: 'gauge',
    unit: 'seconds',
    labels: ['peer'],
    help: 'How long the last ping took to each connected node and back, the event loops of both included; about one a second is sent.',
  },
  insi_peer_clock_skew_seconds: {
    type: 'gauge',
    unit: 'seconds',
    labels: ['peer'],
    help: 'How far the clock of each connected node is ahead of this one, at the last ping, to within half the round trip.',
  },
  insi_peer_dials_failed_total: {
    type: 'counter',
    unit: 'count',
    labels: [],
    help: 'Connections to other nodes that could not be made.',
  },
  insi_peer_refused_total: {
    type: 'counter',
    unit: 'count',
    labels: ['reason'],
    help: 'Connections of peers that were refused or given up, by reason.',
  },
  insi_peer_messages_dropped_total: {
    type: 'counter',
    unit: 'count',
    labels: ['reason'],
    help: 'Messages between nodes that were dropped: `queue_full`, `unreachable` or `too_large` on the way out, `overloaded` on the way in.',
  },
} as const satisfies SeriesTable

export const RAFT_SERIES = { ...ROLE_SERIES, ...WRITE_SERIES, ...PEER_SERIES } as const satisfies SeriesTable
