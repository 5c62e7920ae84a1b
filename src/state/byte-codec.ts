// Reading and writing the binary layouts of commands and records: integers big-endian, texts in UTF-8 with their length.
// Written by hand rather than with a general format, because every replica must read the same bytes the same way for ever.
import { isUtf8 } from 'node:buffer'
import { assert } from '../base/assert.ts'

/** Thrown by ByteReader when bytes are not what the layout says; whoever decodes turns it into an answer. */
export class MalformedBytes extends Error {
  override readonly name = 'MalformedBytes'
}

/** Grows as it is written to. Numbers that do not fit are programmer errors. */
export class ByteWriter {
  #bytes: Buffer
  #length = 0

  constructor(sizeBytesExpected: number) {
    this.#bytes = Buffer.allocUnsafe(sizeBytesExpected)
  }

  uint8(value: number): this {
    const at = this.#reserve(1)
    this.#bytes.writeUInt8(value, at)
    return this
  }

  uint16(value: number): this {
    const at = this.#reserve(2)
    this.#bytes.writeUInt16BE(value, at)
    return this
  }

  uint32(value: number): this {
    const at = this.#reserve(4)
    this.#bytes.writeUInt32BE(value, at)
    return this
  }

  uint48(value: number): this {
    assert(Number.isSafeInteger(value), 'the number is an integer')
    const at = this.#reserve(6)
    this.#bytes.writeUIntBE(value, at, 6)
    return this
  }

  int64(value: bigint): this {
    const at = this.#reserve(8)
    this.#bytes.writeBigInt64BE(value, at)
    return this
  }

  /** An integer that JavaScript holds exactly. */
  safeInteger(value: number): this {
    assert(Number.isSafeInteger(value), 'the number is an integer')
    return this.int64(BigInt(value))
  }

  /** Bytes without their length. */
  raw(value: Uint8Array): this {
    const at = this.#reserve(value.length)
    this.#bytes.set(value, at)
    return this
  }

  /** Up to 65 535 bytes, after their length. */
  bytes16(value: Uint8Array): this {
    return this.uint16(value.length).raw(value)
  }

  /** After their length. */
  bytes32(value: Uint8Array): this {
    return this.uint32(value.length).raw(value)
  }

  text(value: string): this {
    return this.bytes16(Buffer.from(value, 'utf8'))
  }

  finish(): Buffer {
    return this.#bytes.subarray(0, this.#length)
  }

  #reserve(sizeBytes: number): number {
    const at = this.#length
    this.#length += sizeBytes
    if (this.#length > this.#bytes.length) {
      const grown = Buffer.allocUnsafe(Math.max(this.#length, this.#bytes.length * 2))
      grown.set(this.#bytes.subarray(0, at))
      this.#bytes = grown
    }
    return at
  }
}

/** Reads from the front. Byte strings share memory with the source. Throws MalformedBytes beyond the end. */
export class ByteReader {
  readonly #bytes: Buffer
  #offset = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  uint8(): number {
    return this.#bytes.readUInt8(this.#take(1))
  }

  uint16(): number {
    return this.#bytes.readUInt16BE(this.#take(2))
  }

  uint32(): number {
    return this.#bytes.readUInt32BE(this.#take(4))
  }

  uint48(): number {
    const at = this.#take(6)
    return this.#bytes.readUInt16BE(at) * 0x1_0000_0000 + this.#bytes.readUInt32BE(at + 2)
  }

  int64(): bigint {
    return this.#bytes.readBigInt64BE(this.#take(8))
  }

  safeInteger(): number {
    const value = Number(this.int64())
    if (!Number.isSafeInteger(value)) throw new MalformedBytes('an integer is too large')
    return value
  }

  /** 0 or 1. */
  flag(): boolean {
    const value = this.uint8()
    if (value > 1) throw new MalformedBytes('a flag is neither 0 nor 1')
    return value === 1
  }

  raw(sizeBytes: number): Buffer {
    const at = this.#take(sizeBytes)
    return this.#bytes.subarray(at, at + sizeBytes)
  }

  bytes16(): Buffer {
    return this.raw(this.uint16())
  }

  bytes32(): Buffer {
    return this.raw(this.uint32())
  }

  text(): string {
    const bytes = this.bytes16()
    if (!isUtf8(bytes)) throw new MalformedBytes('a text is not UTF-8')
    return bytes.toString('utf8')
  }

  /** All that is left. */
  rest(): Buffer {
    return this.raw(this.#bytes.length - this.#offset)
  }

  get atEnd(): boolean {
    return this.#offset === this.#bytes.length
  }

  /** Nothing may be left. */
  end(): void {
    if (!this.atEnd) throw new MalformedBytes('there are bytes behind the end')
  }

  #take(sizeBytes: number): number {
    const at = this.#offset
    this.#offset += sizeBytes
    if (this.#offset > this.#bytes.length) throw new MalformedBytes('there are bytes missing')
    return at
  }
}
