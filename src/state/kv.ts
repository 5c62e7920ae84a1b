// The commands on single keys; values and cache differ only in space and quota.
import { unreachable } from '../base/assert.ts'
import type {
  BumpCommand,
  CasCommand,
  CommandResult,
  DeleteCommand,
  EntityLimits,
  SetCommand,
  SetnxCommand,
} from './commands.ts'
import { liveRecord, removeRecord, slotOf, writeRecord } from './records.ts'
import type { Slot } from './records.ts'
import { accepted, rejected } from './results.ts'
import type { Transaction } from './transaction.ts'

export type KvCommand = SetCommand | SetnxCommand | CasCommand | BumpCommand | DeleteCommand

const INT64_MIN = -(2n ** 63n)
const INT64_MAX = 2n ** 63n - 1n
/** Decimal text of at most 20 characters: enough for every int64, too little to make the conversion costly. */
const INTEGER_TEXT = /^[+-]?\d{1,19}$/

export function applyKv(tx: Transaction, command: KvCommand): CommandResult {
  const entity = tx.tables.entities.activeEntity(command.entityId)
  if (entity === undefined) return rejected('ENTITY_NOT_FOUND')
  const slot = slotOf(tx, command.space, command.entityId, command.key)
  switch (command.type) {
    case 'kv.set':
      return write(tx, slot, entity.limits, command.value, command.expiresAtMs)
    case 'kv.setnx':
      if (liveRecord(tx, slot) !== undefined) return rejected('KEY_EXISTS')
      return write(tx, slot, entity.limits, command.value, command.expiresAtMs)
    case 'kv.cas':
      return applyCas(tx, slot, entity.limits, command)
    case 'kv.bump':
      return applyBump(tx, slot, entity.limits, command)
    case 'kv.delete':
      if (slot.stored !== undefined) removeRecord(tx, slot)
      return accepted(tx.index)
    default:
      return unreachable(command)
  }
}

function applyCas(tx: Transaction, slot: Slot, limits: EntityLimits, command: CasCommand): CommandResult {
  const record = liveRecord(tx, slot)
  if (record === undefined) return rejected('CAS_KEY_MISSING')
  if (!record.payload.equals(command.oldValue)) return rejected('CAS_MISMATCH')
  return write(tx, slot, limits, command.newValue, command.expiresAtMs)
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
  const rejection = writeRecord(tx, slot, limits, Buffer.from(value, 'latin1'), record?.expiresAtMs ?? 0)
  return rejection ?? accepted(tx.index, { value })
}

function write(
  tx: Transaction,
  slot: Slot,
  limits: EntityLimits,
  value: Uint8Array,
  expiresAtMs: number,
): CommandResult {
  return writeRecord(tx, slot, limits, value, expiresAtMs) ?? accepted(tx.index)
}

function parseInt64(payload: Buffer): bigint | undefined {
  if (payload.length > 20) return undefined
  const text = payload.toString('latin1')
  if (!INTEGER_TEXT.test(text)) return undefined
  const value = BigInt(text.startsWith('+') ? text.slice(1) : text)
  return value < INT64_MIN || value > INT64_MAX ? undefined : value
}
