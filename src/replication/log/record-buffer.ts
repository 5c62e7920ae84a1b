// Records that wait for the next flush, encoded when they are appended into pooled blocks that one writev can take.
import { assert } from '../../base/assert.ts'
import { markOf, RECORD_HEADER_BYTES, writeRecord, type RecordSeal } from './record.ts'

const BLOCK_BYTES = 256 * 1024
/** Blocks kept for reuse: two flushes of the usual size. */
const POOLED_BLOCKS_MAX = 8

interface Block {
  readonly bytes: Buffer
  readonly view: DataView
  usedBytes: number
}

/** The records of one flush. */
export interface RecordBatch {
  readonly chunks: readonly Uint8Array[]
  readonly sizeBytes: number
  /** Gives the memory back once it is written. */
  release(): void
}

/** Where the next records go. */
export interface BatchPlace {
  /** Salt of the segment. */
  readonly salt: number
  /** Offset in the segment at which the batch starts. */
  readonly startBytes: number
}

export class LogRecordBuffer {
  readonly #pool: Block[] = []
  #blocks: Block[] = []
  #sizeBytes = 0
  #seal: RecordSeal = { salt: 0, mark: markOf(0) }
  #batchStart = 0
  #lastCrc: number

  /** `lastCrc`: CRC of the last record of the stream so far. */
  constructor(lastCrc: number) {
    this.#lastCrc = lastCrc
  }

  get lastCrc(): number {
    return this.#lastCrc
  }

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  /** Says where the records appended from here on will be written. Only while the buffer is empty. */
  startBatch(place: BatchPlace): void {
    assert(this.#sizeBytes === 0, 'a batch starts in an empty buffer')
    this.#seal = { salt: place.salt, mark: markOf(place.salt) }
    this.#batchStart = place.startBytes
  }

  /** Encodes a record and returns its offset in the segment. */
  append(kind: number, index: number, term: number, payload: Uint8Array): number {
    const sizeBytes = RECORD_HEADER_BYTES + payload.length
    const block = this.#blockFor(sizeBytes)
    const fields = { kind, index, term, payload, previousCrc: this.#lastCrc, batchStart: this.#batchStart }
    this.#lastCrc = writeRecord(block.bytes, block.view, block.usedBytes, fields, this.#seal)
    block.usedBytes += sizeBytes
    const offset = this.#batchStart + this.#sizeBytes
    this.#sizeBytes += sizeBytes
    return offset
  }

  /** Takes everything appended so far out of the buffer. */
  take(): RecordBatch {
    const blocks = this.#blocks
    const sizeBytes = this.#sizeBytes
    this.#blocks = []
    this.#sizeBytes = 0
    const chunks = blocks.map((block) => block.bytes.subarray(0, block.usedBytes))
    return { chunks, sizeBytes, release: () => this.#release(blocks) }
  }

  #blockFor(sizeBytes: number): Block {
    const last = this.#blocks.at(-1)
    if (last !== undefined && last.usedBytes + sizeBytes <= last.bytes.length) return last
    const pooled = sizeBytes <= BLOCK_BYTES ? this.#pool.pop() : undefined
    const block = pooled ?? newBlock(Math.max(sizeBytes, BLOCK_BYTES))
    this.#blocks.push(block)
    return block
  }

  #release(blocks: readonly Block[]): void {
    for (const block of blocks) {
      if (block.bytes.length !== BLOCK_BYTES || this.#pool.length >= POOLED_BLOCKS_MAX) continue
      block.usedBytes = 0
      this.#pool.push(block)
    }
  }
}

function newBlock(sizeBytes: number): Block {
  const bytes = Buffer.allocUnsafeSlow(sizeBytes)
  return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), usedBytes: 0 }
}
