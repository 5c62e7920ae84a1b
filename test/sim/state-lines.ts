// A state as sorted lines of text: the one that the model holds, and the one that a node's store holds, read key by key.
import { APPLIED_KEY, decodeAppliedPoint } from '../../src/state/applied-point.ts'
import { ContentAudit } from '../../src/state/content-audit.ts'
import { ROOT_ENTITY_ID } from '../../src/state/commands.ts'
import type { EntityId, Space } from '../../src/state/commands.ts'
import type { EntityRecord, EntityUsage, EventWindow, StateReader } from '../../src/state/state-reader.ts'
import {
  AUTH_KEY_PREFIX,
  CACHE_PREFIX,
  ENTITY_PREFIX,
  EVENT_PREFIX,
  EVICTION_PREFIX,
  EXPIRY_PREFIX,
  META_PREFIX,
  VALUE_PREFIX,
  entityIdOfKey,
  parseExpiryKey,
  storeKeyOfEviction,
  wholeRange,
} from '../../src/storage/keyspace.ts'
import type { OrderedStore, StoreEntry } from '../../src/storage/ordered-store.ts'
import { decodeRecord } from '../../src/storage/record.ts'
import { byText } from './model-entity.ts'
import type { ModelEntity } from './model-entity.ts'
import { quotaCount } from './model-operations.ts'
import type { StateModel } from './state-model.ts'

const STEP_COUNT = 10_000
/** Bytes before the topic of a stored event: version, id, time, length of the topic. */
const TOPIC_LENGTH_OFFSET = 15
const TOPIC_OFFSET = 17

type EntityFacts = Omit<EntityRecord, 'entityId'> & {
  readonly usage: EntityUsage
  readonly window: EventWindow
  readonly epoch: number
  readonly slots: readonly (readonly [string, number])[]
}

export function linesOfModel(model: StateModel): string[] {
  const lines: string[] = []
  for (const entity of model.entities.values()) {
    lines.push(factsLine(entity.entityId, factsOfModel(entity, model.timeMs)))
    for (const space of ['value', 'cache'] as const) {
      for (const [key, { value, revision, expiresAtMs, evictable }] of entity.records[space]) {
        const name = nameOf(space, entity.entityId, key)
        lines.push(recordLine(name, revision, expiresAtMs, value))
        if (expiresAtMs !== 0) lines.push(`${name} expires ${expiresAtMs}`)
        if (evictable) lines.push(`${name} is evictable since ${revision}`)
      }
    }
    for (const { eventId, timeMs, topic, data } of entity.events) {
      lines.push(eventLine(entity.entityId, eventId, timeMs, topic, data))
    }
  }
  for (const [keyUuid, { entityId, alias }] of model.keys) lines.push(keyLine(keyUuid, entityId, alias))
  return lines.sort(byText)
}

/** Throws InsiError RECORD_CORRUPT. What no line is made for, and what belongs to no entity, is a line of its own. */
export async function linesOfStore(store: OrderedStore, reader: StateReader): Promise<string[]> {
  const entries = await entriesOf(store)
  const entityIds = new Set<EntityId>([ROOT_ENTITY_ID])
  for (const { key } of entries) if (key[0] === ENTITY_PREFIX) entityIds.add(entityIdOfKey(key))
  const lines: string[] = []
  for (const entityId of entityIds) lines.push(factsLine(entityId, factsOfReader(reader, entityId)))
  const audit = new ContentAudit()
  for (const entry of entries) {
    audit.add(entry)
    if (entry.key[0] === META_PREFIX) continue
    const line = lineOf(entry)
    if (line !== null) lines.push(line)
    else if (!entityIds.has(entityIdOfKey(entry.key))) lines.push(`left over: ${entry.key.toString('hex')}`)
  }
  const applied = store.get(APPLIED_KEY)
  if (applied !== undefined && decodeAppliedPoint(applied).contentSum !== audit.sum)
    lines.push('the content sum is wrong')
  return lines.sort(byText)
}

/** The first line that only one of the two has, or null. */
export function firstDifference(actual: readonly string[], expected: readonly string[]): string | null {
  for (let at = 0; at < Math.max(actual.length, expected.length); at++) {
    const [one, other] = [actual[at], expected[at]]
    if (one === other) continue
    return `it has ${one ?? 'nothing'} where a sequential store has ${other ?? 'nothing'}`
  }
  return null
}

async function entriesOf(store: OrderedStore): Promise<StoreEntry[]> {
  const iterator = store.iterate(wholeRange())
  try {
    return await iterator.next(STEP_COUNT)
  } finally {
    await iterator.close()
  }
}

