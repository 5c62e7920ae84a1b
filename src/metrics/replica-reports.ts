// What a replica reports about its work. The replica declares the port that this fits; neither imports the other.
import { PROPOSAL_OUTCOMES } from './catalogue.ts'
import type { PhaseReports } from './phase-reports.ts'
import type { MetricsRegistry } from './registry.ts'

const MS_PER_SECOND = 1_000

export type ReplicaReports = ReturnType<typeof replicaReports>

/** Each method is synchronous, cheap, and never throws. */
export function replicaReports(series: MetricsRegistry, phases: PhaseReports) {
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
  const cutEntries = series.counter('insi_log_cut_entries_total')
  const forwarded = series.counter('insi_forwarded_proposals_total')
  /** Counted apart and taken over when scraped: the library's counter costs more than the rest of a report. */
  const outcomes = new Map<string, number>(PROPOSAL_OUTCOMES.map((outcome) => [outcome, 0]))
  let overloadedCount = 0
  for (const result of ['confirmed', 'failed']) readRounds.inc({ result }, 0)
  return {
    ...roleReports(series),
    ...snapshotReports(series),
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
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
    },
    onReadRound(round: { readonly readCount: number; readonly confirmed: boolean; readonly durationMs: number }): void {
      readRounds.inc({ result: round.confirmed ? 'confirmed' : 'failed' })
      readRoundReads.inc(round.readCount)
      readRoundDuration.observe(round.durationMs / MS_PER_SECOND)
    },
    onLogCut({ entryCount }: { readonly entryCount: number }): void {
      cutEntries.inc(entryCount)
    },
    onMessageDropped(): void {
      overloadedCount += 1
    },
    onForwarded(proposalCount: number): void {
      forwarded.inc(proposalCount)
    },
    onWritePhase: phases.onPhase.bind(phases),
    /** Before a scrape. */
    takeOver(): void {
      for (const [outcome, count] of outcomes) {
        proposals.inc({ outcome }, count)
        outcomes.set(outcome, 0)
      }
    },
    /** Messages that onMessageDropped() heard of. */
    overloadedCount: (): number => overloadedCount,
  }
}

function roleReports(series: MetricsRegistry) {
  const roleChanges = series.counter('insi_raft_role_changes_total')
  const leaderChanges = series.counter('insi_raft_leader_changes_total')
  let leaderSeen: string | null = null
  return {
    onRole({ leader }: { readonly leader: string | null }): void {
      roleChanges.inc()
      if (leader === null || leader === leaderSeen) return
      if (leaderSeen !== null) leaderChanges.inc()
      leaderSeen = leader
    },
  }
}

function snapshotReports(series: MetricsRegistry) {
  const snapshots = series.counter('insi_snapshots_total')
  const bytes = series.counter('insi_snapshot_bytes_total')
  const duration = series.histogram('insi_snapshot_duration_seconds')
  for (const direction of ['sent', 'installed']) {
    bytes.inc({ direction }, 0)
    duration.zero({ direction })
    for (const result of ['ok', 'failed']) snapshots.inc({ direction, result }, 0)
  }
  return {
    onSnapshot(event: {
      readonly direction: 'sent' | 'installed'
      readonly ok: boolean
      readonly sizeBytes: number
      readonly durationMs: number
    }): void {
      snapshots.inc({ direction: event.direction, result: event.ok ? 'ok' : 'failed' })
      bytes.inc({ direction: event.direction }, event.sizeBytes)
      if (event.ok) duration.observe({ direction: event.direction }, event.durationMs / MS_PER_SECOND)
    },
  }
}
