// What a sequential store does for the operations on one entity: single keys, ranges, events, and several at once.
import type {
  BatchCommand,
  BumpCommand,
  CommandResult,
  Compare,
  DeleteRangeCommand,
  EventPublishCommand,
  KvCommand,
  OperationCommand,
  RejectionCode,
  Space,
  TxnCommand,
} from '../../src/state/commands.ts'
import { byText, isOver } from './model-entity.ts'
import type { ModelEntity, ModelEvent, ModelRecord, ModelStep } from './model-entity.ts'

const DAY_MS = 86_400_000
const EVENTS_PER_INDEX = 1024
/** What an event counts besides its record, and what a record has besides topic and data. */
const EVENT_BYTES = 128
const EVENT_HEAD_BYTES = 17
const TRIM_COUNT = 16

export function rejection(code: RejectionCode, details?: Readonly<Record<string, number>>): CommandResult {
  return details === undefined ? { ok: false, code } : { ok: false, code, details }
}

export function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1')
}

export function operate(entity: ModelEntity, step: ModelStep, command: OperationCommand): CommandResult {
  if (!entity.isActive) return rejection('ENTITY_NOT_FOUND')
  return command.type === 'event.publish' ? publish(entity, step, command) : applyToKey(entity, step, command)
}

/** All of a branch or nothing. */
export function applyTxn(entity: ModelEntity, step: ModelStep, command: TxnCommand): CommandResult {
  const succeeded = command.compare.every((compare) => holds(entity, step, compare))
  const undo = entity.savepoint(step)
  const results: CommandResult[] = []
  for (const [operation, one] of (succeeded ? command.then : command.else).entries()) {
    const result = operate(entity, step, one)
    if (!result.ok) {
      undo()
      return rejection(result.code, { ...result.details, operation })
    }
    results.push(result)
  }
  return { ok: true, revision: step.index, succeeded, results }
}

export function applyBatch(entity: ModelEntity, step: ModelStep, command: BatchCommand): CommandResult {
  return { ok: true, revision: step.index, results: command.commands.map((one) => operate(entity, step, one)) }
}

export function deleteRange(entity: ModelEntity, step: ModelStep, command: DeleteRangeCommand): CommandResult {
  const keys = entity.keys(command.space, textOf(command.prefix)).slice(0, command.countMax)
  for (const key of keys) entity.remove(step, command.space, key)
  return { ok: true, revision: step.index, removedCount: keys.length, done: keys.length < command.countMax }
}

function holds(entity: ModelEntity, step: ModelStep, compare: Compare): boolean {
  const record = live(entity, step, compare.space, textOf(compare.key))
  switch (compare.type) {
    case 'value':
      return record?.value === textOf(compare.value)
    case 'revision':
      return record?.revision === compare.revision
    default:
      return (record !== undefined) === (compare.type === 'exists')
  }
}

function live(entity: ModelEntity, step: ModelStep, space: Space, key: string): ModelRecord | undefined {
  const record = entity.records[space].get(key)
  return record === undefined || isOver(record.expiresAtMs, step.timeMs) ? undefined : record
}

/** In a cache that is full, what was written longest ago makes room. */
function applyToKey(entity: ModelEntity, step: ModelStep, command: KvCommand): CommandResult {
  let result = attempt(entity, step, command)
  const { memoryBytes } = entity.profile.limits
  const key = textOf(command.key)
  const canFit = memoryBytes === null || key.length + newValueBytes(command) <= memoryBytes
  if (!('evict' in command && command.evict && canFit)) return result
  while (!result.ok && result.code === 'MEMORY_LIMIT_EXCEEDED') {
    const [victim] = [...entity.records.cache]
      .filter(([name, record]) => record.evictable && name !== key)
      .toSorted(([one, { revision: a }], [other, { revision: b }]) => a - b || byText(one, other))
    if (victim === undefined) break
    entity.remove(step, 'cache', victim[0])
    entity.evictions += 1
    step.places.push('record evicted')
    result = attempt(entity, step, command)
  }
  return result
}

function newValueBytes(command: KvCommand): number {
  if ('newValue' in command) return command.newValue.length
  return 'value' in command ? command.value.length : 0
}

