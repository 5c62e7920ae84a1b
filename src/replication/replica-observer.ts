// What a replica reports about its work, for metrics. Calls are synchronous, cheap and never throw; values that can be read
// at any time (role, term, indexes, lag of each peer) stand in Replica.status() and Replica.peers() instead.
import type { Membership, Role, Term } from '../raft/types.ts'
import type { WritePhase } from './write-phases.ts'

/** How a proposal of this node ended. */
export type ProposalOutcome =
  'applied' | 'overloaded' | 'no_leader' | 'outcome_unknown' | 'stopping' | 'quarantined' | 'upgrade_pending'

export interface ReplicaObserver {
  /** Role, term or leader changed. `leader` is the leader's node id. */
  onRole(change: { readonly role: Role; readonly term: Term; readonly leader: string | null }): void
  /** Another membership is in force, committed or not; the first call tells what the node began with. */
  onMembership(membership: Membership): void
  /** This node began to campaign (PreVote included). */
  onElection(): void
  /** The log was made durable once. */
  onFlush(flush: { readonly durationMs: number }): void
  /** The state machine applied one batch. */
  onApply(batch: { readonly entryCount: number; readonly durationMs: number }): void
  /** The leader appended one batch of proposals. */
  onProposalBatch(batch: { readonly entryCount: number; readonly sizeBytes: number }): void
  onProposalOutcome(outcome: ProposalOutcome): void
  /** On the leader: `count` writes were so long in a phase. Called a few times a batch, and once a write for `queue`. */
  onWritePhase(phase: WritePhase, durationMs: number, count: number): void
  /** So many writes were handed to the leader. */
  onForwarded(proposalCount: number): void
  /** One round of read barriers was confirmed, or given up. */
  onReadRound(round: { readonly readCount: number; readonly confirmed: boolean; readonly durationMs: number }): void
  /** A snapshot was streamed to or installed from a peer, or that failed. */
  onSnapshot(event: {
    readonly direction: 'sent' | 'installed'
    readonly ok: boolean
    readonly sizeBytes: number
    /** From its first chunk on. */
    readonly durationMs: number
  }): void
  /** The log was cut. */
  onLogCut(cut: { readonly entryCount: number; readonly durationMs: number }): void
  /** A message of a peer was dropped because the node has too much to do. */
  onMessageDropped(): void
}

/** Observes nothing. */
export const silentObserver: ReplicaObserver = {
  onRole() {},
  onMembership() {},
  onElection() {},
  onFlush() {},
  onApply() {},
  onProposalBatch() {},
  onProposalOutcome() {},
  onWritePhase() {},
  onForwarded() {},
  onReadRound() {},
  onSnapshot() {},
  onLogCut() {},
  onMessageDropped() {},
}
