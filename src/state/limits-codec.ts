// The binary layout of an entity's limits, in commands and in records.
//
//   present u8 | unlimited u8 | one i64 for each member that is present and not unlimited
//
// A bit a member, in the order below, which is never changed; members that are not present are not changed by limits.set.
import type { ByteReader, ByteWriter } from './byte-codec.ts'
import { MalformedBytes } from './byte-codec.ts'
import type { EntityLimits } from './commands.ts'

const MEMBERS = [
  'diskBytes',
  'memoryBytes',
  'eventsPerDay',
  'subscribers',
  'dataRequestsPerSecond',
  'eventRequestsPerSecond',
] as const satisfies readonly (keyof EntityLimits)[]

const ALL_PRESENT = 2 ** MEMBERS.length - 1

export function writeLimits(writer: ByteWriter, limits: Partial<EntityLimits>): ByteWriter {
  let present = 0
  let unlimited = 0
  const values: number[] = []
  for (const [at, member] of MEMBERS.entries()) {
    const value = limits[member]
    if (value === undefined) continue
    present |= 1 << at
    if (value === null) unlimited |= 1 << at
    else values.push(value)
  }
  writer.uint8(present).uint8(unlimited)
  for (const value of values) writer.safeInteger(value)
  return writer
}

export function readPartialLimits(reader: ByteReader): Partial<EntityLimits> {
  const present = reader.uint8()
  const unlimited = reader.uint8()
  if (present > ALL_PRESENT || (unlimited & ~present) !== 0) throw new MalformedBytes('the limits are not known')
  const limits: { -readonly [Member in keyof EntityLimits]?: number | null } = {}
  for (const [at, member] of MEMBERS.entries()) {
    if ((present & (1 << at)) === 0) continue
    limits[member] = (unlimited & (1 << at)) === 0 ? reader.safeInteger() : null
  }
  return limits
}

/** All members must be present. */
export function readLimits(reader: ByteReader): EntityLimits {
  const { diskBytes, memoryBytes, eventsPerDay, subscribers, dataRequestsPerSecond, eventRequestsPerSecond } =
    readPartialLimits(reader)
  if (
    diskBytes === undefined ||
    memoryBytes === undefined ||
    eventsPerDay === undefined ||
    subscribers === undefined ||
    dataRequestsPerSecond === undefined ||
    eventRequestsPerSecond === undefined
  ) {
    throw new MalformedBytes('a limit is missing')
  }
  return { diskBytes, memoryBytes, eventsPerDay, subscribers, dataRequestsPerSecond, eventRequestsPerSecond }
}
