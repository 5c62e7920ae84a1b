// What is read of a node when it is scraped, and how it becomes series.
import { DROP_REASONS, QUOTA_RESOURCES, ROLES } from './catalogue.ts'
import type { MetricsRegistry } from './registry.ts'

const MS_PER_SECOND = 1_000

type ByResource = Readonly<Record<(typeof QUOTA_RESOURCES)[number], number>>

/** Replication as it is now. */
export interface ReplicaSample {
  readonly role: string
  readonly term: number
  readonly leaderKnown: boolean
  readonly commitIndex: number
  readonly appliedIndex: number
  readonly lastIndex: number
  readonly quarantined: boolean
  readonly bootstrapRefused: boolean
  readonly membershipIndex: number
  readonly topologyGeneration: number
  readonly voterCount: number
  readonly learnerCount: number
  /** Null when this node does not lead. */
  readonly quorumMargin: number | null
  /** On the leader: how many entries each peer's log is behind, and whether it is heard; empty elsewhere. */
  readonly peers: readonly { readonly nodeId: string; readonly lagEntries: number; readonly active: boolean }[]
  readonly pendingProposalCount: number
  readonly pendingReadCount: number
  readonly logEntryCount: number
  readonly logSizeBytes: number
  readonly diskStalledMs: number
}

/** Counts since the process began, and what the last ping told, by node id. */
interface PeerSample {
  readonly roundTripsMs: ReadonlyMap<string, number>
  readonly clockSkewsMs: ReadonlyMap<string, number>
  readonly sentBytes: number
  readonly receivedBytes: number
  readonly sentFrames: number
  readonly receivedFrames: number
  readonly dialsFailed: number
  readonly droppedQueueFull: number
  readonly droppedUnreachable: number
  readonly droppedTooLarge: number
  readonly refused: Readonly<Record<string, number>>
}

export interface TenantSample {
  /** Null: not known yet. */
  readonly cacheEntryCount: number | null
  readonly subscriberCount: number
  readonly watcherCount: number
  /** Counts since the process began. */
  readonly appliedEventCount: number
  readonly sentFrameCount: number
  readonly slowSubscriberCount: number
  readonly reads: Readonly<Record<'value' | 'cache', { readonly hits: number; readonly misses: number }>>
  readonly usage: {
    readonly activeCount: number
    readonly deletingCount: number
    readonly sums: ByResource
    readonly evictions: number
    readonly ratioMax: ByResource
    readonly nearQuotaCount: ByResource
  }
}

interface StoreSample {
  readonly tableCount: number
  readonly tablesSizeBytes: number
  readonly compactionSeconds: number
  readonly compactionReadBytes: number
  readonly compactionWrittenBytes: number
}

export interface NodeSample {
  readonly replica: ReplicaSample
  readonly peers: PeerSample
  readonly tenants: TenantSample
  /** Open connections of each listener. */
  readonly connections: Readonly<Record<string, number>>
  /** Null when the state is in no files. */
  readonly store: StoreSample | null
  /** Null when the file system does not say. */
  readonly disk: { readonly freeBytes: number; readonly sizeBytes: number } | null
}

/** Makes the series say what `sample` says. `overloadedCount`: messages of peers dropped on the way in. */
export function writeSample(series: MetricsRegistry, sample: NodeSample, overloadedCount: number): void {
  writeReplica(series, sample.replica)
  writePeers(series, sample.peers, overloadedCount)
  writeTenants(series, sample.tenants)
  if (sample.store !== null) writeStore(series, sample.store)
  for (const [listener, count] of Object.entries(sample.connections)) {
    series.gauge('insi_http_connections').set({ listener }, count)
  }
  series.gauge('insi_disk_free_bytes').set(sample.disk?.freeBytes ?? Number.NaN)
  series.gauge('insi_disk_size_bytes').set(sample.disk?.sizeBytes ?? Number.NaN)
}

function writeReplica(series: MetricsRegistry, sample: ReplicaSample): void {
  for (const role of ROLES) series.gauge('insi_raft_role').set({ role }, role === sample.role ? 1 : 0)
  series.gauge('insi_raft_is_leader').set(sample.role === 'leader' ? 1 : 0)
  series.gauge('insi_raft_has_leader').set(sample.leaderKnown ? 1 : 0)
  series.gauge('insi_raft_term').set(sample.term)
  series.gauge('insi_raft_commit_index').set(sample.commitIndex)
  series.gauge('insi_raft_applied_index').set(sample.appliedIndex)
  series.gauge('insi_raft_last_index').set(sample.lastIndex)
  series.gauge('insi_raft_membership_index').set(sample.membershipIndex)
  series.gauge('insi_topology_generation').set(sample.topologyGeneration)
  series.gauge('insi_raft_quarantined').set(sample.quarantined ? 1 : 0)
  series.gauge('insi_raft_bootstrap_refused').set(sample.bootstrapRefused ? 1 : 0)
  series.gauge('insi_raft_members').set({ role: 'voter' }, sample.voterCount)
  series.gauge('insi_raft_members').set({ role: 'learner' }, sample.learnerCount)
  series.gauge('insi_raft_quorum_margin').set(sample.quorumMargin ?? Number.NaN)
  const lag = series.gauge('insi_raft_peer_lag_entries')
  const active = series.gauge('insi_raft_peer_active')
  lag.reset()
  active.reset()
  for (const { nodeId: peer, lagEntries, active: isActive } of sample.peers) {
    lag.set({ peer }, lagEntries)
    active.set({ peer }, isActive ? 1 : 0)
  }
  series.gauge('insi_proposals_pending').set(sample.pendingProposalCount)
  series.gauge('insi_reads_pending').set(sample.pendingReadCount)
  series.gauge('insi_log_entries').set(sample.logEntryCount)
  series.gauge('insi_log_size_bytes').set(sample.logSizeBytes)
  series.gauge('insi_disk_stalled_seconds').set(sample.diskStalledMs / MS_PER_SECOND)
}

