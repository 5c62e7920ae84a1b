// One HTTP/1.1 exchange over pooled connections. Knows whether a failed request can have reached the server.
import type * as Http from 'node:http'
import type { Agent, ClientRequest, IncomingHttpHeaders, IncomingMessage } from 'node:http'
import type * as Https from 'node:https'
import type { Clock, Timer } from '../base/clock.ts'
import { messageOf } from '../base/errors.ts'
import { ANSWER_BYTES_MAX, SOCKETS_PER_ORIGIN_MAX } from './options.ts'

export interface Exchange {
  readonly method: string
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
  readonly timeoutMs: number
  readonly connectTimeoutMs: number
  readonly signal: AbortSignal | undefined
  /** The body of a success is handed over as it arrives. */
  readonly isStream?: boolean
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
  /** Of a stream that succeeded, which then has no text. Whoever asked must read it to its end or destroy it. */
  readonly body?: IncomingMessage
}

/** `refused`: no connection, so nothing was sent. Everything else may have reached the server. */
export type FailureKind = 'refused' | 'timeout' | 'lost' | 'too-large' | 'closed'

/** No answer. Stays inside the client: http.ts turns it into a ClientError. */
export class TransportFailure extends Error {
  readonly kind: FailureKind

  constructor(kind: FailureKind, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.kind = kind
  }
}

export interface TransportOptions {
  readonly clock: Clock
  readonly skipVerify: boolean
  readonly ca: readonly string[] | undefined
}

/** Pools of connections, one a scheme. */
export class Transport {
  readonly #options: TransportOptions
  readonly #agents = new Map<string, Agent>()
  #isClosed = false

  constructor(options: TransportOptions) {
    this.#options = options
  }

  /** Resolves with any answer, whatever its status. Rejects with TransportFailure, or with the signal's reason. */
  exchange(exchange: Exchange): Promise<Answer> {
    if (this.#isClosed) return Promise.reject(new TransportFailure('closed', 'the client is closed'))
    if (exchange.signal?.aborted === true) return Promise.reject(exchange.signal.reason as Error)
    return new Promise((resolve, reject) => {
      new PendingExchange(exchange, this.#options.clock, this.#request(exchange), { resolve, reject }).start()
    })
  }

  /** Ends idle connections and fails those in use. */
  close(): void {
    this.#isClosed = true
    for (const agent of this.#agents.values()) agent.destroy()
    this.#agents.clear()
  }

  #request(exchange: Exchange): ClientRequest {
    const isTls = exchange.url.protocol === 'https:'
    // Not `import`: the ES module form of node:http evaluates every lazy export, a WebSocket client among them, which takes
    // longer than a whole request to a near server. A command-line call cannot afford it.
    const module: typeof Http | typeof Https = process.getBuiltinModule(isTls ? 'node:https' : 'node:http')
    let agent = this.#agents.get(exchange.url.protocol)
    if (agent === undefined) {
      agent = new module.Agent({
        keepAlive: true,
        maxSockets: SOCKETS_PER_ORIGIN_MAX,
        ...(isTls ? { rejectUnauthorized: !this.#options.skipVerify } : {}),
        // What is given is trusted, also when it is no authority: a node's certificate without that of its issuer.
        ...(isTls && this.#options.ca !== undefined ? { ca: [...this.#options.ca], allowPartialTrustChain: true } : {}),
      })
      this.#agents.set(exchange.url.protocol, agent)
    }
    return module.request(exchange.url, { method: exchange.method, headers: { ...exchange.headers }, agent })
  }
}

interface Settle {
  resolve(answer: Answer): void
  reject(error: Error): void
}

/** A request under way: it settles exactly once, and leaves no timer or listener behind. */
class PendingExchange {
  readonly #exchange: Exchange
  readonly #request: ClientRequest
  readonly #settle: Settle
  readonly #timer: Timer
  readonly #connectTimer: Timer
  readonly #onAbort: () => void
  #isConnected = false
  #isSettled = false

  constructor(exchange: Exchange, clock: Clock, request: ClientRequest, settle: Settle) {
    this.#exchange = exchange
    this.#request = request
    this.#settle = settle
    this.#timer = clock.after(exchange.timeoutMs, () => {
      const kind = this.#isConnected ? 'timeout' : 'refused'
      this.#fail(new TransportFailure(kind, `no answer within ${exchange.timeoutMs} ms`))
    })
    this.#connectTimer = clock.after(exchange.connectTimeoutMs, () => {
      if (!this.#isConnected && this.#request.socket !== null) {
        this.#fail(new TransportFailure('refused', `no connection within ${exchange.connectTimeoutMs} ms`))
      }
    })
    this.#onAbort = () => this.#fail(exchange.signal?.reason as Error)
  }

  start(): void {
    const request = this.#request
    this.#exchange.signal?.addEventListener('abort', this.#onAbort, { once: true })
    request.once('socket', (socket) => {
      const connectedEvent = this.#exchange.url.protocol === 'https:' ? 'secureConnect' : 'connect'
      if (!socket.connecting) this.#isConnected = true
      else socket.once(connectedEvent, () => (this.#isConnected = true))
    })
    request.once('response', (response) => this.#collect(response))
    request.on('error', (error) => {
      this.#fail(new TransportFailure(this.#isConnected ? 'lost' : 'refused', describeFailure(error), error))
    })
    request.end(this.#exchange.body)
  }

  #collect(response: IncomingMessage): void {
    const { statusCode: status = 0, headers } = response
    if (this.#exchange.isStream === true && status >= 200 && status < 300) {
      this.#finish(() => this.#settle.resolve({ status, headers, text: '', body: response }))
      return
    }
    const chunks: Buffer[] = []
    let sizeBytes = 0
    response.on('data', (chunk: Buffer) => {
      sizeBytes += chunk.length
      if (sizeBytes > ANSWER_BYTES_MAX) {
        this.#fail(new TransportFailure('too-large', `the answer is larger than ${ANSWER_BYTES_MAX} bytes`))
      } else chunks.push(chunk)
    })
    response.on('error', (error) => this.#fail(new TransportFailure('lost', describeFailure(error), error)))
    response.once('close', () => this.#fail(new TransportFailure('lost', 'the connection broke within the answer')))
    response.once('end', () => {
      const text = chunks.length === 1 ? String(chunks[0]) : Buffer.concat(chunks).toString('utf8')
      this.#finish(() => this.#settle.resolve({ status: response.statusCode ?? 0, headers: response.headers, text }))
    })
  }

  #fail(error: Error): void {
    this.#finish(() => {
      this.#settle.reject(error)
      this.#request.destroy()
    })
  }

  #finish(settle: () => void): void {
    if (this.#isSettled) return
    this.#isSettled = true
    this.#timer.cancel()
    this.#connectTimer.cancel()
    this.#exchange.signal?.removeEventListener('abort', this.#onAbort)
    settle()
  }
}

// A failed attempt to connect to several addresses of one name has an empty message and its causes in `errors`.
function describeFailure(error: Error): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(messageOf).join('; ')
  return error.message
}
