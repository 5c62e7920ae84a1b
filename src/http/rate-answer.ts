// How a request over a rate limit is refused, by either limiter.
import { insiError } from '../contract/errors.ts'
import type { RateDenial } from '../services/rates/limiter.ts'

const MS_PER_SECOND = 1_000

/** RATE_LIMITED with what the headers say; Retry-After is in whole seconds, and never 0: a client would come back at once. */
export function rateLimited({ limit, burst, retryAfterMs }: RateDenial): Error {
  const retryAfterSeconds = Math.max(1, Math.ceil(retryAfterMs / MS_PER_SECOND))
  return insiError('RATE_LIMITED', undefined, { retryAfterSeconds, limit, burst })
}
