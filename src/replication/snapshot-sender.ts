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
import { delay } from '../base/clock.ts'
import type { Clock, Timer } from '../base/clock.ts'
import { messageOf } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { LogIndex, MemberId, Membership, SnapshotMeta, Term } from '../raft/types.ts'
import type { OutgoingSnapshot, StateMachine } from './ports.ts'
import type { PeerMessage, SnapshotChunkAck } from './peer-messages.ts'
import type { ReplicaObserver } from './replica-observer.ts'

/** Transfers at the same time; further members wait for their turn. */
const TRANSFERS_MAX = 2
/** Chunks of one transfer that may be unanswered. */
const CHUNK_WINDOW = 4
/** Time for a chunk to be answered; the last one, after which the member verifies everything, has longer. */
const CHUNK_TIMEOUT_MS = 5_000
const LAST_CHUNK_TIMEOUT_MS = 120_000
/** Pause before a chunk is offered again to a transport that has no room. */
const SEND_RETRY_MS = 50

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

/** What a transfer waits for: answers, counted, or its end. */
class Transfer {
  readonly member: MemberId
  readonly id: number
  readonly term: Term
  sentCount = 0
  ackedCount = 0
  sizeBytes = 0
  /** What the snapshot covers; null until it is opened. */
  index: LogIndex | null = null
  failure: string | null = null
  #wake: (() => void) | null = null

  constructor(member: MemberId, id: number, term: Term) {
    this.member = member
    this.id = id
    this.term = term
  }

  acked(ack: SnapshotChunkAck): void {
    if (!ack.ok) this.fail('the member refused it')
    // Chunks are written in order: an answer stands for all chunks before it as well.
    else if (ack.sequence < this.sentCount) this.ackedCount = Math.max(this.ackedCount, ack.sequence + 1)
    this.#wake?.()
  }

  fail(reason: string): void {
    this.failure ??= reason
    this.#wake?.()
  }

  /** Resolves once at most `unansweredMax` chunks are unanswered; throws when the transfer failed or nothing came in time. */
  async untilUnanswered(unansweredMax: number, clock: Clock, timeoutMs: number): Promise<void> {
    while (this.failure === null && this.sentCount - this.ackedCount > unansweredMax) {
      const ackedBefore = this.ackedCount
      await this.#nextNews(clock, timeoutMs)
      if (this.failure === null && this.ackedCount === ackedBefore) this.failure = `no answer within ${timeoutMs} ms`
    }
    if (this.failure !== null) throw new Error(this.failure)
  }

  #nextNews(clock: Clock, timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      let timer: Timer | null = null
      const done = (): void => {
        timer?.cancel()
        this.#wake = null
        resolve()
      }
      timer = clock.after(timeoutMs, done)
      this.#wake = done
    })
  }
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
      running.fail('it was replaced by a new one')
      this.#wait(member)
    } else if (this.#transfers.size >= TRANSFERS_MAX) {
      this.#wait(member)
    } else {
      const transfer = new Transfer(member, this.#nextTransferId++, term)
      this.#transfers.set(member, transfer)
      const running = this.#run(transfer).finally(() => this.#running.delete(running))
      this.#running.add(running)
    }
  }

  onAck(from: MemberId, ack: SnapshotChunkAck): void {
    const transfer = this.#transfers.get(from)
    if (transfer?.id === ack.transferId) transfer.acked(ack)
  }

  /** The connection to `raftAddress` is gone: unanswered chunks may be lost, and a member that restarted knows of no transfer. */
  onDisconnect(raftAddress: string): void {
    for (const transfer of this.#transfers.values()) {
      if (this.#deps.addressOf(transfer.member) === raftAddress) transfer.fail('the connection was lost')
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
    for (const transfer of this.#transfers.values()) transfer.fail('the node stops')
    await Promise.all(this.#running)
  }

  #wait(member: MemberId): void {
    if (!this.#waiting.includes(member)) this.#waiting.push(member)
  }

  /** Never rejects. */
  async #run(transfer: Transfer): Promise<void> {
    const { logger, observer, onFinished } = this.#deps
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
    observer.onSnapshot({ direction: 'sent', ok: isSent, sizeBytes: transfer.sizeBytes })
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
    const { chunkSizeBytes, clock, membershipAt } = this.#deps
    const { index, term } = snapshot
    transfer.index = index
    let meta: SnapshotMeta | null = { index, term, membership: membershipAt(index) }
    for await (const data of snapshot.chunks(chunkSizeBytes)) {
      await this.#sendChunk(transfer, { meta, data, last: false })
      await transfer.untilUnanswered(CHUNK_WINDOW - 1, clock, CHUNK_TIMEOUT_MS)
      meta = null
    }
    await transfer.untilUnanswered(0, clock, CHUNK_TIMEOUT_MS)
    await this.#sendChunk(transfer, { meta, data: new Uint8Array(0), last: true })
    await transfer.untilUnanswered(0, clock, LAST_CHUNK_TIMEOUT_MS)
  }

  async #sendChunk(
    transfer: Transfer,
    chunk: { readonly meta: SnapshotMeta | null; readonly data: Uint8Array; readonly last: boolean },
  ): Promise<void> {
    const { clock, leaderTerm, send } = this.#deps
    const { id: transferId, member, term } = transfer
    const deadlineMs = clock.monotonicMs() + CHUNK_TIMEOUT_MS
    while (true) {
      if (transfer.failure !== null) throw new Error(transfer.failure)
      if (leaderTerm() !== term) throw new Error('this node no longer leads the term')
      const sequence = transfer.sentCount
      if (send(member, { type: 'SnapshotChunk', transferId, term, sequence, ...chunk })) break
      if (clock.monotonicMs() >= deadlineMs) throw new Error('the connection has no room')
      await delay(clock, SEND_RETRY_MS)
    }
    transfer.sentCount++
    transfer.sizeBytes += chunk.data.length
  }
}
