// Reads a log from disk: verifies every record, rebuilds the state of the log from them, and cuts a torn tail.
import { must } from '../../base/assert.ts'
import { InsiError } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'
import { decodeMembership, EMPTY_MEMBERSHIP } from '../../raft/membership.ts'
import type { HardState, LogIndex, SnapshotMeta } from '../../raft/types.ts'
import type { Disk } from '../../storage/disk.ts'
import type { LogEntryCache } from './entry-cache.ts'
import { entryKindOf, isZero, readRecord, RecordKind, type LogRecord } from './record.ts'
import { decodeSegmentHeader, LogSegment, SEGMENT_HEADER_BYTES, sequenceOf } from './segment.ts'
import { corruptionOf } from './tail.ts'
import { LogTerms } from './terms.ts'

/** The log as its records say. */
export interface RecoveredLog {
  readonly segments: readonly LogSegment[]
  readonly terms: LogTerms
  readonly base: SnapshotMeta
  readonly hardState: HardState
  /** No record says so: see LogReplay. It must be written before the node acts on it. */
  readonly isHardStateInferred: boolean
  /** CRC of the last record. */
  readonly lastCrc: number
  /** Where the last batch starts in the last segment; its bytes may be in the page cache only. */
  readonly lastBatchStart: number
  /** Bytes of the last segment from lastBatchStart to the end of its records. */
  readonly lastBatch: Buffer
  /** The last segment must be cut to the end of its records before anything is written. */
  readonly torn: boolean
}

export interface RecoveryResult {
  /** Null when there is no log. */
  readonly recovered: RecoveredLog | null
  /** Files that a crash left behind: segments that were being removed, and one that was being created. */
  readonly leftovers: readonly string[]
}

export interface RecoverySource {
  readonly disk: Disk
  readonly directory: string
  readonly cache: LogEntryCache
  readonly log: Log
}

/** The error for a damaged log. `offset` is in bytes. */
export function logCorrupt(file: string, offset: number, reason: string): InsiError {
  return new InsiError(
    'LOG_CORRUPT',
    `the replication log is damaged: ${file} at offset ${offset}: ${reason}. Entries that were acknowledged may be lost on this ` +
      'node. Do not edit or delete single files of the log; let the node be rebuilt from its peers with an empty data directory',
    { details: { file, offset } },
  )
}

/** Verifies and reads the whole log; changes nothing on the disk. Throws InsiError LOG_CORRUPT. */
export async function recoverLog(source: RecoverySource): Promise<RecoveryResult> {
  const { names, leftovers } = await listSegments(source)
  const replay = new LogReplay(source)
  for (const [at, name] of names.entries()) {
    const isLast = at === names.length - 1
    const path = `${source.directory}/${name}`
    const bytes = must(await source.disk.readFile(path), `${path} was there`)
    const mayBeUnfinished = isLast && (at > 0 || sequenceOf(name) === 1)
    if (mayBeUnfinished && isUnfinishedCreation(bytes)) leftovers.push(name)
    else replay.readSegment(name, bytes, isLast)
  }
  return { recovered: replay.finish(), leftovers }
}

/** The segments to read: those with the highest sequence numbers without a gap. What stands before a gap must have been cut away. */
async function listSegments(source: RecoverySource): Promise<{ names: string[]; leftovers: string[] }> {
  const segments = (await source.disk.list(source.directory))
    .map((name) => ({ name, sequence: sequenceOf(name) }))
    .filter((segment): segment is { name: string; sequence: number } => segment.sequence !== undefined)
    .sort((a, b) => a.sequence - b.sequence)
  let start = Math.max(0, segments.length - 1)
  while (start > 0 && segments[start - 1]?.sequence === must(segments[start], 'a segment').sequence - 1) start--
  const twin = segments.find((segment, at) => segment.sequence === segments[at - 1]?.sequence)
  if (twin !== undefined) throw logCorrupt(`${source.directory}/${twin.name}`, 0, 'its sequence number is there twice')
  const names = segments.map((segment) => segment.name)
  return { names: names.slice(start), leftovers: names.slice(0, start) }
}

