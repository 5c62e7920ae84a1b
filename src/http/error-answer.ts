// The one place where an error becomes an answer.
import { InsiError } from '../base/errors.ts'
import type { ErrorDetails } from '../base/errors.ts'
import { errorEntry, isErrorCode } from '../contract/errors.ts'
import type { ErrorBody, ErrorCode } from '../contract/errors.ts'
import type { HeaderList } from './answers.ts'

export interface ErrorAnswer {
  readonly status: number
  readonly headers: HeaderList
  readonly body: Omit<ErrorBody, 'request_id'>
}

/** Headers that carry an error's details: name of the detail, name of the header. */
const DETAIL_HEADERS: Partial<Record<ErrorCode, Readonly<Record<string, string>>>> = {
  DISK_LIMIT_EXCEEDED: { current: 'X-Current-Disk-Usage', limit: 'X-Disk-Usage-Limit' },
  MEMORY_LIMIT_EXCEEDED: { current: 'X-Current-Memory-Usage', limit: 'X-Memory-Usage-Limit' },
  EVENTS_LIMIT_EXCEEDED: { current: 'X-Current-Events', limit: 'X-Events-Limit' },
  UPGRADE_REQUIRED: { version: 'Sec-WebSocket-Version' },
  REVISION_MISMATCH: { current: 'X-Insi-Revision' },
  METHOD_NOT_ALLOWED: { allow: 'Allow' },
  RATE_LIMITED: { retryAfterSeconds: 'Retry-After', limit: 'X-RateLimit-Limit', burst: 'X-RateLimit-Burst' },
}

/** Seconds after which a client may try again when the node cannot serve it now. */
const UNAVAILABLE_RETRY_SECONDS = '1'

/** What the caller sees of anything thrown; everything that is not an operating error is INTERNAL. */
export function errorAnswer(error: unknown): ErrorAnswer {
  const known = error instanceof InsiError && isErrorCode(error.code)
  const code: ErrorCode = known ? error.code : 'INTERNAL'
  const { status, retryable, meaning, hint } = errorEntry(code)
  // A 500 says nothing about the inside of the node: its details are in the log, under the request id.
  const message = known && status !== 500 ? error.message : meaning
  const headers = known ? detailHeaders(code, error.details) : []
  if (status === 401) headers.push('WWW-Authenticate', 'Bearer')
  if (status === 503 && retryable) headers.push('Retry-After', UNAVAILABLE_RETRY_SECONDS)
  return { status, headers, body: { error_type: code, message, hint } }
}

function detailHeaders(code: ErrorCode, details: ErrorDetails): string[] {
  const headers: string[] = []
  for (const [detail, header] of Object.entries(DETAIL_HEADERS[code] ?? {})) {
    const value = details[detail]
    if (value !== undefined) headers.push(header, String(value))
  }
  return headers
}
