// What the log does to its files: create, write, take over after a restart, remove.
import type { Disk } from '../../storage/disk.ts'
import { must } from '../../base/assert.ts'
import type { RecoveredLog } from './recovery.ts'
import { encodeSegmentHeader, SEGMENT_HEADER_BYTES, type LogSegment } from './segment.ts'

/**
 * A write that would grow the file also writes zeros up to the next multiple of this. The writes after it stay within the file,
 * which spares each of them the update of the file's metadata (a third of the time of a small durable write on ext4).
 */
const EXTENSION_BYTES = 256 * 1024
const ZEROS = Buffer.alloc(EXTENSION_BYTES)

export class SegmentWriter {
  readonly #disk: Disk
  readonly #directory: string
  readonly #extensionBytes: number

  constructor(disk: Disk, directory: string, segmentSizeBytes: number) {
    this.#disk = disk
    this.#directory = directory
    this.#extensionBytes = Math.min(EXTENSION_BYTES, segmentSizeBytes)
  }

  /** Creates the file with its header, durably. Nothing else may be written before, see log-recovery.ts. */
  async create(segment: LogSegment): Promise<void> {
    segment.file = await this.#disk.open(this.#path(segment.name), { create: true, durableWrites: true })
    await segment.file.write(0, [encodeSegmentHeader(segment.header)])
    segment.allocatedBytes = SEGMENT_HEADER_BYTES
    await this.#disk.syncDirectory(this.#directory)
  }

  /** Writes a batch durably at `startBytes`; segment.sizeBytes is its end. */
  async write(segment: LogSegment, startBytes: number, chunks: readonly Uint8Array[]): Promise<void> {
    const { file, sizeBytes: endBytes, allocatedBytes } = segment
    let fill = ZEROS.subarray(0, 0)
    if (endBytes > allocatedBytes && endBytes - startBytes < this.#extensionBytes) {
      fill = ZEROS.subarray(0, this.#extensionBytes - (endBytes % this.#extensionBytes))
    }
    await must(file, 'the segment has a file').write(startBytes, fill.length === 0 ? chunks : [...chunks, fill])
    segment.allocatedBytes = Math.max(allocatedBytes, endBytes + fill.length)
  }

  /** Opens the segments of a recovered log and makes sure that everything recovered is durable. */
  async adopt(recovered: RecoveredLog): Promise<void> {
    for (const segment of recovered.segments) {
      segment.file = await this.#disk.open(this.#path(segment.name), { create: false, durableWrites: true })
    }
    const last = must(recovered.segments.at(-1), 'a recovered log has a segment')
    const file = must(last.file, 'it was just opened')
    if (recovered.torn) {
      await file.truncate(last.sizeBytes)
      await file.sync()
      last.allocatedBytes = last.sizeBytes
    }
    // The last batch may be in the page cache only, and after a failed sync the system takes such pages for clean: only writing
    // them again makes a sync write them.
    await file.write(recovered.lastBatchStart, [recovered.lastBatch])
    await this.#disk.syncDirectory(this.#directory)
  }

  /** Closes and removes segments, oldest first. */
  async removeSegments(segments: readonly LogSegment[]): Promise<void> {
    for (const segment of segments) {
      await segment.file?.close()
      segment.file = null
    }
    await this.removeFiles(segments.map((segment) => segment.name))
  }

  async removeFiles(names: readonly string[]): Promise<void> {
    if (names.length === 0) return
    for (const name of names) await this.#disk.remove(this.#path(name))
    await this.#disk.syncDirectory(this.#directory)
  }

  #path(name: string): string {
    return `${this.#directory}/${name}`
  }
}
