// Which node to ask: the one that worked last, the others when it fails.
import type { Clock } from '../base/clock.ts'
import { API_PREFIX } from '../contract/route.ts'
import { requireArgument } from './errors.ts'
import { ENDPOINT_COOLDOWN_MS } from './options.ts'
import type { EndpointOptions } from './options.ts'

export type ListenerKind = 'public' | 'private'

/** One node, with URLs without the API's prefix and without a trailing slash. */
export interface Endpoint {
  readonly publicUrl: URL
  readonly privateUrl: URL
}

/** The endpoints of a client, shared by all its calls. */
export class EndpointList {
  readonly #endpoints: readonly Endpoint[]
  readonly #clock: Clock
  readonly #failedAtMs = new Map<Endpoint, number>()
  #preferred: Endpoint

  constructor(options: readonly EndpointOptions[], clock: Clock) {
    this.#endpoints = options.map(parseEndpoint)
    const first = this.#endpoints[0]
    requireArgument(first !== undefined, 'at least one endpoint is needed')
    this.#preferred = first
    this.#clock = clock
  }

  /** Every endpoint once, the most promising first. Never empty. */
  inOrder(): [Endpoint, ...Endpoint[]] {
    const preferred = this.#preferred
    const others = this.#endpoints.filter((endpoint) => endpoint !== preferred)
    const healthy = others.filter((endpoint) => !this.#isCoolingDown(endpoint))
    const failing = others.filter((endpoint) => this.#isCoolingDown(endpoint))
    return [preferred, ...healthy, ...failing]
  }

  succeeded(endpoint: Endpoint): void {
    this.#failedAtMs.delete(endpoint)
    this.#preferred = endpoint
  }

  failed(endpoint: Endpoint): void {
    this.#failedAtMs.set(endpoint, this.#clock.monotonicMs())
    if (endpoint !== this.#preferred) return
    const [, next] = this.inOrder()
    if (next !== undefined) this.#preferred = next
  }

  /** True when `url` is on a listener of a configured endpoint: only there may the key be sent. */
  includes(url: URL): boolean {
    return this.#endpoints.some(
      (endpoint) => endpoint.publicUrl.origin === url.origin || endpoint.privateUrl.origin === url.origin,
    )
  }

  #isCoolingDown(endpoint: Endpoint): boolean {
    const failedAtMs = this.#failedAtMs.get(endpoint)
    return failedAtMs !== undefined && this.#clock.monotonicMs() - failedAtMs < ENDPOINT_COOLDOWN_MS
  }
}

function parseEndpoint(options: EndpointOptions): Endpoint {
  const publicUrl = parseBaseUrl(options.publicUrl)
  return { publicUrl, privateUrl: options.privateUrl === undefined ? publicUrl : parseBaseUrl(options.privateUrl) }
}

function parseBaseUrl(text: string): URL {
  const url = URL.parse(text)
  requireArgument(
    url !== null && (url.protocol === 'http:' || url.protocol === 'https:') && url.hostname !== '',
    `not an http or https URL: ${text}`,
  )
  requireArgument(url.username === '' && url.password === '', 'a URL must not hold credentials; pass the key apart')
  url.search = ''
  url.hash = ''
  url.pathname = url.pathname.replace(/\/+$/, '').replace(new RegExp(`${API_PREFIX}$`), '')
  return url
}

/** The URL of `path`, which begins with the API's prefix, on `endpoint`. */
export function endpointUrl(endpoint: Endpoint, listener: ListenerKind, path: string): URL {
  const base = listener === 'private' ? endpoint.privateUrl : endpoint.publicUrl
  const url = new URL(base)
  url.pathname = base.pathname.replace(/\/$/, '') + path
  return url
}
