// Commands as bytes in log entries.
//
//   version u8 | type u8 | timeMs u48 | body
//
//   kv.*, event.publish, txn, batch: see operation-codec.ts
//   kv.delete-range      space u8 | entityId u32 | prefix (u16 length) | countMax u32
//   subscription.acquire entityId u32 | memberId text
//   subscription.release entityId u32 | memberId text | count u32 | epoch u48
//   subscription.report  memberId text | count u32 | for each: entityId u32 | count u32
//   subscription.shake   entityId u32
//   entity.create keyUuid text | scopeUuid text | name text | tokenDigest (u16 length) | limits
//   entity.delete keyUuid text
//   entity.purge  entityId u32 | countMax u32
//   limits.set    entityId u32 | limits
//   alias.create  entityId u32 | keyUuid text | tokenDigest (u16 length)
//   alias.delete  entityId u32 | keyUuid text
//   alias.act     keyUuid text | type u8 | body
//
// Versions, never changed once released, because logs hold them: 1 (this one). A new type or field takes a new version, which only
// commands that need it carry: the leader logs those once every member knows it.
import { unreachable } from '../base/assert.ts'
import { ByteReader, ByteWriter, MalformedBytes } from './byte-codec.ts'
import type { Command, DirectCommand, OperationCommand } from './commands.ts'
import { readLimits, readPartialLimits, writeLimits } from './limits-codec.ts'
import {
  OPERATION_CODES,
  isOperation,
  operationSizeBytes,
  readBatch,
  readOperation,
  readSpace,
  readTxn,
  writeBatch,
  writeOperation,
  writeSpace,
  writeTxn,
} from './operation-codec.ts'

/** The newest that this release applies. */
export const COMMAND_VERSION = 1

/** Most records that one entity.purge or kv.delete-range may ask for: bounds the time that a command can take. */
export const PURGE_COUNT_MAX = 65_536
/** Most entities that one subscription.report may name. */
const REPORT_COUNT_MAX = 65_536

const TYPE_CODES = {
  ...OPERATION_CODES,
  txn: 12,
  batch: 13,
  'kv.delete-range': 14,
  'entity.create': 16,
  'entity.delete': 17,
  'entity.purge': 18,
  'limits.set': 19,
  'alias.create': 20,
  'alias.delete': 21,
  'alias.act': 26,
  'subscription.acquire': 22,
  'subscription.release': 23,
  'subscription.report': 24,
  'subscription.shake': 25,
} as const satisfies Readonly<Record<Command['type'], number>>

/** Bytes of most commands that are no operations. */
const SIZE_BYTES_EXPECTED = 256

/** The bytes of a command. Fields out of range (a key over 65 535 bytes, a delta over 64 bits) are programmer errors. */
export function encodeCommand(command: Command): Buffer {
  const direct = command.type === 'alias.act' ? command.command : command
  const writer = new ByteWriter(sizeBytesExpected(command, direct))
  writer.uint8(COMMAND_VERSION).uint8(TYPE_CODES[command.type]).uint48(command.timeMs)
  if (command.type === 'alias.act') writer.text(command.keyUuid).uint8(TYPE_CODES[direct.type])
  return (isOperation(direct) ? writeOperation(writer, direct) : writeBody(writer, direct)).finish()
}

/** Of the hot path it is exact enough that nothing is copied. */
function sizeBytesExpected(command: Command, direct: DirectCommand): number {
  if (!isOperation(direct)) return SIZE_BYTES_EXPECTED
  return operationSizeBytes(direct) + (command === direct ? 0 : SIZE_BYTES_EXPECTED)
}

function writeBody(writer: ByteWriter, command: Exclude<DirectCommand, OperationCommand>): ByteWriter {
  switch (command.type) {
    case 'txn':
      return writeTxn(writer, command)
    case 'batch':
      return writeBatch(writer, command)
    case 'kv.delete-range':
      return writeSpace(writer, command.space).uint32(command.entityId).bytes16(command.prefix).uint32(command.countMax)
    case 'subscription.acquire':
      return writer.uint32(command.entityId).text(command.memberId)
    case 'subscription.release':
      return writer.uint32(command.entityId).text(command.memberId).uint32(command.count).uint48(command.epoch)
    case 'subscription.report':
      writer.text(command.memberId).uint32(command.counts.length)
      for (const [entityId, count] of command.counts) writer.uint32(entityId).uint32(count)
      return writer
    case 'subscription.shake':
      return writer.uint32(command.entityId)
    case 'entity.create':
      writer.text(command.keyUuid).text(command.scopeUuid).text(command.name).bytes16(command.tokenDigest)
      return writeLimits(writer, command.limits)
    case 'entity.delete':
      return writer.text(command.keyUuid)
    case 'entity.purge':
      return writer.uint32(command.entityId).uint32(command.countMax)
    case 'limits.set':
      return writeLimits(writer.uint32(command.entityId), command.limits)
    case 'alias.create':
      return writer.uint32(command.entityId).text(command.keyUuid).bytes16(command.tokenDigest)
    case 'alias.delete':
      return writer.uint32(command.entityId).text(command.keyUuid)
    default:
      return unreachable(command)
  }
}

