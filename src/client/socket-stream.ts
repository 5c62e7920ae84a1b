// A stream of the server: a WebSocket whose frames are read with `for await`. When the reader is slow the socket is paused, so
// that the server, which closes slow readers, is the only place where frames can be lost.
import type { EventEmitter } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { ClientOptions as SocketOptions, WebSocket } from 'ws'
import { must } from '../base/assert.ts'
import type { Clock, Timer } from '../base/clock.ts'
import { SOCKET_CLOSE_TIMEOUT_MS, SOCKET_SILENCE_MAX_MS, SOCKET_SWEEP_INTERVAL_MS } from '../contract/limits.ts'
import { errorOfAnswer, printableUrl } from './answer.ts'
import { ClientError } from './errors.ts'
import type { CallRoute, CallTarget, HttpClient } from './http.ts'
import { retryAdvice } from './retry.ts'

/** Why a stream ended; 1006 when the connection broke without a word. */
export interface StreamEnding {
  readonly code: number
  readonly reason: string
}

/** What is asked for, and how a frame is read; `parse` throws UNEXPECTED_ANSWER. */
export interface StreamSource<T> {
  readonly route: CallRoute
  readonly query: Readonly<Record<string, string>>
  readonly parse: (frame: string) => T
}

const HANDSHAKE_TIMEOUT_MS = 10_000

/** Frames that wait for the reader before the socket is paused. */
const WAITING_FRAMES_MAX = 256

/** Largest body of a refused handshake that is read. */
const REFUSAL_BYTES_MAX = 64 * 1024

const NORMAL_CLOSURE = 1000

const SINCE_HEADER = 'x-insi-since'
const EVENT_ID = /^\d{1,16}$/

/** What a stream needs of a WebSocket; of its own, so that users of the types need not install those of `ws`. */
interface FrameSocket extends EventEmitter {
  readonly isPaused: boolean
  pause(): void
  resume(): void
  close(code: number): void
  terminate(): void
}

/** An open stream. Read it once, to the end, or call `close`. */
export class SocketStream<T> implements AsyncIterable<T> {
  /** Resolves when the connection has ended, whoever ended it. */
  readonly ended: Promise<StreamEnding>
  /**
   * Of events: the id after which the stream begins, for a later one `since` it when nothing has arrived on this one. Null where
   * the server does not say.
   */
  beginsAfter: number | null = null
  readonly #socket: FrameSocket
  readonly #parse: (frame: string) => T
  readonly #waiting: T[] = []
  #isOpen = true
  #failure: Error | undefined
  #wake: () => void = () => {}

