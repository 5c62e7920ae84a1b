// What an HTTP answer means: the JSON of a success, or the error that it stands for.
import type { IncomingHttpHeaders } from 'node:http'
import type { ErrorCode } from '../contract/errors.ts'
import { isErrorCode } from '../contract/errors.ts'
import type { ClientErrorCode, ErrorFacts } from './errors.ts'
import { ClientError } from './errors.ts'
import type { Answer } from './transport.ts'

const RETRY_AFTER_MS_DEFAULT = 1_000

/** Statuses that a proxy answers for a server which it cannot reach or which took too long: the request may have arrived. */
const GATEWAY_STATUSES: readonly number[] = [502, 503, 504]

const QUOTA_HEADERS = [
  ['DISK_LIMIT_EXCEEDED', 'x-current-disk-usage', 'x-disk-usage-limit'],
  ['MEMORY_LIMIT_EXCEEDED', 'x-current-memory-usage', 'x-memory-usage-limit'],
  ['EVENTS_LIMIT_EXCEEDED', 'x-current-events', 'x-events-limit'],
] as const

/** What was asked, for the error that the answer may be. */
export interface AskedFor {
  readonly method: string
  readonly url: URL
  readonly isRead: boolean
}

/** Origin and path: the query holds the caller's keys. */
export function printableUrl(url: URL): string {
  return url.origin + url.pathname
}

/** The JSON of a 2xx answer; undefined when its body is empty. Throws UNEXPECTED_ANSWER when it is something else. */
export function parseSuccess(answer: Answer, asked: AskedFor): unknown {
  if (answer.text.length === 0) return undefined
  try {
    return JSON.parse(answer.text) as unknown
  } catch (error) {
    throw new ClientError(
      'UNEXPECTED_ANSWER',
      `the answer of ${printableUrl(asked.url)} is not JSON: the address may belong to another program`,
      { ...factsOf(answer, asked), isApiAnswer: false },
      error,
    )
  }
}

/** The error of an answer that is no success. */
export function errorOfAnswer(answer: Answer, asked: AskedFor): ClientError {
  const body = parseObject(answer.text)
  const message = textMember(body, 'message') ?? answer.text.trim()
  const quota = quotaOf(answer)
  const named = textMember(body, 'error_type')
  const isApiAnswer = named !== undefined
  const code = named !== undefined && isErrorCode(named) ? named : codeOfStatus(answer.status, asked, quota?.code)
  const hint = textMember(body, 'hint')
  const requestId = textMember(body, 'request_id') ?? headerText(answer.headers, 'x-request-id')
  return new ClientError(code, message, {
    ...factsOf(answer, asked),
    isApiAnswer,
    ...(hint === undefined ? {} : { hint }),
    ...(requestId === undefined ? {} : { requestId }),
    ...(quota === undefined ? {} : { quota: { current: quota.current, limit: quota.limit } }),
    ...retryFacts(answer, code),
  })
}

function factsOf(answer: Answer, asked: AskedFor): ErrorFacts {
  return { status: answer.status, method: asked.method, url: printableUrl(asked.url) }
}

// Only for answers that carry no code of ours: they come from a proxy in between, or from a server of another make.
function codeOfStatus(status: number, asked: AskedFor, quotaCode: ErrorCode | undefined): ErrorCode | ClientErrorCode {
  if (quotaCode !== undefined) return quotaCode
  if (status === 429) return 'RATE_LIMITED'
  if (status === 401) return 'AUTHENTICATION_FAILED'
  if (!asked.isRead && GATEWAY_STATUSES.includes(status)) return 'OUTCOME_UNKNOWN'
  return 'UNEXPECTED_ANSWER'
}

function quotaOf(answer: Answer): { code: ErrorCode; current: number; limit: number } | undefined {
  if (answer.status !== 400) return undefined
  for (const [code, currentHeader, limitHeader] of QUOTA_HEADERS) {
    const current = headerText(answer.headers, currentHeader)
    if (current === undefined) continue
    return { code, current: Number(current), limit: Number(headerText(answer.headers, limitHeader) ?? 0) }
  }
  return undefined
}

function retryFacts(answer: Answer, code: string): ErrorFacts {
  const seconds = Number(headerText(answer.headers, 'retry-after') ?? Number.NaN)
  const isStated = Number.isFinite(seconds) && seconds >= 0
  if (code !== 'RATE_LIMITED') return isStated ? { retryAfterMs: seconds * 1_000 } : {}
  return {
    retryAfterMs: isStated ? seconds * 1_000 : RETRY_AFTER_MS_DEFAULT,
    rateLimit: {
      limit: numberHeader(answer.headers, 'x-ratelimit-limit'),
      burst: numberHeader(answer.headers, 'x-ratelimit-burst'),
    },
  }
}

function numberHeader(headers: IncomingHttpHeaders, name: string): number {
  const value = Number(headerText(headers, name) ?? 0)
  return Number.isFinite(value) ? value : 0
}

function headerText(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name]
  const text = Array.isArray(value) ? value[0] : value
  return text === '' ? undefined : text
}

function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  if (!text.startsWith('{')) return undefined
  try {
    return JSON.parse(text) as Readonly<Record<string, unknown>>
  } catch {
    return undefined
  }
}

function textMember(body: Readonly<Record<string, unknown>> | undefined, name: string): string | undefined {
  const value = body?.[name]
  return typeof value === 'string' ? value : undefined
}
