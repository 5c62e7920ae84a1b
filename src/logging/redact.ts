// Keeps secrets out of log lines: by the name of a field, by the shape of a token, and by exact value.

const REDACTED = '[redacted]'
const DEPTH_MAX = 5
const ITEMS_MAX = 100

const SECRET_NAME =
  /secret|token$|password|passphrase|authorization|cookie$|api[-_]?key$|root[-_]?key$|private[-_]?key|psk/i
const TOKEN_SHAPE = /\binsi_[A-Za-z0-9_+/=-]{8,}/g
const CREDENTIAL_SHAPE = /\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]+/gi

/** Shorter ones would remove ordinary words. */
const SECRET_VALUE_CHARS_MIN = 8

export interface Redactor {
  text(text: string): string
  /** A copy of `fields` that may be logged: plain data, errors as name, message, code and stack. */
  fields(fields: Readonly<Record<string, unknown>>): Record<string, unknown>
}

/** `secrets`: values that must never appear, whatever they are called. */
export function createRedactor(secrets: readonly string[]): Redactor {
  const values = secrets.filter((secret) => secret.length >= SECRET_VALUE_CHARS_MIN)
  const text = (given: string): string => {
    let clean = given
    for (const value of values) if (clean.includes(value)) clean = clean.replaceAll(value, REDACTED)
    return clean.replace(TOKEN_SHAPE, REDACTED).replace(CREDENTIAL_SHAPE, `$1 ${REDACTED}`)
  }
  const member = (name: string, value: unknown, depth: number): unknown =>
    SECRET_NAME.test(name) && !isPlainNumber(value) ? REDACTED : any(value, depth)
  const record = (value: object, depth: number): Record<string, unknown> =>
    Object.fromEntries(
      Object.entries(value)
        .slice(0, ITEMS_MAX)
        .map(([name, item]) => [name, member(name, item, depth)]),
    )
  const any = (value: unknown, depth: number): unknown => {
    if (typeof value === 'string') return text(value)
    if (typeof value === 'bigint') return value.toString()
    if (typeof value !== 'object' || value === null) return value
    if (value instanceof Error) return describeError(value, depth)
    if (value instanceof Uint8Array) return `[${value.length} bytes]`
    if (depth >= DEPTH_MAX) return '[deeper]'
    if (Array.isArray(value)) return value.slice(0, ITEMS_MAX).map((item) => any(item, depth + 1))
    if (value instanceof Map) return record(Object.fromEntries(value), depth + 1)
    if (value instanceof Date) return value.toISOString()
    return record(value, depth + 1)
  }
  const describeError = (error: Error, depth: number): Record<string, unknown> => ({
    name: error.name,
    message: text(error.message),
    ...('code' in error ? { code: error.code } : {}),
    ...(error.stack === undefined ? {} : { stack: text(error.stack) }),
    ...(error.cause === undefined || depth >= DEPTH_MAX ? {} : { cause: any(error.cause, depth + 1) }),
  })
  return { text, fields: (fields) => record(fields, 0) }
}

function isPlainNumber(value: unknown): boolean {
  return typeof value === 'number' || typeof value === 'boolean' || value === null || value === undefined
}
