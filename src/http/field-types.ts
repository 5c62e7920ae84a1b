// Each type of field: from unknown to what the services take, or an error that says what is expected.
import { insiError } from '../contract/errors.ts'
import {
  ITERATE_LIMIT_DEFAULT,
  ITERATE_LIMIT_MAX,
  ITERATE_OFFSET_MAX,
  KEY_BYTES_MAX,
  LIMIT_VALUE_MAX,
  NAME_CHARS_MAX,
  TOPIC_BYTES_MAX,
  TTL_MS_MAX,
  REVISION_MAX,
} from '../contract/limits.ts'
import type { Consistency } from '../contract/route.ts'
import type { CasRequest } from '../services/key-values.ts'
import type { EntityLimits } from '../state/commands.ts'
import type { RequestContext } from './context.ts'
import { invalidField, queryText } from './fields.ts'
import type { Fields } from './fields.ts'
import { queryOf } from './query.ts'

const INT64_MIN = -(2n ** 63n)
const INT64_MAX = 2n ** 63n - 1n
const INT64_TEXT = /^[+-]?\d{1,64}$/
const INTEGER_TEXT = /^[+-]?\d{1,15}$/

/** A key: 1 byte to KEY_BYTES_MAX of well-formed text without NUL. */
export function keyField(fields: Fields, name = 'key'): Buffer {
  const text = textField(fields, name)
  if (text === undefined || text === '') throw insiError('MISSING_FIELD', fields.words.missing(name))
  return keyBytes(text)
}

/** A key, or undefined when it is absent or empty. */
export function optionalKeyField(fields: Fields, name: string): Buffer | undefined {
  const text = textField(fields, name)
  return text === undefined || text === '' ? undefined : keyBytes(text)
}

/** What keys begin with: empty for all; one trailing `*` is dropped. */
export function prefixField(fields: Fields, name = 'prefix'): Buffer {
  const text = textField(fields, name) ?? ''
  return keyBytes(text.endsWith('*') ? text.slice(0, -1) : text)
}

/** Like prefixField, but something has to be left: for what must not happen to all keys by accident. */
export function requiredPrefixField(fields: Fields, name = 'prefix'): Buffer {
  const prefix = prefixField(fields, name)
  if (prefix.length === 0) throw insiError('MISSING_FIELD', fields.words.missing(name))
  return prefix
}

/** A value, or undefined when it is absent. */
function optionalValueField(fields: Fields, name: string, bytesMax: number): Buffer | undefined {
  return fields.get(name) === undefined ? undefined : valueField(fields, name, bytesMax)
}

/** A value of at most `bytesMax` bytes of well-formed text. */
export function valueField(fields: Fields, name: string, bytesMax: number): Buffer {
  const text = textField(fields, name)
  if (text === undefined) throw insiError('MISSING_FIELD', fields.words.missing(name))
  if (!text.isWellFormed()) throw insiError('INVALID_VALUE', `The value of "${name}" has lone surrogates`)
  const bytes = Buffer.from(text, 'utf8')
  if (bytes.length > bytesMax) {
    throw insiError('VALUE_TOO_LARGE', `Value is too large: ${bytes.length} bytes, the limit is ${bytesMax} bytes`)
  }
  return bytes
}

/** A decimal int64 as text. */
export function incrementField(fields: Fields, name: string): bigint {
  const text = fields.get(name)
  if (text === undefined) throw insiError('MISSING_FIELD', fields.words.missing(name))
  if (typeof text !== 'string') throw invalidField(fields, name, 'must be a string that holds an integer')
  const value = int64Of(text)
  if (value === undefined) throw insiError('INVALID_INCREMENT')
  return value
}

/** Floor of a counter: 0 when absent, null for none. */
export function floorField(fields: Fields, name: string): bigint | null {
  const value = fields.get(name)
  if (value === undefined) return 0n
  if (value === null) return null
  if (typeof value === 'number' && Number.isSafeInteger(value)) return BigInt(value)
  const floor = typeof value === 'string' ? int64Of(value) : undefined
  if (floor === undefined) throw invalidField(fields, name, 'must be an integer or null')
  return floor
}

