// Bytes of peer messages: a growing writer and a checking reader of varints, texts and byte strings.
// The reader trusts nothing: every length is compared with what is there before anything is allocated.
import { assert } from '../../base/assert.ts'
import { InsiError } from '../../base/errors.ts'

const SCRATCH_SIZE_BYTES = 64 * 1024
const SCRATCH_SLACK_BYTES = 64
const ITEM_OVERHEAD_BYTES = 4
const TWO_POW_31 = 2 ** 31
const VARINT_BYTES_MAX = 8

/** Items (entries, commands, members) in one message: an item costs more memory than the byte or two that announce it. */
const PEER_MESSAGE_ITEMS_MAX = 262_144
const UTF8_BYTES_PER_UNIT_MAX = 3

/** The error of everything that a peer may not send. */
export function protocolError(message: string): InsiError {
  return new InsiError('PEER_PROTOCOL', message)
}

/** Writes one message into memory that is used again for the next one; finish() copies it out. */
export class PeerWriter {
  #buffer = Buffer.allocUnsafeSlow(SCRATCH_SIZE_BYTES)
  #length = 0
  readonly #sizeBytesMax: number

  /** More than `sizeBytesMax` bytes in one message throw InsiError PEER_PROTOCOL. */
  constructor(sizeBytesMax: number) {
    this.#sizeBytesMax = sizeBytesMax
  }

  get length(): number {
    return this.#length
  }

  /** Forgets what was written and leaves `headroomBytes` of anything at the front. */
  reset(headroomBytes: number): void {
    this.#length = headroomBytes
  }

