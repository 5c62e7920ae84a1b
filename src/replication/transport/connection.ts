// One encrypted connection to a peer: hello in both directions, then frames; a bounded queue, keep-alive, an orderly end.
import type { TLSSocket } from 'node:tls'
import type { Clock } from '../../base/clock.ts'
import { InsiError, messageOf } from '../../base/errors.ts'
import { FRAME_HEADER_SIZE_BYTES, FrameParser, encodeFrame } from './frames.ts'
import type { FrameKind } from './frames.ts'
import type { PeerTransportCounters } from './counters.ts'
import { decodeHello, encodeHello } from './handshake.ts'
import type { Hello, HelloFault } from './handshake.ts'
import {
  FRAME_SIZE_BYTES_MAX,
  HANDSHAKE_FRAME_SIZE_BYTES_MAX,
  OUTGOING_QUEUE_MESSAGES_MAX,
  OUTGOING_QUEUE_SIZE_BYTES_MAX,
  WRITE_BATCH_SIZE_BYTES,
} from './limits.ts'
import type { PeerDeadlines } from './limits.ts'

/**
 * `connecting`: TLS or the hello is not done. `open`: messages flow. `ending`: we send nothing more, and read until the peer
 * does not either. `closed`: the socket is gone.
 */
type State = 'connecting' | 'open' | 'ending' | 'closed'

/** Why a side ends a connection; the other side learns it. */
export type Goodbye = HelloFault | 'closing' | 'duplicate' | 'reply'

const GOODBYES: readonly Goodbye[] = ['duplicate', 'reply', 'version', 'cluster', 'self']

/** Why a connection closed: `orderly` after goodbyes in both directions; `tls` when the peer or we did not trust the other. */
export type CloseCause = 'orderly' | 'handshake_timeout' | 'silent' | 'protocol' | 'tls' | 'lost'

/** What the owner of a connection hears from it. None of these is called after onClosed. */
export interface ConnectionOwner {
  /** The first hello, or a later one that says what has changed. */
  onHello(connection: PeerConnection, hello: Hello): void
  /** A message, still encoded; see OnFrame for `owned`. Throwing InsiError PEER_PROTOCOL ends the connection. */
  onMessage(connection: PeerConnection, body: Buffer, owned: boolean): void
  onGoodbye(connection: PeerConnection, goodbye: Goodbye): void
  onClosed(connection: PeerConnection, cause: CloseCause, detail: string): void
}

export interface ConnectionOptions {
  readonly socket: TLSSocket
  /** Null on the side that was dialled. */
  readonly dialledAddress: string | null
  readonly dialNumber: number
  readonly deadlines: PeerDeadlines
  readonly clock: Clock
  readonly counters: PeerTransportCounters
  readonly owner: ConnectionOwner
}

const NOTHING = new Uint8Array(0)
/** Milliseconds since the epoch, as a double. */
const WALL_TIME_SIZE_BYTES = 8

export class PeerConnection {
  readonly dialledAddress: string | null
  /** What the peer said of itself last. */
  hello: Hello | null = null
  /** What we told the peer of ourselves last. */
  announced: Hello | null = null
  /** Addresses under which messages are sent over this connection. */
  readonly addresses = new Set<string>()
  /** Set when another connection took over. */
  superseded = false
  openedAtMs = 0
  /** How long the last ping took there and back; null before the first. */
  roundTripMs: number | null = null
  /** How far the peer's wall clock was ahead of ours at the last ping, to within half the round trip; null when it did not say. */
  clockSkewMs: number | null = null
  readonly #options: ConnectionOptions
  readonly #socket: TLSSocket
  readonly #parser: FrameParser
  #state: State = 'connecting'
  #queue: Buffer[] = []
  #queuedBytes = 0
  #flushScheduled = false
  #blocked = false
  #goodbyeReceived = false
  #goodbyeQueued = false
  #socketEnded = false
  #refused = false
  /** When this connection is given up unless something happens before. */
  #deadlineMs: number
  #lastReceivedMs: number
  #lastPingMs: number
  /** When the pings were sent that are not answered yet, in order. */
  #pingsSentMs: number[] = []
  #closeCause: CloseCause = 'lost'
  #closeDetail = ''

