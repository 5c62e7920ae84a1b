// The ports of replication: what the replica loop needs from the state machine, the durable log, and the peers.
// Production implements them with LevelDB, files and TLS; the simulation with memory, seeded loss and virtual time.
import type { Entry, HardState, LogIndex, MemberId, RaftLog, SnapshotMeta, Term } from '../raft/types.ts'
import type { PeerMessage } from './peer-messages.ts'

/** What applying one command answers; plain data that msgpack can carry between nodes. */
export type ApplyResult = unknown

/** A point in time of the state, for streaming to a peer or to a backup. Must be closed. */
export interface OutgoingSnapshot {
  readonly index: LogIndex
  readonly term: Term
  /** The content, in chunks of about `chunkSizeBytes`. */
  chunks(chunkSizeBytes: number): AsyncIterable<Uint8Array>
  close(): Promise<void>
}

/** A state that is being received beside the current one. Ends with commit() or abort(). */
export interface IncomingSnapshot {
  write(chunk: Uint8Array): Promise<void>
  /** Checks that the content is complete and intact; throws InsiError SNAPSHOT_CORRUPT otherwise. */
  verify(): Promise<void>
  /** Replaces the current state durably and atomically; `meta` is remembered with it. */
  commit(meta: SnapshotMeta): Promise<void>
  abort(): Promise<void>
}

/** The deterministic state machine. apply(), commit() and sync() are called one at a time; snapshots may be open meanwhile. */
export interface StateMachine {
  /** The last applied entry; stored in the same batch as its effects. */
  readonly appliedIndex: LogIndex
  readonly appliedTerm: Term
  /** The snapshot that the state was last installed from, for a log that does not reach it after a crash. */
  readonly installedSnapshot: SnapshotMeta | null
  /**
   * Applies entries in order, with contiguous indexes after appliedIndex, in one atomic batch with the new applied index.
   * Resolves with one result an entry (undefined for noop and membership) once reads see their effects. Never rejects for
   * bad commands: those answer a rejection as their result. Rejects with STORAGE_FAILED when the disk fails; the node stops.
   */
  apply(entries: readonly Entry[]): Promise<readonly ApplyResult[]>
  /** A rolling hash over all effects up to `index`, for the newest checkpoints (multiples of STATE_HASH_INTERVAL); else undefined. */
  hashAt(index: LogIndex): number | undefined
  /** Makes everything applied durable and resolves with the index it covers. Called before the log is cut. */
  sync(): Promise<LogIndex>
  openSnapshot(): Promise<OutgoingSnapshot>
  beginInstall(): Promise<IncomingSnapshot>
  close(): Promise<void>
}

/**
 * The durable Raft log with the hard state. As a RaftLog its changes are visible at once; flush() makes them durable.
 * Opened with SegmentedLog.open(), which cuts a torn tail and refuses corruption in the middle (InsiError LOG_CORRUPT).
 */
export interface DurableLog extends RaftLog {
  readonly hardState: HardState
  /** Base of the log with the membership in force there. */
  readonly base: SnapshotMeta
  /** Highest index and its term that are durable now. */
  readonly durable: { readonly index: LogIndex; readonly term: Term }
  readonly sizeBytes: number
  /**
   * Makes every change so far, and `hardState` when given, durable; resolves with the highest durable index and its term.
   * One call at a time: changes made while it runs belong to the next call. A rejection is final: the node stops.
   */
  flush(hardState: HardState | null): Promise<{ index: LogIndex; term: Term }>
  /** Drops whole segments below `base.index`, durably remembering `base`. `base.index` is at most durable.index. */
  cutTo(base: SnapshotMeta): Promise<void>
  close(): Promise<void>
}

/** Who is at the other end of a peer connection, as its handshake says. */
export interface PeerIdentity {
  readonly nodeId: string
  readonly memberId: MemberId
  /** Where the peer listens for peers, as it wants to be dialled. */
  readonly raftAddress: string
  /** Newest version of commands that the peer applies; absent: only the first. */
  readonly commandVersion?: number
}

/**
 * Messages between nodes. Delivery is at most once and ordered per connection; a message may be lost at any time, and then
 * whoever needs an answer learns it by its own timeout or by onDisconnect.
 */
export interface PeerTransport {
  /** Starts to listen. `onMessage` is called in order of arrival. */
  start(handlers: PeerHandlers): Promise<void>
  /** Queues a message to whoever listens at `raftAddress`, dialling when needed; false when it was dropped (queue full, closed). */
  send(raftAddress: string, message: PeerMessage): boolean
  /** Forgets connections to addresses that are no longer wanted. */
  disconnect(raftAddress: string): void
  close(): Promise<void>
}

export interface PeerHandlers {
  onMessage(from: PeerIdentity, message: PeerMessage): void
  /** The connection over which messages to `raftAddress` travelled is gone: queued and unanswered messages may be lost. */
  onDisconnect(raftAddress: string): void
}
