// The durable Raft log on segment files: group commit, hard state, truncation, cutting and reset, all as records of one
// append-only stream. log-record.ts and log-segment.ts hold the formats, log-recovery.ts what happens at start.
import { assert, must } from '../../base/assert.ts'
import { InsiError, messageOf } from '../../base/errors.ts'
import { silentLog, type Log } from '../../base/log.ts'
import type { Random } from '../../base/random.ts'
import { encodeMembership, EMPTY_MEMBERSHIP } from '../../raft/membership.ts'
import type { Entry, EntryKind, HardState, LogIndex, SnapshotMeta, Term } from '../../raft/types.ts'
import type { Disk } from '../../storage/disk.ts'
import { LogEntryCache } from './entry-cache.ts'
import { readOldEntries } from './old-entries.ts'
import { LogRecordBuffer } from './record-buffer.ts'
import { RecordKind } from './record.ts'
import { logCorrupt, recoverLog, type RecoveredLog } from './recovery.ts'
import { SegmentWriter } from './segment-writer.ts'
import { LogSegment, SEGMENT_HEADER_BYTES, type SegmentHeader } from './segment.ts'
import { LogTerms } from './terms.ts'
import type { DurableLog } from '../ports.ts'

const SEGMENT_SIZE_BYTES_DEFAULT = 16 * 1024 * 1024
const CACHE_SIZE_BYTES_DEFAULT = 32 * 1024 * 1024
/** Offsets in a segment are 32 bits wide. */
const SEGMENT_END_BYTES_MAX = 0xffff_ffff
const UINT32_COUNT = 0x1_0000_0000
const NO_DATA = new Uint8Array(0)

export interface SegmentedLogOptions {
  readonly disk: Disk
  /** Directory of the segments; nothing else lives there. */
  readonly directory: string
  readonly random: Random
  /** False: a missing log is LOG_CORRUPT, because this node has been a member with one. */
  readonly create: boolean
  /** A segment that reaches this size is the last one no more. */
  readonly segmentSizeBytes?: number
  /** Memory for the newest entries. Entries that are not durable yet are held beyond it. */
  readonly cacheSizeBytes?: number
  readonly log?: Log
}

interface Position {
  readonly index: LogIndex
  readonly term: Term
}

const NOWHERE: Position = { index: 0, term: 0 }

export class SegmentedLog implements DurableLog {
  readonly #random: Random
  readonly #segmentSizeBytes: number
  readonly #writer: SegmentWriter
  readonly #cache: LogEntryCache
  readonly #buffer: LogRecordBuffer
  /** The last one takes the pending records. */
  #segments: LogSegment[]
  #terms: LogTerms
  #base: SnapshotMeta
  #hardState: HardState
  #durable: Position
  /** What will be durable once the running write is. */
  #writing: Position = NOWHERE
  /** A change is not written yet. */
  #dirty = false
  /** Settles when the running flush or cut does; null when none runs. Never rejects. */
  #busy: Promise<void> | null = null
  #failure: InsiError | null = null
  #closed: Promise<void> | null = null

  private constructor(options: SegmentedLogOptions, cache: LogEntryCache, recovered: RecoveredLog | null) {
    this.#random = options.random
    this.#segmentSizeBytes = options.segmentSizeBytes ?? SEGMENT_SIZE_BYTES_DEFAULT
    this.#writer = new SegmentWriter(options.disk, options.directory, this.#segmentSizeBytes)
    this.#cache = cache
    this.#base = recovered?.base ?? { index: 0, term: 0, membership: EMPTY_MEMBERSHIP }
    this.#terms = recovered?.terms ?? new LogTerms(this.#base)
    this.#hardState = recovered?.hardState ?? { term: 0, votedFor: null }
    this.#segments = [...(recovered?.segments ?? [])]
    this.#buffer = new LogRecordBuffer(recovered?.lastCrc ?? 0)
    this.#durable = { index: this.#terms.lastIndex, term: this.#terms.lastTerm }
  }

  /**
   * Opens or creates the log. Cuts a write that a crash interrupted. Throws InsiError LOG_CORRUPT when what was durable is
   * damaged or missing; errors of the operating system pass through.
   */
  static async open(options: SegmentedLogOptions): Promise<SegmentedLog> {
    const { disk, directory, log = silentLog } = options
    await disk.makeDirectory(directory)
    const cache = new LogEntryCache(options.cacheSizeBytes ?? CACHE_SIZE_BYTES_DEFAULT)
    const { recovered, leftovers } = await recoverLog({ disk, directory, cache, log })
    if (recovered === null && !options.create) throw logCorrupt(directory, 0, 'the log of this member is missing')
    const opened = new SegmentedLog(options, cache, recovered)
    if (recovered !== null) await opened.#writer.adopt(recovered)
    await opened.#writer.removeFiles(leftovers)
    await opened.#start()
    if (recovered?.isHardStateInferred === true) {
      opened.#appendHardState()
      await opened.#write()
    }
    return opened
  }

  get firstIndex(): LogIndex {
    return this.#base.index + 1
  }