function writeStore(series: MetricsRegistry, sample: StoreSample): void {
  series.gauge('insi_state_tables').set(sample.tableCount)
  series.gauge('insi_state_tables_bytes').set(sample.tablesSizeBytes)
  const seconds = series.counter('insi_state_compaction_seconds_total')
  const bytes = series.counter('insi_state_compaction_bytes_total')
  seconds.reset()
  bytes.reset()
  seconds.inc(sample.compactionSeconds)
  bytes.inc({ direction: 'read' }, sample.compactionReadBytes)
  bytes.inc({ direction: 'written' }, sample.compactionWrittenBytes)
}

function writePeers(series: MetricsRegistry, sample: PeerSample, overloadedCount: number): void {
  const bytes = series.counter('insi_peer_bytes_total')
  const messages = series.counter('insi_peer_messages_total')
  const dials = series.counter('insi_peer_dials_failed_total')
  const refused = series.counter('insi_peer_refused_total')
  const dropped = series.counter('insi_peer_messages_dropped_total')
  for (const counter of [bytes, messages, dials, refused, dropped]) counter.reset()
  bytes.inc({ direction: 'sent' }, sample.sentBytes)
  bytes.inc({ direction: 'received' }, sample.receivedBytes)
  messages.inc({ direction: 'sent' }, sample.sentFrames)
  messages.inc({ direction: 'received' }, sample.receivedFrames)
  dials.inc(sample.dialsFailed)
  const roundTrips = series.gauge('insi_peer_rtt_seconds')
  roundTrips.reset()
  for (const [peer, durationMs] of sample.roundTripsMs) roundTrips.set({ peer }, durationMs / MS_PER_SECOND)
  const skews = series.gauge('insi_peer_clock_skew_seconds')
  skews.reset()
  for (const [peer, skewMs] of sample.clockSkewsMs) skews.set({ peer }, skewMs / MS_PER_SECOND)
  for (const [reason, count] of Object.entries(sample.refused)) refused.inc({ reason }, count)
  const { droppedQueueFull, droppedUnreachable, droppedTooLarge } = sample
  const counts = [droppedQueueFull, droppedUnreachable, droppedTooLarge, overloadedCount]
  DROP_REASONS.forEach((reason, at) => dropped.inc({ reason }, counts[at] ?? 0))
}

function writeTenants(series: MetricsRegistry, sample: TenantSample): void {
  series.gauge('insi_event_subscribers').set(sample.subscriberCount)
  series.gauge('insi_watchers').set(sample.watcherCount)
  const counted = [
    ['insi_event_applied_total', sample.appliedEventCount],
    ['insi_event_frames_sent_total', sample.sentFrameCount],
    ['insi_event_subscribers_dropped_total', sample.slowSubscriberCount],
  ] as const
  for (const [name, count] of counted) {
    series.counter(name).reset()
    series.counter(name).inc(count)
  }
  const reads = series.counter('insi_key_reads_total')
  reads.reset()
  for (const [space, { hits, misses }] of Object.entries(sample.reads)) {
    reads.inc({ space, result: 'hit' }, hits)
    reads.inc({ space, result: 'miss' }, misses)
  }
  const { activeCount, deletingCount, evictions, nearQuotaCount, ratioMax, sums } = sample.usage
  series.gauge('insi_cache_entries').set(sample.cacheEntryCount ?? Number.NaN)
  series.gauge('insi_cache_evictions').set(evictions)
  series.gauge('insi_entities').set({ status: 'active' }, activeCount)
  series.gauge('insi_entities').set({ status: 'deleting' }, deletingCount)
  series.gauge('insi_entities_disk_bytes').set(sums.disk)
  series.gauge('insi_entities_memory_bytes').set(sums.memory)
  series.gauge('insi_entities_events').set(sums.events)
  series.gauge('insi_entities_subscribers').set(sums.subscribers)
  for (const resource of QUOTA_RESOURCES) {
    series.gauge('insi_entity_quota_usage_ratio_max').set({ resource }, ratioMax[resource])
    series.gauge('insi_entities_near_quota').set({ resource }, nearQuotaCount[resource])
  }
}
