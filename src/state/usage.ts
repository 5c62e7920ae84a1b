// The bytes that each entity uses, counted with each write, and the quota that a write must pass.
import { assert } from '../base/assert.ts'
import { usageKey } from '../storage/keyspace.ts'
import type { CommandResult, EntityId, EntityLimits, Space } from './commands.ts'
import { rejected } from './results.ts'
import { RowTable } from './row-table.ts'
import type { Transaction } from './transaction.ts'

export interface UsageRow {
  readonly diskBytes: number
  readonly memoryBytes: number
  /** Cache entries that stand in the eviction index. */
  readonly evictableCount: number
  /** Cache entries that were evicted, ever. */
  readonly evictions: number
}

export class UsageTable extends RowTable<UsageRow> {
  constructor() {
    super({
      keyOf: usageKey,
      empty: { diskBytes: 0, memoryBytes: 0, evictableCount: 0, evictions: 0 },
      write: (writer, { diskBytes, memoryBytes, evictableCount, evictions }) =>
        writer.uint48(diskBytes).uint48(memoryBytes).uint48(evictableCount).uint48(evictions),
      read: (reader) => ({
        diskBytes: reader.uint48(),
        memoryBytes: reader.uint48(),
        evictableCount: reader.uint48(),
        evictions: reader.uint48(),
      }),
    })
  }

  /** Bytes that an entity uses in a space, with the pending writes. */
  bytesIn(entityId: EntityId, space: Space): number {
    const row = this.get(entityId)
    return space === 'value' ? row.diskBytes : row.memoryBytes
  }

  /** Adds `deltaBytes` to what an entity uses in a space. */
  charge(tx: Transaction, entityId: EntityId, space: Space, deltaBytes: number): void {
    const row = this.get(entityId)
    const changed =
      space === 'value'
        ? { ...row, diskBytes: row.diskBytes + deltaBytes }
        : { ...row, memoryBytes: row.memoryBytes + deltaBytes }
    assert(changed.diskBytes >= 0 && changed.memoryBytes >= 0, 'usage is never below zero')
    tx.writes.fold((space === 'value' ? changed.diskBytes : changed.memoryBytes) >>> 0)
    this.set(tx, entityId, changed)
  }

  /** Removes the row of an entity that is gone; it must have released everything. */
  override remove(tx: Transaction, entityId: EntityId): void {
    const { diskBytes, memoryBytes, evictableCount } = this.get(entityId)
    assert(diskBytes === 0 && memoryBytes === 0 && evictableCount === 0, 'an entity that is gone uses nothing')
    super.remove(tx, entityId)
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
