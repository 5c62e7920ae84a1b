// The texts of errors as users of insic know and search them.
import { InsiError, messageOf } from '../base/errors.ts'
import { ClientError } from '../client/errors.ts'

const CONFLICT_TEXT = 'operation failed due to a conflict (e.g., key exists for blob, setnx, or cas failed)'

/** Conflicts with the cluster as it is, not with another writer. */
const MEMBERSHIP_CODES: ReadonlySet<string> = new Set([
  'QUORUM_AT_RISK',
  'CHANGE_PENDING',
  'MEMBER_EXISTS',
  'MEMBER_LEADS',
  'MEMBER_NOT_READY',
  'TOPOLOGY_CONFLICT',
])

/** What follows `Error: `. */
export function errorText(error: unknown): string {
  if (!(error instanceof ClientError) || error.facts.status === undefined) return messageOf(error)
  const { status, isApiAnswer, quota, rateLimit, retryAfterMs } = error.facts
  switch (error.code) {
    case 'REDIRECT_REFUSED':
      return error.message
    case 'RATE_LIMITED':
      return `rate limited: ${error.message}. Try again in ${durationText(retryAfterMs ?? 0)}. (Limit: ${rateLimit?.limit ?? 0}, Burst: ${rateLimit?.burst ?? 0})`
    case 'DISK_LIMIT_EXCEEDED':
      return quotaText('disk', error.message, quota)
    case 'MEMORY_LIMIT_EXCEEDED':
      return quotaText('memory', error.message, quota)
    case 'EVENTS_LIMIT_EXCEEDED':
      return quotaText('events', error.message, quota)
    case 'SUBSCRIBER_LIMIT_EXCEEDED':
    case 'TOO_MANY_CONNECTIONS':
      return `subscriber limit exceeded: ${error.message}`
    case 'KEY_NOT_FOUND':
      return 'key not found'
    case 'API_KEY_NOT_FOUND':
      return 'api key not found'
  }
  if (MEMBERSHIP_CODES.has(error.code)) return `${error.code} - ${error.message}`
  if (status === 409 || status === 412) return CONFLICT_TEXT
  if (isApiAnswer === true) return `server error (status ${status}): ${error.code} - ${error.message}`
  return foreignText(error, status)
}

/** Go's way of printing a duration: `1s`, `1.5s`, `300ms`, `2m30s`. */
export function durationText(durationMs: number): string {
  if (durationMs < 1_000) return durationMs === 0 ? '0s' : `${durationMs}ms`
  const seconds = durationMs / 1_000
  const hours = Math.floor(seconds / 3_600)
  const minutes = Math.floor((seconds % 3_600) / 60)
  const rest = Number((seconds - hours * 3_600 - minutes * 60).toFixed(9))
  return `${hours > 0 ? `${hours}h` : ''}${hours > 0 || minutes > 0 ? `${minutes}m` : ''}${rest}s`
}

/** The error as one JSON object, for `-o json`. */
export function errorJson(error: unknown): Record<string, unknown> {
  const facts = error instanceof ClientError ? error.facts : {}
  return {
    error_type: error instanceof InsiError ? error.code : 'FAILED',
    message: messageOf(error),
    hint: facts.hint,
    status: facts.status,
    request_id: facts.requestId,
    retry_after_ms: facts.retryAfterMs,
  }
}

function quotaText(what: string, message: string, quota: { current: number; limit: number } | undefined): string {
  return `${what} limit exceeded: ${message}. Current: ${quota?.current ?? 0}, Limit: ${quota?.limit ?? 0}`
}

// An answer that is not one of the API: a proxy in between, or another program.
function foreignText(error: ClientError, status: number): string {
  const { method, url } = error.facts
  if (status === 400) return `server returned status 400 Bad Request: ${error.message}`
  if (status === 404) return `endpoint not found (404) at ${url}: ${error.message}`
  if (status >= 200 && status < 300) return error.message
  return `server returned status ${status} for ${method} ${url}: ${error.message}`
}
