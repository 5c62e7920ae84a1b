// Making room in the cache of an entity at its memory limit: the entries that were written longest ago go first.
import { InsiError } from '../base/errors.ts'
import { storeKeyOfEviction } from '../storage/keyspace.ts'
import type { CommandResult, EntityId } from './commands.ts'
import { putEvictionMarker, removeEvictable } from './eviction-index.ts'
import { removeRecord, slotAt } from './records.ts'
import type { Slot } from './records.ts'
import type { Transaction } from './transaction.ts'

/** Entries that one log entry may evict: bounds the time that it can take. */
const EVICTION_COUNT_MAX = 4096

/**
 * Evicts entries until `attempt` does not answer MEMORY_LIMIT_EXCEEDED any more, but never the one of `slot`, which it is about.
 * What was evicted stays so when in the end there is not enough to evict.
 */
export async function evictFor(tx: Transaction, slot: Slot, attempt: () => CommandResult): Promise<CommandResult> {
  const { entityId } = slot
  const window = tx.tables.evictionWindows.open(entityId)
  const ownKey = removeEvictable(tx, slot)
  let result = attempt()
  while (isOverMemoryLimit(result) && tx.evictionCount < EVICTION_COUNT_MAX) {
    if (window.needsRefill) await window.refill(tx.writes)
    const key = window.least()
    if (key === undefined) break
    evict(tx, entityId, storeKeyOfEviction(key))
    result = attempt()
  }
  if (!result.ok && ownKey !== undefined) putEvictionMarker(tx, entityId, ownKey)
  return result
}

export function isOverMemoryLimit(result: CommandResult): boolean {
  return !result.ok && result.code === 'MEMORY_LIMIT_EXCEEDED'
}

function evict(tx: Transaction, entityId: EntityId, storeKey: Buffer): void {
  const slot = slotAt(tx, storeKey)
  if (slot.stored === undefined) {
    throw new InsiError('STATE_CORRUPT', 'The eviction index names a record that is not there.')
  }
  removeRecord(tx, slot)
  tx.evictionCount += 1
  const { usage } = tx.tables
  const row = usage.get(entityId)
  usage.set(tx, entityId, { ...row, evictions: row.evictions + 1 })
}
