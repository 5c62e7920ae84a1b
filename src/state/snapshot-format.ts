// A state as a stream of frames, for a peer or a backup.
//
//   frame    type u8 | payloadSize u32 | crc32 u32 over type, size and payload | payload
//
//   header   "INSISNAP" | version u8 | index u48 | term u48       first
//   records  one or more: key (u32 length) | value (u32 length)   in key order
//   trailer  recordCount u48 | streamHash u32                     last
//
// streamHash chains the checksums of all frames before the trailer. Versions: 1 (this one).
import { crc32 } from 'node:zlib'
import { InsiError } from '../base/errors.ts'
import { ByteReader, ByteWriter, MalformedBytes } from './byte-codec.ts'
import { mix } from './state-hash.ts'

const MAGIC = Buffer.from('INSISNAP', 'latin1')
const SNAPSHOT_VERSION = 1
const FRAME_HEAD_SIZE_BYTES = 9
/** A frame holds about one chunk and at least one whole record. */
const FRAME_PAYLOAD_SIZE_BYTES_MAX = 256 * 1024 * 1024

const TYPE_CODES = { header: 1, records: 2, trailer: 3 } as const

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
    return this.#frame(TYPE_CODES.header, payload)
  }

  records(records: readonly SnapshotRecord[]): Buffer {
    const sizeBytes = records.reduce((sum, { key, value }) => sum + 8 + key.length + value.length, 0)
    const writer = new ByteWriter(sizeBytes)
    for (const { key, value } of records) writer.bytes32(key).bytes32(value)
    this.#recordCount += records.length
    return this.#frame(TYPE_CODES.records, writer.finish())
  }

  trailer(): Buffer {
    return this.#frame(
      TYPE_CODES.trailer,
      new ByteWriter(10).uint48(this.#recordCount).uint32(this.#streamHash).finish(),
    )
  }

  #frame(typeCode: number, payload: Buffer): Buffer {
    const bytes = Buffer.allocUnsafe(FRAME_HEAD_SIZE_BYTES + payload.length)
    bytes[0] = typeCode
    bytes.writeUInt32BE(payload.length, 1)
    bytes.set(payload, FRAME_HEAD_SIZE_BYTES)
    const checksum = frameChecksum(bytes)
    bytes.writeUInt32BE(checksum, 5)
    this.#streamHash = mix(this.#streamHash, checksum)
    return bytes
  }
}

/** Reads frames from chunks that may be cut anywhere. Throws InsiError SNAPSHOT_CORRUPT. */
export class FrameDecoder {
  #pending: Buffer = Buffer.alloc(0)
  #streamHash = 0

  /** Hash over the frames so far. */
  get streamHash(): number {
    return this.#streamHash
  }

  /** Bytes of a frame that is not complete. */
  get pendingSizeBytes(): number {
    return this.#pending.length
  }

  push(chunk: Uint8Array): SnapshotFrame[] {
    const bytes = this.#pending.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#pending, chunk])
    const frames: SnapshotFrame[] = []
    let offset = 0
    while (bytes.length - offset >= FRAME_HEAD_SIZE_BYTES) {
      const payloadSizeBytes = bytes.readUInt32BE(offset + 1)
      if (payloadSizeBytes > FRAME_PAYLOAD_SIZE_BYTES_MAX) throw snapshotCorrupt('a frame is too large')
      const end = offset + FRAME_HEAD_SIZE_BYTES + payloadSizeBytes
      if (end > bytes.length) break
      frames.push(this.#decode(bytes.subarray(offset, end)))
      offset = end
    }
    this.#pending = bytes.subarray(offset)
    return frames
  }

  #decode(bytes: Buffer): SnapshotFrame {
    const checksum = bytes.readUInt32BE(5)
    if (checksum !== frameChecksum(bytes)) throw snapshotCorrupt('the checksum of a frame is wrong')
    try {
      const frame = decodePayload(bytes[0], new ByteReader(bytes.subarray(FRAME_HEAD_SIZE_BYTES)))
      if (frame.type !== 'trailer') this.#streamHash = mix(this.#streamHash, checksum)
      return frame
    } catch (error) {
      if (error instanceof MalformedBytes) throw snapshotCorrupt('a frame has the wrong layout')
      throw error
    }
  }
}

export function snapshotCorrupt(reason: string): InsiError {
  return new InsiError('SNAPSHOT_CORRUPT', `The snapshot cannot be used: ${reason}.`)
}

function decodePayload(typeCode: number | undefined, reader: ByteReader): SnapshotFrame {
  if (typeCode === TYPE_CODES.header) {
    if (!reader.raw(MAGIC.length).equals(MAGIC)) throw new MalformedBytes('the magic is wrong')
    if (reader.uint8() !== SNAPSHOT_VERSION) throw snapshotCorrupt('its version is not known')
    return { type: 'header', index: reader.uint48(), term: reader.uint48() }
  }
  if (typeCode === TYPE_CODES.trailer) {
    return { type: 'trailer', recordCount: reader.uint48(), streamHash: reader.uint32() }
  }
  if (typeCode !== TYPE_CODES.records) throw new MalformedBytes('the type of the frame is not known')
  const records: SnapshotRecord[] = []
  while (!reader.atEnd) records.push({ key: reader.bytes32(), value: reader.bytes32() })
  return { type: 'records', records }
}

function frameChecksum(bytes: Buffer): number {
  return crc32(bytes.subarray(FRAME_HEAD_SIZE_BYTES), crc32(bytes.subarray(0, 5)))
}
