// The operations and comparisons of batch and txn: arrays of objects, whose members are read like the fields of a request.
import { insiError } from '../contract/errors.ts'
import type { Operation } from '../services/transactions.ts'
import type { Compare, Space } from '../state/commands.ts'
import { expectedField, expiryField, floorField, incrementField, keyField, revisionField } from './field-types.ts'
import { topicField, ttlField, valueField } from './field-types.ts'
import { elementFields, invalidField } from './fields.ts'
import type { Fields } from './fields.ts'
import { rawElements } from './raw-member.ts'

const NO_DATA = Buffer.from('null')
const EMPTY_ARRAY = Buffer.from('[]')

export interface OperationBounds {
  readonly countMax: number
  readonly valueSizeBytesMax: number
}

/** The operations in the array `name`; none when it is absent. */
export function operationsField(fields: Fields, name: string, bounds: OperationBounds): Operation[] {
  return elementsOf(fields, name, bounds.countMax).map((element) => operationOf(element, bounds.valueSizeBytesMax))
}

/** The comparisons in the array `name`; none when it is absent. */
export function comparisonsField(fields: Fields, name: string, bounds: OperationBounds): Compare[] {
  return elementsOf(fields, name, bounds.countMax).map((element) => comparisonOf(element, bounds.valueSizeBytesMax))
}

function elementsOf(fields: Fields, name: string, countMax: number): Fields[] {
  const list = fields.get(name)
  if (list === undefined) return []
  if (!Array.isArray(list)) throw invalidField(fields, name, 'must be an array')
  if (list.length > countMax) throw invalidField(fields, name, `must have at most ${countMax} elements`)
  let raw: readonly Buffer[] | undefined
  const rawAt = (at: number): Buffer | undefined => {
    raw ??= rawElements(fields.raw(name) ?? EMPTY_ARRAY)
    return raw[at]
  }
  return list.map((element: unknown, at) =>
    elementFields(element, () => rawAt(at), { place: `${name}[${at}]`, words: fields.words }),
  )
}

function operationOf(fields: Fields, valueSizeBytesMax: number): Operation {
  const op = fields.get('op')
  if (op === 'publish') return { op, topic: topicField(fields), data: eventDataField(fields, valueSizeBytesMax) }
  const space = spaceOf(fields)
  switch (op) {
    case undefined:
      throw insiError('MISSING_FIELD', fields.words.missing('op'))
    case 'set':
    case 'setnx': {
      const value = valueField(fields, 'value', valueSizeBytesMax)
      return { op, space, key: keyField(fields), value, ttlMs: ttlField(fields) }
    }
    case 'cas': {
      const expected = expectedField(fields, valueSizeBytesMax)
      const newValue = valueField(fields, 'new_value', valueSizeBytesMax)
      return { op, space, key: keyField(fields), expected, newValue, ttlMs: ttlField(fields) }
    }
    case 'bump':
      return {
        op,
        space,
        key: keyField(fields),
        delta: incrementField(fields, 'value'),
        min: floorField(fields, 'min'),
      }
    case 'expire':
      return { op, space, key: keyField(fields), ttlMs: expiryField(fields) }
    case 'delete':
      return { op, space, key: keyField(fields) }
    default:
      throw invalidField(fields, 'op', 'must be set, setnx, cas, bump, expire, delete or publish')
  }
}

function comparisonOf(fields: Fields, valueSizeBytesMax: number): Compare {
  const target = { space: spaceOf(fields), key: keyField(fields) }
  const op = fields.get('op')
  switch (op) {
    case undefined:
      throw insiError('MISSING_FIELD', fields.words.missing('op'))
    case 'value':
      return { type: op, ...target, value: valueField(fields, 'value', valueSizeBytesMax) }
    case 'revision': {
      const revision = revisionField(fields)
      if (revision === undefined) throw insiError('MISSING_FIELD', fields.words.missing('revision'))
      return { type: op, ...target, revision }
    }
    case 'exists':
    case 'missing':
      return { type: op, ...target }
    default:
      throw invalidField(fields, 'op', 'must be value, revision, exists or missing')
  }
}

function spaceOf(fields: Fields): Space {
  const space = fields.get('space')
  if (space === undefined || space === 'value') return 'value'
  if (space === 'cache') return space
  throw invalidField(fields, 'space', 'must be value or cache')
}

/** What an event carries, as it was written, byte for byte. */
export function eventDataField(fields: Fields, bytesMax: number): Buffer {
  const data = fields.raw('data') ?? NO_DATA
  if (data.length <= bytesMax) return data
  throw insiError('VALUE_TOO_LARGE', `Data is too large: ${data.length} bytes, the limit is ${bytesMax} bytes`)
}
