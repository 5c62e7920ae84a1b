// The format of one record of the segmented log: how it is written, checked and found again behind a damaged one.
//
//   offset  bytes
//        0      4  CRC32 of everything behind it, seeded with the salt of the segment
//        4      4  length of the payload
//        8      4  CRC of the record before it in the stream, across segments
//       12      4  offset in the segment at which its batch starts (a batch is what one flush writes)
//       16      8  index
//       24      8  term
//       32      1  kind
//       33      3  mark of the segment
//       36      …  payload
//
// All numbers are little-endian. Every change of the log is a record, also a truncation, so that the state of the log is a
// function of a prefix of one stream, and one write makes any set of changes durable. Salt and mark are drawn for each segment, so
// that nobody can store a payload that looks like records.
import { crc32 } from 'node:zlib'
import type { EntryKind } from '../../raft/types.ts'

export const RECORD_HEADER_BYTES = 36
const MARK_OFFSET = 33
const MARK_BYTES = 3
const TWO_POW_32 = 0x1_0000_0000

/** What a record says. Numbers are on disk: never reuse one. */
export const RecordKind = {
  command: 1,
  noop: 2,
  membership: 3,
  /** term and payload (the vote, UTF-8, empty for none) are the hard state from here on. */
  hardState: 4,
  /** Entries with an index of `index` or more are gone. */
  truncate: 5,
  /** Entries up to `index` may be gone; the payload is the membership there. */
  cut: 6,
  /** All entries are gone; the log goes on behind `index`; the payload is the membership there. */
  reset: 7,
} as const
const KIND_MAX = RecordKind.reset

const ENTRY_KINDS: readonly (EntryKind | undefined)[] = [undefined, 'command', 'noop', 'membership']

/** The kind of the entry that a record holds, or undefined when it holds none. */
export function entryKindOf(recordKind: number): EntryKind | undefined {
  return ENTRY_KINDS[recordKind]
}

/** Three bytes that stand in every record of a segment: a hash of its salt, none of them zero. */
export function markOf(salt: number): number {
  const hash = Math.imul(salt ^ (salt >>> 15), 0x2c1b3c6d)
  return ((hash >>> 8) | 0x01_01_01) & 0xff_ff_ff
}

export interface LogRecord {
  readonly kind: number
  readonly index: number
  readonly term: number
  /** A view into the buffer it was read from. */
  readonly payload: Buffer
  readonly crc: number
  readonly previousCrc: number
  readonly batchStart: number
  /** Header and payload. */
  readonly sizeBytes: number
}

/** The header fields that the writer chooses. */
export interface RecordFields {
  readonly kind: number
  readonly index: number
  readonly term: number
  readonly payload: Uint8Array
  readonly previousCrc: number
  readonly batchStart: number
}

/** What the records of one segment share. */
export interface RecordSeal {
  readonly salt: number
  /** markOf(salt). */
  readonly mark: number
}

/**
 * Writes a record at `offset` of `block`, over which `view` is a DataView, and returns its CRC. The block has room for
 * RECORD_HEADER_BYTES and the payload.
 */
export function writeRecord(
  block: Buffer,
  view: DataView,
  offset: number,
  fields: RecordFields,
  seal: RecordSeal,
): number {
  const { kind, index, term, payload } = fields
  view.setUint32(offset + 4, payload.length, true)
  view.setUint32(offset + 8, fields.previousCrc, true)
  view.setUint32(offset + 12, fields.batchStart, true)
  view.setUint32(offset + 16, index % TWO_POW_32, true)
  view.setUint32(offset + 20, Math.floor(index / TWO_POW_32), true)
  view.setUint32(offset + 24, term % TWO_POW_32, true)
  view.setUint32(offset + 28, Math.floor(term / TWO_POW_32), true)
  view.setUint32(offset + 32, ((seal.mark << 8) | kind) >>> 0, true)
  block.set(payload, offset + RECORD_HEADER_BYTES)
  const crc = crc32(block.subarray(offset + 4, offset + RECORD_HEADER_BYTES + payload.length), seal.salt)
  view.setUint32(offset, crc, true)
  return crc
}

/** The size that the record at `offset` claims to have, or undefined when its fixed part cannot be one of a record. */
export function claimedSizeBytes(buffer: Buffer, offset: number, salt: number): number | undefined {
  if (offset + RECORD_HEADER_BYTES > buffer.length) return undefined
  const kind = buffer[offset + 32] ?? 0
  if (kind === 0 || kind > KIND_MAX || buffer.readUIntLE(offset + MARK_OFFSET, MARK_BYTES) !== markOf(salt))
    return undefined
  return RECORD_HEADER_BYTES + buffer.readUInt32LE(offset + 4)
}

/** The record at `offset`, or undefined when none stands there intact. */
export function readRecord(buffer: Buffer, offset: number, salt: number): LogRecord | undefined {
  const sizeBytes = claimedSizeBytes(buffer, offset, salt)
  if (sizeBytes === undefined || offset + sizeBytes > buffer.length) return undefined
  const crc = buffer.readUInt32LE(offset)
  if (crc32(buffer.subarray(offset + 4, offset + sizeBytes), salt) !== crc) return undefined
  return {
    kind: buffer[offset + 32] ?? 0,
    index: readUInt64(buffer, offset + 16),
    term: readUInt64(buffer, offset + 24),
    payload: buffer.subarray(offset + RECORD_HEADER_BYTES, offset + sizeBytes),
    crc,
    previousCrc: buffer.readUInt32LE(offset + 8),
    batchStart: buffer.readUInt32LE(offset + 12),
    sizeBytes,
  }
}

export interface FoundRecord {
  readonly offset: number
  readonly record: LogRecord
}

/** The first intact record at `from` or behind it, wherever it starts. */
export function findRecord(buffer: Buffer, from: number, salt: number): FoundRecord | undefined {
  const mark = Buffer.alloc(MARK_BYTES)
  mark.writeUIntLE(markOf(salt), 0, MARK_BYTES)
  let at = buffer.indexOf(mark, from + MARK_OFFSET)
  while (at !== -1) {
    const offset = at - MARK_OFFSET
    const record = readRecord(buffer, offset, salt)
    if (record !== undefined) return { offset, record }
    at = buffer.indexOf(mark, at + 1)
  }
  return undefined
}

export function readUInt64(buffer: Buffer, offset: number): number {
  return buffer.readUInt32LE(offset + 4) * TWO_POW_32 + buffer.readUInt32LE(offset)
}

export function writeUInt64(buffer: Buffer, offset: number, value: number): void {
  buffer.writeUInt32LE(value % TWO_POW_32, offset)
  buffer.writeUInt32LE(Math.floor(value / TWO_POW_32), offset + 4)
}

/** True when every byte of [from, to) is zero. */
export function isZero(buffer: Buffer, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (buffer[at] !== 0) return false
  return true
}
