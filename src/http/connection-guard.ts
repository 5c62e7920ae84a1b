// What one connection may cost: how many of its requests are carried out at a time, and how long an answer waits for a client
// that does not read it.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Clock, Timer } from '../base/clock.ts'
import { errorEntry } from '../contract/errors.ts'
import { PIPELINED_REQUESTS_MAX } from '../contract/limits.ts'

/** How often connections are looked at for answers that nobody reads. */
const SWEEP_INTERVAL_MS = 1_000

const REFUSED_CODE = 'OVERLOADED'

export class ConnectionGuard {
  readonly #clock: Clock
  readonly #answerTimeoutMs: number
  readonly #underWay = new WeakMap<Socket, number>()
  readonly #sockets = new Set<Socket>()
  #sweep: Timer | undefined

  constructor(clock: Clock, options: { readonly answerTimeoutMs: number }) {
    this.#clock = clock
    this.#answerTimeoutMs = options.answerTimeoutMs
  }

  start(): void {
    const intervalMs = Math.min(SWEEP_INTERVAL_MS, this.#answerTimeoutMs)
    this.#sweep = this.#clock.every(intervalMs, () => this.#lookForStuck(), { unref: true })
  }

  stop(): void {
    this.#sweep?.cancel()
  }

  /** `socket`: what answers are written to; for TLS the one that encrypts. */
  watch(socket: Socket): void {
    this.#sockets.add(socket)
    socket.once('close', () => this.#sockets.delete(socket))
  }

  /** The socket is a WebSocket's from now on, which is pinged and has bounds of its own. */
  release(socket: Socket): void {
    if (this.#sockets.delete(socket) && socket.timeout === this.#answerTimeoutMs) socket.setTimeout(0)
  }

  /**
   * Whether the request may be carried out. Answers are sent in the order of requests, so those that a client sends ahead wait
   * in memory: too many are refused, and the connection ends with the refusal.
   */
  admit({ socket }: IncomingMessage, response: ServerResponse): boolean {
    const underWay = this.#underWay.get(socket) ?? 0
    if (underWay >= PIPELINED_REQUESTS_MAX) {
      refuse(response)
      return false
    }
    this.#underWay.set(socket, underWay + 1)
    response.once('close', () => this.#underWay.set(socket, (this.#underWay.get(socket) ?? 1) - 1))
    return true
  }

  /** Node ends a connection whose timeout passes without a byte in either direction. */
  #lookForStuck(): void {
    for (const socket of this.#sockets) {
      const isTimed = socket.timeout === this.#answerTimeoutMs
      if (socket.writableLength > 0) {
        if (!isTimed) socket.setTimeout(this.#answerTimeoutMs)
      } else if (isTimed && (this.#underWay.get(socket) ?? 0) > 0) {
        // Written: the request that follows may take its time. Between requests the timeout is that of idle connections.
        socket.setTimeout(0)
      }
    }
  }
}

function refuse(response: ServerResponse): void {
  const { status, meaning, hint } = errorEntry(REFUSED_CODE)
  const message = `${meaning}: at most ${PIPELINED_REQUESTS_MAX} requests of a connection at a time`
  const body = `${JSON.stringify({ error_type: REFUSED_CODE, message, hint, request_id: '' })}\n`
  response.writeHead(status, {
    Connection: 'close',
    'Content-Type': 'application/json',
    'X-Content-Type-Options': 'nosniff',
    'Retry-After': '1',
    'Content-Length': Buffer.byteLength(body),
  })
  response.end(body)
}
