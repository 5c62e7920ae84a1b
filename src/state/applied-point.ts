// The meta records: how far the state has got, and which snapshot it was installed from.
//
//   applied    version u8 | index u48 | term u48 | stateHash u32 | contentSum u32 | timeMs u48 | nextEntityId u32
//   installed  version u8 | index u48 | term u48 | memberCount u16 | for each: id text, standing u8, raftAddress text
import { assert, must } from '../base/assert.ts'
import type { Member, SnapshotMeta } from '../raft/types.ts'
import { metaKey } from '../storage/keyspace.ts'
import { decodeRecord, encodeRecord } from '../storage/record.ts'
import { ByteReader, ByteWriter } from './byte-codec.ts'
import { ROOT_ENTITY_ID } from './commands.ts'

export const APPLIED_KEY = metaKey('applied')
export const INSTALLED_KEY = metaKey('installed')

const APPLIED_VERSION = 1
const APPLIED_SIZE_BYTES = 31
const INSTALLED_VERSION = 1
const INSTALLED_SIZE_BYTES_EXPECTED = 256
/** In the order of their codes. A learner that was demoted differs from one that waits for its promotion. */
const STANDINGS = ['voter', 'learner', 'demoted'] as const

/** Everything that the next entry builds on and that no other record holds. */
export interface AppliedPoint {
  readonly index: number
  readonly term: number
  /** Rolling hash and content sum; see state-hash.ts. */
  readonly stateHash: number
  readonly contentSum: number
  /** The newest time of any command. */
  readonly timeMs: number
  readonly nextEntityId: number
}

/** Before the first entry. */
export const INITIAL_POINT: AppliedPoint = {
  index: 0,
  term: 0,
  stateHash: 0,
  contentSum: 0,
  timeMs: 0,
  nextEntityId: ROOT_ENTITY_ID + 1,
}

export function encodeAppliedPoint(point: AppliedPoint): Buffer {
  const payload = new ByteWriter(APPLIED_SIZE_BYTES)
    .uint8(APPLIED_VERSION)
    .uint48(point.index)
    .uint48(point.term)
    .uint32(point.stateHash)
    .uint32(point.contentSum)
    .uint48(point.timeMs)
    .uint32(point.nextEntityId)
    .finish()
  return encodeRecord(APPLIED_KEY, point.index, 0, payload)
}

/** Throws InsiError RECORD_CORRUPT. */
export function decodeAppliedPoint(record: Buffer): AppliedPoint {
  const reader = new ByteReader(decodeRecord(APPLIED_KEY, record).payload)
  assert(reader.uint8() === APPLIED_VERSION, 'the version of the applied point is known')
  return {
    index: reader.uint48(),
    term: reader.uint48(),
    stateHash: reader.uint32(),
    contentSum: reader.uint32(),
    timeMs: reader.uint48(),
    nextEntityId: reader.uint32(),
  }
}

export function encodeInstalled(meta: SnapshotMeta): Buffer {
  const { members } = meta.membership
  const writer = new ByteWriter(INSTALLED_SIZE_BYTES_EXPECTED)
    .uint8(INSTALLED_VERSION)
    .uint48(meta.index)
    .uint48(meta.term)
    .uint16(members.length)
  for (const { id, role, raftAddress, demoted } of members) {
    writer
      .text(id)
      .uint8(STANDINGS.indexOf(demoted === true ? 'demoted' : role))
      .text(raftAddress)
  }
  return encodeRecord(INSTALLED_KEY, meta.index, 0, writer.finish())
}

/** Throws InsiError RECORD_CORRUPT. */
export function decodeInstalled(record: Buffer): SnapshotMeta {
  const reader = new ByteReader(decodeRecord(INSTALLED_KEY, record).payload)
  assert(reader.uint8() === INSTALLED_VERSION, 'the version of the installed snapshot is known')
  const index = reader.uint48()
  const term = reader.uint48()
  const members = Array.from({ length: reader.uint16() }, (): Member => {
    const id = reader.text()
    const standing = must(STANDINGS[reader.uint8()], 'the standing of a member is known')
    const raftAddress = reader.text()
    if (standing === 'demoted') return { id, role: 'learner', raftAddress, demoted: true }
    return { id, role: standing, raftAddress }
  })
  return { index, term, membership: { members } }
}
