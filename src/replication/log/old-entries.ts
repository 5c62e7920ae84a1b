// Reads entries that are no longer in memory from their segment, in bounded chunks, and verifies each of them again.
import { must } from '../../base/assert.ts'
import type { Entry, LogIndex } from '../../raft/types.ts'
import { logCorrupt } from './recovery.ts'
import { claimedSizeBytes, entryKindOf, readRecord, RECORD_HEADER_BYTES, type LogRecord } from './record.ts'
import type { LogSegment } from './segment.ts'

const READ_CHUNK_BYTES = 256 * 1024

/**
 * Entries [from, to), cut to `sizeBytesMax` of data but at least one. All of the range stands in `segments`, durably.
 * Throws InsiError LOG_CORRUPT when a record changed since it was written.
 */
export function readOldEntries(
  segments: readonly LogSegment[],
  range: { readonly from: LogIndex; readonly to: LogIndex; readonly sizeBytesMax: number },
): Entry[] {
  const entries: Entry[] = []
  let reader: SegmentReader | undefined
  let sizeBytes = 0
  for (let index = range.from; index < range.to; index++) {
    if (reader?.segment.holds(index) !== true) {
      const segment = must(
        segments.find((each) => each.holds(index)),
        `entry ${index} is in a segment`,
      )
      reader = new SegmentReader(segment, range.sizeBytesMax)
    }
    const entry = reader.read(index)
    sizeBytes += entry.data.length
    if (sizeBytes > range.sizeBytesMax && entries.length > 0) break
    entries.push(entry)
  }
  return entries
}

/** Reads the entries of one segment in ascending order through one chunk at a time. */
class SegmentReader {
  readonly segment: LogSegment
  readonly #chunkBytes: number
  #chunk: Buffer = Buffer.alloc(0)
  #chunkStart = 0

  constructor(segment: LogSegment, sizeBytesMax: number) {
    this.segment = segment
    this.#chunkBytes = Math.min(READ_CHUNK_BYTES, Math.max(sizeBytesMax, 0) + RECORD_HEADER_BYTES)
  }

  read(index: LogIndex): Entry {
    const offset = this.segment.offsetOf(index)
    const record = this.#record(offset)
    const kind = record === undefined ? undefined : entryKindOf(record.kind)
    if (record === undefined || kind === undefined || record.index !== index) {
      throw logCorrupt(this.segment.name, offset, `entry ${index} is no longer what was written`)
    }
    return { index, term: record.term, kind, data: record.payload }
  }

  #record(offset: number): LogRecord | undefined {
    const salt = this.segment.header.salt
    this.#load(offset, RECORD_HEADER_BYTES)
    const sizeBytes = claimedSizeBytes(this.#chunk, offset - this.#chunkStart, salt)
    if (sizeBytes === undefined || offset + sizeBytes > this.segment.sizeBytes) return undefined
    this.#load(offset, sizeBytes)
    return readRecord(this.#chunk, offset - this.#chunkStart, salt)
  }

  /** Makes the chunk hold [offset, offset + lengthBytes), as far as the file has it. */
  #load(offset: number, lengthBytes: number): void {
    const held = offset >= this.#chunkStart && offset + lengthBytes <= this.#chunkStart + this.#chunk.length
    if (held) return
    const wanted = Math.min(Math.max(lengthBytes, this.#chunkBytes), this.segment.sizeBytes - offset)
    this.#chunk = must(this.segment.file, 'a durable entry is in a file').readSync(offset, wanted)
    this.#chunkStart = offset
  }
}