/** Nothing is written behind a header before the header is durable. */
function isUnfinishedCreation(bytes: Buffer): boolean {
  return decodeSegmentHeader(bytes) === undefined && isZero(bytes, SEGMENT_HEADER_BYTES, bytes.length)
}

/** Applies the records of one segment after the other. */
class LogReplay {
  readonly #source: RecoverySource
  readonly #segments: LogSegment[] = []
  #terms = new LogTerms({ index: 0, term: 0 })
  #base: SnapshotMeta = { index: 0, term: 0, membership: EMPTY_MEMBERSHIP }
  #hardState: HardState = { term: 0, votedFor: null }
  #lastCrc = 0
  /** Entries up to here stood in segments that are gone; the base must cover them in the end. */
  #absentThrough: LogIndex = 0
  #batchStart = 0
  #lastBytes: Buffer = Buffer.alloc(0)
  #torn = false

  constructor(source: RecoverySource) {
    this.#source = source
  }

  readSegment(name: string, bytes: Buffer, isLast: boolean): void {
    const header = decodeSegmentHeader(bytes)
    if (header === undefined) throw this.#corrupt(name, 0, 'the header is damaged')
    const segment = new LogSegment(header)
    if (segment.name !== name) throw this.#corrupt(name, 0, `the header is the one of ${segment.name}`)
    this.#enter(segment)
    this.#batchStart = 0
    let offset = SEGMENT_HEADER_BYTES
    while (offset < bytes.length) {
      const record = readRecord(bytes, offset, header.salt)
      if (record === undefined) break
      this.#checkChain(segment, record, offset)
      this.#apply(segment, record, offset)
      offset += record.sizeBytes
    }
    segment.sizeBytes = offset
    segment.allocatedBytes = bytes.length
    this.#lastBytes = bytes
    if (isZero(bytes, offset, bytes.length)) return
    if (!isLast) throw this.#corrupt(name, offset, 'the record is damaged and another segment follows')
    this.#tear(segment, bytes)
  }

  /** The state after the last segment; null when none was read. */
  finish(): RecoveredLog | null {
    const first = this.#segments[0]
    const last = this.#segments.at(-1)
    if (first === undefined || last === undefined) return null
    // A segment is removed only when a later one repeats the base and the hard state, as each does in its first records.
    const hasCheckpoint = first.header.sequence === 1 || first.sizeBytes > SEGMENT_HEADER_BYTES
    if (!hasCheckpoint || this.#absentThrough > this.#base.index) {
      throw this.#corrupt(first.name, 0, 'the segment before it is missing')
    }
    return {
      segments: this.#segments,
      terms: this.#terms,
      base: this.#base,
      ...this.#recoveredHardState(),
      lastCrc: this.#lastCrc,
      lastBatchStart: this.#batchStart,
      lastBatch: this.#lastBytes.subarray(this.#batchStart, last.sizeBytes),
      torn: this.#torn,
    }
  }

