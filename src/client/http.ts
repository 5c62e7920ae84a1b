// A call of the API: picks the endpoint, sends, follows allowed redirects, repeats what is safe to repeat, and turns every
// failure into a ClientError. The files of the nouns are thin layers over `call`.
import type { Readable } from 'node:stream'
import { assert, must } from '../base/assert.ts'
import { delay, systemClock } from '../base/clock.ts'
import type { Clock } from '../base/clock.ts'
import type { Random } from '../base/random.ts'
import type { Consistency, Route } from '../contract/route.ts'
import { ROUTES } from '../contract/routes.ts'
import { errorOfAnswer, parseSuccess, printableUrl } from './answer.ts'
import type { AskedFor } from './answer.ts'
import { EndpointList, endpointUrl } from './endpoints.ts'
import type { Endpoint } from './endpoints.ts'
import { ClientError, requireArgument } from './errors.ts'
import {
  CONNECT_TIMEOUT_MS_DEFAULT,
  REDIRECTS_MAX,
  RETRY_DEFAULT,
  TIMEOUT_MS_DEFAULT,
  TOTAL_TIMEOUT_MS_DEFAULT,
  URL_CHARS_MAX,
} from './options.ts'
import type { CallOptions, ClientOptions, ReadOptions, RetryPolicy } from './options.ts'
import { pauseBeforeRound, retryAdvice } from './retry.ts'
import type { RetryAdvice } from './retry.ts'
import { Transport, TransportFailure } from './transport.ts'
import type { Answer } from './transport.ts'

/** What a call needs to know of its route. */
export type CallRoute = Pick<Route, 'name' | 'path' | 'listener' | 'kind'> & { readonly method: 'GET' | 'POST' | 'PUT' }

/** An endpoint to open a stream on. Tell how it went: later calls begin with the endpoint that works. */
export interface CallTarget {
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  succeeded(): void
  failed(): void
}

/** Fields of a request by their wire name; undefined ones are left out. */
export type Fields = Readonly<Record<string, unknown>>

const EXPLAIN_HEADER = 'x-insi-explain'

const REDIRECT_STATUSES: readonly number[] = [301, 302, 303, 307, 308]

/** Printable ASCII: what a header can carry and every key consists of. */
const API_KEY_PATTERN = /^[\x21-\x7e]+$/

/**
 * The route of the API's table with this name. `method` defaults to GET for reads, whose fields then stand in the query: pass
 * POST when a field is secret.
 */
export function routeNamed(name: string, method?: 'GET' | 'POST' | 'PUT'): CallRoute {
  const route = must(
    ROUTES.find((candidate) => candidate.name === name),
    `no route is named ${name}`,
  )
  return { ...route, method: method ?? (route.kind === 'write' ? 'POST' : 'GET') }
}

/** Calls to the API with one key. Clients of several keys share connections (see `withKey`). */
export class HttpClient {
  readonly #options: ClientOptions
  readonly #apiKey: string
  readonly #clock: Clock
  readonly #policy: RetryPolicy
  readonly #endpoints: EndpointList
  readonly #transport: Transport

