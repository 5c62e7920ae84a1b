// The chunks of one outgoing snapshot transfer that are not answered yet: a few at a time, sent again when no answer comes,
// because messages between peers may be lost.
import type { Clock, Timer } from '../../base/clock.ts'
import type { SnapshotChunk, SnapshotChunkAck } from '../peer-messages.ts'

/** Chunks that may be unanswered. */
const CHUNKS_MAX = 4
/** Without an answer for this long, everything unanswered is sent again. */
const RESEND_MS = 2_000
/** Pause before chunks are offered again to a transport that had no room. */
const NO_ROOM_PAUSE_MS = 50

export class SnapshotWindow {
  readonly #clock: Clock
  readonly #send: (chunk: SnapshotChunk) => boolean
  /** Oldest first. */
  #unanswered: SnapshotChunk[] = []
  #failure: string | null = null
  #hadRoom = true
  #wake: (() => void) | null = null

  /** `send` answers false when the transport dropped the chunk. */
  constructor(clock: Clock, send: (chunk: SnapshotChunk) => boolean) {
    this.#clock = clock
    this.#send = send
  }

  /** Sends a chunk once there is room. Rejects when the transfer failed or nothing was answered for `timeoutMs`. */
  async push(chunk: SnapshotChunk, timeoutMs: number): Promise<void> {
    await this.#untilUnanswered(CHUNKS_MAX - 1, timeoutMs)
    this.#unanswered.push(chunk)
    if (this.#hadRoom) this.#hadRoom = this.#send(chunk)
  }

  /** Resolves once every chunk is answered; rejects like push(). */
  drain(timeoutMs: number): Promise<void> {
    return this.#untilUnanswered(0, timeoutMs)
  }

  onAck(ack: SnapshotChunkAck): void {
    if (!ack.ok) {
      this.fail('the member refused it')
      return
    }
    // Chunks are written in order: an answer stands for all chunks before it as well.
    const answeredCount = this.#unanswered.findIndex(({ sequence }) => sequence > ack.sequence)
    const before = this.#unanswered.length
    this.#unanswered = answeredCount === -1 ? [] : this.#unanswered.slice(answeredCount)
    if (this.#unanswered.length < before) this.#wake?.()
  }

  /** Ends the transfer. */
  fail(reason: string): void {
    this.#failure ??= reason
    this.#wake?.()
  }

  async #untilUnanswered(countMax: number, timeoutMs: number): Promise<void> {
    let answeredMs = this.#clock.monotonicMs()
    while (this.#failure === null && this.#unanswered.length > countMax) {
      const countBefore = this.#unanswered.length
      await this.#nextNews(this.#hadRoom ? RESEND_MS : NO_ROOM_PAUSE_MS)
      const nowMs = this.#clock.monotonicMs()
      if (this.#unanswered.length < countBefore) answeredMs = nowMs
      else if (nowMs - answeredMs >= timeoutMs) this.#failure ??= `no answer within ${timeoutMs} ms`
      else this.#sendAgain()
    }
    if (this.#failure !== null) throw new Error(this.#failure)
  }

  #sendAgain(): void {
    this.#hadRoom = true
    for (const chunk of this.#unanswered) this.#hadRoom &&= this.#send(chunk)
  }

  #nextNews(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      let timer: Timer | null = null
      const done = (): void => {
        timer?.cancel()
        this.#wake = null
        resolve()
      }
      timer = this.#clock.after(timeoutMs, done)
      this.#wake = done
    })
  }
}