  /** Takes up the stream at the header of a segment, which repeats where the segment before ended. */
  #enter(segment: LogSegment): void {
    const { header } = segment
    const previous = this.#segments.at(-1)
    this.#segments.push(segment)
    if (previous === undefined) {
      this.#lastCrc = header.previousCrc
      this.#absentThrough = header.lastIndex
      this.#terms = new LogTerms({ index: header.lastIndex, term: header.lastTerm })
      this.#source.cache.clear(header.lastIndex + 1)
      return
    }
    const continues =
      header.previousCrc === this.#lastCrc &&
      header.previousEndBytes === previous.sizeBytes &&
      header.lastIndex === this.#terms.lastIndex &&
      header.lastTerm === this.#terms.lastTerm
    if (!continues) {
      throw this.#corrupt(
        previous.name,
        previous.sizeBytes,
        `records are missing here: ${segment.name} does not continue it`,
      )
    }
  }

  #checkChain(segment: LogSegment, record: LogRecord, offset: number): void {
    if (record.previousCrc !== this.#lastCrc)
      throw this.#corrupt(segment.name, offset, 'the chain of records is broken')
    if (record.batchStart !== this.#batchStart && record.batchStart !== offset) {
      throw this.#corrupt(segment.name, offset, 'the record belongs to another write')
    }
    this.#batchStart = record.batchStart
    this.#lastCrc = record.crc
  }

  #apply(segment: LogSegment, record: LogRecord, offset: number): void {
    const { index, term, payload } = record
    const kind = entryKindOf(record.kind)
    if (kind !== undefined) {
      if (index !== this.#terms.lastIndex + 1 || term < this.#terms.lastTerm) {
        const expected = `after ${this.#terms.lastIndex} of term ${this.#terms.lastTerm}`
        throw this.#corrupt(segment.name, offset, `entry ${index} of term ${term} ${expected}`)
      }
      this.#terms.push(term)
      segment.addEntry(index, offset)
      this.#source.cache.push({ index, term, kind, data: payload })
      this.#source.cache.trim(index)
    } else if (record.kind === RecordKind.hardState) {
      this.#hardState = { term, votedFor: payload.length === 0 ? null : payload.toString('utf8') }
    } else if (record.kind === RecordKind.truncate) {
      this.#truncate(segment, index, offset)
    } else {
      this.#moveBase(segment, record, offset)
    }
  }

  #truncate(segment: LogSegment, from: LogIndex, offset: number): void {
    if (from <= this.#base.index) {
      throw this.#corrupt(segment.name, offset, `truncation at ${from}, below the base ${this.#base.index}`)
    }
    if (from <= this.#absentThrough) {
      // The term before `from` is not known here, unless it is the base; otherwise a later base must cover it.
      this.#absentThrough = from - 1
      this.#terms = new LogTerms(this.#base.index === from - 1 ? this.#base : { index: from - 1, term: 0 })
    }
    this.#terms.truncateFrom(from)
    this.#source.cache.truncateFrom(from)
    for (const each of this.#segments) each.truncateFrom(from)
  }

  #moveBase(segment: LogSegment, record: LogRecord, offset: number): void {
    const { index, term } = record
    const base = { index, term, membership: decodeMembership(record.payload) }
    if (record.kind === RecordKind.reset) {
      this.#terms = new LogTerms(base)
      this.#source.cache.clear(index + 1)
      this.#absentThrough = 0
      for (const each of this.#segments) each.truncateFrom(0)
    } else if (index <= this.#absentThrough) {
      // The segments around this base are gone: if it is the last one, it must be the very entry before the first one held.
      if (index === this.#absentThrough) this.#terms.learnBaseTerm(term)
    } else {
      if (this.#terms.termAt(index) !== term)
        throw this.#corrupt(segment.name, offset, `no entry ${index} of term ${term}`)
      this.#terms.cutTo(base)
      this.#source.cache.cutTo(index)
    }
    this.#base = base
  }

  #tear(segment: LogSegment, bytes: Buffer): void {
    const { name, header, sizeBytes: offset } = segment
    const reason = corruptionOf({ bytes, salt: header.salt, offset, batchStart: this.#batchStart })
    if (reason !== undefined) throw this.#corrupt(name, offset, `the record is damaged, but ${reason}`)
    this.#torn = true
    this.#source.log.warn(
      { file: `${this.#source.directory}/${name}`, offset, lostBytes: bytes.length - offset },
      'cut the end of the log, whose last write was interrupted',
    )
  }

  /**
   * Entries are written before the hard state of the same flush, so a torn flush may leave entries of a term that the hard state
   * has not reached. The node has not voted in that term: such a vote would have been durable earlier.
   */
  #recoveredHardState(): Pick<RecoveredLog, 'hardState' | 'isHardStateInferred'> {
    const lastTerm = this.#terms.lastTerm
    if (this.#hardState.term >= lastTerm) return { hardState: this.#hardState, isHardStateInferred: false }
    return { hardState: { term: lastTerm, votedFor: null }, isHardStateInferred: true }
  }

  #corrupt(name: string, offset: number, reason: string): InsiError {
    return logCorrupt(`${this.#source.directory}/${name}`, offset, reason)
  }
}