/**
 * The command in `data`, or undefined when it is none (garbage, or of a version or type that this release does not know).
 * Byte strings share memory with `data`.
 */
export function decodeCommand(data: Uint8Array): Command | undefined {
  try {
    const reader = new ByteReader(data)
    if (reader.uint8() !== COMMAND_VERSION) return undefined
    const command = readCommand(reader, reader.uint8(), reader.uint48())
    reader.end()
    return command
  } catch (error) {
    if (error instanceof MalformedBytes) return undefined
    throw error
  }
}

function readCommand(reader: ByteReader, typeCode: number, timeMs: number): Command {
  if (typeCode !== TYPE_CODES['alias.act']) return readDirect(reader, typeCode, timeMs)
  return { type: 'alias.act', timeMs, keyUuid: reader.text(), command: readDirect(reader, reader.uint8(), timeMs) }
}

function readDirect(reader: ByteReader, typeCode: number, timeMs: number): DirectCommand {
  return readOperation(reader, typeCode, timeMs) ?? readBody(reader, typeCode, timeMs)
}

function readBody(reader: ByteReader, typeCode: number, timeMs: number): DirectCommand {
  switch (typeCode) {
    case TYPE_CODES.txn:
      return readTxn(reader, timeMs)
    case TYPE_CODES.batch:
      return readBatch(reader, timeMs)
    case TYPE_CODES['kv.delete-range']: {
      const target = { space: readSpace(reader), entityId: reader.uint32(), prefix: reader.bytes16() }
      return { type: 'kv.delete-range', timeMs, ...target, countMax: readCountMax(reader) }
    }
    case TYPE_CODES['subscription.acquire']:
      return { type: 'subscription.acquire', timeMs, entityId: reader.uint32(), memberId: reader.text() }
    case TYPE_CODES['subscription.release']: {
      const target = { entityId: reader.uint32(), memberId: reader.text() }
      return { type: 'subscription.release', timeMs, ...target, count: reader.uint32(), epoch: reader.uint48() }
    }
    case TYPE_CODES['subscription.report']:
      return { type: 'subscription.report', timeMs, memberId: reader.text(), counts: readCounts(reader) }
    case TYPE_CODES['subscription.shake']:
      return { type: 'subscription.shake', timeMs, entityId: reader.uint32() }
    case TYPE_CODES['entity.create']:
      return {
        type: 'entity.create',
        timeMs,
        keyUuid: reader.text(),
        scopeUuid: reader.text(),
        name: reader.text(),
        tokenDigest: reader.bytes16(),
        limits: readLimits(reader),
      }
    case TYPE_CODES['entity.delete']:
      return { type: 'entity.delete', timeMs, keyUuid: reader.text() }
    case TYPE_CODES['entity.purge']:
      return { type: 'entity.purge', timeMs, entityId: reader.uint32(), countMax: readCountMax(reader) }
    case TYPE_CODES['limits.set']:
      return { type: 'limits.set', timeMs, entityId: reader.uint32(), limits: readPartialLimits(reader) }
    case TYPE_CODES['alias.create']:
      return {
        type: 'alias.create',
        timeMs,
        entityId: reader.uint32(),
        keyUuid: reader.text(),
        tokenDigest: reader.bytes16(),
      }
    case TYPE_CODES['alias.delete']:
      return { type: 'alias.delete', timeMs, entityId: reader.uint32(), keyUuid: reader.text() }
    default:
      throw new MalformedBytes('the type of the command is not known')
  }
}

function readCountMax(reader: ByteReader): number {
  const countMax = reader.uint32()
  if (countMax < 1 || countMax > PURGE_COUNT_MAX) throw new MalformedBytes('countMax is out of range')
  return countMax
}

function readCounts(reader: ByteReader): (readonly [number, number])[] {
  const length = reader.uint32()
  if (length > REPORT_COUNT_MAX) throw new MalformedBytes('there are too many counts')
  return Array.from({ length }, () => [reader.uint32(), reader.uint32()] as const)
}
