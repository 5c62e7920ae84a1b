// Errors that the client throws: those of the server with their codes, and those that only a client can meet.
import { InsiError } from '../base/errors.ts'
import type { ErrorCode } from '../contract/errors.ts'

/** Codes that no server answers. Whatever may have reached a server as a write is OUTCOME_UNKNOWN of the catalogue instead. */
export const CLIENT_ERRORS = {
  UNREACHABLE: 'No endpoint took the connection; nothing was sent.',
  TIMED_OUT: 'A read got no answer in time.',
  CONNECTION_LOST: 'The connection broke before the answer to a read.',
  UNEXPECTED_ANSWER: 'The answer is not one of this API: another program or a proxy answered.',
  REDIRECT_REFUSED: 'The answer was a redirect that the client does not follow.',
  INVALID_ARGUMENT: 'An argument was refused before anything was sent.',
  CLIENT_CLOSED: 'The client was closed.',
  ENTITY_EXISTS: 'An entity with this name exists.',
  ENTITY_UNKNOWN: 'No entity has this name.',
} as const satisfies Readonly<Record<string, string>>

export type ClientErrorCode = keyof typeof CLIENT_ERRORS

/** What an answer, or the lack of one, said beyond code and message. */
export interface ErrorFacts {
  /** HTTP status; absent when there was no answer. */
  readonly status?: number
  readonly method?: string
  /** Without the query, which holds the caller's data. */
  readonly url?: string
  readonly hint?: string
  /** To find the request in the logs of the node. */
  readonly requestId?: string
  /** The answer names one of the codes of the API, rather than having been guessed from its status. */
  readonly isApiAnswer?: boolean
  /** How long the server asks to wait. */
  readonly retryAfterMs?: number
  /** Of RATE_LIMITED: requests a second and at once; 0 when the server does not say. */
  readonly rateLimit?: { readonly limit: number; readonly burst: number }
  /** Of the quota errors: usage before the refused write, and its limit. */
  readonly quota?: { readonly current: number; readonly limit: number }
}

/** An InsiError with what is known about the exchange. Its message never holds a key. */
export class ClientError extends InsiError {
  readonly facts: ErrorFacts

  constructor(code: ErrorCode | ClientErrorCode, message: string, facts: ErrorFacts = {}, cause?: unknown) {
    super(code, message, cause === undefined ? {} : { cause })
    this.facts = facts
  }
}

/** Throws INVALID_ARGUMENT with `message` unless `condition` holds. */
export function requireArgument(condition: boolean, message: string): asserts condition {
  if (!condition) throw new ClientError('INVALID_ARGUMENT', message)
}
