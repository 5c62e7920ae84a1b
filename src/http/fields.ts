// Where the fields of a request come from: the query of a GET, or the JSON object in a body.
import { isUtf8 } from 'node:buffer'
import { messageOf } from '../base/errors.ts'
import { insiError } from '../contract/errors.ts'
import type { ErrorCode } from '../contract/errors.ts'
import type { RequestContext } from './context.ts'
import { queryOf, queryValue } from './query.ts'
import { rawMember } from './raw-member.ts'

/** The words of a route's messages about its fields. */
export interface FieldWords {
  /** Begins the message about a body that cannot be read: `<invalid>: <reason>`. */
  readonly invalid: string
  /** The message about a missing field. */
  missing(name: string): string
}

export interface Fields {
  /** In a query everything is text, and a wrong value is an INVALID_PARAMETER. */
  readonly source: 'query' | 'body'
  readonly words: FieldWords
  /** The field, or undefined when it is absent. Names in a body match in any case, as long as there is no exact match. */
  get(name: string): unknown
  /** The JSON text of the field as it was written; undefined when it is absent, and in a query. */
  raw(name: string): Buffer | undefined
}

/** The fields of a request that changes something: a JSON object in the body. Throws INVALID_JSON. */
export function bodyFields(ctx: RequestContext, words: FieldWords): Fields {
  const members = parseObject(ctx.state.body, words)
  const { body } = ctx.state
  return { source: 'body', words, get: (name) => memberOf(members, name), raw: (name) => rawMember(body, name) }
}

/**
 * The fields of one of the objects in an array of a body: `value` is its element `place`, such as `then[2]`, and `raw` gives its
 * JSON text as it was written.
 */
export function elementFields(
  value: unknown,
  raw: () => Buffer | undefined,
  { place, words }: { readonly place: string; readonly words: FieldWords },
): Fields {
  const invalid = `${words.invalid}: ${place}`
  if (!isObject(value)) throw insiError('INVALID_FIELD', `${invalid} must be an object`)
  const ownWords = { invalid, missing: (name: string) => `${words.missing(name)}: ${place}` }
  const rawOf = (name: string): Buffer | undefined => {
    const text = raw()
    return text === undefined ? undefined : rawMember(text, name)
  }
  return { source: 'body', words: ownWords, get: (name) => memberOf(value, name), raw: rawOf }
}

/** The fields of a read: from the body of a POST that has one, else from the query. */
export function readFields(ctx: RequestContext, words: FieldWords): Fields {
  if (ctx.req.method === 'POST' && ctx.state.body.length > 0) return bodyFields(ctx, words)
  return queryFields(queryOf(ctx.req.url ?? ''), words)
}

export function queryFields(query: string, words: FieldWords): Fields {
  return { source: 'query', words, get: (name) => queryText(query, name), raw: () => undefined }
}

/** A query parameter of any request. Throws INVALID_PARAMETER when its encoding is broken. */
export function queryText(query: string, name: string): string | undefined {
  try {
    return queryValue(query, name)
  } catch {
    throw insiError('INVALID_PARAMETER', `Invalid ${name} parameter: not percent-encoded UTF-8`)
  }
}

/** Refuses the value of a field: INVALID_PARAMETER in a query, `bodyCode` in a body. */
export function invalidField(
  fields: Fields,
  name: string,
  reason: string,
  bodyCode: ErrorCode = 'INVALID_FIELD',
): Error {
  if (fields.source === 'query') return insiError('INVALID_PARAMETER', `Invalid ${name} parameter: ${reason}`)
  return insiError(bodyCode, `${fields.words.invalid}: "${name}" ${reason}`)
}

function parseObject(body: Buffer, words: FieldWords): Readonly<Record<string, unknown>> {
  // Replacing broken bytes silently would store something else than was sent.
  if (!isUtf8(body)) throw insiError('INVALID_JSON', `${words.invalid}: the body is not UTF-8`)
  let parsed: unknown
  try {
    parsed = JSON.parse(body.toString('utf8'))
  } catch (error) {
    throw insiError('INVALID_JSON', `${words.invalid}: ${messageOf(error)}`)
  }
  if (isObject(parsed)) return parsed
  throw insiError('INVALID_JSON', `${words.invalid}: expected a JSON object`)
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function memberOf(members: Readonly<Record<string, unknown>>, name: string): unknown {
  if (Object.hasOwn(members, name)) return members[name]
  const found = Object.keys(members).find((member) => member.toLowerCase() === name)
  return found === undefined ? undefined : members[found]
}