  constructor(options: ClientOptions, shared?: { readonly endpoints: EndpointList; readonly transport: Transport }) {
    requireArgument(API_KEY_PATTERN.test(options.apiKey), 'the API key is empty or holds blanks or control characters')
    this.#options = options
    this.#apiKey = options.apiKey
    this.#clock = options.clock ?? systemClock
    this.#policy = { ...RETRY_DEFAULT, ...options.retry }
    this.#endpoints = shared?.endpoints ?? new EndpointList(options.endpoints, this.#clock)
    this.#transport =
      shared?.transport ??
      new Transport({ clock: this.#clock, skipVerify: options.skipVerify === true, ca: options.ca })
  }

  /** The same endpoints and connections with another key. Closing either closes both. */
  withKey(apiKey: string): HttpClient {
    return new HttpClient({ ...this.#options, apiKey }, { endpoints: this.#endpoints, transport: this.#transport })
  }

  /** Where a stream may be opened, the most promising first, and what its handshake needs besides. */
  targets(route: CallRoute): CallTarget[] {
    return this.#endpoints.inOrder().map((endpoint) => ({
      url: endpointUrl(endpoint, listenerOf(route), route.path),
      headers: { authorization: this.#apiKey },
      succeeded: () => this.#endpoints.succeeded(endpoint),
      failed: () => this.#endpoints.failed(endpoint),
    }))
  }

  get clock(): Clock {
    return this.#clock
  }

  /** TLS settings for whoever opens connections of its own. */
  get tlsOptions(): { readonly skipVerify: boolean; readonly ca: readonly string[] | undefined } {
    return { skipVerify: this.#options.skipVerify === true, ca: this.#options.ca }
  }

  /**
   * Calls `route` and returns the JSON of its answer, undefined when it has none. An answer that `isConclusive` denies is taken
   * only when no other endpoint has a better one. Rejects with ClientError; with the signal's reason when that aborts (a write may
   * then have happened).
   */
  async call(
    route: CallRoute,
    fields: Fields,
    options: ReadOptions = {},
    isConclusive: (value: unknown) => boolean = () => true,
  ): Promise<unknown> {
    const send = async (endpoint: Endpoint): Promise<unknown> => {
      const { answer, asked } = await this.#send(endpoint, route, fields, options)
      return parseSuccess(answer, asked)
    }
    return this.#repeat(route, options, send, isConclusive)
  }

  /** Calls `route` and resolves with the body of its answer, to be read to its end or destroyed. Rejects like call(). */
  async open(route: CallRoute, fields: Fields, options: ReadOptions = {}): Promise<Readable> {
    return this.#repeat(route, options, async (endpoint) => {
      const { answer } = await this.#send(endpoint, route, fields, { ...options, isStream: true })
      return must(answer.body, 'a stream that succeeded has a body')
    })
  }

  async #repeat<Value>(
    route: CallRoute,
    options: CallOptions,
    send: (endpoint: Endpoint) => Promise<Value>,
    isConclusive: (value: Value) => boolean = () => true,
  ): Promise<Value> {
    const startedAtMs = this.#clock.monotonicMs()
    const deadlineMs = startedAtMs + (this.#options.totalTimeoutMs ?? TOTAL_TIMEOUT_MS_DEFAULT)
    for (let round = 1; ; round++) {
      const outcome = await this.#round(route, send, isConclusive, deadlineMs)
      if ('value' in outcome) return outcome.value
      const { error, advice } = outcome
      if (advice === 'never' || round >= this.#policy.roundsMax) throw error
      const retryAfterMs = error.facts.retryAfterMs
      if (retryAfterMs !== undefined && retryAfterMs > this.#policy.retryAfterMaxMs) throw error
      const pauseMs = await this.pauseMs(round, retryAfterMs)
      if (this.#clock.monotonicMs() + pauseMs >= deadlineMs) throw error
      await delay(this.#clock, pauseMs, options.signal)
    }
  }

  /** How long to wait before repetition `round`, which begins with 1; at least as long as the server asked for. */
  async pauseMs(round: number, retryAfterMs: number | undefined): Promise<number> {
    return pauseBeforeRound(round, this.#policy, { retryAfterMs, random: await this.#random() })
  }

  /** Ends all connections, also those of clients made by `withKey`. Calls under way fail. */
  close(): void {
    this.#transport.close()
  }

  async #round<Value>(
    route: CallRoute,
    send: (endpoint: Endpoint) => Promise<Value>,
    isConclusive: (value: Value) => boolean,
    deadlineMs: number,
  ): Promise<RoundOutcome<Value>> {
    let outcome: { error: ClientError; advice: RetryAdvice } | undefined
    let inconclusive: { value: Value } | undefined
    for (const endpoint of this.#endpoints.inOrder()) {
      if ((inconclusive ?? outcome) !== undefined && this.#clock.monotonicMs() >= deadlineMs) break
      try {
        const value = await send(endpoint)
        if (isConclusive(value)) {
          this.#endpoints.succeeded(endpoint)
          return { value }
        }
        this.#endpoints.failed(endpoint)
        inconclusive ??= { value }
      } catch (error) {
        if (!(error instanceof ClientError)) throw error
        const advice = retryAdvice(error, { isRead: route.kind !== 'write' })
        const hasAnswered = error.facts.status !== undefined
        if (advice === 'elsewhere' || !hasAnswered) this.#endpoints.failed(endpoint)
        else this.#endpoints.succeeded(endpoint)
        if (advice !== 'elsewhere') return inconclusive ?? { error, advice }
        // What a node said tells more than that another one could not be reached.
        if (outcome?.error.facts.status === undefined || hasAnswered) outcome = { error, advice }
      }
    }
    const found = inconclusive ?? outcome
    assert(found !== undefined, 'a round asks at least one endpoint')
    return found
  }

  async #send(
    endpoint: Endpoint,
    route: CallRoute,
    fields: Fields,
    options: StreamOptions,
  ): Promise<{ readonly answer: Answer; readonly asked: AskedFor }> {
    const request = buildRequest(endpoint, route, fields, options.consistency ?? this.#options.consistency)
    let url = request.url
    for (let count = 1; ; count++) {
      const asked: AskedFor = { method: request.method, url, isRead: route.kind !== 'write' }
      const answer = await this.#exchange(asked, request.body, options)
      if (answer.status >= 200 && answer.status < 300) return { answer, asked }
      if (!REDIRECT_STATUSES.includes(answer.status)) throw errorOfAnswer(answer, asked)
      url = this.#redirectTarget(answer, asked)
      if (count === REDIRECTS_MAX) {
        throw redirectRefused(`stopped after ${REDIRECTS_MAX} redirects, last URL: ${printableUrl(url)}`, answer, asked)
      }
    }
  }

  async #exchange(asked: AskedFor, body: string | undefined, options: StreamOptions): Promise<Answer> {
    const timeoutMs = options.timeoutMs ?? this.#options.timeoutMs ?? TIMEOUT_MS_DEFAULT
    const { onServerTiming } = this.#options
    try {
      const answer = await this.#transport.exchange({
        method: asked.method,
        url: asked.url,
        headers: {
          authorization: this.#apiKey,
          accept: 'application/json',
          'content-type': 'application/json',
          ...(body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }),
          ...(onServerTiming === undefined ? {} : { [EXPLAIN_HEADER]: '1' }),
        },
        body,
        timeoutMs,
        connectTimeoutMs: this.#options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS_DEFAULT,
        signal: options.signal,
        isStream: options.isStream === true,
      })
      const serverTiming = answer.headers['server-timing']
      if (serverTiming !== undefined) onServerTiming?.(String(serverTiming))
      return answer
    } catch (error) {
      if (error instanceof TransportFailure) throw errorOfFailure(error, asked)
      throw error
    }
  }

  #redirectTarget(answer: Answer, asked: AskedFor): URL {
    if (this.#options.followRedirects === false) {
      const message = `request redirected with status ${answer.status} but redirects are disabled in direct connection mode`
      throw redirectRefused(message, answer, asked)
    }
    const location = answer.headers.location
    const target = location === undefined ? null : URL.parse(location, asked.url)
    if (target === null) throw redirectRefused(`redirect without a usable Location header`, answer, asked)
    if (!this.#endpoints.includes(target)) {
      const message = `redirected to ${target.origin}, which is not a configured endpoint: the key is not sent there`
      throw redirectRefused(message, answer, asked)
    }
    return target
  }

  // Loaded when first needed: most calls succeed at once, and cryptographic chance takes time to load.
  async #random(): Promise<Pick<Random, 'int'>> {
    return this.#options.random ?? (await import('../base/random.ts')).systemRandom
  }
}

