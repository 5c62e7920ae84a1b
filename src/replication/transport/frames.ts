// Frames on a peer connection: four bytes of length (of what follows), one byte of kind, the body.
import { InsiError } from '../../base/errors.ts'

export const FRAME_HEADER_SIZE_BYTES = 5
const LENGTH_SIZE_BYTES = 4

/** `hello`: peer-transport-handshake.ts. `message`: peer-codec.ts. `goodbye`: the sender sends nothing more; the body says why. */
const KINDS = ['hello', 'message', 'ping', 'pong', 'goodbye'] as const
export type FrameKind = (typeof KINDS)[number]

const KIND_CODE_BASE = 1

/** Fills the first FRAME_HEADER_SIZE_BYTES of `frame`, whose rest is the body. */
export function writeFrameHeader(frame: Buffer, kind: FrameKind): void {
  frame.writeUInt32BE(frame.length - LENGTH_SIZE_BYTES, 0)
  frame[LENGTH_SIZE_BYTES] = KINDS.indexOf(kind) + KIND_CODE_BASE
}

/** A frame with a copy of `body`. */
export function encodeFrame(kind: FrameKind, body: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(FRAME_HEADER_SIZE_BYTES + body.length)
  frame.set(body, FRAME_HEADER_SIZE_BYTES)
  writeFrameHeader(frame, kind)
  return frame
}

/** Gets a frame. `owned`: the body is memory of its own; otherwise it is valid only during the call. */
export type OnFrame = (kind: FrameKind, body: Buffer, owned: boolean) => void

/** Cuts a stream of chunks into frames; each byte is copied at most once. */
export class FrameParser {
  readonly #onFrame: OnFrame
  #sizeBytesMax: number
  /** The length bytes that have come of the next frame. */
  readonly #lengthBytes = Buffer.alloc(LENGTH_SIZE_BYTES)
  #lengthFilled = 0
  /** The frame that is being put together from several chunks. */
  #partial: Buffer | null = null
  #partialFilled = 0

  constructor(sizeBytesMax: number, onFrame: OnFrame) {
    this.#sizeBytesMax = sizeBytesMax
    this.#onFrame = onFrame
  }

  /** Changes the limit for the frames that begin from now on. */
  allow(sizeBytesMax: number): void {
    this.#sizeBytesMax = sizeBytesMax
  }

  /** Takes the next chunk. Throws InsiError PEER_PROTOCOL at a frame that is too large, empty or of an unknown kind. */
  push(chunk: Buffer): void {
    let position = 0
    while (position < chunk.length) {
      if (this.#partial !== null) position = this.#fillPartial(this.#partial, chunk, position)
      else position = this.#begin(chunk, position)
    }
  }

  /** Reads the length of the next frame, then the frame when all of it is in `chunk`. */
  #begin(chunk: Buffer, from: number): number {
    let position = from
    let sizeBytes: number
    if (this.#lengthFilled === 0 && chunk.length - from >= LENGTH_SIZE_BYTES) {
      sizeBytes = chunk.readUInt32BE(from)
      position += LENGTH_SIZE_BYTES
    } else {
      const copied = chunk.copy(this.#lengthBytes, this.#lengthFilled, from)
      this.#lengthFilled += copied
      position += copied
      if (this.#lengthFilled < LENGTH_SIZE_BYTES) return position
      sizeBytes = this.#lengthBytes.readUInt32BE(0)
      this.#lengthFilled = 0
    }
    if (sizeBytes === 0 || sizeBytes > this.#sizeBytesMax) {
      throw new InsiError('PEER_PROTOCOL', `a frame of ${sizeBytes} bytes, at most ${this.#sizeBytesMax} are allowed`)
    }
    if (chunk.length - position >= sizeBytes) {
      this.#emit(chunk.subarray(position, position + sizeBytes), false)
      return position + sizeBytes
    }
    this.#partial = Buffer.allocUnsafeSlow(sizeBytes)
    this.#partialFilled = 0
    return position
  }

  #fillPartial(partial: Buffer, chunk: Buffer, from: number): number {
    const copied = chunk.copy(partial, this.#partialFilled, from)
    this.#partialFilled += copied
    if (this.#partialFilled === partial.length) {
      this.#partial = null
      this.#emit(partial, true)
    }
    return from + copied
  }

  #emit(frame: Buffer, owned: boolean): void {
    const kind = KINDS[(frame[0] ?? 0) - KIND_CODE_BASE]
    if (kind === undefined) throw new InsiError('PEER_PROTOCOL', `a frame of the unknown kind ${frame[0]}`)
    this.#onFrame(kind, frame.subarray(1), owned)
  }
}
