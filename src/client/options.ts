// What a client is made from, and the limits that hold when nothing is said.
import type { Clock } from '../base/clock.ts'
import type { Random } from '../base/random.ts'
import type { Consistency } from '../contract/route.ts'

/** One node. URLs are `http://host:port` or `https://host:port`, with or without the prefix `/db/api/v1`. */
export interface EndpointOptions {
  /** Where tenants talk to the node. */
  readonly publicUrl: string
  /** Where administrators do; absent: the same. */
  readonly privateUrl?: string
}

/**
 * When a failed call is repeated. Only calls that certainly changed nothing are: reads, and writes that were refused or never sent.
 * Pauses between rounds double from the minimum to the maximum, with jitter; within a round other endpoints are tried at once.
 */
export interface RetryPolicy {
  /** Rounds over the endpoints; 1: no repetition. */
  readonly roundsMax: number
  readonly backoffMinMs: number
  readonly backoffMaxMs: number
  /** A longer Retry-After is not waited for: the error is thrown. */
  readonly retryAfterMaxMs: number
}

export interface ClientOptions {
  /** At least one. The first is used until it fails. */
  readonly endpoints: readonly EndpointOptions[]
  /** A tenant, alias or root key. */
  readonly apiKey: string
  /** One HTTP exchange. Default 10 000. */
  readonly timeoutMs?: number
  /** Of `timeoutMs`, what it may take to connect. Default 3 000. */
  readonly connectTimeoutMs?: number
  /** No repetition starts later than this after the call did. Default 30 000. */
  readonly totalTimeoutMs?: number
  readonly retry?: Partial<RetryPolicy>
  /** Redirects are followed to configured endpoints only. Default true. */
  readonly followRedirects?: boolean
  /** Default consistency of reads; absent: the server's, linearizable. */
  readonly consistency?: Consistency
  /** True accepts any TLS certificate. */
  readonly skipVerify?: boolean
  /** PEM certificates to trust instead of the system's. */
  readonly ca?: readonly string[]
  /** Asks each answer where its time went, and is told: the value of its Server-Timing header. */
  readonly onServerTiming?: (serverTiming: string) => void
  readonly clock?: Clock
  readonly random?: Pick<Random, 'int'>
}

/** Of a single call. */
export interface CallOptions {
  readonly signal?: AbortSignal
  readonly timeoutMs?: number
}

/** Of a single read. */
export interface ReadOptions extends CallOptions {
  readonly consistency?: Consistency
}

/** A page of an iteration. The server's defaults: 0 and 100. */
export interface PageOptions extends ReadOptions {
  readonly offset?: number
  readonly limit?: number
}

export const TIMEOUT_MS_DEFAULT = 10_000
export const CONNECT_TIMEOUT_MS_DEFAULT = 3_000
export const TOTAL_TIMEOUT_MS_DEFAULT = 30_000

export const RETRY_DEFAULT: RetryPolicy = {
  roundsMax: 6,
  backoffMinMs: 100,
  backoffMaxMs: 2_000,
  retryAfterMaxMs: 5_000,
}

/** Connections to one origin; further calls wait for one to be free. */
export const SOCKETS_PER_ORIGIN_MAX = 128

/** Largest body of an answer. */
export const ANSWER_BYTES_MAX = 256 * 1024 * 1024

/** Longest URL; what does not fit travels in a body. */
export const URL_CHARS_MAX = 4_096

/** Requests that one call may make by following redirects. */
export const REDIRECTS_MAX = 5

/** How long an endpoint that failed is tried after all others. */
export const ENDPOINT_COOLDOWN_MS = 5_000