interface StreamOptions extends ReadOptions {
  readonly isStream?: boolean
}

type RoundOutcome<Value> = { readonly value: Value } | { readonly error: ClientError; readonly advice: RetryAdvice }

function listenerOf(route: CallRoute): 'public' | 'private' {
  return route.listener === 'private' ? 'private' : 'public'
}

function buildRequest(
  endpoint: Endpoint,
  route: CallRoute,
  fields: Fields,
  consistency: Consistency | undefined,
): { readonly method: string; readonly url: URL; readonly body: string | undefined } {
  const url = endpointUrl(endpoint, listenerOf(route), route.path)
  const all = route.kind === 'read' && consistency !== undefined ? { ...fields, consistency } : fields
  if (route.method !== 'GET') return { method: route.method, url, body: JSON.stringify(all) }
  const withQuery = new URL(url)
  for (const [name, value] of Object.entries(all)) {
    if (value === undefined) continue
    const text = typeof value === 'string' ? value : JSON.stringify(value)
    requireArgument(text.isWellFormed(), `${name} is not well-formed text: it holds half of a surrogate pair`)
    withQuery.searchParams.set(name, text)
  }
  // Every read takes a body as well; proxies in between may refuse long URLs.
  if (withQuery.href.length > URL_CHARS_MAX) return { method: 'POST', url, body: JSON.stringify(all) }
  return { method: 'GET', url: withQuery, body: undefined }
}

function redirectRefused(message: string, answer: Answer, asked: AskedFor): ClientError {
  return new ClientError('REDIRECT_REFUSED', message, {
    status: answer.status,
    method: asked.method,
    url: printableUrl(asked.url),
  })
}

function errorOfFailure(failure: TransportFailure, asked: AskedFor): ClientError {
  const facts = { method: asked.method, url: printableUrl(asked.url) }
  const message = `http request ${facts.method} ${facts.url} failed: ${failure.message}`
  if (failure.kind === 'closed') return new ClientError('CLIENT_CLOSED', message, facts, failure)
  if (failure.kind === 'refused') return new ClientError('UNREACHABLE', message, facts, failure)
  if (!asked.isRead) {
    return new ClientError('OUTCOME_UNKNOWN', `${message}; the write may have happened`, facts, failure)
  }
  if (failure.kind === 'too-large') return new ClientError('UNEXPECTED_ANSWER', message, facts, failure)
  return new ClientError(failure.kind === 'timeout' ? 'TIMED_OUT' : 'CONNECTION_LOST', message, facts, failure)
}