  get lastIndex(): LogIndex {
    return this.#terms.lastIndex
  }

  get base(): SnapshotMeta {
    return this.#base
  }

  get hardState(): HardState {
    return this.#hardState
  }

  get durable(): Position {
    return this.#durable
  }

  /** Bytes of all segments and of the records that wait for a flush. */
  get sizeBytes(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.sizeBytes, this.#buffer.sizeBytes)
  }

  termAt(index: LogIndex): Term | undefined {
    this.#assertUsable()
    return this.#terms.termAt(index)
  }

  /** Throws InsiError LOG_CORRUPT or STORAGE_FAILED when old entries cannot be read back from the disk. */
  entries(from: LogIndex, to: LogIndex, sizeBytesMax: number): Entry[] | undefined {
    this.#assertUsable()
    assert(from >= 1 && to <= this.lastIndex + 1, `range [${from}, ${to}) is not in the log`)
    if (from <= this.#base.index) return undefined
    if (from >= to) return []
    const cachedFrom = this.#cache.firstIndex
    if (from >= cachedFrom) return this.#cache.slice(from, to, sizeBytesMax)
    const oldTo = Math.min(to, cachedFrom)
    const old = this.#readOld(from, oldTo, sizeBytesMax)
    if (old.length < oldTo - from || oldTo === to) return old
    const restBytes = sizeBytesMax - old.reduce((sum, entry) => sum + entry.data.length, 0)
    const newer = this.#cache.slice(cachedFrom, to, restBytes)
    // slice() answers at least one entry, which is too much here when it does not fit.
    return (newer[0]?.data.length ?? 0) > restBytes ? old : old.concat(newer)
  }

  append(entries: readonly Entry[]): void {
    this.#assertUsable()
    const segment = this.#current()
    for (const entry of entries) {
      assert(entry.index === this.lastIndex + 1, `entry ${entry.index} does not follow ${this.lastIndex}`)
      this.#terms.push(entry.term)
      const offset = this.#buffer.append(recordKindOf(entry.kind), entry.index, entry.term, entry.data)
      segment.addEntry(entry.index, offset)
      this.#cache.push(entry)
    }
    this.#dirty ||= entries.length > 0
  }

  truncateFrom(from: LogIndex): void {
    this.#assertUsable()
    assert(from > this.#base.index, `cannot cut at ${from}, the base is ${this.#base.index}`)
    if (from > this.lastIndex) return
    this.#buffer.append(RecordKind.truncate, from, 0, NO_DATA)
    this.#dirty = true
    this.#terms.truncateFrom(from)
    this.#cache.truncateFrom(from)
    for (const segment of this.#segments) segment.truncateFrom(from)
    this.#durable = this.#atMost(this.#durable)
    this.#writing = this.#atMost(this.#writing)
  }

  /** `durable` is 0 until the reset is flushed. */
  resetTo(meta: SnapshotMeta): void {
    this.#assertUsable()
    this.#buffer.append(RecordKind.reset, meta.index, meta.term, encodeMembership(meta.membership))
    this.#dirty = true
    this.#base = meta
    this.#terms = new LogTerms(meta)
    this.#cache.clear(meta.index + 1)
    for (const segment of this.#segments) segment.truncateFrom(0)
    this.#durable = this.#writing = NOWHERE
  }

  flush(hardState: HardState | null): Promise<Position> {
    return this.#alone(async () => {
      if (hardState !== null && !isSame(hardState, this.#hardState)) {
        this.#hardState = hardState
        this.#appendHardState()
        this.#dirty = true
      }
      if (this.#dirty) await this.#write()
      return this.#durable
    })
  }

  cutTo(base: SnapshotMeta): Promise<void> {
    return this.#alone(async () => {
      if (base.index <= this.#base.index) return
      assert(base.index <= this.#durable.index, `cannot cut to ${base.index}, durable is ${this.#durable.index}`)
      this.#terms.cutTo(base)
      this.#base = base
      this.#cache.cutTo(base.index)
      this.#appendBase()
      await this.#write()
    })
  }

  /** Waits for a running flush. Changes that were not flushed are dropped. Every later call throws STORAGE_FAILED. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    while (this.#busy !== null) await this.#busy
    const lastWrite = this.#failure === null && !this.#dirty ? this.#writeEnd() : null
    this.#failure ??= new InsiError('STORAGE_FAILED', 'the replication log is closed')
    try {
      await lastWrite
    } finally {
      const files = this.#segments.flatMap((segment) => segment.file ?? [])
      for (const segment of this.#segments) segment.file = null
      for (const file of files) await file.close()
    }
  }

  /** A write behind the last one proves that one durable: damage to it is then no longer taken for the trace of a crash. */
  async #writeEnd(): Promise<void> {
    this.#appendHardState()
    await this.#write()
  }

  /** Prepares for the first record after open(): the last segment, or the first one of a new log, exists. */
  async #start(): Promise<void> {
    const last = this.#segments.at(-1)
    if (last === undefined) {
      await this.#writer.create(this.#addSegment(null))
      return
    }
    if (last.sizeBytes === SEGMENT_HEADER_BYTES) {
      // Nothing may be removed before the checkpoint is written.
      this.#buffer.startBatch({ salt: last.header.salt, startBytes: last.sizeBytes })
      this.#appendCheckpoint()
      return
    }
    await this.#writer.removeSegments(this.#takeUnneeded())
    if (last.sizeBytes >= this.#segmentSizeBytes) this.#addSegment(last)
    else this.#buffer.startBatch({ salt: last.header.salt, startBytes: last.sizeBytes })
  }

  /** Runs `work` when no other flush or cut runs; at once, up to its first await, when none does. */
  async #alone<T>(work: () => Promise<T>): Promise<T> {
    while (this.#busy !== null) await this.#busy
    this.#assertUsable()
    const run = work()
    const settled = run.then(
      () => undefined,
      () => undefined,
    )
    this.#busy = settled
    try {
      return await run
    } finally {
      this.#busy = null
    }
  }

  /** Writes all pending records durably, then removes segments that nobody needs any more. */
  async #write(): Promise<void> {
    const segment = this.#current()
    const batch = this.#buffer.take()
    const startBytes = segment.sizeBytes
    segment.sizeBytes += batch.sizeBytes
    assert(segment.sizeBytes <= SEGMENT_END_BYTES_MAX, `segment ${segment.name} grew to ${segment.sizeBytes} bytes`)
    this.#dirty = false
    this.#writing = { index: this.lastIndex, term: this.#terms.lastTerm }
    // Computed before the write, because truncations that come while it runs are not durable when it ends.
    const unneeded = this.#takeUnneeded()
    if (segment.sizeBytes >= this.#segmentSizeBytes) this.#addSegment(segment)
    else this.#buffer.startBatch({ salt: segment.header.salt, startBytes: segment.sizeBytes })
    try {
      if (segment.file === null) await this.#writer.create(segment)
      await this.#writer.write(segment, startBytes, batch.chunks)
      this.#durable = this.#writing
      await this.#writer.removeSegments(unneeded)
    } catch (error) {
      throw this.#fail(
        new InsiError('STORAGE_FAILED', `the replication log cannot be written: ${messageOf(error)}`, { cause: error }),
      )
    }
    batch.release()
    this.#cache.trim(this.#durable.index)
  }

  /** Starts the segment behind `previous`; its file is created by the first write to it. */
  #addSegment(previous: LogSegment | null): LogSegment {
    previous?.seal()
    const header: SegmentHeader = {
      sequence: (previous?.header.sequence ?? 0) + 1,
      salt: this.#random.int(UINT32_COUNT),
      previousCrc: this.#buffer.lastCrc,
      lastIndex: this.lastIndex,
      lastTerm: this.#terms.lastTerm,
      previousEndBytes: previous?.sizeBytes ?? 0,
    }
    const segment = new LogSegment(header)
    this.#segments.push(segment)
    this.#buffer.startBatch({ salt: header.salt, startBytes: SEGMENT_HEADER_BYTES })
    this.#appendCheckpoint()
    return segment
  }

  /** Repeats what would be lost with the segments before this one. */
  #appendCheckpoint(): void {
    this.#appendBase()
    this.#appendHardState()
  }