/** How many to skip. */
export function offsetField(fields: Fields, name = 'offset'): number {
  const offset = integerField(fields, name) ?? 0
  if (offset < 0 || offset > ITERATE_OFFSET_MAX) {
    throw invalidField(fields, name, `must be between 0 and ${ITERATE_OFFSET_MAX}`)
  }
  return offset
}

/** Size of a page: `ifZero` for 0 and absent, at most ITERATE_LIMIT_MAX. */
export function limitField(fields: Fields, ifZero = ITERATE_LIMIT_DEFAULT, name = 'limit'): number {
  const limit = integerField(fields, name) ?? 0
  if (limit < 0) throw invalidField(fields, name, 'must not be negative')
  return limit === 0 ? ifZero : Math.min(limit, ITERATE_LIMIT_MAX)
}

/** A topic: at most TOPIC_BYTES_MAX of well-formed text without NUL; may be empty. */
export function topicField(fields: Fields, name = 'topic'): string {
  const text = textField(fields, name) ?? ''
  if (text.includes('\0')) throw insiError('INVALID_TOPIC', 'The topic holds a NUL character')
  if (!text.isWellFormed()) throw insiError('INVALID_TOPIC', 'The topic has lone surrogates')
  const sizeBytes = Buffer.byteLength(text, 'utf8')
  if (sizeBytes <= TOPIC_BYTES_MAX) return text
  throw insiError('INVALID_TOPIC', `The topic is too long: ${sizeBytes} bytes, the limit is ${TOPIC_BYTES_MAX} bytes`)
}

/** A time to live in ms, or undefined when it is absent. */
export function ttlField(fields: Fields, name = 'ttl_ms'): number | undefined {
  const ttlMs = integerField(fields, name)
  if (ttlMs !== undefined && (ttlMs < 1 || ttlMs > TTL_MS_MAX)) {
    throw invalidField(fields, name, `must be between 1 and ${TTL_MS_MAX} milliseconds`)
  }
  return ttlMs
}

/** A time to live in ms, or null for none; it must be said which. */
export function expiryField(fields: Fields, name = 'ttl_ms'): number | null {
  if (fields.get(name) === null) return null
  const ttlMs = ttlField(fields, name)
  if (ttlMs === undefined) throw insiError('MISSING_FIELD', fields.words.missing(name))
  return ttlMs
}

/** A revision, or undefined when it is absent. */
export function revisionField(fields: Fields, name = 'revision'): number | undefined {
  const revision = integerField(fields, name)
  if (revision !== undefined && revision < 0) throw invalidField(fields, name, 'must not be negative')
  if (revision !== undefined && revision > REVISION_MAX) {
    throw invalidField(fields, name, `must be at most ${REVISION_MAX}`)
  }
  return revision
}

/** What a cas expects of the key: `old_value` or `revision`. */
export function expectedField(fields: Fields, valueSizeBytesMax: number): CasRequest['expected'] {
  const value = optionalValueField(fields, 'old_value', valueSizeBytesMax)
  const revision = revisionField(fields)
  if (value === undefined && revision === undefined) throw insiError('MISSING_FIELD', fields.words.missing('old_value'))
  if (value === undefined) return { revision: revision ?? 0 }
  if (revision !== undefined) throw invalidField(fields, 'revision', 'cannot stand beside "old_value"')
  return { value }
}

/** A boolean; in a query `1` or `true`, `0` or `false`. Absent: false. */
export function flagField(fields: Fields, name: string): boolean {
  const value = fields.get(name)
  if (value === undefined || typeof value === 'boolean') return value ?? false
  if (fields.source === 'query') {
    if (value === '1' || value === 'true') return true
    if (value === '0' || value === 'false' || value === '') return false
  }
  throw invalidField(fields, name, 'must be a boolean')
}

/** A token; `missing` words the message when it is absent or empty. */
export function tokenField(fields: Fields, name: string): string {
  const text = textField(fields, name)
  if (text === undefined || text === '') throw insiError('MISSING_FIELD', fields.words.missing(name))
  return text
}

