// What a replica reports about its work. The replica declares the port that this fits; neither imports the other.
import type { MetricsRegistry } from './registry.ts'

const MS_PER_SECOND = 1_000

export type ReplicaReports = ReturnType<typeof replicaReports>

/** Each method is synchronous, cheap, and never throws. */
export function replicaReports(series: MetricsRegistry) {
  const roleChanges = series.counter('insi_raft_role_changes_total')
  const elections = series.counter('insi_raft_elections_total')
  const fsync = series.histogram('insi_log_fsync_duration_seconds')
  const applyDuration = series.histogram('insi_state_apply_duration_seconds')
  const appliedEntries = series.counter('insi_state_applied_entries_total')
  const batchEntries = series.histogram('insi_proposal_batch_entries')
  const batchBytes = series.counter('insi_proposal_batch_bytes_total')
  const proposals = series.counter('insi_proposals_total')
  const readRounds = series.counter('insi_read_rounds_total')
  const readRoundReads = series.counter('insi_read_round_reads_total')
  const readRoundDuration = series.histogram('insi_read_round_duration_seconds')
  const snapshots = series.counter('insi_snapshots_total')
  const snapshotBytes = series.counter('insi_snapshot_bytes_total')
  const cutEntries = series.counter('insi_log_cut_entries_total')
  const dropped = series.counter('insi_peer_messages_dropped_total')
  for (const direction of ['sent', 'installed']) {
    snapshotBytes.inc({ direction }, 0)
    for (const result of ['ok', 'failed']) snapshots.inc({ direction, result }, 0)
  }
  for (const result of ['confirmed', 'failed']) readRounds.inc({ result }, 0)
  return {
    onRole(): void {
      roleChanges.inc()
    },
    onElection(): void {
      elections.inc()
    },
    onFlush({ durationMs }: { readonly durationMs: number }): void {
      fsync.observe(durationMs / MS_PER_SECOND)
    },
    onApply({ entryCount, durationMs }: { readonly entryCount: number; readonly durationMs: number }): void {
      applyDuration.observe(durationMs / MS_PER_SECOND)
      appliedEntries.inc(entryCount)
    },
    onProposalBatch({ entryCount, sizeBytes }: { readonly entryCount: number; readonly sizeBytes: number }): void {
      batchEntries.observe(entryCount)
      batchBytes.inc(sizeBytes)
    },
    onProposalOutcome(outcome: string): void {
      proposals.inc({ outcome })
    },
    onReadRound(round: { readonly readCount: number; readonly confirmed: boolean; readonly durationMs: number }): void {
      readRounds.inc({ result: round.confirmed ? 'confirmed' : 'failed' })
      readRoundReads.inc(round.readCount)
      readRoundDuration.observe(round.durationMs / MS_PER_SECOND)
    },
    onSnapshot(event: {
      readonly direction: 'sent' | 'installed'
      readonly ok: boolean
      readonly sizeBytes: number
    }): void {
      snapshots.inc({ direction: event.direction, result: event.ok ? 'ok' : 'failed' })
      snapshotBytes.inc({ direction: event.direction }, event.sizeBytes)
    },
    onLogCut({ entryCount }: { readonly entryCount: number }): void {
      cutEntries.inc(entryCount)
    },
    onMessageDropped(): void {
      dropped.inc()
    },
  }
}
