// One segment of the log: its name, its header, and where its entries stand. Segments follow each other by sequence number.
//
//   offset  bytes of the header
//        0      8  magic, the last byte of which is the version
//        8      8  sequence number
//       16      4  salt of the records' checksums
//       20      4  CRC of the last record before this segment
//       24      8  index of the last entry before this segment
//       32      8  its term
//       40      8  end of the records of the segment before
//       48     12  zero
//       60      4  CRC32 of everything above
//
// Version history. 1: first.
import { crc32 } from 'node:zlib'
import { assert, must } from '../../base/assert.ts'
import type { LogIndex, Term } from '../../raft/types.ts'
import type { DiskFile } from '../../storage/disk.ts'
import { readUInt64, writeUInt64 } from './record.ts'

const VERSION = 1
const MAGIC = Buffer.from([...Buffer.from('INSILOG'), VERSION])
export const SEGMENT_HEADER_BYTES = 64
const CRC_OFFSET = 60
const OFFSETS_COUNT_MIN = 1024

/** The state of the stream where a segment begins. */
export interface SegmentHeader {
  readonly sequence: number
  readonly salt: number
  readonly previousCrc: number
  readonly lastIndex: LogIndex
  readonly lastTerm: Term
  /** 0 in the first segment of a log. */
  readonly previousEndBytes: number
}

export function encodeSegmentHeader(header: SegmentHeader): Buffer {
  const bytes = Buffer.alloc(SEGMENT_HEADER_BYTES)
  MAGIC.copy(bytes)
  writeUInt64(bytes, 8, header.sequence)
  bytes.writeUInt32LE(header.salt, 16)
  bytes.writeUInt32LE(header.previousCrc, 20)
  writeUInt64(bytes, 24, header.lastIndex)
  writeUInt64(bytes, 32, header.lastTerm)
  writeUInt64(bytes, 40, header.previousEndBytes)
  bytes.writeUInt32LE(crc32(bytes.subarray(0, CRC_OFFSET)), CRC_OFFSET)
  return bytes
}

/** The header at the start of `bytes`, or undefined when none stands there intact. */
export function decodeSegmentHeader(bytes: Buffer): SegmentHeader | undefined {
  if (bytes.length < SEGMENT_HEADER_BYTES || MAGIC.compare(bytes, 0, MAGIC.length) !== 0) return undefined
  if (crc32(bytes.subarray(0, CRC_OFFSET)) !== bytes.readUInt32LE(CRC_OFFSET)) return undefined
  return {
    sequence: readUInt64(bytes, 8),
    salt: bytes.readUInt32LE(16),
    previousCrc: bytes.readUInt32LE(20),
    lastIndex: readUInt64(bytes, 24),
    lastTerm: readUInt64(bytes, 32),
    previousEndBytes: readUInt64(bytes, 40),
  }
}

/** `<sequence>-<index of the first entry that can follow>.log`. */
function segmentName(header: SegmentHeader): string {
  return `${String(header.sequence).padStart(8, '0')}-${String(header.lastIndex + 1).padStart(16, '0')}.log`
}

/** The sequence number in the name of a segment, or undefined when the name is not one of a segment. */
export function sequenceOf(name: string): number | undefined {
  const match = /^(\d{8,15})-\d{16}\.log$/.exec(name)
  return match?.[1] === undefined ? undefined : Number(match[1])
}

/** A segment that is open. The offsets of its entries are in memory, four bytes each. */
export class LogSegment {
  readonly header: SegmentHeader
  readonly name: string
  /** Null until the first flush into the segment creates the file. */
  file: DiskFile | null = null
  /** End of the records. */
  sizeBytes = SEGMENT_HEADER_BYTES
  /** Size of the file; behind the records it holds zeros. */
  allocatedBytes = 0
  #firstIndex: LogIndex = 0
  #offsets = new Uint32Array(0)
  #count = 0

  constructor(header: SegmentHeader) {
    this.header = header
    this.name = segmentName(header)
  }

  /** Index of the last entry that stands here and in the log, or undefined when none does. */
  get lastIndex(): LogIndex | undefined {
    return this.#count === 0 ? undefined : this.#firstIndex + this.#count - 1
  }

  /** Remembers where an entry stands. Entries of a segment have contiguous indexes. */
  addEntry(index: LogIndex, offsetBytes: number): void {
    if (this.#count === 0) this.#firstIndex = index
    assert(index === this.#firstIndex + this.#count, `entry ${index} does not follow in segment ${this.name}`)
    if (this.#count === this.#offsets.length) {
      const grown = new Uint32Array(Math.max(OFFSETS_COUNT_MIN, this.#count * 2))
      grown.set(this.#offsets)
      this.#offsets = grown
    }
    this.#offsets[this.#count++] = offsetBytes
  }

  truncateFrom(index: LogIndex): void {
    this.#count = Math.max(0, Math.min(this.#count, index - this.#firstIndex))
  }

  /** Gives back the room for entries that will not come. */
  seal(): void {
    this.#offsets = this.#offsets.slice(0, this.#count)
  }

  holds(index: LogIndex): boolean {
    return index >= this.#firstIndex && index < this.#firstIndex + this.#count
  }

  /** Where the record of the entry starts. The segment holds the entry. */
  offsetOf(index: LogIndex): number {
    assert(this.holds(index), `entry ${index} is not in segment ${this.name}`)
    return must(this.#offsets[index - this.#firstIndex], 'the offset of a held entry is known')
  }
}
