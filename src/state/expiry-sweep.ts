// Removing what has expired. Each command removes a bounded number of records before it is carried out: a number for each
// entry and not for each batch, because replicas batch differently.
import { InsiError } from '../base/errors.ts'
import { parseExpiryKey } from '../storage/keyspace.ts'
import { removeRecord, slotAt } from './records.ts'
import type { Transaction } from './transaction.ts'

/** More than one, so that removal outruns creation. */
export const SWEEP_COUNT_MAX = 16

/** Whether sweepExpired() has anything to do. */
export function isSweepDue(tx: Transaction): boolean {
  return tx.tables.expiry.leastMs <= tx.timeMs
}

/** Removes the records that expired first, at most SWEEP_COUNT_MAX. */
export async function sweepExpired(tx: Transaction): Promise<void> {
  const { expiry } = tx.tables
  for (let removed = 0; removed < SWEEP_COUNT_MAX && isSweepDue(tx);) {
    if (expiry.needsRefill) {
      await expiry.refill(tx.writes)
      continue
    }
    const key = expiry.least()
    if (key === undefined) return
    const { expiresAtMs, storeKey } = parseExpiryKey(key)
    const slot = slotAt(tx, storeKey)
    if (slot.stored?.expiresAtMs !== expiresAtMs) {
      throw new InsiError('STATE_CORRUPT', 'The expiry index names a record that is not there.')
    }
    removeRecord(tx, slot)
    removed += 1
  }
}