  constructor(socket: FrameSocket, parse: (frame: string) => T, clock: Clock) {
    this.#socket = socket
    this.#parse = parse
    socket.on('message', (frame: Buffer) => this.#receive(String(frame)))
    socket.on('error', (error: Error) => this.#fail(error))
    socket.once('upgrade', ({ headers }: IncomingMessage) => {
      const since = headers[SINCE_HEADER]
      if (typeof since === 'string' && EVENT_ID.test(since)) this.beginsAfter = Number(since)
    })
    const silence = endWhenSilent(socket, clock)
    this.ended = new Promise((resolve) => {
      socket.once('close', (code: number, reason: Buffer) => {
        silence.cancel()
        this.#isOpen = false
        this.#wake()
        resolve({ code, reason: String(reason) })
      })
    })
  }

  /** Ends the stream; frames that arrived before can still be read. */
  close(): void {
    this.#socket.resume()
    this.#socket.close(NORMAL_CLOSURE)
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void> {
    try {
      for (;;) {
        const frame = this.#waiting.shift()
        if (frame !== undefined) {
          yield frame
          continue
        }
        if (this.#failure !== undefined) throw this.#failure
        if (!this.#isOpen) return
        this.#socket.resume()
        await new Promise<void>((resolve) => (this.#wake = resolve))
      }
    } finally {
      this.close()
    }
  }

  #receive(frame: string): void {
    try {
      this.#waiting.push(this.#parse(frame))
    } catch (error) {
      this.#fail(error as Error)
      this.close()
      return
    }
    if (this.#waiting.length >= WAITING_FRAMES_MAX) this.#socket.pause()
    this.#wake()
  }

  #fail(error: Error): void {
    this.#failure ??= error
    this.#wake()
  }
}

/**
 * Opens a stream on the first endpoint that takes it. Rejects with the server's refusal, with UNREACHABLE, or with the reason of
 * `signal`, which closes an open stream.
 */
export async function openStream<T>(
  http: HttpClient,
  source: StreamSource<T>,
  signal: AbortSignal | undefined,
): Promise<SocketStream<T>> {
  signal?.throwIfAborted()
  let refusal: ClientError | undefined
  for (const target of http.targets(source.route)) {
    try {
      const stream = await dial(http, target, source, signal)
      target.succeeded()
      return stream
    } catch (error) {
      signal?.throwIfAborted()
      if (!(error instanceof ClientError) || retryAdvice(error, { isRead: true }) !== 'elsewhere') throw error
      target.failed()
      // What a node said tells more than that another one could not be reached.
      if (refusal?.facts.status === undefined || error.facts.status !== undefined) refusal = error
    }
  }
  throw must(refusal, 'a client has at least one endpoint')
}

async function dial<T>(
  http: HttpClient,
  { url, headers }: CallTarget,
  { query, parse }: StreamSource<T>,
  signal: AbortSignal | undefined,
): Promise<SocketStream<T>> {
  const { WebSocket } = await import('ws')
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:'
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
  const { skipVerify, ca } = http.tlsOptions
  // The published types of ws do not know `closeTimeout` yet.
  const options: SocketOptions & { readonly closeTimeout: number } = {
    headers: { ...headers },
    handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
    closeTimeout: SOCKET_CLOSE_TIMEOUT_MS,
    followRedirects: false,
    perMessageDeflate: false,
    rejectUnauthorized: !skipVerify,
    ...(ca === undefined ? {} : { ca: [...ca] }),
  }
  const socket = new WebSocket(url, options)
  // Before `open`, so that no frame that follows the handshake at once is missed.
  const stream = new SocketStream(socket, parse, http.clock)
  const onAbort = (): void => (socket.readyState === socket.CONNECTING ? socket.terminate() : stream.close())
  signal?.addEventListener('abort', onAbort, { once: true })
  const forget = (): void => signal?.removeEventListener('abort', onAbort)
  void stream.ended.then(forget)
  // A socket whose handshake was refused has nothing left to close.
  await handshake(socket, url).finally(forget)
  signal?.addEventListener('abort', onAbort, { once: true })
  if (signal?.aborted === true) onAbort()
  return stream
}

function handshake(socket: WebSocket, url: URL): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('open', () => resolve())
    socket.once('unexpected-response', (_request, response: IncomingMessage) => {
      readRefusal(response, url)
        .then(reject, reject)
        .finally(() => socket.terminate())
    })
    socket.on('error', (error) => {
      const message = `failed to dial websocket ${printableUrl(url)}: ${error.message}`
      reject(new ClientError('UNREACHABLE', message, { url: printableUrl(url) }, error))
    })
  })
}

/** Cuts a connection over which not even a ping has come: the server pings far more often. One that is paused hears nothing. */
function endWhenSilent(socket: FrameSocket, clock: Clock): Timer {
  let heardMs = clock.monotonicMs()
  const heard = (): void => {
    heardMs = clock.monotonicMs()
  }
  for (const event of ['open', 'ping', 'pong', 'message']) socket.on(event, heard)
  const look = (): void => {
    if (socket.isPaused) heard()
    else if (clock.monotonicMs() - heardMs >= SOCKET_SILENCE_MAX_MS) socket.terminate()
  }
  return clock.every(SOCKET_SWEEP_INTERVAL_MS, look, { unref: true })
}

async function readRefusal(response: IncomingMessage, url: URL): Promise<ClientError> {
  const chunks: Buffer[] = []
  let sizeBytes = 0
  for await (const chunk of response) {
    chunks.push(chunk as Buffer)
    sizeBytes += (chunk as Buffer).length
    if (sizeBytes > REFUSAL_BYTES_MAX) break
  }
  const status = response.statusCode ?? 0
  if (status < 300) {
    const message = `failed to dial websocket ${printableUrl(url)}: the answer ${status} is no handshake`
    return new ClientError('UNEXPECTED_ANSWER', message, { status, url: printableUrl(url) })
  }
  const answer = {
    status,
    headers: response.headers,
    text: Buffer.concat(chunks).toString('utf8'),
  }
  return errorOfAnswer(answer, { method: 'GET', url, isRead: true })
}
