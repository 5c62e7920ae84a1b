// The one class of operating errors. What each code means, its HTTP status and its hint stand in contract/errors.ts.

/** Values that may accompany an error: shown to the caller, so never a secret. */
export type ErrorDetails = Readonly<Record<string, string | number>>

/** An operating error with a code from the catalogue in contract/errors.ts. */
export class InsiError extends Error {
  override readonly name = 'InsiError'
  readonly code: string
  readonly details: ErrorDetails

  constructor(code: string, message: string, options: { details?: ErrorDetails; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.details = options.details ?? {}
  }
}

/** The message of anything thrown, for logs. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** Anything thrown, as an Error. */
export function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(messageOf(error))
}
