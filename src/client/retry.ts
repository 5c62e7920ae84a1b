// Whether a failed call may be repeated, where, and after which pause. Pure but for the jitter.
import type { Random } from '../base/random.ts'
import { errorEntry, isErrorCode } from '../contract/errors.ts'
import type { ClientError } from './errors.ts'
import type { RetryPolicy } from './options.ts'

/**
 * `elsewhere`: another endpoint may do better, so it is asked at once. `later`: the same answer is to be expected everywhere
 * until some time has passed. `never`: the error is the answer.
 */
export type RetryAdvice = 'elsewhere' | 'later' | 'never'

/** What `error` says about repeating a call that is a read, or a write. */
export function retryAdvice(error: ClientError, call: { readonly isRead: boolean }): RetryAdvice {
  switch (error.code) {
    case 'RATE_LIMITED':
      return 'later'
    // The latter two befall reads only: a write without an answer is OUTCOME_UNKNOWN.
    case 'UNREACHABLE':
    case 'TIMED_OUT':
    case 'CONNECTION_LOST':
      return 'elsewhere'
    case 'UNEXPECTED_ANSWER':
      return call.isRead && (error.facts.status ?? 0) >= 500 ? 'elsewhere' : 'never'
    // Waiting does not close a subscription: the caller decides.
    case 'SUBSCRIBER_LIMIT_EXCEEDED':
      return 'never'
    // Never for a write, whatever it does: a set that is repeated after another writer's set would undo it.
    case 'OUTCOME_UNKNOWN':
      return 'never'
  }
  return isErrorCode(error.code) && errorEntry(error.code).retryable ? 'elsewhere' : 'never'
}

/** Pause before round `round` (1 is the first repetition) in ms: at least what the server asked for. */
export function pauseBeforeRound(
  round: number,
  policy: RetryPolicy,
  options: { readonly retryAfterMs: number | undefined; readonly random: Pick<Random, 'int'> },
): number {
  const jitter = options.random.int(1_000) / 1_000
  if (options.retryAfterMs !== undefined) return options.retryAfterMs + jitter * policy.backoffMinMs
  const ceilingMs = Math.min(policy.backoffMaxMs, policy.backoffMinMs * 2 ** (round - 1))
  return ceilingMs * (0.5 + jitter / 2)
}
