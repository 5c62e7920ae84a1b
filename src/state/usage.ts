// What each entity uses, counted with each write, and the quota that a write must pass.
import { assert } from '../base/assert.ts'
import { entityIdOfKey, usageKey } from '../storage/keyspace.ts'
import { decodeRecord, encodeRecord, recordChecksum } from '../storage/record.ts'
import { ByteReader, ByteWriter } from './byte-codec.ts'
import type { CommandResult, EntityId, EntityLimits, Space } from './commands.ts'
import type { PendingWrites } from './pending-writes.ts'
import { rejected } from './results.ts'
import { StagedMap } from './staged-map.ts'
import type { EntityUsage } from './state-reader.ts'

const USAGE_VERSION = 1
const USAGE_SIZE_BYTES = 31
const NOTHING: EntityUsage = { diskBytes: 0, memoryBytes: 0, events: 0, subscribers: 0, evictions: 0 }

interface UsageRow extends EntityUsage {
  /** Log index of the entry that changed it last. */
  readonly revision: number
  /** Of the stored record; undefined when it was not stored yet. */
  readonly checksum: number | undefined
}

export class UsageTable {
  readonly #rows = new StagedMap<EntityId, UsageRow>()

  /** Takes a row from the store, at open. Throws InsiError RECORD_CORRUPT. */
  load(key: Buffer, value: Buffer): void {
    const { revision, payload } = decodeRecord(key, value)
    const reader = new ByteReader(payload)
    assert(reader.uint8() === USAGE_VERSION, 'the version of a usage record is known')
    this.#rows.set(entityIdOfKey(key), {
      diskBytes: reader.uint48(),
      memoryBytes: reader.uint48(),
      events: reader.uint48(),
      subscribers: reader.uint48(),
      evictions: reader.uint48(),
      revision,
      checksum: recordChecksum(value),
    })
    this.#rows.commit()
  }

  /** As readers see it. */
  committed(entityId: EntityId): EntityUsage {
    const { diskBytes, memoryBytes, events, subscribers, evictions } = this.#rows.getCommitted(entityId) ?? NOTHING
    return { diskBytes, memoryBytes, events, subscribers, evictions }
  }

  /** Bytes that an entity uses in a space, with the pending writes. */
  bytesIn(entityId: EntityId, space: Space): number {
    const row = this.#rows.get(entityId) ?? NOTHING
    return space === 'value' ? row.diskBytes : row.memoryBytes
  }

  /** Adds `deltaBytes` to what an entity uses in a space, for the entry at `index`. */
  charge(writes: PendingWrites, entityId: EntityId, space: Space, deltaBytes: number, index: number): void {
    const row = this.#rows.get(entityId) ?? { ...NOTHING, revision: index, checksum: undefined }
    const changed =
      space === 'value'
        ? { ...row, diskBytes: row.diskBytes + deltaBytes, revision: index }
        : { ...row, memoryBytes: row.memoryBytes + deltaBytes, revision: index }
    assert(changed.diskBytes >= 0 && changed.memoryBytes >= 0, 'usage is never below zero')
    writes.fold((space === 'value' ? changed.diskBytes : changed.memoryBytes) >>> 0)
    this.#rows.set(entityId, changed)
  }

  /** Removes the row of an entity that is gone; it must have released everything. */
  remove(writes: PendingWrites, entityId: EntityId): void {
    const row = this.#rows.get(entityId)
    assert(row === undefined || (row.diskBytes === 0 && row.memoryBytes === 0), 'an entity that is gone uses nothing')
    this.#rows.delete(entityId)
    // Whether it was stored before depends on the batches, so its removal must not reach the rolling hash.
    writes.deleteOncePerBatch(usageKey(entityId), row?.checksum)
  }

  /** Adds the rows that changed to the batch. */
  write(writes: PendingWrites): void {
    for (const [entityId, row] of this.#rows.staged()) {
      if (row === undefined) continue
      const key = usageKey(entityId)
      const record = encodeRecord(key, row.revision, 0, encodeUsage(row))
      writes.putOncePerBatch(key, record, row.checksum)
      this.#rows.set(entityId, { ...row, checksum: recordChecksum(record) })
    }
  }

  commit(): void {
    this.#rows.commit()
  }
}

/**
 * The rejection of a write that would go over the quota, or undefined. A write that keeps or lowers usage always passes, so
 * that an entity over its limit can shrink.
 */
export function quotaRejection(
  limits: EntityLimits,
  space: Space,
  currentBytes: number,
  deltaBytes: number,
): CommandResult | undefined {
  const limit = space === 'value' ? limits.diskBytes : limits.memoryBytes
  if (limit === null || deltaBytes <= 0 || currentBytes + deltaBytes <= limit) return undefined
  return rejected(space === 'value' ? 'DISK_LIMIT_EXCEEDED' : 'MEMORY_LIMIT_EXCEEDED', { current: currentBytes, limit })
}

function encodeUsage(usage: EntityUsage): Buffer {
  return new ByteWriter(USAGE_SIZE_BYTES)
    .uint8(USAGE_VERSION)
    .uint48(usage.diskBytes)
    .uint48(usage.memoryBytes)
    .uint48(usage.events)
    .uint48(usage.subscribers)
    .uint48(usage.evictions)
    .finish()
}