  /** Everything written since reset(), in memory of its own: small messages are copied out, large ones take the memory along. */
  finish(): Buffer {
    const written = this.#buffer.subarray(0, this.#length)
    if (this.#buffer.length === SCRATCH_SIZE_BYTES) return Buffer.from(written)
    const keepsMuch = this.#length > this.#buffer.length / 2
    this.#buffer = Buffer.allocUnsafeSlow(SCRATCH_SIZE_BYTES)
    return keepsMuch ? written : Buffer.from(written)
  }

  byte(value: number): void {
    this.#reserve(1)
    this.#buffer[this.#length++] = value
  }

  boolean(value: boolean): void {
    this.byte(value ? 1 : 0)
  }

  /** Makes room for byte strings with the few bytes that each costs besides; growing step by step would copy again and again. */
  expect(itemCount: number, contentSizeBytes: number): void {
    this.#reserve(contentSizeBytes + itemCount * ITEM_OVERHEAD_BYTES)
  }

  /** A safe non-negative integer, 7 bits a byte, lowest first. */
  uint(value: number): void {
    assert(Number.isSafeInteger(value) && value >= 0, 'peer messages carry safe non-negative integers')
    this.#reserve(VARINT_BYTES_MAX)
    let rest = value
    while (rest >= TWO_POW_31) {
      this.#buffer[this.#length++] = (rest % 128) | 0x80
      rest = Math.floor(rest / 128)
    }
    while (rest >= 0x80) {
      this.#buffer[this.#length++] = (rest & 0x7f) | 0x80
      rest >>>= 7
    }
    this.#buffer[this.#length++] = rest
  }

  /** The number of items that follow. */
  count(value: number): void {
    if (value > PEER_MESSAGE_ITEMS_MAX) throw protocolError(`a message to a peer has ${value} items`)
    this.uint(value)
  }

  /** Any number, 8 bytes. */
  double(value: number): void {
    this.#reserve(8)
    this.#buffer.writeDoubleLE(value, this.#length)
    this.#length += 8
  }

  text(value: string): void {
    if (value.length * UTF8_BYTES_PER_UNIT_MAX < 0x80) {
      this.#reserve(0x80)
      const written = this.#buffer.write(value, this.#length + 1)
      this.#buffer[this.#length] = written
      this.#length += 1 + written
      return
    }
    const sizeBytes = Buffer.byteLength(value)
    this.uint(sizeBytes)
    this.#reserve(sizeBytes)
    this.#length += this.#buffer.write(value, this.#length)
  }

  bytes(value: Uint8Array): void {
    this.uint(value.length)
    this.#reserve(value.length)
    this.#buffer.set(value, this.#length)
    this.#length += value.length
  }

  #reserve(sizeBytes: number): void {
    const needed = this.#length + sizeBytes
    if (needed <= this.#buffer.length) return
    if (needed > this.#sizeBytesMax + SCRATCH_SIZE_BYTES) {
      throw protocolError(`a message to a peer is larger than ${this.#sizeBytesMax} bytes`)
    }
    // A large byte string is mostly the end of its message; many small ones grow the memory a few times only.
    const grown = Buffer.allocUnsafeSlow(Math.max(needed + SCRATCH_SLACK_BYTES, this.#buffer.length * 2))
    grown.set(this.#buffer.subarray(0, this.#length))
    this.#buffer = grown
  }
}

/** Reads one message. Throws InsiError PEER_PROTOCOL when the bytes end early or are no such value. */
export class PeerReader {
  readonly #buffer: Buffer
  #position: number
  /** The rest of the message from the first byte string on, as memory of its own; made when first needed. */
  #owned: Uint8Array | null = null
  #ownedFrom = 0

  /** `owned`: byte strings may refer to the memory of `message`, which nobody else changes or keeps. */
  constructor(message: Uint8Array, owned = false) {
    if (owned) this.#owned = message
    this.#buffer = Buffer.isBuffer(message)
      ? message
      : Buffer.from(message.buffer, message.byteOffset, message.byteLength)
    this.#position = 0
  }

  get remaining(): number {
    return this.#buffer.length - this.#position
  }

  byte(): number {
    const value = this.#buffer[this.#position]
    if (value === undefined) throw protocolError('a message of a peer ends early')
    this.#position += 1
    return value
  }

  boolean(): boolean {
    const value = this.byte()
    if (value > 1) throw protocolError('a flag of a peer is neither 0 nor 1')
    return value === 1
  }

  uint(): number {
    let value = 0
    let scale = 1
    for (let read = 0; read < VARINT_BYTES_MAX; read += 1) {
      const byte = this.byte()
      value += (byte & 0x7f) * scale
      if (byte < 0x80) {
        if (value > Number.MAX_SAFE_INTEGER) break
        return value
      }
      scale *= 128
    }
    throw protocolError('a number of a peer is too large')
  }

  double(): number {
    this.#need(8)
    const value = this.#buffer.readDoubleLE(this.#position)
    this.#position += 8
    return value
  }

  /** A number of items that follow, each of at least one byte. */
  count(): number {
    const value = this.#size()
    if (value > PEER_MESSAGE_ITEMS_MAX) throw protocolError('a message of a peer has too many items')
    return value
  }

  text(): string {
    const sizeBytes = this.#size()
    const from = this.#position
    this.#position += sizeBytes
    return this.#buffer.toString('utf8', from, this.#position)
  }

  /** Bytes in memory that the message's byte strings share with each other and with nothing else. */
  bytes(): Uint8Array {
    const sizeBytes = this.#size()
    if (this.#owned === null) {
      this.#owned = new Uint8Array(this.#buffer.subarray(this.#position))
      this.#ownedFrom = this.#position
    }
    const from = this.#position - this.#ownedFrom
    this.#position += sizeBytes
    return this.#owned.subarray(from, from + sizeBytes)
  }

  /** Throws when anything follows. */
  end(): void {
    if (this.remaining > 0) throw protocolError('a message of a peer is longer than its content')
  }

  #size(): number {
    const value = this.uint()
    this.#need(value)
    return value
  }

  #need(sizeBytes: number): void {
    if (sizeBytes > this.remaining) throw protocolError('a message of a peer ends early')
  }
}
