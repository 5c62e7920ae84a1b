// The envelope of everything stored under a key: version, checksum, revision, expiry, payload.
//
//   offset  0        1        5                  11                 17
//           version  crc32    revision u48       expiresAtMs u48    payload
//
// The checksum covers the key and all that follows it, because LevelDB can return a wrong or misplaced value without an error.
// Versions: 1 (this one).
import { crc32 } from 'node:zlib'
import { InsiError } from '../base/errors.ts'

const RECORD_VERSION = 1
const RECORD_HEADER_SIZE_BYTES = 17

const CRC_OFFSET = 1
const REVISION_OFFSET = 5
const EXPIRY_OFFSET = 11

/** `revision`: log index of the last write; `expiresAtMs` 0: never. `payload` shares memory with the stored bytes. */
export interface RecordContent {
  readonly revision: number
  readonly expiresAtMs: number
  readonly payload: Buffer
}

/** The stored form of a record under `key`. Copies `payload`. */
export function encodeRecord(key: Uint8Array, revision: number, expiresAtMs: number, payload: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(RECORD_HEADER_SIZE_BYTES + payload.length)
  bytes[0] = RECORD_VERSION
  writeUint48(bytes, revision, REVISION_OFFSET)
  writeUint48(bytes, expiresAtMs, EXPIRY_OFFSET)
  bytes.set(payload, RECORD_HEADER_SIZE_BYTES)
  bytes.writeUInt32BE(checksum(key, bytes), CRC_OFFSET)
  return bytes
}

/** The record stored under `key`; throws InsiError RECORD_CORRUPT when it is not what was written there. */
export function decodeRecord(key: Uint8Array, bytes: Buffer): RecordContent {
  if (bytes.length < RECORD_HEADER_SIZE_BYTES) throw corrupt(key, 'it is too short')
  if (bytes[0] !== RECORD_VERSION) throw corrupt(key, `its version ${String(bytes[0])} is not known`)
  if (bytes.readUInt32BE(CRC_OFFSET) !== checksum(key, bytes)) throw corrupt(key, 'its checksum is wrong')
  return {
    revision: readUint48(bytes, REVISION_OFFSET),
    expiresAtMs: readUint48(bytes, EXPIRY_OFFSET),
    payload: bytes.subarray(RECORD_HEADER_SIZE_BYTES),
  }
}

/** The checksum that stands in an encoded record. */
export function recordChecksum(bytes: Buffer): number {
  return bytes.readUInt32BE(CRC_OFFSET)
}

function checksum(key: Uint8Array, bytes: Buffer): number {
  return crc32(bytes.subarray(REVISION_OFFSET), crc32(key))
}

function writeUint48(bytes: Buffer, value: number, offset: number): void {
  const high = Math.floor(value / 0x1_0000_0000)
  bytes.writeUInt16BE(high, offset)
  bytes.writeUInt32BE(value - high * 0x1_0000_0000, offset + 2)
}

function readUint48(bytes: Buffer, offset: number): number {
  return bytes.readUInt16BE(offset) * 0x1_0000_0000 + bytes.readUInt32BE(offset + 2)
}

function corrupt(key: Uint8Array, reason: string): InsiError {
  // The key is a user's: only its prefix and length may reach a log.
  return new InsiError('RECORD_CORRUPT', `A stored record is damaged: ${reason}.`, {
    details: { prefix: key[0] ?? 0, keyLength: key.length },
  })
}