  #appendBase(): void {
    const { index, term, membership } = this.#base
    this.#buffer.append(RecordKind.cut, index, term, encodeMembership(membership))
  }

  #appendHardState(): void {
    const { term, votedFor } = this.#hardState
    this.#buffer.append(RecordKind.hardState, 0, term, Buffer.from(votedFor ?? '', 'utf8'))
  }

  /** Removes the first segments from the list as long as the base covers all their entries; never the last segment. */
  #takeUnneeded(): LogSegment[] {
    let count = 0
    while (count < this.#segments.length - 1) {
      const lastIndex = this.#segments[count]?.lastIndex
      if (lastIndex !== undefined && lastIndex > this.#base.index) break
      count++
    }
    return count === 0 ? [] : this.#segments.splice(0, count)
  }

  #readOld(from: LogIndex, to: LogIndex, sizeBytesMax: number): Entry[] {
    try {
      return readOldEntries(this.#segments, { from, to, sizeBytesMax })
    } catch (error) {
      if (error instanceof InsiError) throw this.#fail(error)
      throw this.#fail(
        new InsiError('STORAGE_FAILED', `the replication log cannot be read: ${messageOf(error)}`, { cause: error }),
      )
    }
  }

  /** `position`, or the end of the log when that is before it. */
  #atMost(position: Position): Position {
    return position.index <= this.lastIndex ? position : { index: this.lastIndex, term: this.#terms.lastTerm }
  }

  #current(): LogSegment {
    return must(this.#segments.at(-1), 'an open log has a segment')
  }

  #fail(error: InsiError): InsiError {
    this.#failure ??= error
    return error
  }

  #assertUsable(): void {
    if (this.#failure !== null) throw this.#failure
  }
}

function recordKindOf(kind: EntryKind): number {
  return RecordKind[kind]
}

function isSame(a: HardState, b: HardState): boolean {
  return a.term === b.term && a.votedFor === b.votedFor
}
