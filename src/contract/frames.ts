// The frames that a state travels in, to a peer or into a backup: each says how long it is and carries a checksum.
//
//   frame    type u8 | payloadSize u32 | crc32 u32 over type, size and payload | payload
//
// What the types mean: backup-stream.ts for the first one of a backup, state/snapshot-format.ts for all others.
import { crc32 } from 'node:zlib'
import { InsiError } from '../base/errors.ts'

const FRAME_HEAD_SIZE_BYTES = 9
/** A frame holds about one chunk and at least one whole record. */
const FRAME_PAYLOAD_SIZE_BYTES_MAX = 256 * 1024 * 1024

/** Types of frames. */
export const FRAME_TYPES = { header: 1, records: 2, trailer: 3, manifest: 4 } as const

/** A frame whose checksum is right. `bytes` is all of it, and shares its memory with `payload`. */
export interface Frame {
  readonly typeCode: number
  readonly checksum: number
  readonly payload: Buffer
  readonly bytes: Buffer
}

export function encodeFrame(
  typeCode: number,
  payload: Uint8Array,
): { readonly bytes: Buffer; readonly checksum: number } {
  const bytes = Buffer.allocUnsafe(FRAME_HEAD_SIZE_BYTES + payload.length)
  bytes[0] = typeCode
  bytes.writeUInt32BE(payload.length, 1)
  bytes.set(payload, FRAME_HEAD_SIZE_BYTES)
  const checksum = frameChecksum(bytes)
  bytes.writeUInt32BE(checksum, 5)
  return { bytes, checksum }
}

/** Cuts frames out of chunks that may end anywhere. Throws InsiError SNAPSHOT_CORRUPT. */
export class FrameReader {
  #chunks: Buffer[] = []
  #sizeBytes = 0
  /** Of the frame that is next; unknown until its head has arrived. */
  #nextSizeBytes = FRAME_HEAD_SIZE_BYTES
  #isHeadRead = false

  /** Bytes of a frame that is not complete. */
  get pendingSizeBytes(): number {
    return this.#sizeBytes
  }

  push(chunk: Uint8Array): Frame[] {
    this.#chunks.push(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength))
    this.#sizeBytes += chunk.length
    const frames: Frame[] = []
    while (this.#sizeBytes >= this.#nextSizeBytes) {
      const pending = this.#joined()
      if (this.#isHeadRead) {
        const bytes = pending.subarray(0, this.#nextSizeBytes)
        frames.push(checked(bytes))
        this.#sizeBytes -= bytes.length
        this.#chunks = this.#sizeBytes === 0 ? [] : [pending.subarray(bytes.length)]
        this.#isHeadRead = false
        this.#nextSizeBytes = FRAME_HEAD_SIZE_BYTES
      } else {
        const payloadSizeBytes = pending.readUInt32BE(1)
        if (payloadSizeBytes > FRAME_PAYLOAD_SIZE_BYTES_MAX) throw snapshotCorrupt('a frame is too large')
        this.#isHeadRead = true
        this.#nextSizeBytes = FRAME_HEAD_SIZE_BYTES + payloadSizeBytes
      }
    }
    return frames
  }

  #joined(): Buffer {
    const [first] = this.#chunks
    if (first !== undefined && this.#chunks.length === 1) return first
    const all = Buffer.concat(this.#chunks, this.#sizeBytes)
    this.#chunks = [all]
    return all
  }
}

export function snapshotCorrupt(reason: string): InsiError {
  return new InsiError('SNAPSHOT_CORRUPT', `The snapshot cannot be used: ${reason}.`)
}

function checked(bytes: Buffer): Frame {
  const checksum = bytes.readUInt32BE(5)
  if (checksum !== frameChecksum(bytes)) throw snapshotCorrupt('the checksum of a frame is wrong')
  return { typeCode: bytes.readUInt8(0), checksum, payload: bytes.subarray(FRAME_HEAD_SIZE_BYTES), bytes }
}

function frameChecksum(bytes: Buffer): number {
  return crc32(bytes.subarray(FRAME_HEAD_SIZE_BYTES), crc32(bytes.subarray(0, 5)))
}
