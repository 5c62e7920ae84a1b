// The bodies of the commands that txn and batch may consist of, and of txn and batch themselves.
//
//   kv.*          space u8 | entityId u32 | key (u16 length) | ...
//     set, setnx    expiresAtMs u48 | value (the rest)
//     cas           expiresAtMs u48 | oldValue (u32 length) | newValue (the rest)
//     cas-revision  expiresAtMs u48 | revision u48 | newValue (the rest)
//     bump          delta i64 | hasMin u8 | min i64 when hasMin
//     expire        expiresAtMs u48
//     delete        nothing
//   event.publish entityId u32 | retainMs u48 | retainSizeBytes u48 | topic text | data (the rest)
//   txn           entityId u32 | comparisons | operations of then | operations of else
//   batch         entityId u32 | operations
//
//   space         0 value, 1 cache, 2 cache with `evict`
//   operations    count u16 | for each: size u32 | type u8 | body
//   comparisons   count u16 | for each: type u8 | space u8 | key (u16 length) | value (u32 length), revision u48 or nothing
import { assert, unreachable } from '../base/assert.ts'
import { BATCH_COMMANDS_MAX, TXN_OPERATIONS_MAX } from '../contract/limits.ts'
import { ByteReader, ByteWriter, MalformedBytes } from './byte-codec.ts'
import type { BatchCommand, Command, Compare, EntityId, OperationCommand, Space, TxnCommand } from './commands.ts'

export const OPERATION_CODES = {
  'kv.set': 1,
  'kv.setnx': 2,
  'kv.cas': 3,
  'kv.bump': 4,
  'kv.delete': 5,
  'kv.cas-revision': 6,
  'kv.expire': 7,
  'event.publish': 8,
} as const satisfies Readonly<Record<OperationCommand['type'], number>>

const SPACE_CODES = { value: 0, cache: 1 } as const satisfies Readonly<Record<Space, number>>
const EVICTING_CACHE_CODE = 2
const COMPARE_CODES = { value: 0, exists: 1, missing: 2, revision: 3 } as const

/** Bytes of an operation besides its byte strings, rounded up. */
const FIXED_SIZE_BYTES = 64

export function isOperation(command: Command): command is OperationCommand {
  return command.type in OPERATION_CODES
}

/** The expected size of an operation with its head. */
export function operationSizeBytes(command: OperationCommand): number {
  switch (command.type) {
    case 'kv.set':
    case 'kv.setnx':
      return FIXED_SIZE_BYTES + command.key.length + command.value.length
    case 'kv.cas':
      return FIXED_SIZE_BYTES + command.key.length + command.oldValue.length + command.newValue.length
    case 'kv.cas-revision':
      return FIXED_SIZE_BYTES + command.key.length + command.newValue.length
    case 'kv.bump':
    case 'kv.delete':
    case 'kv.expire':
      return FIXED_SIZE_BYTES + command.key.length
    case 'event.publish':
      return FIXED_SIZE_BYTES + command.topic.length + command.data.length
    default:
      return unreachable(command)
  }
}

export function writeOperation(writer: ByteWriter, command: OperationCommand): ByteWriter {
  switch (command.type) {
    case 'kv.set':
    case 'kv.setnx':
      return writeKey(writer, command).uint48(command.expiresAtMs).raw(command.value)
    case 'kv.cas':
      return writeKey(writer, command).uint48(command.expiresAtMs).bytes32(command.oldValue).raw(command.newValue)
    case 'kv.cas-revision':
      return writeKey(writer, command).uint48(command.expiresAtMs).uint48(command.revision).raw(command.newValue)
    case 'kv.bump':
      writeKey(writer, command).int64(command.delta)
      return command.min === null ? writer.uint8(0) : writer.uint8(1).int64(command.min)
    case 'kv.expire':
      return writeKey(writer, command).uint48(command.expiresAtMs)
    case 'kv.delete':
      return writeKey(writer, command)
    case 'event.publish':
      return writer
        .uint32(command.entityId)
        .uint48(command.retainMs)
        .uint48(command.retainSizeBytes)
        .text(command.topic)
        .raw(command.data)
    default:
      return unreachable(command)
  }
}

/** Undefined when the type is not that of an operation. */
export function readOperation(reader: ByteReader, typeCode: number, timeMs: number): OperationCommand | undefined {
  switch (typeCode) {
    case OPERATION_CODES['kv.set']:
      return { type: 'kv.set', ...readSet(reader, timeMs) }
    case OPERATION_CODES['kv.setnx']:
      return { type: 'kv.setnx', ...readSet(reader, timeMs) }
    case OPERATION_CODES['kv.cas']: {
      const head = { timeMs, ...readWriteKey(reader), expiresAtMs: reader.uint48() }
      const oldValue = reader.bytes32()
      return { type: 'kv.cas', ...head, oldValue, newValue: reader.rest() }
    }
    case OPERATION_CODES['kv.cas-revision']: {
      const head = { timeMs, ...readWriteKey(reader), expiresAtMs: reader.uint48(), revision: reader.uint48() }
      return { type: 'kv.cas-revision', ...head, newValue: reader.rest() }
    }
    case OPERATION_CODES['kv.bump']: {
      const head = { timeMs, ...readWriteKey(reader), delta: reader.int64() }
      return { type: 'kv.bump', ...head, min: reader.flag() ? reader.int64() : null }
    }
    case OPERATION_CODES['kv.delete']:
      return { type: 'kv.delete', timeMs, ...readKey(reader) }
    case OPERATION_CODES['kv.expire']:
      return { type: 'kv.expire', timeMs, ...readKey(reader), expiresAtMs: reader.uint48() }
    case OPERATION_CODES['event.publish']: {
      const head = { timeMs, entityId: reader.uint32(), retainMs: reader.uint48(), retainSizeBytes: reader.uint48() }
      const topic = reader.text()
      return { type: 'event.publish', ...head, topic, data: reader.rest() }
    }
    default:
      return undefined
  }
}

