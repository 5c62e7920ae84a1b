// WebSockets of subscribers: from the upgrade of a request, which runs through the same middleware as every request, to the
// end of the connection. koa-websocket hands each accepted socket to the application.
import http from 'node:http'
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import websocketify from 'koa-websocket'
import type { WebSocket, WebSocketServer } from 'ws'
import type { Clock, Timer } from '../base/clock.ts'
import {
  SOCKET_CLOSE_TIMEOUT_MS,
  SOCKET_PING_INTERVAL_MS,
  SOCKET_SILENCE_MAX_MS,
  SOCKET_SWEEP_INTERVAL_MS,
  SUBSCRIBER_MESSAGE_BYTES_MAX,
} from '../contract/limits.ts'
import { STREAM_ENDS } from '../contract/stream-ends.ts'
import type { StreamEnd } from '../contract/stream-ends.ts'
import type { EventFrame } from '../services/events/frame.ts'
import type { EventSink } from '../services/events/subscriber.ts'
import type { App } from './app.ts'
import type { RequestContext } from './context.ts'
import { SINCE_HEADER, chosenProtocol } from './event-handshake.ts'

/** Makes a subscriber of a connection. */
export type AttachSink = (sink: EventSink) => { close(end: StreamEnd): void } | undefined

interface PendingUpgrade {
  readonly socket: Socket
  readonly head: Buffer
}

const SWITCHING_PROTOCOLS = 101
const NORMAL_CLOSURE: StreamEnd = { code: 1000, reason: '' }
const TEXT_FRAME = { binary: false, compress: false, fin: true }

/** The published types of ws do not know `closeTimeout` yet. */
const SOCKET_OPTIONS = {
  noServer: true,
  clientTracking: false,
  perMessageDeflate: false,
  maxPayload: SUBSCRIBER_MESSAGE_BYTES_MAX,
  closeTimeout: SOCKET_CLOSE_TIMEOUT_MS,
  handleProtocols: (offered: ReadonlySet<string>) => chosenProtocol(offered),
}

export class EventSockets {
  readonly #clock: Clock
  readonly #webSockets: WebSocketServer
  readonly #upgrades = new WeakMap<IncomingMessage, PendingUpgrade>()
  readonly #attaching = new WeakMap<IncomingMessage, AttachSink>()
  readonly #beginsAfter = new WeakMap<IncomingMessage, number>()
  readonly #open = new Set<SocketSink>()
  #sweep: Timer | undefined

  /** Serves the upgrades of `server` by `app`. */
  constructor(app: App, server: http.Server, clock: Clock) {
    this.#clock = clock
    const { ws } = websocketify(app)
    ws.use((ctx) => this.#connect(ctx.req, ctx.websocket))
    ws.listen(SOCKET_OPTIONS)
    if (ws.server === undefined) throw new TypeError('koa-websocket has no server')
    this.#webSockets = ws.server
    this.#webSockets.on('headers', (lines, request) => {
      const eventId = this.#beginsAfter.get(request)
      if (eventId !== undefined) lines.push(`${SINCE_HEADER}: ${eventId}`)
    })
    const listener = app.listener()
    server.on('upgrade', (request: IncomingMessage, duplex: Duplex, head: Buffer) => {
      // The stream of an upgrade is the connection's own socket, plain or TLS.
      const socket = duplex as Socket
      this.#upgrades.set(request, { socket, head })
      listener(request, responseOn(request, socket))
    })
  }

  /** True for a request that came to be upgraded. */
  isUpgrade(ctx: RequestContext): boolean {
    return this.#upgrades.has(ctx.req)
  }

  /**
   * Upgrades the request and attaches its socket; false when its client went away before. `beginsAfter`: of events, told in the
   * answer.
   */
  accept(ctx: RequestContext, attach: AttachSink, beginsAfter?: number): boolean {
    const upgrade = this.#upgrades.get(ctx.req)
    if (upgrade === undefined || upgrade.socket.destroyed || !upgrade.socket.writable) return false
    const { socket, head } = upgrade
    ctx.res.detachSocket(socket)
    ctx.res.statusCode = SWITCHING_PROTOCOLS
    this.#attaching.set(ctx.req, attach)
    if (beginsAfter !== undefined) this.#beginsAfter.set(ctx.req, beginsAfter)
    this.#webSockets.handleUpgrade(ctx.req, socket, head, (webSocket) => {
      this.#webSockets.emit('connection', webSocket, ctx.req)
    })
    // Still there when the handshake was not completed.
    return !this.#attaching.delete(ctx.req)
  }

  #connect(request: IncomingMessage, webSocket: WebSocket): void {
    const attach = this.#attaching.get(request)
    this.#attaching.delete(request)
    const sink = new SocketSink(webSocket, this.#clock.monotonicMs())
    this.#open.add(sink)
    this.#sweep ??= this.#clock.every(SOCKET_SWEEP_INTERVAL_MS, () => this.#sweepAll(), { unref: true })
    const subscriber = attach?.(sink)
    const heard = (): void => sink.heard(this.#clock.monotonicMs())
    webSocket.on('pong', heard).on('ping', heard).on('message', heard)
    // A frame that breaks the protocol: ws has sent the close frame that belongs to it.
    webSocket.on('error', () => subscriber?.close(NORMAL_CLOSURE))
    webSocket.on('close', () => {
      this.#open.delete(sink)
      subscriber?.close(NORMAL_CLOSURE)
      if (this.#open.size > 0) return
      this.#sweep?.cancel()
      this.#sweep = undefined
    })
    sink.onSilent = () => subscriber?.close(STREAM_ENDS.silent)
  }

  #sweepAll(): void {
    const nowMs = this.#clock.monotonicMs()
    for (const sink of this.#open) sink.sweep(nowMs)
  }
}

/** A response to a request whose socket left the server for an upgrade: refusals of the handshake go through it. */
function responseOn(request: IncomingMessage, socket: Socket): http.ServerResponse {
  const response = new http.ServerResponse(request)
  const onError = (): void => void socket.destroy()
  socket.on('error', onError)
  response.assignSocket(socket)
  response.shouldKeepAlive = false
  response.on('finish', () => socket.destroySoon())
  return response
}

class SocketSink implements EventSink {
  onSilent: () => void = () => {}
  readonly #webSocket: WebSocket
  #heardMs: number
  #pingedMs: number

  constructor(webSocket: WebSocket, nowMs: number) {
    this.#webSocket = webSocket
    this.#heardMs = nowMs
    this.#pingedMs = nowMs
  }

  send(frame: EventFrame, onSent: () => void): void {
    if (this.#webSocket.readyState !== this.#webSocket.OPEN) return
    this.#webSocket.send(frame.json, TEXT_FRAME, (error) => {
      if (error === undefined || error === null) onSent()
    })
  }

  close({ code, reason }: StreamEnd): void {
    this.#webSocket.close(code, reason)
  }

  heard(nowMs: number): void {
    this.#heardMs = nowMs
  }

  sweep(nowMs: number): void {
    if (nowMs - this.#heardMs >= SOCKET_SILENCE_MAX_MS) {
      this.onSilent()
    } else if (nowMs - this.#pingedMs >= SOCKET_PING_INTERVAL_MS) {
      this.#pingedMs = nowMs
      this.#webSocket.ping()
    }
  }
}
