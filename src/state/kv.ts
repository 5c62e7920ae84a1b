// The commands on single keys; values and cache differ only in space and quota.
import { unreachable } from '../base/assert.ts'
import { dataRange } from '../storage/keyspace.ts'
import type {
  BumpCommand,
  CasCommand,
  CasRevisionCommand,
  CommandResult,
  DeleteRangeCommand,
  EntityLimits,
  ExpireCommand,
  KvCommand,
} from './commands.ts'
import { removeRange } from './entities.ts'
import { isEvictable } from './eviction-index.ts'
import { evictFor, isOverMemoryLimit } from './eviction.ts'
import { liveRecord, prefixOf, removeRecord, slotAt, slotOf, writeRecord } from './records.ts'
import type { Slot } from './records.ts'
import { accepted, rejected } from './results.ts'
import type { Transaction } from './transaction.ts'

const INT64_MIN = -(2n ** 63n)
const INT64_MAX = 2n ** 63n - 1n
/** Decimal text of at most 20 characters: enough for every int64, too little to make the conversion costly. */
const INTEGER_TEXT = /^[+-]?\d{1,19}$/

/** A promise only where room has to be made in the cache. */
export function applyKv(tx: Transaction, command: KvCommand): CommandResult | Promise<CommandResult> {
  const entity = tx.tables.entities.activeEntity(command.entityId)
  if (entity === undefined) return rejected('ENTITY_NOT_FOUND')
  const slot = slotOf(tx, command.space, command.entityId, command.key)
  const result = applyToSlot(tx, slot, entity.limits, command)
  const mayEvict = 'evict' in command && command.evict && isOverMemoryLimit(result)
  if (!mayEvict || !canEverFit(entity.limits, command)) return result
  return evictFor(tx, slot, () => applyToSlot(tx, slot, entity.limits, command))
}

function applyToSlot(tx: Transaction, slot: Slot, limits: EntityLimits, command: KvCommand): CommandResult {
  switch (command.type) {
    case 'kv.set':
      return write(tx, slot, limits, command, command.value)
    case 'kv.setnx':
      if (liveRecord(tx, slot) !== undefined) return rejected('KEY_EXISTS')
      return write(tx, slot, limits, command, command.value)
    case 'kv.cas':
      return applyCas(tx, slot, limits, command)
    case 'kv.cas-revision':
      return applyCasRevision(tx, slot, limits, command)
    case 'kv.bump':
      return applyBump(tx, slot, limits, command)
    case 'kv.expire':
      return applyExpire(tx, slot, limits, command)
    case 'kv.delete':
      if (slot.stored !== undefined) removeRecord(tx, slot)
      return accepted(tx.index)
    default:
      return unreachable(command)
  }
}

/** Removes the records that have expired already along with the others. */
export async function applyDeleteRange(tx: Transaction, command: DeleteRangeCommand): Promise<CommandResult> {
  const { space, entityId, prefix, countMax } = command
  if (tx.tables.entities.activeEntity(entityId) === undefined) return rejected('ENTITY_NOT_FOUND')
  const range = dataRange(prefixOf(space), entityId, prefix)
  const removedCount = await removeRange(tx, range, countMax, (key) => removeRecord(tx, slotAt(tx, key)))
  return accepted(tx.index, { removedCount, done: removedCount < countMax })
}

function applyCas(tx: Transaction, slot: Slot, limits: EntityLimits, command: CasCommand): CommandResult {
  const record = liveRecord(tx, slot)
  if (record === undefined) return rejected('CAS_KEY_MISSING')
  if (!record.payload.equals(command.oldValue)) return rejected('CAS_MISMATCH')
  return write(tx, slot, limits, command, command.newValue)
}

function applyCasRevision(
  tx: Transaction,
  slot: Slot,
  limits: EntityLimits,
  command: CasRevisionCommand,
): CommandResult {
  const current = liveRecord(tx, slot)?.revision ?? 0
  if (current !== command.revision) return rejected('REVISION_MISMATCH', { current })
  return write(tx, slot, limits, command, command.newValue)
}

/** The record stays as evictable as it was. */
function applyExpire(tx: Transaction, slot: Slot, limits: EntityLimits, command: ExpireCommand): CommandResult {
  const record = liveRecord(tx, slot)
  if (record === undefined) return rejected('KEY_NOT_FOUND')
  const { payload: value } = record
  const { expiresAtMs } = command
  return writeRecord(tx, slot, { limits, value, expiresAtMs, evict: isEvictable(tx, slot) }) ?? accepted(tx.index)
}

/** The number keeps the expiry of the record that it replaces. */
function applyBump(tx: Transaction, slot: Slot, limits: EntityLimits, command: BumpCommand): CommandResult {
  const record = liveRecord(tx, slot)
  const current = record === undefined ? 0n : parseInt64(record.payload)
  if (current === undefined) return rejected('NOT_AN_INTEGER')
  const sum = current + command.delta
  const result = command.min !== null && sum < command.min ? command.min : sum
  if (result < INT64_MIN || result > INT64_MAX) return rejected('INTEGER_OVERFLOW')
  const value = result.toString()
  const { evict = false } = command
  const expiresAtMs = record?.expiresAtMs ?? 0
  const rejection = writeRecord(tx, slot, { limits, value: Buffer.from(value, 'latin1'), expiresAtMs, evict })
  return rejection ?? accepted(tx.index, { value })
}

function write(
  tx: Transaction,
  slot: Slot,
  limits: EntityLimits,
  { expiresAtMs, evict = false }: { readonly expiresAtMs: number; readonly evict?: boolean },
  value: Uint8Array,
): CommandResult {
  return writeRecord(tx, slot, { limits, value, expiresAtMs, evict }) ?? accepted(tx.index)
}

/** Whether the record would fit if it were alone; if not, nothing is evicted for it. */
function canEverFit(limits: EntityLimits, command: KvCommand): boolean {
  return limits.memoryBytes === null || command.key.length + valueSizeBytes(command) <= limits.memoryBytes
}

function valueSizeBytes(command: KvCommand): number {
  if ('newValue' in command) return command.newValue.length
  return 'value' in command ? command.value.length : 0
}

function parseInt64(payload: Buffer): bigint | undefined {
  if (payload.length > 20) return undefined
  const text = payload.toString('latin1')
  if (!INTEGER_TEXT.test(text)) return undefined
  const value = BigInt(text.startsWith('+') ? text.slice(1) : text)
  return value < INT64_MIN || value > INT64_MAX ? undefined : value
}