function attempt(entity: ModelEntity, step: ModelStep, command: KvCommand): CommandResult {
  const { space } = command
  const key = textOf(command.key)
  const record = live(entity, step, space, key)
  const put = (
    value: string,
    expiresAtMs: number,
    evictable: boolean,
    more: { value?: string } = {},
  ): CommandResult => {
    const full = overQuota(entity, space, key, value)
    if (full !== null) return full
    entity.put(step, space, key, { value, revision: step.index, expiresAtMs, evictable })
    return { ok: true, revision: step.index, ...more }
  }
  const evictable = space === 'cache' && 'evict' in command && command.evict
  switch (command.type) {
    case 'kv.set':
      return put(textOf(command.value), command.expiresAtMs, evictable)
    case 'kv.setnx':
      if (record !== undefined) return rejection('KEY_EXISTS')
      return put(textOf(command.value), command.expiresAtMs, evictable)
    case 'kv.cas':
      if (record === undefined) return rejection('CAS_KEY_MISSING')
      if (record.value !== textOf(command.oldValue)) return rejection('CAS_MISMATCH')
      return put(textOf(command.newValue), command.expiresAtMs, evictable)
    case 'kv.cas-revision': {
      const current = record?.revision ?? 0
      if (current !== command.revision) return rejection('REVISION_MISMATCH', { current })
      return put(textOf(command.newValue), command.expiresAtMs, evictable)
    }
    case 'kv.expire':
      if (record === undefined) return rejection('KEY_NOT_FOUND')
      return put(record.value, command.expiresAtMs, record.evictable)
    case 'kv.bump': {
      const value = sumOf(record, command)
      return typeof value !== 'string' ? value : put(value, record?.expiresAtMs ?? 0, evictable, { value })
    }
    case 'kv.delete':
      if (entity.records[space].has(key)) entity.remove(step, space, key)
      return { ok: true, revision: step.index }
    default:
      throw new Error('there is no other operation on a key')
  }
}

function sumOf(record: ModelRecord | undefined, { delta, min }: BumpCommand): string | CommandResult {
  const text = record?.value ?? '0'
  if (!/^[+-]?\d{1,19}$/.test(text)) return rejection('NOT_AN_INTEGER')
  const current = BigInt(text.replace('+', ''))
  if (current !== BigInt.asIntN(64, current)) return rejection('NOT_AN_INTEGER')
  const sum = current + delta
  const value = min !== null && sum < min ? min : sum
  return value === BigInt.asIntN(64, value) ? value.toString() : rejection('INTEGER_OVERFLOW')
}

/** A write that needs no more than before always passes. */
function overQuota(entity: ModelEntity, space: Space, key: string, value: string): CommandResult | null {
  const stored = entity.records[space].get(key)
  const more = stored === undefined ? key.length + value.length : value.length - stored.value.length
  const limit = space === 'value' ? entity.profile.limits.diskBytes : entity.profile.limits.memoryBytes
  const current = entity.usedBytes(space)
  if (limit === null || more <= 0 || current + more <= limit) return null
  return rejection(space === 'value' ? 'DISK_LIMIT_EXCEEDED' : 'MEMORY_LIMIT_EXCEEDED', { current, limit })
}

/** Events that count towards the quota at a time. */
export function quotaCount({ window }: ModelEntity, timeMs: number): number {
  return timeMs >= window.quotaStartMs + DAY_MS ? 0 : window.quotaCount
}

function publish(entity: ModelEntity, step: ModelStep, command: EventPublishCommand): CommandResult {
  const limit = entity.profile.limits.eventsPerDay
  const current = quotaCount(entity, step.timeMs)
  if (limit !== null && current >= limit) return rejection('EVENTS_LIMIT_EXCEEDED', { current, limit })
  const eventId = step.index * EVENTS_PER_INDEX + step.events.length
  const { topic } = command
  const event = { entityId: entity.entityId, eventId, timeMs: step.timeMs, topic, data: textOf(command.data) }
  step.events.push(event)
  entity.events.push(event)
  const quotaStartMs = current === 0 ? step.timeMs : entity.window.quotaStartMs
  entity.window = { ...entity.window, quotaStartMs, quotaCount: current + 1, lastEventId: eventId }
  trim(entity, step, command)
  return { ok: true, revision: step.index, eventId }
}

function trim(
  entity: ModelEntity,
  step: ModelStep,
  { topic, data, retainMs, retainSizeBytes }: EventPublishCommand,
): void {
  const countMax = TRIM_COUNT + Math.ceil((topic.length * 3 + data.length) / EVENT_BYTES)
  for (let count = 0; count < countMax; count++) {
    const [oldest] = entity.events
    if (oldest === undefined) return
    const sizeBytes = entity.events.reduce((sum, event) => sum + sizeOf(event), 0)
    if (sizeBytes <= retainSizeBytes && oldest.timeMs + retainMs > step.timeMs) return
    entity.events.shift()
    entity.window = { ...entity.window, trimmedThrough: oldest.eventId }
  }
}

function sizeOf({ topic, data }: ModelEvent): number {
  return EVENT_BYTES + EVENT_HEAD_BYTES + Buffer.byteLength(topic) + data.length
}
