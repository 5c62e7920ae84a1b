// Watching the keys with a prefix. Unlike a subscription, a watch outlives its connections: it opens another one since the last
// revision that arrived, and says so when changes in between cannot be had any more.
import { delay } from '../base/clock.ts'
import { STREAM_ENDS } from '../contract/stream-ends.ts'
import { ClientError } from './errors.ts'
import type { CallRoute, HttpClient } from './http.ts'
import { asList, asNumber, asObject, asText, parseFrame } from './parse.ts'
import { retryAdvice } from './retry.ts'
import { openStream } from './socket-stream.ts'
import type { SocketStream } from './socket-stream.ts'

/** A key with what it holds now. `value` is null for a key that was deleted, has expired or was evicted. */
export interface KeyChange {
  readonly key: string
  readonly value: string | null
  /** RFC 3339; null for never, and for a key that is gone. */
  readonly expiresAt: string | null
}

/** All changes of one revision. */
export interface WatchFrame {
  readonly revision: number
  readonly changes: readonly KeyChange[]
  /** Changes after the one and up to the other revision could not be had: list the keys again. Then there are no changes. */
  readonly gap?: { readonly missedAfter: number; readonly missedThrough: number }
}

export interface WatchOptions {
  /** Ends the watch without an error. */
  readonly signal?: AbortSignal
  /** Begin right after this revision, such as `asOf` of a list; without it: with the next change. */
  readonly since?: number
  /** How long an outage may last before the watch fails. Default 5 minutes. */
  readonly reconnectForMs?: number
}

const RECONNECT_FOR_MS_DEFAULT = 300_000

/** The first frame of a connection has no changes: it says from where on it is complete. */
interface Connection {
  readonly stream: SocketStream<WatchFrame>
  readonly frames: AsyncGenerator<WatchFrame, void>
  readonly beginsAfter: number
}

/** An open watch. Read it once, to the end, or call `close`. It ends by `close`, by its signal, or with an error. */
export class Watch implements AsyncIterable<WatchFrame> {
  readonly #http: HttpClient
  readonly #route: CallRoute
  readonly #prefix: string
  readonly #reconnectForMs: number
  readonly #closing = new AbortController()
  #connection: Connection | undefined
  #revision = 0
  /** Attempts since something last arrived: pauses grow with it. */
  #attempts = 0

  constructor(http: HttpClient, route: CallRoute, prefix: string, options: WatchOptions) {
    this.#http = http
    this.#route = route
    this.#prefix = prefix
    this.#reconnectForMs = options.reconnectForMs ?? RECONNECT_FOR_MS_DEFAULT
    const { signal } = options
    if (signal?.aborted === true) this.close()
    // Gone with the watch: the caller's signal may be that of many.
    signal?.addEventListener('abort', () => this.close(), { once: true, signal: this.#closing.signal })
  }

  /** Everything up to this revision was read: `since` of a later watch. */
  get revision(): number {
    return this.#revision
  }

  /** Connects for the first time. Rejects with the server's refusal, WATCH_TOO_OLD among them, or with UNREACHABLE. */
  async open(since: number | undefined): Promise<void> {
    this.#connection = await this.#connect(since)
    this.#revision = this.#connection.beginsAfter
  }

  /** Ends the watch. */
  close(): void {
    this.#closing.abort()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<WatchFrame, void> {
    try {
      while (this.#connection !== undefined) {
        yield* this.#read(this.#connection)
        if (this.#isClosed()) return
        const { code, reason } = await this.#connection.stream.ended
        if (code === STREAM_ENDS.keyDeleted.code) throw new ClientError('AUTHENTICATION_FAILED', reason)
        const gap = await this.#reconnect()
        if (gap !== undefined) yield gap
      }
    } catch (error) {
      if (!this.#isClosed()) throw error
    } finally {
      this.close()
    }
  }

  async *#read({ frames }: Connection): AsyncGenerator<WatchFrame, void> {
    try {
      for await (const frame of frames) {
        this.#attempts = 0
        this.#revision = frame.revision
        yield frame
      }
    } catch (error) {
      // A connection that breaks with an error of the system; what the server said wrongly is a ClientError.
      if (error instanceof ClientError) throw error
    }
  }

  async #reconnect(): Promise<WatchFrame | undefined> {
    const { clock } = this.#http
    const deadlineMs = clock.monotonicMs() + this.#reconnectForMs
    let retryAfterMs: number | undefined
    for (;;) {
      this.#attempts += 1
      await delay(clock, await this.#http.pauseMs(this.#attempts, retryAfterMs), this.#closing.signal)
      try {
        return await this.#resume()
      } catch (error) {
        const isFinal = !(error instanceof ClientError) || retryAdvice(error, { isRead: true }) === 'never'
        if (isFinal || clock.monotonicMs() >= deadlineMs) throw error
        retryAfterMs = error.facts.retryAfterMs
      }
    }
  }

  /** Connects since the last revision; where that is too old, from now on: then the frame that tells the gap. */
  async #resume(): Promise<WatchFrame | undefined> {
    try {
      this.#connection = await this.#connect(this.#revision)
      return undefined
    } catch (error) {
      if (!(error instanceof ClientError) || error.code !== 'WATCH_TOO_OLD') throw error
    }
    this.#connection = await this.#connect(undefined)
    const missedAfter = this.#revision
    this.#revision = this.#connection.beginsAfter
    return { revision: this.#revision, changes: [], gap: { missedAfter, missedThrough: this.#revision } }
  }

  async #connect(since: number | undefined): Promise<Connection> {
    const query = { prefix: this.#prefix, ...(since === undefined ? {} : { since: String(since) }) }
    const source = { route: this.#route, query, parse: parseWatchFrame }
    const stream = await openStream(this.#http, source, this.#closing.signal)
    const frames = stream[Symbol.asyncIterator]()
    const first = await frames.next()
    if (first.done !== true) return { stream, frames, beginsAfter: first.value.revision }
    const { code } = await stream.ended
    throw new ClientError('CONNECTION_LOST', `the watch was ended with ${code} before it began`)
  }

  #isClosed(): boolean {
    return this.#closing.signal.aborted
  }
}

/** Opens a watch over `route`. Resolves once a node has accepted it: every change after that is seen. */
export async function openWatch(
  http: HttpClient,
  route: CallRoute,
  prefix: string,
  options: WatchOptions,
): Promise<Watch> {
  options.signal?.throwIfAborted()
  const watch = new Watch(http, route, prefix, options)
  await watch.open(options.since)
  return watch
}

function parseWatchFrame(text: string): WatchFrame {
  const frame = asObject(parseFrame(text), 'a frame')
  return { revision: asNumber(frame.revision, 'revision'), changes: asList(frame.changes, 'changes').map(asChange) }
}

function asChange(item: unknown): KeyChange {
  const change = asObject(item, 'a change')
  const expiresAt = change.expires_at ?? null
  return {
    key: asText(change.key, 'key'),
    value: change.value === null ? null : asText(change.value, 'value'),
    expiresAt: expiresAt === null ? null : asText(expiresAt, 'expires_at'),
  }
}