export function writeTxn(writer: ByteWriter, command: TxnCommand): ByteWriter {
  assert(command.compare.length <= TXN_OPERATIONS_MAX, 'the comparisons of a txn are within the limit')
  writer.uint32(command.entityId).uint16(command.compare.length)
  for (const compare of command.compare) writeCompare(writer, compare)
  writeOperations(writer, command.entityId, command.then, TXN_OPERATIONS_MAX)
  return writeOperations(writer, command.entityId, command.else, TXN_OPERATIONS_MAX)
}

export function readTxn(reader: ByteReader, timeMs: number): TxnCommand {
  const entityId = reader.uint32()
  const compareCount = withinMax(reader.uint16(), TXN_OPERATIONS_MAX)
  const compare = Array.from({ length: compareCount }, () => readCompare(reader))
  const then = readOperations(reader, entityId, timeMs, TXN_OPERATIONS_MAX)
  const otherwise = readOperations(reader, entityId, timeMs, TXN_OPERATIONS_MAX)
  return { type: 'txn', timeMs, entityId, compare, then, else: otherwise }
}

export function writeBatch(writer: ByteWriter, command: BatchCommand): ByteWriter {
  return writeOperations(writer.uint32(command.entityId), command.entityId, command.commands, BATCH_COMMANDS_MAX)
}

export function readBatch(reader: ByteReader, timeMs: number): BatchCommand {
  const entityId = reader.uint32()
  return { type: 'batch', timeMs, entityId, commands: readOperations(reader, entityId, timeMs, BATCH_COMMANDS_MAX) }
}

function writeOperations(
  writer: ByteWriter,
  entityId: EntityId,
  operations: readonly OperationCommand[],
  countMax: number,
): ByteWriter {
  assert(operations.length <= countMax, 'the operations are within the limit')
  writer.uint16(operations.length)
  for (const operation of operations) {
    assert(operation.entityId === entityId, 'the operations are of one entity')
    const body = new ByteWriter(operationSizeBytes(operation)).uint8(OPERATION_CODES[operation.type])
    writer.bytes32(writeOperation(body, operation).finish())
  }
  return writer
}

function readOperations(reader: ByteReader, entityId: EntityId, timeMs: number, countMax: number): OperationCommand[] {
  return Array.from({ length: withinMax(reader.uint16(), countMax) }, () => {
    const body = new ByteReader(reader.bytes32())
    const operation = readOperation(body, body.uint8(), timeMs)
    if (operation?.entityId !== entityId) throw new MalformedBytes('an operation is not known or of another entity')
    body.end()
    return operation
  })
}

function writeCompare(writer: ByteWriter, compare: Compare): void {
  writer.uint8(COMPARE_CODES[compare.type]).uint8(SPACE_CODES[compare.space]).bytes16(compare.key)
  if (compare.type === 'value') writer.bytes32(compare.value)
  if (compare.type === 'revision') writer.uint48(compare.revision)
}

function readCompare(reader: ByteReader): Compare {
  const typeCode = reader.uint8()
  const target = { space: readSpace(reader), key: reader.bytes16() }
  switch (typeCode) {
    case COMPARE_CODES.value:
      return { type: 'value', ...target, value: reader.bytes32() }
    case COMPARE_CODES.exists:
      return { type: 'exists', ...target }
    case COMPARE_CODES.missing:
      return { type: 'missing', ...target }
    case COMPARE_CODES.revision:
      return { type: 'revision', ...target, revision: reader.uint48() }
    default:
      throw new MalformedBytes('the type of a comparison is not known')
  }
}

function readSet(reader: ByteReader, timeMs: number) {
  const head = { timeMs, ...readWriteKey(reader), expiresAtMs: reader.uint48() }
  return { ...head, value: reader.rest() }
}

interface Target {
  readonly space: Space
  readonly entityId: EntityId
  readonly key: Uint8Array
  readonly evict?: boolean
}

function writeKey(writer: ByteWriter, { space, entityId, key, evict = false }: Target): ByteWriter {
  const code = evict && space === 'cache' ? EVICTING_CACHE_CODE : SPACE_CODES[space]
  return writer.uint8(code).uint32(entityId).bytes16(key)
}

export function writeSpace(writer: ByteWriter, space: Space): ByteWriter {
  return writer.uint8(SPACE_CODES[space])
}

export function readSpace(reader: ByteReader): Space {
  return reader.flag() ? 'cache' : 'value'
}

function readKey(reader: ByteReader): { space: Space; entityId: EntityId; key: Buffer } {
  return { space: readSpace(reader), entityId: reader.uint32(), key: reader.bytes16() }
}

/** The key of a command that may evict. */
function readWriteKey(reader: ByteReader): { space: Space; entityId: EntityId; key: Buffer; evict?: boolean } {
  const code = reader.uint8()
  if (code > EVICTING_CACHE_CODE) throw new MalformedBytes('the space is not known')
  const space = code === SPACE_CODES.value ? 'value' : 'cache'
  const target = { space, entityId: reader.uint32(), key: reader.bytes16() } as const
  return code === EVICTING_CACHE_CODE ? { ...target, evict: true } : target
}

function withinMax(count: number, countMax: number): number {
  if (count > countMax) throw new MalformedBytes('there are too many operations')
  return count
}
