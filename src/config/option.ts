// The kinds of options that schema.ts is made of. Each knows how it is written in the file, what it is parsed to, and the
// sentence that says what is expected when it is wrong.
import { z } from 'zod'
import { must } from '../base/assert.ts'
import { parseAddress } from './address.ts'
import { DURATION_PATTERN, parseDurationMs } from './duration.ts'
import { SIZE_PATTERN, parseSizeBytes } from './size.ts'

export type OptionKind = 'text' | 'boolean' | 'integer' | 'number' | 'duration' | 'size' | 'choice' | 'address' | 'list'

interface KindInfo {
  readonly kind: OptionKind
  /** Unit of the parsed value; empty when it has none. */
  readonly unit: string
  /** Completes "must be …". */
  readonly expected: string
}

interface OptionInfo {
  /** One line: what the option does. */
  readonly description: string
  /** Never shown: not in faults, flags or defaults. */
  readonly secret?: boolean
  /** Name of the environment variable where the rule (INSI_ and the path in capitals) does not fit. */
  readonly environment?: string
  /** A flag of its own, besides --set. */
  readonly flag?: string
  /** Fault when the option is missing or, for a number, not positive. */
  readonly missing?: string
}

export const KINDS = z.registry<KindInfo>()
export const OPTIONS = z.registry<OptionInfo>()

/** Names `type` as an option. */
export function option<T extends z.ZodType>(type: T, info: OptionInfo): T {
  const described = type.meta({ description: info.description })
  OPTIONS.add(described, info)
  return described
}

/** A group of options, all of which may be left out. */
export function section<T extends z.ZodRawShape>(description: string, shape: T): z.ZodPrefault<z.ZodObject<T>> {
  return z
    .strictObject(shape)
    .meta({ description })
    .prefault({} as z.input<z.ZodObject<T>>)
}

function ofKind<T extends z.ZodType>(type: T, kind: OptionKind, expected: string, unit = ''): T {
  KINDS.add(type, { kind, unit, expected })
  return type
}

export function text(options: { pattern?: RegExp; expected?: string } = {}) {
  const type = options.pattern === undefined ? z.string().min(1) : z.string().regex(options.pattern)
  return ofKind(type, 'text', options.expected ?? 'text (put numbers into quotes)')
}

export function boolean() {
  return ofKind(z.boolean(), 'boolean', 'true or false')
}

export function integer(options: { min: number; max?: number; unit?: string }) {
  const { min, max = Number.MAX_SAFE_INTEGER } = options
  const range = options.max === undefined ? `of at least ${min}` : `from ${min} to ${max}`
  return ofKind(z.int().min(min).max(max), 'integer', `a whole number ${range}`, options.unit)
}

/** Requests a second, or `unlimited`, which is parsed to null. */
export function rate() {
  const type = z
    .union([z.number().positive().max(1e9), z.literal('unlimited')])
    .transform((value) => (value === 'unlimited' ? null : value))
  return ofKind(type, 'number', 'a number of requests a second above 0, or unlimited', 'requests/s')
}

/** A count, or `unlimited`, which is parsed to null. */
export function amount(unit: string) {
  const type = z
    .union([z.int().min(0), z.literal('unlimited')])
    .transform((value) => (value === 'unlimited' ? null : value))
  return ofKind(type, 'integer', 'a whole number of at least 0, or unlimited', unit)
}

/** Parsed to milliseconds. */
export function duration(options: { minMs?: number; maxMs?: number } = {}) {
  const { minMs = 0, maxMs = Number.MAX_SAFE_INTEGER } = options
  const type = z
    .union([z.string().regex(DURATION_PATTERN), z.int().min(0)])
    .transform((value) => parseDurationMs(value) ?? Number.NaN)
    .refine((valueMs) => valueMs >= minMs && valueMs <= maxMs)
  const range =
    (minMs > 0 ? `, at least ${minMs} ms` : '') + (options.maxMs === undefined ? '' : `, at most ${maxMs} ms`)
  return ofKind(type, 'duration', `a duration such as 500ms, 30s or 1h30m, or whole milliseconds${range}`, 'ms')
}

/** Parsed to bytes. */
export function size(options: { minBytes?: number; maxBytes?: number } = {}) {
  const { minBytes = 0, maxBytes = Number.MAX_SAFE_INTEGER } = options
  const type = z
    .union([z.string().regex(SIZE_PATTERN), z.int().min(0)])
    .transform((value) => parseSizeBytes(value) ?? Number.NaN)
    .refine((sizeBytes) => sizeBytes >= minBytes && sizeBytes <= maxBytes)
  const range =
    (minBytes > 0 ? `, at least ${minBytes} bytes` : '') +
    (options.maxBytes === undefined ? '' : `, at most ${maxBytes} bytes`)
  return ofKind(type, 'size', `a size such as 512KiB, 64MiB or 1GiB, or whole bytes${range}`, 'bytes')
}

/** A size, or `unlimited`, which is parsed to null. */
export function sizeOrUnlimited() {
  const type = z
    .union([z.literal('unlimited'), z.string().regex(SIZE_PATTERN), z.int().min(0)])
    .transform((value) => (value === 'unlimited' ? null : (parseSizeBytes(value) ?? Number.NaN)))
    .refine((sizeBytes) => !Number.isNaN(sizeBytes))
  return ofKind(type, 'size', 'a size such as 512KiB, 64MiB or 1GiB, whole bytes, or unlimited', 'bytes')
}

export function choice<const T extends readonly [string, ...string[]]>(values: T) {
  return ofKind(z.enum(values), 'choice', `one of ${values.join(', ')}`)
}

/** Parsed to an Address. */
export function address() {
  const type = z
    .string()
    .refine((value) => parseAddress(value) !== undefined)
    .transform((value) => must(parseAddress(value), 'the refinement has parsed it'))
  return ofKind(type, 'address', 'host:port, such as 127.0.0.1:8080, 0.0.0.0:8080 or [::1]:8080')
}

/** Addresses and networks, or what `expected` says. */
export function addressList(pattern: RegExp, expected = 'IP addresses and networks such as 10.0.0.0/8') {
  const type = z.array(z.string().regex(pattern))
  return ofKind(type, 'list', `a list of ${expected}`)
}