/** Null for a row of an entity: the facts say what is in it. */
function lineOf({ key, value }: StoreEntry): string | null {
  switch (key[0]) {
    case VALUE_PREFIX:
    case CACHE_PREFIX: {
      const { revision, expiresAtMs, payload } = decodeRecord(key, value)
      return recordLine(nameOfStoreKey(key), revision, expiresAtMs, payload.toString('latin1'))
    }
    case EXPIRY_PREFIX: {
      const { expiresAtMs, storeKey } = parseExpiryKey(key)
      return `${nameOfStoreKey(storeKey)} expires ${expiresAtMs}`
    }
    case EVICTION_PREFIX:
      return `${nameOfStoreKey(storeKeyOfEviction(key))} is evictable since ${key.readUIntBE(5, 6)}`
    case EVENT_PREFIX: {
      const { payload } = decodeRecord(key, value)
      const dataOffset = TOPIC_OFFSET + payload.readUInt16BE(TOPIC_LENGTH_OFFSET)
      const topic = payload.toString('utf8', TOPIC_OFFSET, dataOffset)
      const data = payload.toString('latin1', dataOffset)
      const eventId = Number(payload.readBigInt64BE(1))
      return eventLine(entityIdOfKey(key), eventId, payload.readUIntBE(9, 6), topic, data)
    }
    case AUTH_KEY_PREFIX: {
      const { payload } = decodeRecord(key, value)
      return keyLine(key.toString('utf8', 1), payload.readUInt32BE(1), payload[5] === 1)
    }
    default:
      return null
  }
}

function factsOfModel(entity: ModelEntity, timeMs: number): EntityFacts {
  const { trimmedThrough, lastEventId } = entity.window
  return {
    ...entity.profile,
    usage: {
      diskBytes: entity.usedBytes('value'),
      memoryBytes: entity.usedBytes('cache'),
      events: quotaCount(entity, timeMs),
      subscribers: entity.slotCount,
      evictions: entity.evictions,
    },
    window: { trimmedThrough, lastEventId },
    epoch: entity.epoch,
    slots: sortedByName([...entity.slots]),
  }
}

function factsOfReader(reader: StateReader, entityId: EntityId): EntityFacts | null {
  const entity = reader.entity(entityId)
  if (entity === undefined) return null
  return {
    ...entity,
    usage: reader.usage(entityId),
    window: reader.eventWindow(entityId),
    epoch: reader.subscriptionEpoch(entityId),
    slots: sortedByName([...reader.subscriberCounts(entityId).byMember]),
  }
}

function factsLine(entityId: EntityId, facts: EntityFacts | null): string {
  if (facts === null) return `entity ${entityId} is not known to readers`
  const { name, keyUuid, scopeUuid, status, createdAtMs, aliasKeyUuids, limits, usage, window, epoch, slots } = facts
  const { diskBytes, memoryBytes, events, subscribers, evictions } = usage
  const used = [diskBytes, memoryBytes, events, subscribers, evictions]
  const limited = sortedByName(Object.entries(limits)).join(' ')
  const about = [name, keyUuid, scopeUuid, status, createdAtMs, aliasKeyUuids.join(' '), limited]
  const counted = [used.join(' '), window.trimmedThrough, window.lastEventId, epoch, slots.join(' ')]
  return `entity ${entityId} ${[...about, ...counted].join(' | ')}`
}

function nameOf(space: Space, entityId: EntityId, key: string): string {
  return `${space} ${entityId} ${JSON.stringify(key)}`
}

function nameOfStoreKey(storeKey: Buffer): string {
  return nameOf(
    storeKey[0] === VALUE_PREFIX ? 'value' : 'cache',
    entityIdOfKey(storeKey),
    storeKey.toString('latin1', 5),
  )
}

function recordLine(name: string, revision: number, expiresAtMs: number, value: string): string {
  return `${name} = ${value} at ${revision} until ${expiresAtMs}`
}

function eventLine(entityId: EntityId, eventId: number, timeMs: number, topic: string, data: string): string {
  return `event ${eventId} of ${entityId} at ${timeMs} ${topic} ${data}`
}

function keyLine(keyUuid: string, entityId: EntityId, alias: boolean): string {
  return `key ${keyUuid} of ${entityId}${alias ? ', an alias' : ''}`
}

function sortedByName<Value>(members: readonly (readonly [string, Value])[]): (readonly [string, Value])[] {
  return members.toSorted(([one], [other]) => byText(one, other))
}
