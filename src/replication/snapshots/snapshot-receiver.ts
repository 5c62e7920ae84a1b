// The receiving side of a snapshot transfer: stages the chunks beside the current state, and hands the complete, verified
// snapshot to the core, which decides whether it is newer than what this node has.
import { must } from '../../base/assert.ts'
import type { Clock } from '../../base/clock.ts'
import { messageOf } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'
import type { MemberId, SnapshotMeta } from '../../raft/types.ts'
import type { IncomingSnapshot, StateMachine } from '../ports.ts'
import type { SnapshotChunk, SnapshotChunkAck } from '../peer-messages.ts'
import type { ReplicaObserver } from '../replica-observer.ts'

/** Chunks that may wait to be written; a sender that keeps to its window never has so many. */
const CHUNKS_QUEUED_MAX = 16

export interface SnapshotReceiverDeps {
  readonly state: StateMachine
  readonly clock: Clock
  readonly logger: Log
  readonly observer: ReplicaObserver
  /** Sends to the member that the chunk came from. */
  readonly send: (to: MemberId, ack: SnapshotChunkAck) => void
  /** Steps InstallSnapshot into the core; when it is accepted, takeStaged() is called before this returns. */
  readonly offer: (from: MemberId, term: number, meta: SnapshotMeta) => void
}

interface Transfer {
  readonly from: MemberId
  readonly id: number
  readonly meta: SnapshotMeta
  /** Chunks that arrived, and of these the ones that are written. */
  receivedCount: number
  handledCount: number
  sizeBytes: number
  /** In monotonic time. */
  readonly beganAtMs: number
}

export class SnapshotReceiver {
  readonly #deps: SnapshotReceiverDeps
  /** The newest transfer; it stays after its end, to answer chunks that are sent again because an answer was lost. */
  #transfer: Transfer | null = null
  #staged: IncomingSnapshot | null = null
  /** Chunks are handled one after the other. */
  #tail: Promise<void> = Promise.resolve()
  #queuedCount = 0
  #isInstalling = false
  #isStopped = false

  constructor(deps: SnapshotReceiverDeps) {
    this.#deps = deps
  }

  onChunk(from: MemberId, chunk: SnapshotChunk): void {
    const transfer = this.#transferOf(from, chunk)
    if (transfer === null || this.#queuedCount >= CHUNKS_QUEUED_MAX) {
      this.#answer(from, chunk, false)
    } else if (chunk.sequence < transfer.handledCount) {
      this.#answer(from, chunk, true)
    } else if (chunk.sequence === transfer.receivedCount) {
      transfer.receivedCount++
      this.#queuedCount++
      this.#tail = this.#tail.then(() => this.#handleSafely(transfer, chunk))
    }
    // Others are being handled, or follow one that was lost: the sender sends everything unanswered again.
  }

  /** The snapshot that was offered last, for installation; the receiver lets go of it until installed(). */
  takeStaged(): IncomingSnapshot {
    const incoming = must(this.#staged, 'an accepted snapshot is staged')
    this.#staged = null
    this.#isInstalling = true
    return incoming
  }

  /** The snapshot that was taken is installed; the next transfer may begin. Returns what it was. */
  installed(): { readonly sizeBytes: number; readonly durationMs: number } {
    this.#isInstalling = false
    const { beganAtMs, sizeBytes } = must(this.#transfer, 'what is installed came by a transfer')
    return { sizeBytes, durationMs: this.#deps.clock.monotonicMs() - beganAtMs }
  }

  /** Discards what is staged. Resolves when nothing is written any more. */
  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#tail
    await this.#discard()
  }

  /** The transfer that a chunk belongs to; its first chunk makes a new one take the place of the one before. */
  #transferOf(from: MemberId, chunk: SnapshotChunk): Transfer | null {
    if (this.#isStopped) return null
    const { meta, sequence, transferId: id } = chunk
    if (this.#transfer?.from === from && this.#transfer.id === id) return this.#transfer
    if (meta === null || sequence !== 0 || this.#isInstalling) return null
    this.#transfer = {
      from,
      id,
      meta,
      receivedCount: 0,
      handledCount: 0,
      sizeBytes: 0,
      beganAtMs: this.#deps.clock.monotonicMs(),
    }
    return this.#transfer
  }

  #answer(to: MemberId, chunk: SnapshotChunk, ok: boolean): void {
    const { transferId, sequence } = chunk
    this.#deps.send(to, { type: 'SnapshotChunkAck', transferId, sequence, ok })
  }

  async #handleSafely(transfer: Transfer, chunk: SnapshotChunk): Promise<void> {
    let ok = false
    try {
      ok = await this.#handle(transfer, chunk)
    } catch (error) {
      const { clock, logger, observer } = this.#deps
      logger.warn({ from: transfer.from, transferId: transfer.id, reason: messageOf(error) }, 'snapshot was discarded')
      const durationMs = clock.monotonicMs() - transfer.beganAtMs
      observer.onSnapshot({ direction: 'installed', ok: false, sizeBytes: transfer.sizeBytes, durationMs })
      await this.#discard()
    }
    if (ok) transfer.handledCount++
    // What follows a chunk that failed cannot be used: only a new transfer can.
    else if (this.#transfer === transfer) this.#transfer = null
    this.#queuedCount--
    this.#answer(transfer.from, chunk, ok)
  }

  async #handle(transfer: Transfer, chunk: SnapshotChunk): Promise<boolean> {
    if (this.#isStopped || this.#transfer !== transfer) return false
    if (chunk.sequence === 0) {
      await this.#discard()
      this.#staged = await this.#deps.state.beginInstall()
    }
    if (this.#staged === null) return false
    transfer.sizeBytes += chunk.data.length
    if (chunk.data.length > 0) await this.#staged.write(chunk.data)
    if (!chunk.last) return true
    await this.#staged.verify()
    this.#deps.offer(transfer.from, chunk.term, transfer.meta)
    // Refused: it holds nothing that this node lacks.
    await this.#discard()
    return true
  }

  async #discard(): Promise<void> {
    const staged = this.#staged
    this.#staged = null
    if (staged !== null) await staged.abort()
  }
}
