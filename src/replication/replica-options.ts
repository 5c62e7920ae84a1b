// What a replica is made of (ports) and how it is tuned (options). Values come from the configuration; bounds that no
// deployment needs to change are constants beside the code that they bound.
import { assert } from '../base/assert.ts'
import type { Clock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import type { Random } from '../base/random.ts'
import type { Raft } from '../raft/raft.ts'
import type { MemberId, RaftInitialState, RaftLog, RaftOptions } from '../raft/types.ts'
import { FIRST_COMMAND_VERSION } from './membership/command-versions.ts'
import type { DurableLog, PeerTransport, StateMachine } from './ports.ts'
import type { ReplicaObserver } from './replica-observer.ts'

/** A configured node: where its peer listener is dialled. */
export interface ConfiguredPeer {
  readonly nodeId: string
  readonly raftAddress: string
}

/** Who this node is, as its data directory remembers it. */
export interface ReplicaIdentity {
  readonly nodeId: string
  readonly memberId: MemberId
  /** Null until the node has joined or bootstrapped a cluster. */
  readonly clusterId: string | null
  /** Durably remembers that this node belongs to `clusterId`; from then on it may act as a member. Called at most once. */
  setClusterId(clusterId: string): Promise<void>
  /** Why the data directory must not be used any more; null while it may be. */
  readonly quarantined: string | null
  /** Durably remembers that the data directory must not be used any more. */
  quarantine(reason: string): Promise<void>
}

export interface ReplicaOptions {
  /** Where peers dial this node. */
  readonly raftAddress: string
  /** Every other node of the configuration. */
  readonly peers: readonly ConfiguredPeer[]
  /** The default leader: begins the cluster on a first-ever start, once most configured nodes say that they belong to none. */
  readonly mayBootstrap: boolean
  readonly heartbeatMs: number
  /** Lower bound; drawn anew from [electionTimeoutMs, 2 · electionTimeoutMs). */
  readonly electionTimeoutMs: number
  /** Bytes of entries in one AppendEntries, and in one batch of proposals, forwarded commands or applied entries. */
  readonly messageSizeBytesMax: number
  readonly inflightMessagesMax: number
  readonly inflightSizeBytesMax: number
  readonly uncommittedSizeBytesMax: number
  readonly promotionLagEntriesMax: number
  /** How long a proposal whose fate is open is waited for before it ends with OUTCOME_UNKNOWN. */
  readonly proposalTimeoutMs: number
  /** Newest version of commands that this node applies, as its transport announces it. */
  readonly commandVersion: number
  /** How long a proposal waits for a leader before it ends with NO_LEADER; at most proposalTimeoutMs. */
  readonly leaderWaitMs: number
  readonly readTimeoutMs: number
  readonly pendingProposalsMax: number
  readonly pendingProposalsSizeBytesMax: number
  /** The log is cut once it holds more entries or bytes than these … */
  readonly logEntriesMax: number
  readonly logSizeBytesMax: number
  /** … down to this many applied entries, so that a follower that was away briefly needs no snapshot. */
  readonly logRetainedEntries: number
  readonly snapshotChunkSizeBytes: number
  /** Pause between attempts to join: doubles from the minimum to the maximum. */
  readonly retryMinMs: number
  readonly retryMaxMs: number
  /** Distance of the state machine's checkpoints; its hash is compared at multiples of this index. */
  readonly stateHashIntervalEntries: number
}

/** Values that suit production; a composition root overrides what its configuration says. */
export const REPLICA_DEFAULTS = {
  heartbeatMs: 50,
  electionTimeoutMs: 300,
  messageSizeBytesMax: 1024 * 1024,
  inflightMessagesMax: 32,
  inflightSizeBytesMax: 8 * 1024 * 1024,
  uncommittedSizeBytesMax: 64 * 1024 * 1024,
  promotionLagEntriesMax: 1_000,
  proposalTimeoutMs: 10_000,
  commandVersion: FIRST_COMMAND_VERSION,
  leaderWaitMs: 5_000,
  readTimeoutMs: 5_000,
  pendingProposalsMax: 16_384,
  pendingProposalsSizeBytesMax: 64 * 1024 * 1024,
  logEntriesMax: 100_000,
  logSizeBytesMax: 64 * 1024 * 1024,
  logRetainedEntries: 10_000,
  snapshotChunkSizeBytes: 256 * 1024,
  retryMinMs: 200,
  retryMaxMs: 5_000,
} as const satisfies Partial<ReplicaOptions>

/** Makes the consensus core; tests put one with a planted bug here. */
type CreateRaft = (options: RaftOptions, initial: RaftInitialState, log: RaftLog) => Raft

export interface ReplicaDeps {
  readonly identity: ReplicaIdentity
  readonly log: DurableLog
  readonly state: StateMachine
  readonly transport: PeerTransport
  readonly clock: Clock
  readonly random: Random
  readonly logger: Log
  readonly observer: ReplicaObserver
  /** Runs a callback once everything that is ready to run has run (setImmediate): what arrives until then shares a turn. */
  readonly schedule: (callback: () => void) => void
  /** The node cannot go on: a disk failed or an invariant broke. The process ends after this; called at most once. */
  readonly onFatal: (error: Error) => void
  readonly createRaft: CreateRaft
  /**
   * The cluster that a marker outside of the data directory says to exist; null when there is none. Rejects when it cannot be
   * read: then nobody knows.
   */
  readonly readMarker: () => Promise<string | null>
}

/** Ticks in one heartbeat: election timeouts differ by enough of them, and an idle node hardly wakes up. */
const TICKS_PER_HEARTBEAT = 2

/** How the options translate into the core's logical time. */
export function tickTiming(options: ReplicaOptions): { tickMs: number; heartbeatTicks: number; electionTicks: number } {
  const { heartbeatMs, electionTimeoutMs } = options
  assert(heartbeatMs >= 1 && electionTimeoutMs >= 2 * heartbeatMs, 'an election timeout spans at least two heartbeats')
  const heartbeatTicks = Math.min(TICKS_PER_HEARTBEAT, Math.floor(heartbeatMs))
  const tickMs = heartbeatMs / heartbeatTicks
  return { tickMs, heartbeatTicks, electionTicks: Math.round(electionTimeoutMs / tickMs) }
}

/** The options of the core of member `id`. */
export function raftOptions(options: ReplicaOptions, id: MemberId, random: Random): RaftOptions {
  const { heartbeatTicks, electionTicks } = tickTiming(options)
  return {
    id,
    heartbeatTicks,
    electionTicks,
    messageSizeBytesMax: options.messageSizeBytesMax,
    inflightMessagesMax: options.inflightMessagesMax,
    inflightSizeBytesMax: options.inflightSizeBytesMax,
    uncommittedSizeBytesMax: options.uncommittedSizeBytesMax,
    promotionLagEntriesMax: options.promotionLagEntriesMax,
    randomInt: (exclusiveMax) => random.int(exclusiveMax),
  }
}
