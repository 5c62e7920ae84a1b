// The leader's side of a snapshot transfer: streams a point in time of the state to a member whose next entries were cut away.
//
//   leader                                   member
//     | SnapshotChunk 0 (meta) ------------->  |  begins a state beside the current one
//     | SnapshotChunk 1 … -----------------> |  a few may be unanswered
//     | <------------------- SnapshotChunkAck |  written
//     | SnapshotChunk n (last) -------------> |  verified, handed to the member's core
//     | <------------------- SnapshotChunkAck |
//
// A transfer that fails starts again from the beginning when the core asks for it the next time.
import type { Clock } from '../../base/clock.ts'
import { messageOf } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'
import type { LogIndex, MemberId, Membership, SnapshotMeta, Term } from '../../raft/types.ts'
import type { OutgoingSnapshot, StateMachine } from '../ports.ts'
import type { PeerMessage, SnapshotChunkAck } from '../peer-messages.ts'
import type { ReplicaObserver } from '../replica-observer.ts'
import { SnapshotWindow } from './snapshot-window.ts'

/** Transfers at the same time; further members wait for their turn. */
const TRANSFERS_MAX = 2
/** Time without any answer after which a transfer ends; the last chunk, on which the member verifies everything, has longer. */
const CHUNK_TIMEOUT_MS = 10_000
const LAST_CHUNK_TIMEOUT_MS = 120_000

const NO_DATA = new Uint8Array(0)

export interface SnapshotSenderDeps {
  readonly state: StateMachine
  readonly clock: Clock
  readonly logger: Log
  readonly observer: ReplicaObserver
  readonly chunkSizeBytes: number
  readonly firstTransferId: number
  /** Sends to a member; false when the message was dropped. */
  readonly send: (to: MemberId, message: PeerMessage) => boolean
  readonly addressOf: (member: MemberId) => string | undefined
  /** The term that this node leads, or null. */
  readonly leaderTerm: () => Term | null
  readonly membershipAt: (index: LogIndex) => Membership
  readonly onFinished: (member: MemberId, ok: boolean) => void
}

interface Transfer {
  readonly member: MemberId
  readonly id: number
  readonly term: Term
  readonly window: SnapshotWindow
  /** What the snapshot covers; null until it is opened. */
  index: LogIndex | null
  sizeBytes: number
}

export class SnapshotSender {
  readonly #deps: SnapshotSenderDeps
  readonly #transfers = new Map<MemberId, Transfer>()
  readonly #running = new Set<Promise<void>>()
  #waiting: MemberId[] = []
  #nextTransferId: number
  #isStopped = false

  constructor(deps: SnapshotSenderDeps) {
    this.#deps = deps
    this.#nextTransferId = deps.firstTransferId
  }

