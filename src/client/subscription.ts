// A subscription: a WebSocket whose events are read with `for await`. When the reader is slow the socket is paused, so that
// the server, which closes slow subscribers, is the only place where events can be lost.
import type { EventEmitter } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { WebSocket } from 'ws'
import { API_PREFIX } from '../contract/route.ts'
import { errorOfAnswer, printableUrl } from './answer.ts'
import { ClientError } from './errors.ts'
import type { CallRoute, HttpClient } from './http.ts'
import { asNumber, asObject, asText } from './parse.ts'

export interface InsiEvent {
  /** As the server names it: with the scope of the entity in front. */
  readonly topic: string
  /** As published. */
  readonly data: unknown
  /** When it was published. */
  readonly emittedAt: string
  /** Orders all events; `since` of a later subscription. Absent when the server tells none. */
  readonly id?: number
  /** Stored events between these two ids were dropped before this subscription could read them; then there is no data. */
  readonly gap?: { readonly missedAfter: number; readonly missedThrough: number }
}

export interface SubscribeOptions {
  readonly signal?: AbortSignal
  /** The id of an event: begin right after it. Without it: with the next event. */
  readonly since?: number
}

/** Why a subscription ended; 1006 when the connection broke without a word. */
export interface SubscriptionEnd {
  readonly code: number
  readonly reason: string
}

const SUBSCRIBE_ROUTE: CallRoute = {
  name: 'event.subscribe',
  path: `${API_PREFIX}/events/subscribe`,
  listener: 'public',
  kind: 'node',
  method: 'GET',
}

const HANDSHAKE_TIMEOUT_MS = 10_000

/** Events that wait for the reader before the socket is paused. */
const WAITING_EVENTS_MAX = 256

/** Largest body of a refused handshake that is read. */
const REFUSAL_BYTES_MAX = 64 * 1024

const NORMAL_CLOSURE = 1000

/** What a subscription needs of a WebSocket; of its own, so that users of the types need not install those of `ws`. */
interface EventSocket extends EventEmitter {
  pause(): void
  resume(): void
  close(code: number): void
}

/** An open subscription. Read it once, to the end, or call `close`. */
export class Subscription implements AsyncIterable<InsiEvent> {
  /** Resolves when the connection has ended, whoever ended it. */
  readonly ended: Promise<SubscriptionEnd>
  readonly #socket: EventSocket
  readonly #waiting: InsiEvent[] = []
  #isOpen = true
  #failure: Error | undefined
  #wake: () => void = () => {}

  constructor(socket: EventSocket) {
    this.#socket = socket
    socket.on('message', (frame: Buffer) => this.#receive(String(frame)))
    socket.on('error', (error: Error) => this.#fail(error))
    this.ended = new Promise((resolve) => {
      socket.once('close', (code: number, reason: Buffer) => {
        this.#isOpen = false
        this.#wake()
        resolve({ code, reason: String(reason) })
      })
    })
  }

  /** Ends the subscription; events that arrived before can still be read. */
  close(): void {
    this.#socket.resume()
    this.#socket.close(NORMAL_CLOSURE)
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<InsiEvent, void> {
    try {
      for (;;) {
        const event = this.#waiting.shift()
        if (event !== undefined) {
          yield event
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
      this.#waiting.push(parseEvent(frame))
    } catch (error) {
      this.#fail(error as Error)
      this.close()
      return
    }
    if (this.#waiting.length >= WAITING_EVENTS_MAX) this.#socket.pause()
    this.#wake()
  }

  #fail(error: Error): void {
    this.#failure ??= error
    this.#wake()
  }
}

/** Opens a subscription. Rejects with the server's refusal (SUBSCRIBER_LIMIT_EXCEEDED among them), or with UNREACHABLE. */
export async function openSubscription(
  http: HttpClient,
  topic: string,
  { signal, since }: SubscribeOptions,
): Promise<Subscription> {
  const { WebSocket } = await import('ws')
  signal?.throwIfAborted()
  const { url, headers } = http.target(SUBSCRIBE_ROUTE)
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:'
  url.searchParams.set('topic', topic)
  if (since !== undefined) url.searchParams.set('since', String(since))
  const { skipVerify, ca } = http.tlsOptions
  const socket = new WebSocket(url, {
    headers: { ...headers },
    handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
    followRedirects: false,
    perMessageDeflate: false,
    rejectUnauthorized: !skipVerify,
    ...(ca === undefined ? {} : { ca: [...ca] }),
  })
  const subscription = await handshake(socket, url)
  const onAbort = (): void => subscription.close()
  signal?.addEventListener('abort', onAbort, { once: true })
  if (signal?.aborted === true) onAbort()
  return subscription
}

function handshake(socket: WebSocket, url: URL): Promise<Subscription> {
  return new Promise((resolve, reject) => {
    // Before `open`, so that no frame that follows the handshake at once is missed.
    const subscription = new Subscription(socket)
    socket.once('open', () => resolve(subscription))
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

function parseEvent(frame: string): InsiEvent {
  let parsed: unknown
  try {
    parsed = JSON.parse(frame)
  } catch (error) {
    throw new ClientError('UNEXPECTED_ANSWER', 'an event is not JSON', {}, error)
  }
  const event = asObject(parsed, 'an event')
  if (event.type === 'gap') {
    const missedAfter = asNumber(event.missed_after, 'missed_after')
    const missedThrough = asNumber(event.missed_through, 'missed_through')
    return { topic: '', data: null, emittedAt: '', gap: { missedAfter, missedThrough } }
  }
  return {
    ...(event.id === undefined ? {} : { id: asNumber(event.id, 'id') }),
    topic: asText(event.topic, 'topic'),
    data: event.data ?? null,
    emittedAt: asText(event.emitted_at, 'emitted_at'),
  }
}
