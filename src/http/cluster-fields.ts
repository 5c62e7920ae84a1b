// The types of fields that only the routes of the cluster have.
import { parseAddress } from '../config/address.ts'
import { insiError } from '../contract/errors.ts'
import {
  LEAVE_TIMEOUT_MS_DEFAULT,
  LEAVE_TIMEOUT_MS_MAX,
  MEMBER_CHARS_MAX,
  TOPOLOGY_BYTES_MAX,
} from '../contract/limits.ts'
import type { TopologyFile } from '../contract/topology.ts'
import { revisionField } from './field-types.ts'
import { invalidField } from './fields.ts'
import type { Fields } from './fields.ts'

const HASH = /^[0-9a-f]{64}$/
const PRINTABLE = /^[\x21-\x7e]+$/

/** The name of a node, or of an incarnation. */
export function memberField(fields: Fields, name: string): string {
  return optionalMemberField(fields, name) ?? missing(fields, name)
}

/** The same, or null when it is absent or empty. */
export function optionalMemberField(fields: Fields, name: string): string | null {
  const text = fields.get(name)
  if (text === undefined || text === '') return null
  if (typeof text !== 'string') throw invalidField(fields, name, 'must be a string')
  if (text.length > MEMBER_CHARS_MAX || !PRINTABLE.test(text)) {
    throw invalidField(fields, name, `must have 1 to ${MEMBER_CHARS_MAX} printable characters without blanks`)
  }
  return text
}

/** `host:port`. */
export function addressField(fields: Fields, name: string): string {
  const text = fields.get(name)
  if (text === undefined || text === '') return missing(fields, name)
  if (typeof text !== 'string') throw invalidField(fields, name, 'must be a string')
  const isAddress = text.length <= MEMBER_CHARS_MAX && PRINTABLE.test(text) && parseAddress(text) !== undefined
  if (!isAddress) throw invalidField(fields, name, 'must be host:port')
  return text
}

/** How long to wait, in ms. */
export function leaveTimeoutField(fields: Fields, name: string): number {
  const value = fields.get(name) ?? LEAVE_TIMEOUT_MS_DEFAULT
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0 || value > LEAVE_TIMEOUT_MS_MAX) {
    throw invalidField(fields, name, `must be an integer between 0 and ${LEAVE_TIMEOUT_MS_MAX}`)
  }
  return value
}

/** What is pushed, as far as it can be told without reading it. */
export function topologyField(fields: Fields): TopologyFile {
  const generation = revisionField(fields, 'generation')
  if (generation === undefined) return missing(fields, 'generation')
  if (generation === 0) throw invalidField(fields, 'generation', 'must be positive')
  const hash = fields.get('hash')
  if (hash === undefined || hash === '') return missing(fields, 'hash')
  if (typeof hash !== 'string' || !HASH.test(hash)) {
    throw invalidField(fields, 'hash', 'must be 64 lower-case hexadecimal digits')
  }
  const body = fields.get('body')
  if (body === undefined || body === '') return missing(fields, 'body')
  if (typeof body !== 'string' || !body.isWellFormed()) throw invalidField(fields, 'body', 'must be a text')
  if (Buffer.byteLength(body) > TOPOLOGY_BYTES_MAX) {
    throw invalidField(fields, 'body', `must have at most ${TOPOLOGY_BYTES_MAX} bytes`)
  }
  return { generation, hash, body }
}

function missing(fields: Fields, name: string): never {
  throw insiError('MISSING_FIELD', fields.words.missing(name))
}