  /** Streams a snapshot to `member` when its turn comes; ends with onFinished(). */
  start(member: MemberId): void {
    const term = this.#deps.leaderTerm()
    if (this.#isStopped || term === null) return
    const running = this.#transfers.get(member)
    if (running !== undefined) {
      // From an earlier term of this node; the core of the present one waits for a new transfer.
      running.window.fail('it was replaced by a new one')
      this.#wait(member)
    } else if (this.#transfers.size >= TRANSFERS_MAX) {
      this.#wait(member)
    } else {
      const transfer = this.#createTransfer(member, term)
      this.#transfers.set(member, transfer)
      const running = this.#run(transfer).finally(() => this.#running.delete(running))
      this.#running.add(running)
    }
  }

  onAck(from: MemberId, ack: SnapshotChunkAck): void {
    const transfer = this.#transfers.get(from)
    if (transfer?.id === ack.transferId) transfer.window.onAck(ack)
  }

  /** The connection to `raftAddress` is gone: unanswered chunks may be lost, and a member that restarted knows of no transfer. */
  onDisconnect(raftAddress: string): void {
    for (const transfer of this.#transfers.values()) {
      if (this.#deps.addressOf(transfer.member) === raftAddress) transfer.window.fail('the connection was lost')
    }
  }

  /** The lowest index that a snapshot under way covers: its receiver needs the entries after it. Infinity when none is. */
  lowestIndex(): LogIndex {
    let lowest = Number.POSITIVE_INFINITY
    for (const { index } of this.#transfers.values()) if (index !== null && index < lowest) lowest = index
    return lowest
  }

  /** Ends every transfer. Resolves when none reads the state any more. */
  async stop(): Promise<void> {
    this.#isStopped = true
    this.#waiting = []
    for (const transfer of this.#transfers.values()) transfer.window.fail('the node stops')
    await Promise.all(this.#running)
  }

  #wait(member: MemberId): void {
    if (!this.#waiting.includes(member)) this.#waiting.push(member)
  }

  /** Never rejects. */
  async #run(transfer: Transfer): Promise<void> {
    const { clock, logger, observer, onFinished } = this.#deps
    const beganAtMs = clock.monotonicMs()
    const fields = { member: transfer.member, transferId: transfer.id }
    logger.info(fields, 'snapshot transfer began')
    let isSent = false
    try {
      await this.#stream(transfer)
      isSent = true
      logger.info({ ...fields, sizeBytes: transfer.sizeBytes }, 'snapshot transfer done')
    } catch (error) {
      logger.warn({ ...fields, reason: messageOf(error) }, 'snapshot transfer failed')
    }
    this.#transfers.delete(transfer.member)
    const durationMs = clock.monotonicMs() - beganAtMs
    observer.onSnapshot({ direction: 'sent', ok: isSent, sizeBytes: transfer.sizeBytes, durationMs })
    // A transfer that was replaced, or is of an earlier term, says nothing to the core.
    const isReplaced = this.#waiting.includes(transfer.member)
    if (!this.#isStopped && !isReplaced && this.#deps.leaderTerm() === transfer.term)
      onFinished(transfer.member, isSent)
    const next = this.#waiting.shift()
    if (next !== undefined) this.start(next)
  }

  async #stream(transfer: Transfer): Promise<void> {
    const snapshot = await this.#deps.state.openSnapshot()
    try {
      await this.#streamChunks(transfer, snapshot)
    } finally {
      await snapshot.close()
    }
  }

  async #streamChunks(transfer: Transfer, snapshot: OutgoingSnapshot): Promise<void> {
    const { id: transferId, term, window } = transfer
    const { index } = snapshot
    const meta: SnapshotMeta = { index, term: snapshot.term, membership: this.#deps.membershipAt(index) }
    transfer.index = index
    let sequence = 0
    for await (const data of snapshot.chunks(this.#deps.chunkSizeBytes)) {
      const first = sequence === 0 ? meta : null
      const chunk = {
        type: 'SnapshotChunk',
        transferId,
        term,
        sequence: sequence++,
        meta: first,
        last: false,
        data,
      } as const
      await window.push(chunk, CHUNK_TIMEOUT_MS)
      transfer.sizeBytes += data.length
    }
    await window.drain(CHUNK_TIMEOUT_MS)
    const first = sequence === 0 ? meta : null
    const end = { type: 'SnapshotChunk', transferId, term, sequence, meta: first, last: true, data: NO_DATA } as const
    await window.push(end, CHUNK_TIMEOUT_MS)
    await window.drain(LAST_CHUNK_TIMEOUT_MS)
  }

  #createTransfer(member: MemberId, term: Term): Transfer {
    const { clock, leaderTerm, send } = this.#deps
    const window = new SnapshotWindow(clock, (chunk) => {
      if (leaderTerm() === term) return send(member, chunk)
      window.fail('this node no longer leads the term')
      return false
    })
    return { member, id: this.#nextTransferId++, term, window, index: null, sizeBytes: 0 }
  }
}
