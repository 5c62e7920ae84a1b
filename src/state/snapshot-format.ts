// A state as a stream of frames (contract/frames.ts), for a peer or a backup.
//
//   header   "INSISNAP" | version u8 | index u48 | term u48       first
//   records  one or more: key (u32 length) | value (u32 length)   in key order
//   trailer  recordCount u48 | streamHash u32                     last
//
// streamHash chains the checksums of all frames before the trailer. Versions: 1 (this one).
import { mix } from '../base/hash-mix.ts'
import { FRAME_TYPES, FrameReader, encodeFrame, snapshotCorrupt } from '../contract/frames.ts'
import type { Frame } from '../contract/frames.ts'
import { ByteReader, ByteWriter, MalformedBytes } from './byte-codec.ts'

const MAGIC = Buffer.from('INSISNAP', 'latin1')
const SNAPSHOT_VERSION = 1

export interface SnapshotRecord {
  readonly key: Buffer
  readonly value: Buffer
}

export type SnapshotFrame =
  | { readonly type: 'header'; readonly index: number; readonly term: number }
  | { readonly type: 'records'; readonly records: readonly SnapshotRecord[] }
  | { readonly type: 'trailer'; readonly recordCount: number; readonly streamHash: number }

/** Writes frames; keeps what the trailer must say. */
export class FrameEncoder {
  #recordCount = 0
  #streamHash = 0

  header(index: number, term: number): Buffer {
    const payload = new ByteWriter(32).raw(MAGIC).uint8(SNAPSHOT_VERSION).uint48(index).uint48(term).finish()
    return this.#frame(FRAME_TYPES.header, payload)
  }

  records(records: readonly SnapshotRecord[]): Buffer {
    const sizeBytes = records.reduce((sum, { key, value }) => sum + 8 + key.length + value.length, 0)
    const writer = new ByteWriter(sizeBytes)
    for (const { key, value } of records) writer.bytes32(key).bytes32(value)
    this.#recordCount += records.length
    return this.#frame(FRAME_TYPES.records, writer.finish())
  }

  trailer(): Buffer {
    return this.#frame(
      FRAME_TYPES.trailer,
      new ByteWriter(10).uint48(this.#recordCount).uint32(this.#streamHash).finish(),
    )
  }

  #frame(typeCode: number, payload: Buffer): Buffer {
    const { bytes, checksum } = encodeFrame(typeCode, payload)
    this.#streamHash = mix(this.#streamHash, checksum)
    return bytes
  }
}

/** Reads frames from chunks that may be cut anywhere. Throws InsiError SNAPSHOT_CORRUPT. */
export class FrameDecoder {
  readonly #reader = new FrameReader()
  #streamHash = 0

  /** Hash over the frames so far. */
  get streamHash(): number {
    return this.#streamHash
  }

  /** Bytes of a frame that is not complete. */
  get pendingSizeBytes(): number {
    return this.#reader.pendingSizeBytes
  }

  push(chunk: Uint8Array): SnapshotFrame[] {
    return this.#reader.push(chunk).map((frame) => this.#decode(frame))
  }

  #decode({ typeCode, payload, checksum }: Frame): SnapshotFrame {
    try {
      const frame = decodePayload(typeCode, new ByteReader(payload))
      if (frame.type !== 'trailer') this.#streamHash = mix(this.#streamHash, checksum)
      return frame
    } catch (error) {
      if (error instanceof MalformedBytes) throw snapshotCorrupt('a frame has the wrong layout')
      throw error
    }
  }
}

function decodePayload(typeCode: number, reader: ByteReader): SnapshotFrame {
  if (typeCode === FRAME_TYPES.header) {
    if (!reader.raw(MAGIC.length).equals(MAGIC)) throw new MalformedBytes('the magic is wrong')
    if (reader.uint8() !== SNAPSHOT_VERSION) throw snapshotCorrupt('its version is not known')
    return { type: 'header', index: reader.uint48(), term: reader.uint48() }
  }
  if (typeCode === FRAME_TYPES.trailer) {
    return { type: 'trailer', recordCount: reader.uint48(), streamHash: reader.uint32() }
  }
  if (typeCode !== FRAME_TYPES.records) throw new MalformedBytes('the type of the frame is not known')
  const records: SnapshotRecord[] = []
  while (!reader.atEnd) records.push({ key: reader.bytes32(), value: reader.bytes32() })
  return { type: 'records', records }
}
