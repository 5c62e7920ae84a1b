// One listening socket around a request callback: HTTP or HTTPS, with timeouts, and an end that lets requests finish.
import http from 'node:http'
import https from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { assert } from '../base/assert.ts'
import type { Clock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import { errorEntry } from '../contract/errors.ts'
import type { ErrorCode } from '../contract/errors.ts'
import { HEADER_BYTES_MAX } from '../contract/limits.ts'
import { ConnectionGuard } from './connection-guard.ts'

/** Certificate and key as PEM text. */
export interface TlsMaterial {
  readonly cert: string
  readonly key: string
}

export interface HttpServerOptions {
  readonly host: string
  readonly port: number
  /** Null: plain HTTP. */
  readonly tls: TlsMaterial | null
  readonly headersTimeoutMs: number
  readonly requestTimeoutMs: number
  readonly keepAliveTimeoutMs: number
  /** How long a client may read nothing of an answer before its connection is cut. */
  readonly answerTimeoutMs: number
  readonly connectionsMax: number
  readonly drainTimeoutMs: number
  /** True while the node is about to stop: answers then end their connection, so that no request meets the end of one that is idle. */
  readonly isLeaving: () => boolean
  /** Which requests the server emits as `upgrade`; absent: none, a request to upgrade is served as an ordinary one. */
  readonly upgrades?: (request: http.IncomingMessage) => boolean
}

export interface HttpServerDeps {
  readonly clock: Clock
  readonly log: Log
}

/** The same for every certificate, since a new one replaces all of these settings. */
const TLS_SETTINGS = { minVersion: 'TLSv1.2' } as const

/** How often node looks for requests that take too long to arrive. */
const TIMEOUT_CHECK_INTERVAL_MS = 1_000

/** How often a stopping listener looks for connections that have become idle. */
const IDLE_SWEEP_INTERVAL_MS = 20

const CLIENT_ERROR_CODES: Readonly<Record<string, ErrorCode>> = {
  HPE_HEADER_OVERFLOW: 'HEADERS_TOO_LARGE',
  ERR_HTTP_REQUEST_TIMEOUT: 'REQUEST_TIMEOUT',
}

export class HttpServer {
  /** For what needs the socket itself, such as WebSocket upgrades. */
  readonly server: http.Server
  readonly #clock: Clock
  readonly #log: Log
  readonly #options: HttpServerOptions
  /** All of them: node's own list leaves out those that are not past the TLS handshake. */
  readonly #sockets = new Set<Socket>()
  readonly #guard: ConnectionGuard

  constructor(callback: http.RequestListener, deps: HttpServerDeps, options: HttpServerOptions) {
    this.#clock = deps.clock
    this.#log = deps.log
    this.#options = options
    const guard = new ConnectionGuard(deps.clock, options)
    this.#guard = guard
    this.server = createServer((request, response) => {
      if (options.isLeaving()) response.shouldKeepAlive = false
      if (guard.admit(request, response)) callback(request, response)
    }, options)
    this.server.maxConnections = options.connectionsMax
    this.server.on('clientError', answerClientError)
    this.server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
    })
    this.server.on(options.tls === null ? 'connection' : 'secureConnection', (socket: Socket) => guard.watch(socket))
    this.server.on('upgrade', (_request, socket: Duplex) => guard.release(socket as Socket))
  }

  /** Connections that are open now. */
  get connectionCount(): number {
    return this.#sockets.size
  }

  /** Listens; resolves with the port in use, which differs from the configured one when that is 0. Rejects when it is taken. */
  async start(): Promise<number> {
    const { host, port } = this.#options
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', reject)
      this.server.listen({ host, port }, () => {
        this.server.off('error', reject)
        // Accepting can fail later, when file descriptors run out; the listener goes on.
        this.server.on('error', (error) => this.#log.error({ reason: error.message }, 'listener failed to accept'))
        resolve()
      })
    })
    this.#guard.start()
    return (this.server.address() as AddressInfo).port
  }

  /** Shows `material` to connections that begin from now on; those that are open keep theirs. Only for a listener with TLS. */
  useCertificate(material: TlsMaterial): void {
    assert(this.server instanceof https.Server, 'the listener speaks TLS')
    this.server.setSecureContext({ ...material, ...TLS_SETTINGS })
  }

  /** Stops accepting, lets requests under way finish for a bounded time, then cuts what is left. */
  async stop(): Promise<void> {
    if (!this.server.listening) return
    this.server.prependListener('request', (_request, response: http.ServerResponse) => {
      response.shouldKeepAlive = false
    })
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()))
    // close() ends the connections that are idle now; those that become idle later are for us to end.
    const sweep = this.#clock.every(IDLE_SWEEP_INTERVAL_MS, () => this.server.closeIdleConnections())
    const cut = this.#clock.after(this.#options.drainTimeoutMs, () => {
      for (const socket of this.#sockets) socket.destroy()
    })
    await closed
    sweep.cancel()
    cut.cancel()
    this.#guard.stop()
  }
}

function createServer(callback: http.RequestListener, options: HttpServerOptions): http.Server {
  const settings = {
    maxHeaderSize: HEADER_BYTES_MAX,
    headersTimeout: options.headersTimeoutMs,
    requestTimeout: options.requestTimeoutMs,
    keepAliveTimeout: options.keepAliveTimeoutMs,
    connectionsCheckingInterval: TIMEOUT_CHECK_INTERVAL_MS,
    noDelay: true,
    shouldUpgradeCallback: options.upgrades ?? (() => false),
  }
  if (options.tls === null) return http.createServer(settings, callback)
  return https.createServer(
    { ...settings, ...options.tls, ...TLS_SETTINGS, handshakeTimeout: options.headersTimeoutMs },
    callback,
  )
}

/** What is not a request at all never reaches the application; it gets the same form of answer. */
function answerClientError(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const code = CLIENT_ERROR_CODES[error.code ?? ''] ?? 'BAD_REQUEST'
  const { status, meaning, hint } = errorEntry(code)
  const body = `${JSON.stringify({ error_type: code, message: meaning, hint, request_id: '' })}\n`
  socket.end(
    `HTTP/1.1 ${status} ${http.STATUS_CODES[status] ?? ''}\r\nConnection: close\r\nContent-Type: application/json\r\n` +
      `X-Content-Type-Options: nosniff\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  )
}