  constructor(options: ConnectionOptions) {
    this.#options = options
    this.#socket = options.socket
    this.dialledAddress = options.dialledAddress
    const nowMs = options.clock.monotonicMs()
    const { connectMs, handshakeMs } = options.deadlines
    this.#deadlineMs = nowMs + (options.dialledAddress === null ? handshakeMs : connectMs)
    this.#lastReceivedMs = nowMs
    this.#lastPingMs = nowMs
    this.#parser = new FrameParser(HANDSHAKE_FRAME_SIZE_BYTES_MAX, (...frame) => this.#onFrame(...frame))
    const socket = options.socket
    socket.setNoDelay(true)
    socket.on('data', (chunk: Buffer) => this.#onData(chunk))
    socket.on('drain', () => {
      this.#blocked = false
      this.#flush()
    })
    socket.on('error', (error) => this.#onSocketError(error))
    socket.on('close', () => this.#onSocketClosed())
  }

  get isOpen(): boolean {
    return this.#state === 'open'
  }

  /** Of the side that dialled; see supersedes(). */
  get dialNumber(): number {
    return this.dialledAddress === null ? (this.hello?.dialNumber ?? 0) : this.#options.dialNumber
  }

  get isRefused(): boolean {
    return this.#refused
  }

  /** Says who we are: at first, and again when it changed. */
  announce(hello: Hello): void {
    this.announced = hello
    this.#enqueue(encodeFrame('hello', encodeHello(hello)))
  }

  /** The peer is suitable: messages may flow. */
  open(): void {
    if (this.#state !== 'connecting') return
    this.#state = 'open'
    this.openedAtMs = this.#options.clock.monotonicMs()
    this.#deadlineMs = Infinity
    this.#parser.allow(FRAME_SIZE_BYTES_MAX)
    this.#options.counters.connectionsOpen += 1
  }

  /** False while the queue is full; one message more than OUTGOING_QUEUE_SIZE_BYTES_MAX may be in it. */
  get hasRoom(): boolean {
    if (this.#queue.length >= OUTGOING_QUEUE_MESSAGES_MAX) return false
    return this.#queuedBytes + this.#socket.writableLength < OUTGOING_QUEUE_SIZE_BYTES_MAX
  }

  /** Queues a whole message frame; false when the queue is full or the connection ends. */
  send(frame: Buffer): boolean {
    if (this.#state !== 'open' || !this.hasRoom) return false
    // The round trip is measured where a packet goes out anyhow.
    const isMeasureDue = this.#pingsSentMs.length === 0 && this.#pingIsDue(this.#options.clock.monotonicMs())
    if (isMeasureDue) this.#ping()
    this.#enqueue(frame)
    return true
  }

  /** Ends the connection after what is queued; the peer is told why. What the peer still sends is read until it ends too. */
  end(goodbye: Goodbye): void {
    if (this.#state === 'closed' || this.#goodbyeQueued) return
    this.#leaveOpen('ending')
    this.#goodbyeQueued = true
    this.#deadlineMs = this.#options.clock.monotonicMs() + this.#options.deadlines.closeMs
    this.#enqueue(encodeFrame('goodbye', Buffer.from(goodbye)))
  }

  /** Ends the connection; nothing of what the peer sent or sends is handed on. */
  refuse(fault: HelloFault): void {
    this.#refused = true
    this.end(fault)
  }

  /** Gives the connection up at once. */
  destroy(cause: CloseCause, detail: string): void {
    if (this.#state === 'closed') return
    this.#closeCause = cause
    this.#closeDetail = detail
    this.#socket.destroy()
  }

  /** Wants a sign of life soon: something calls this connection into question. */
  probe(): void {
    if (this.#state !== 'open') return
    const { clock, deadlines } = this.#options
    this.#deadlineMs = Math.min(this.#deadlineMs, clock.monotonicMs() + deadlines.probeMs)
    this.#ping()
  }

  /** Looks at the deadlines. `forgivenMs`: how long this process itself was not running. */
  sweep(nowMs: number, forgivenMs: number): void {
    this.#deadlineMs += forgivenMs
    this.#lastReceivedMs += forgivenMs
    if (nowMs >= this.#deadlineMs) {
      if (this.#state === 'connecting') this.destroy('handshake_timeout', 'the handshake took too long')
      else if (this.#state === 'ending') this.destroy('lost', 'the peer did not end the connection')
      else this.destroy('silent', 'no sign of life')
      return
    }
    if (this.#state !== 'open') return
    const { keepAliveIntervalMs, keepAliveDeadlineMs } = this.#options.deadlines
    if (nowMs - this.#lastReceivedMs >= keepAliveDeadlineMs) this.destroy('silent', 'no sign of life')
    else if (nowMs - this.#lastReceivedMs >= keepAliveIntervalMs && this.#pingIsDue(nowMs)) this.#ping()
  }

  #pingIsDue(nowMs: number): boolean {
    return nowMs - this.#lastPingMs >= this.#options.deadlines.keepAliveIntervalMs
  }

  #ping(): void {
    this.#lastPingMs = this.#options.clock.monotonicMs()
    this.#pingsSentMs.push(this.#lastPingMs)
    this.#enqueue(encodeFrame('ping', NOTHING))
  }

  /** `body`: the wall time of the peer; empty from one that does not tell it. */
  #onPong(body: Buffer): void {
    const sentMs = this.#pingsSentMs.shift()
    if (sentMs === undefined) return
    const { clock } = this.#options
    this.roundTripMs = clock.monotonicMs() - sentMs
    if (body.length !== WALL_TIME_SIZE_BYTES) return
    this.clockSkewMs = body.readDoubleBE() - (clock.nowMs() - this.roundTripMs / 2)
  }

  #answerPing(): void {
    const body = Buffer.alloc(WALL_TIME_SIZE_BYTES)
    body.writeDoubleBE(this.#options.clock.nowMs())
    this.#enqueue(encodeFrame('pong', body))
  }

  #enqueue(frame: Buffer): void {
    this.#queue.push(frame)
    this.#queuedBytes += frame.length
    if (this.#flushScheduled) return
    this.#flushScheduled = true
    queueMicrotask(() => {
      this.#flushScheduled = false
      this.#flush()
    })
  }

  /** Writes what is queued, joined into few writes, while the socket takes it. */
  #flush(): void {
    if (this.#socket.destroyed) return
    const { counters } = this.#options
    while (!this.#blocked && this.#queue.length > 0) {
      const frames = this.#takeBatch()
      const [first] = frames
      const batch = frames.length === 1 && first !== undefined ? first : Buffer.concat(frames)
      counters.sentFrames += frames.length
      counters.sentBytes += batch.length
      this.#queuedBytes -= batch.length
      this.#blocked = !this.#socket.write(batch)
    }
    this.#endSocketWhenDone()
  }

  #takeBatch(): Buffer[] {
    if (this.#queuedBytes <= WRITE_BATCH_SIZE_BYTES) {
      const all = this.#queue
      this.#queue = []
      return all
    }
    let count = 0
    let sizeBytes = 0
    for (const frame of this.#queue) {
      sizeBytes += frame.length
      if (count > 0 && sizeBytes > WRITE_BATCH_SIZE_BYTES) break
      count += 1
    }
    return this.#queue.splice(0, count)
  }

  #endSocketWhenDone(): void {
    if (!this.#goodbyeQueued || !this.#goodbyeReceived || this.#queue.length > 0 || this.#socketEnded) return
    this.#socketEnded = true
    this.#closeCause = 'orderly'
    this.#socket.end()
  }

  #onData(chunk: Buffer): void {
    const { counters, clock } = this.#options
    counters.receivedBytes += chunk.length
    this.#lastReceivedMs = clock.monotonicMs()
    if (this.#state === 'open') this.#deadlineMs = Infinity
    try {
      this.#parser.push(chunk)
    } catch (error) {
      if (!(error instanceof InsiError)) throw error
      this.destroy('protocol', error.message)
    }
  }

  #onFrame(kind: FrameKind, body: Buffer, owned: boolean): void {
    if (this.#socket.destroyed || this.#goodbyeReceived) return
    this.#options.counters.receivedFrames += 1
    const { owner } = this.#options
    if (kind === 'goodbye') this.#onGoodbye(body.toString('latin1'))
    else if (this.#refused) return
    else if (kind === 'hello') owner.onHello(this, decodeHello(body))
    else if (this.hello === null) throw new InsiError('PEER_PROTOCOL', `a ${kind} before the hello`)
    else if (kind === 'message') owner.onMessage(this, body, owned)
    else if (kind === 'ping' && this.#state === 'open') this.#answerPing()
    else if (kind === 'pong') this.#onPong(body)
  }

  /** A reason that a later version may give counts as `closing`. */
  #onGoodbye(text: string): void {
    this.#goodbyeReceived = true
    this.#options.owner.onGoodbye(this, GOODBYES.find((known) => known === text) ?? 'closing')
    this.end('reply')
    this.#endSocketWhenDone()
  }

  /** Errors of the operating system name the call that failed; the others before the handshake's end are TLS's. */
  #onSocketError(error: Error): void {
    if (this.#closeDetail !== '') return
    this.#closeDetail = messageOf(error)
    if (this.#state === 'connecting' && !('syscall' in error)) this.#closeCause = 'tls'
  }

  #leaveOpen(next: State): void {
    if (this.#state === 'open') this.#options.counters.connectionsOpen -= 1
    this.#state = next
  }

  #onSocketClosed(): void {
    this.#leaveOpen('closed')
    this.#queue = []
    this.#queuedBytes = 0
    const { owner } = this.#options
    owner.onClosed(this, this.#closeCause, this.#closeDetail)
  }
}

/** Room that encodePeerMessage() leaves at the front of a message frame. */
export const MESSAGE_HEADROOM_BYTES = FRAME_HEADER_SIZE_BYTES
