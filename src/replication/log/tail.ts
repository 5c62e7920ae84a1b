// Tells a torn tail, which is cut, from damage to what was durable, which is not: the most important decision at start.
import { findRecord, isZero, type FoundRecord } from './record.ts'

/** The unit in which a disk keeps or loses what was being written when the power failed. */
const SECTOR_BYTES = 512

/** The last segment, at the place where its records stop being intact. */
export interface DamagedTail {
  readonly bytes: Buffer
  readonly salt: number
  /** Where the first record that is not intact starts. */
  readonly offset: number
  /** Where the batch of the record before it starts. */
  readonly batchStart: number
}

/**
 * Why the damage cannot be the trace of a write that a crash interrupted, or undefined when it can be one.
 *
 * A batch is written only after the one before it is durable, so an intact record of a later batch proves that the damaged one
 * was durable. Within the last batch a disk may have kept a later sector and lost an earlier one, which then reads as zeros
 * (segments grow into fresh space, nothing is overwritten): records behind such a gap are as unacknowledged as the gap itself.
 * An intact record behind damage without a lost sector means that something else damaged it.
 */
export function corruptionOf(tail: DamagedTail): string | undefined {
  let found = nextRecord(tail, tail.offset + 1)
  if (found !== undefined && !hasLostSector(tail.bytes, tail.offset, found.offset)) {
    return `an intact record follows at offset ${found.offset}`
  }
  while (found !== undefined) {
    const { offset, record } = found
    if (record.batchStart > tail.offset) return `a later write is intact at offset ${offset}`
    found = nextRecord(tail, offset + record.sizeBytes)
  }
  return undefined
}

/** The first intact record at `from` or behind it. Records of earlier batches are copies, inside a payload. */
function nextRecord(tail: DamagedTail, from: number): FoundRecord | undefined {
  let found = findRecord(tail.bytes, from, tail.salt)
  while (found !== undefined && found.record.batchStart < tail.batchStart) {
    found = findRecord(tail.bytes, found.offset + found.record.sizeBytes, tail.salt)
  }
  return found
}

/** True when a sector that ends in (from, to] is zero from `from` on. */
function hasLostSector(bytes: Buffer, from: number, to: number): boolean {
  let start = from
  for (;;) {
    const end = start - (start % SECTOR_BYTES) + SECTOR_BYTES
    if (end > to) return false
    if (isZero(bytes, start, end)) return true
    start = end
  }
}