/** The name of a key as it was given; 1 to NAME_CHARS_MAX characters once trimmed. */
export function nameField(fields: Fields, name: string): string {
  const text = textField(fields, name)
  if (text === undefined) throw insiError('MISSING_FIELD', fields.words.missing(name))
  const lengthChars = Array.from(text.trim()).length
  if (lengthChars === 0 || lengthChars > NAME_CHARS_MAX || !text.isWellFormed() || text.includes('\0')) {
    throw insiError('INVALID_NAME', `"${name}" must have 1 to ${NAME_CHARS_MAX} characters after trimming, without NUL`)
  }
  return text
}

/** Wire names of the limits, in the order of the answers. */
export const LIMIT_MEMBERS = {
  bytes_on_disk: 'diskBytes',
  bytes_in_memory: 'memoryBytes',
  events_emitted: 'eventsPerDay',
  subscribers: 'subscribers',
  rate_per_second_data_limit: 'dataRequestsPerSecond',
  rate_per_second_event_limit: 'eventRequestsPerSecond',
} as const satisfies Readonly<Record<string, keyof EntityLimits>>

/** A subset of the limits: integers, or null for unlimited. */
export function limitsField(fields: Fields, name: string): Partial<EntityLimits> {
  const value = fields.get(name)
  if (value === undefined || value === null) throw insiError('MISSING_FIELD', fields.words.missing(name))
  if (typeof value !== 'object' || Array.isArray(value)) throw invalidField(fields, name, 'must be an object')
  const limits: { -readonly [K in keyof EntityLimits]?: EntityLimits[K] } = {}
  for (const [member, limit] of Object.entries(value)) {
    const known = Object.entries(LIMIT_MEMBERS).find(([wire]) => wire === member.toLowerCase())
    if (known === undefined) continue
    if (limit !== null && !isLimit(limit)) throw insiError('INVALID_LIMITS', `"${member}" must be an integer or null`)
    limits[known[1]] = limit
  }
  return limits
}

/** The read mode: from the query, or from the body of a POST. */
export function consistencyOf(ctx: RequestContext, fields?: Fields): Consistency {
  const query = queryOf(ctx.req.url ?? '')
  const mode = (query === '' ? undefined : queryText(query, 'consistency')) ?? fields?.get('consistency')
  if (mode !== undefined && mode !== 'linearizable' && mode !== 'local') {
    throw insiError('INVALID_PARAMETER', 'Invalid consistency parameter: must be linearizable or local')
  }
  ctx.state.read = mode ?? 'linearizable'
  return ctx.state.read
}

function textField(fields: Fields, name: string): string | undefined {
  const value = fields.get(name)
  if (value === undefined || typeof value === 'string') return value
  throw invalidField(fields, name, 'must be a string')
}

function integerField(fields: Fields, name: string): number | undefined {
  const value = fields.get(name)
  if (value === undefined || value === null || (value === '' && fields.source === 'query')) return undefined
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value
  if (fields.source === 'query' && typeof value === 'string' && INTEGER_TEXT.test(value)) return Number(value)
  throw invalidField(fields, name, 'must be an integer')
}

function keyBytes(text: string): Buffer {
  if (text.includes('\0')) throw insiError('INVALID_KEY', 'The key holds a NUL character')
  if (!text.isWellFormed()) throw insiError('INVALID_KEY', 'The key has lone surrogates')
  const bytes = Buffer.from(text, 'utf8')
  if (bytes.length > KEY_BYTES_MAX) {
    throw insiError('KEY_TOO_LARGE', `Key is too large: ${bytes.length} bytes, the limit is ${KEY_BYTES_MAX} bytes`)
  }
  return bytes
}

function int64Of(text: string): bigint | undefined {
  if (!INT64_TEXT.test(text)) return undefined
  const value = BigInt(text.startsWith('+') ? text.slice(1) : text)
  return value < INT64_MIN || value > INT64_MAX ? undefined : value
}

function isLimit(value: unknown): value is number {
  return Number.isSafeInteger(value) && Math.abs(value as number) <= LIMIT_VALUE_MAX
}
