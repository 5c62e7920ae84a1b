// The receiving side of a snapshot transfer: stages the chunks beside the current state, and hands the complete, verified
// snapshot to the core, which decides whether it is newer than what this node has.
import { InsiError, messageOf } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { MemberId, SnapshotMeta } from '../raft/types.ts'
import type { IncomingSnapshot, StateMachine } from './ports.ts'
import type { SnapshotChunk, SnapshotChunkAck } from './peer-messages.ts'
import type { ReplicaObserver } from './replica-observer.ts'

/** Chunks that may wait to be written; a sender that keeps to its window never has so many. */
const CHUNKS_QUEUED_MAX = 16

export interface SnapshotReceiverDeps {
  readonly state: StateMachine
  readonly logger: Log
  readonly observer: ReplicaObserver
  /** Sends to the member that the chunk came from. */
  readonly send: (to: MemberId, ack: SnapshotChunkAck) => void
  /** Steps InstallSnapshot into the core; when it is accepted, takeStaged() is called before this returns. */
  readonly offer: (from: MemberId, term: number, meta: SnapshotMeta) => void
}

interface Staging {
  readonly from: MemberId
  readonly transferId: number
  readonly meta: SnapshotMeta
  readonly incoming: IncomingSnapshot
  nextSequence: number
  sizeBytes: number
}

export class SnapshotReceiver {
  readonly #deps: SnapshotReceiverDeps
  #staging: Staging | null = null
  /** Chunks are handled one after the other. */
  #tail: Promise<void> = Promise.resolve()
  #queuedCount = 0
  #isInstalling = false
  #isStopped = false

  constructor(deps: SnapshotReceiverDeps) {
    this.#deps = deps
  }

  onChunk(from: MemberId, chunk: SnapshotChunk): void {
    if (this.#isStopped || this.#queuedCount >= CHUNKS_QUEUED_MAX) {
      this.#answer(from, chunk, false)
      return
    }
    this.#queuedCount++
    this.#tail = this.#tail.then(async () => {
      const ok = await this.#handleSafely(from, chunk)
      this.#queuedCount--
      this.#answer(from, chunk, ok)
    })
  }

  /** The snapshot that was offered last, for installation; the receiver lets go of it until installed(). */
  takeStaged(): IncomingSnapshot {
    const staging = this.#staging
    if (staging === null) throw new InsiError('SNAPSHOT_CORRUPT', 'no snapshot is staged')
    this.#staging = null
    this.#isInstalling = true
    return staging.incoming
  }

  /** The snapshot that was taken is installed; the next transfer may begin. */
  installed(): void {
    this.#isInstalling = false
  }

  /** Discards what is staged. Resolves when nothing is written any more. */
  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#tail
    await this.#discard()
  }

  #answer(to: MemberId, chunk: SnapshotChunk, ok: boolean): void {
    const { transferId, sequence } = chunk
    this.#deps.send(to, { type: 'SnapshotChunkAck', transferId, sequence, ok })
  }

  async #handleSafely(from: MemberId, chunk: SnapshotChunk): Promise<boolean> {
    try {
      return await this.#handle(from, chunk)
    } catch (error) {
      const { logger, observer } = this.#deps
      logger.warn({ from, transferId: chunk.transferId, reason: messageOf(error) }, 'snapshot transfer was discarded')
      observer.onSnapshot({ direction: 'installed', ok: false, sizeBytes: this.#staging?.sizeBytes ?? 0 })
      await this.#discard()
      return false
    }
  }

  async #handle(from: MemberId, chunk: SnapshotChunk): Promise<boolean> {
    if (this.#isStopped || this.#isInstalling) return false
    if (chunk.meta !== null && chunk.sequence === 0 && !this.#isStaging(from, chunk)) {
      await this.#begin(from, chunk, chunk.meta)
    }
    const staging = this.#staging
    if (staging === null || !this.#isStaging(from, chunk)) return false
    // Delivered twice.
    if (chunk.sequence < staging.nextSequence) return true
    if (staging.nextSequence !== chunk.sequence) throw new Error(`chunk ${chunk.sequence} is out of order`)
    staging.nextSequence++
    staging.sizeBytes += chunk.data.length
    if (chunk.data.length > 0) await staging.incoming.write(chunk.data)
    if (!chunk.last) return true
    await staging.incoming.verify()
    this.#deps.offer(from, chunk.term, staging.meta)
    // Refused: it holds nothing that this node lacks.
    await this.#discard()
    return true
  }

  #isStaging(from: MemberId, chunk: SnapshotChunk): boolean {
    return this.#staging?.from === from && this.#staging.transferId === chunk.transferId
  }

  async #begin(from: MemberId, chunk: SnapshotChunk, meta: SnapshotMeta): Promise<void> {
    await this.#discard()
    const incoming = await this.#deps.state.beginInstall()
    this.#staging = { from, transferId: chunk.transferId, meta, incoming, nextSequence: 0, sizeBytes: 0 }
  }

  async #discard(): Promise<void> {
    const staging = this.#staging
    this.#staging = null
    if (staging !== null) await staging.incoming.abort()
  }
}
