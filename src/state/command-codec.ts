// Commands as bytes in log entries.
//
//   version u8 | type u8 | timeMs u48 | body
//
//   kv.*          space u8 | entityId u32 | key (u16 length) | ...
//     set, setnx    expiresAtMs u48 | value (the rest)
//     cas           expiresAtMs u48 | oldValue (u32 length) | newValue (the rest)
//     bump          delta i64 | hasMin u8 | min i64 when hasMin
//     delete        nothing
//   entity.create keyUuid text | scopeUuid text | name text | tokenDigest (u16 length) | limits
//   entity.delete keyUuid text
//   entity.purge  entityId u32 | countMax u32
//   limits.set    entityId u32 | limits
//   alias.create  entityId u32 | keyUuid text | tokenDigest (u16 length)
//   alias.delete  entityId u32 | keyUuid text
//
// Versions, never changed once released, because logs hold them: 1 (this one).
import { unreachable } from '../base/assert.ts'
import { ByteReader, ByteWriter, MalformedBytes } from './byte-codec.ts'
import type { Command, Space } from './commands.ts'
import { readLimits, readPartialLimits, writeLimits } from './limits-codec.ts'

const COMMAND_VERSION = 1

/** Most records that one entity.purge may ask for: bounds the time that a command can take. */
export const PURGE_COUNT_MAX = 65_536

const TYPE_CODES = {
  'kv.set': 1,
  'kv.setnx': 2,
  'kv.cas': 3,
  'kv.bump': 4,
  'kv.delete': 5,
  'entity.create': 16,
  'entity.delete': 17,
  'entity.purge': 18,
  'limits.set': 19,
  'alias.create': 20,
  'alias.delete': 21,
} as const satisfies Readonly<Record<Command['type'], number>>

const SPACE_CODES = { value: 0, cache: 1 } as const satisfies Readonly<Record<Space, number>>

/** Bytes of a command besides its byte strings, rounded up. */
const FIXED_SIZE_BYTES = 64

/** The bytes of a command. Fields out of range (a key over 65 535 bytes, a delta over 64 bits) are programmer errors. */
export function encodeCommand(command: Command): Buffer {
  const writer = new ByteWriter(sizeBytesExpected(command))
  writer.uint8(COMMAND_VERSION).uint8(TYPE_CODES[command.type]).uint48(command.timeMs)
  switch (command.type) {
    case 'kv.set':
    case 'kv.setnx':
      return writeKey(writer, command).uint48(command.expiresAtMs).raw(command.value).finish()
    case 'kv.cas':
      return writeKey(writer, command)
        .uint48(command.expiresAtMs)
        .bytes32(command.oldValue)
        .raw(command.newValue)
        .finish()
    case 'kv.bump':
      writeKey(writer, command).int64(command.delta)
      return (command.min === null ? writer.uint8(0) : writer.uint8(1).int64(command.min)).finish()
    case 'kv.delete':
      return writeKey(writer, command).finish()
    case 'entity.create':
      writer.text(command.keyUuid).text(command.scopeUuid).text(command.name).bytes16(command.tokenDigest)
      return writeLimits(writer, command.limits).finish()
    case 'entity.delete':
      return writer.text(command.keyUuid).finish()
    case 'entity.purge':
      return writer.uint32(command.entityId).uint32(command.countMax).finish()
    case 'limits.set':
      return writeLimits(writer.uint32(command.entityId), command.limits).finish()
    case 'alias.create':
      return writer.uint32(command.entityId).text(command.keyUuid).bytes16(command.tokenDigest).finish()
    case 'alias.delete':
      return writer.uint32(command.entityId).text(command.keyUuid).finish()
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
    const command = readBody(reader, reader.uint8(), reader.uint48())
    reader.end()
    return command
  } catch (error) {
    if (error instanceof MalformedBytes) return undefined
    throw error
  }
}

function readBody(reader: ByteReader, typeCode: number, timeMs: number): Command {
  switch (typeCode) {
    case TYPE_CODES['kv.set']:
      return readSet(reader, 'kv.set', timeMs)
    case TYPE_CODES['kv.setnx']:
      return readSet(reader, 'kv.setnx', timeMs)
    case TYPE_CODES['kv.cas']:
      return readCas(reader, timeMs)
    case TYPE_CODES['kv.bump']:
      return readBump(reader, timeMs)
    case TYPE_CODES['kv.delete']:
      return { type: 'kv.delete', timeMs, ...readKey(reader) }
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

function readSet(reader: ByteReader, type: 'kv.set' | 'kv.setnx', timeMs: number): Command {
  const space = readSpace(reader)
  const entityId = reader.uint32()
  const key = reader.bytes16()
  const expiresAtMs = reader.uint48()
  return { type, timeMs, space, entityId, key, expiresAtMs, value: reader.rest() }
}

function readCas(reader: ByteReader, timeMs: number): Command {
  const key = readKey(reader)
  const expiresAtMs = reader.uint48()
  const oldValue = reader.bytes32()
  return { type: 'kv.cas', timeMs, ...key, expiresAtMs, oldValue, newValue: reader.rest() }
}

function readBump(reader: ByteReader, timeMs: number): Command {
  const key = readKey(reader)
  const delta = reader.int64()
  return { type: 'kv.bump', timeMs, ...key, delta, min: reader.flag() ? reader.int64() : null }
}

function readKey(reader: ByteReader): { space: Space; entityId: number; key: Buffer } {
  return { space: readSpace(reader), entityId: reader.uint32(), key: reader.bytes16() }
}

function readSpace(reader: ByteReader): Space {
  return reader.flag() ? 'cache' : 'value'
}

function readCountMax(reader: ByteReader): number {
  const countMax = reader.uint32()
  if (countMax < 1 || countMax > PURGE_COUNT_MAX) throw new MalformedBytes('countMax is out of range')
  return countMax
}

function writeKey(writer: ByteWriter, command: { space: Space; entityId: number; key: Uint8Array }): ByteWriter {
  return writer.uint8(SPACE_CODES[command.space]).uint32(command.entityId).bytes16(command.key)
}

function sizeBytesExpected(command: Command): number {
  switch (command.type) {
    case 'kv.set':
    case 'kv.setnx':
      return FIXED_SIZE_BYTES + command.key.length + command.value.length
    case 'kv.cas':
      return FIXED_SIZE_BYTES + command.key.length + command.oldValue.length + command.newValue.length
    case 'kv.bump':
    case 'kv.delete':
      return FIXED_SIZE_BYTES + command.key.length
    default:
      return FIXED_SIZE_BYTES * 4
  }
}
