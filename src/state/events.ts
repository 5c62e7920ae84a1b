// Publishing events, and the window of an entity's newest events that subscribers resume from.
//
//   event record  version u8 | eventId i64 | timeMs u48 | topic text | data (the rest)
import { assert, must } from '../base/assert.ts'
import { eventKey } from '../storage/keyspace.ts'
import { decodeRecord, encodeRecord } from '../storage/record.ts'
import { ByteReader, ByteWriter } from './byte-codec.ts'
import { EVENTS_PER_ENTRY_MAX } from './commands.ts'
import type { CommandResult, EntityId, EventPublishCommand } from './commands.ts'
import { quotaCountAt } from './event-windows.ts'
import type { EventWindowRow } from './event-windows.ts'
import type { LoadedState } from './loaded-state.ts'
import { accepted, rejected } from './results.ts'
import type { EventWindow, StoredEvent } from './state-reader.ts'
import type { Transaction } from './transaction.ts'

const EVENT_VERSION = 1
/** What an event takes besides topic and data, at least. */
const EVENT_OVERHEAD_BYTES = 128
/** Old events that each event removes besides as many as may take the space that it needs itself. */
const TRIM_COUNT = 16

type MutableRow = { -readonly [Member in keyof EventWindowRow]: EventWindowRow[Member] }

export function applyEventPublish(tx: Transaction, command: EventPublishCommand): CommandResult {
  const { entityId, topic, data } = command
  const entity = tx.tables.entities.activeEntity(entityId)
  if (entity === undefined) return rejected('ENTITY_NOT_FOUND')
  const row: MutableRow = { ...tx.tables.eventWindows.get(entityId) }
  const limit = entity.limits.eventsPerDay
  const current = quotaCountAt(row, tx.timeMs)
  if (limit !== null && current >= limit) return rejected('EVENTS_LIMIT_EXCEEDED', { current, limit })
  if (current === 0) row.quotaStartMs = tx.timeMs
  row.quotaCount = current + 1
  assert(tx.eventCount < EVENTS_PER_ENTRY_MAX, 'an entry publishes a bounded number of events')
  const eventId = tx.index * EVENTS_PER_ENTRY_MAX + tx.eventCount
  tx.eventCount += 1
  append(tx, row, command, eventId)
  trim(tx, row, command)
  tx.writes.fold(row.quotaCount >>> 0)
  tx.tables.eventWindows.set(tx, entityId, row)
  tx.changes.add({ type: 'event', entityId, eventId, topic, data, timeMs: tx.timeMs })
  return accepted(tx.index, { eventId })
}

/**
 * What readers may still find. A batch that removes events shows in the store before it shows in the tables; from then on what it
 * leaves counts. So a reader that misses nothing asks for the window after it has read events.
 */
export function storedWindow({ store, tables }: LoadedState, entityId: EntityId): EventWindow {
  const { firstNumber, nextNumber, trimmedThrough, lastEventId } = tables.eventWindows.committed(entityId)
  const isOldestGone = firstNumber < nextNumber && store.get(eventKey(entityId, firstNumber)) === undefined
  if (!isOldestGone) return { trimmedThrough, lastEventId }
  return { trimmedThrough: tables.eventWindows.get(entityId).trimmedThrough, lastEventId }
}

/** The stored events after `afterEventId` as readers see them. */
export function storedEvents(
  { store, tables }: LoadedState,
  entityId: EntityId,
  afterEventId: number,
  countMax: number,
  sizeBytesMax: number,
): StoredEvent[] {
  const { firstNumber, nextNumber } = tables.eventWindows.committed(entityId)
  // An event that a batch has removed, though readers do not see the batch yet, is missing: it is older than all others.
  const eventAt = (number: number): StoredEvent | undefined => {
    const key = eventKey(entityId, number)
    const bytes = store.get(key)
    return bytes === undefined ? undefined : decodeEvent(key, bytes)
  }
  let low = firstNumber
  let high = nextNumber
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    if ((eventAt(middle)?.eventId ?? 0) <= afterEventId) low = middle + 1
    else high = middle
  }
  const events: StoredEvent[] = []
  let sizeBytes = 0
  for (let number = low; number < nextNumber && events.length < countMax && sizeBytes < sizeBytesMax; number += 1) {
    const event = eventAt(number)
    if (event === undefined) continue
    events.push(event)
    sizeBytes += event.data.length
  }
  return events
}

function append(
  tx: Transaction,
  row: MutableRow,
  { entityId, topic, data }: EventPublishCommand,
  eventId: number,
): void {
  const key = eventKey(entityId, row.nextNumber)
  const payload = new ByteWriter(EVENT_OVERHEAD_BYTES + topic.length + data.length)
    .uint8(EVENT_VERSION)
    .safeInteger(eventId)
    .uint48(tx.timeMs)
    .text(topic)
    .raw(data)
    .finish()
  tx.writes.put(key, encodeRecord(key, tx.index, 0, payload), undefined)
  if (row.firstNumber === row.nextNumber) row.oldestTimeMs = tx.timeMs
  row.nextNumber += 1
  row.sizeBytes += sizeOf(payload)
  row.lastEventId = eventId
}

/**
 * Removes the events that are too old or too many: a bounded number, and still so many that the window never grows further once
 * it is full, because no event is smaller than EVENT_OVERHEAD_BYTES.
 */
function trim(tx: Transaction, row: MutableRow, command: EventPublishCommand): void {
  const { entityId, retainMs, retainSizeBytes } = command
  let remaining = TRIM_COUNT + Math.ceil((command.topic.length * 3 + command.data.length) / EVENT_OVERHEAD_BYTES)
  while (
    remaining > 0 &&
    row.firstNumber < row.nextNumber &&
    (row.sizeBytes > retainSizeBytes || row.oldestTimeMs + retainMs <= tx.timeMs)
  ) {
    const { key, raw, payload } = storedAt(tx, entityId, row.firstNumber)
    tx.writes.delete(key, raw)
    row.trimmedThrough = decodePayload(payload).eventId
    row.sizeBytes -= sizeOf(payload)
    row.firstNumber += 1
    remaining -= 1
    if (row.firstNumber < row.nextNumber) {
      row.oldestTimeMs = decodePayload(storedAt(tx, entityId, row.firstNumber).payload).timeMs
    }
  }
}

function storedAt(tx: Transaction, entityId: EntityId, number: number) {
  const key = eventKey(entityId, number)
  const raw = must(tx.writes.get(key), 'the events of the window are stored')
  return { key, raw, payload: decodeRecord(key, raw).payload }
}

/** What a stored event counts in its window. */
function sizeOf(payload: Buffer): number {
  return EVENT_OVERHEAD_BYTES + payload.length
}

function decodeEvent(key: Buffer, bytes: Buffer): StoredEvent {
  return decodePayload(decodeRecord(key, bytes).payload)
}

function decodePayload(payload: Buffer): StoredEvent {
  const reader = new ByteReader(payload)
  assert(reader.uint8() === EVENT_VERSION, 'the version of an event is known')
  const eventId = reader.safeInteger()
  const timeMs = reader.uint48()
  return { eventId, timeMs, topic: reader.text(), data: reader.rest() }
}
