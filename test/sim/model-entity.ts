// One tenant as plain maps: what a store without indexes, batches and caches holds of it. It is slow and obvious on purpose:
// the state machine is compared with it.
import type { EntityId, EntityLimits, Space } from '../../src/state/commands.ts'

/** Keys and values are text of one character a byte, so that text order is byte order. */
export interface ModelRecord {
  readonly value: string
  readonly revision: number
  readonly expiresAtMs: number
  /** Whether it may make room for others in the cache. */
  readonly evictable: boolean
}

export interface ModelEvent {
  readonly entityId: EntityId
  readonly eventId: number
  readonly timeMs: number
  readonly topic: string
  readonly data: string
}

/** One change of one key; null: removed. */
export interface ModelWrite {
  readonly entityId: EntityId
  readonly space: Space
  readonly key: string
  readonly revision: number
  readonly record: ModelRecord | null
}

/** The entry that is being carried out, and what it has changed so far. */
export interface ModelStep {
  readonly index: number
  readonly timeMs: number
  readonly writes: ModelWrite[]
  readonly events: ModelEvent[]
  /** Rare things that happened, for the report of what a run came to. */
  readonly places: string[]
}

export interface ModelProfile {
  readonly name: string
  readonly keyUuid: string
  readonly scopeUuid: string
  readonly status: 'active' | 'deleting'
  readonly limits: EntityLimits
  readonly createdAtMs: number
  readonly aliasKeyUuids: readonly string[]
}

interface ModelWindow {
  readonly quotaStartMs: number
  readonly quotaCount: number
  readonly trimmedThrough: number
  readonly lastEventId: number
}

export class ModelEntity {
  readonly entityId: EntityId
  profile: ModelProfile
  readonly records: Record<Space, Map<string, ModelRecord>> = { value: new Map(), cache: new Map() }
  evictions = 0
  /** The stored ones, oldest first. */
  events: ModelEvent[] = []
  window: ModelWindow = { quotaStartMs: 0, quotaCount: 0, trimmedThrough: 0, lastEventId: 0 }
  epoch = 0
  /** Members with at least one slot. */
  slots = new Map<string, number>()

  constructor(entityId: EntityId, profile: ModelProfile) {
    this.entityId = entityId
    this.profile = profile
  }

  get isActive(): boolean {
    return this.profile.status === 'active'
  }

  /** Counted anew each time. */
  usedBytes(space: Space): number {
    let sum = 0
    for (const [key, { value }] of this.records[space]) sum += key.length + value.length
    return sum
  }

  get slotCount(): number {
    let sum = 0
    for (const count of this.slots.values()) sum += count
    return sum
  }

  put(step: ModelStep, space: Space, key: string, record: ModelRecord): void {
    this.records[space].set(key, record)
    step.writes.push({ entityId: this.entityId, space, key, revision: step.index, record })
  }

  remove(step: ModelStep, space: Space, key: string): void {
    this.records[space].delete(key)
    step.writes.push({ entityId: this.entityId, space, key, revision: step.index, record: null })
  }

  /** The keys with a prefix in byte order, expired ones included. */
  keys(space: Space, prefix: string): string[] {
    return [...this.records[space].keys()].filter((key) => key.startsWith(prefix)).toSorted(byText)
  }

  /** Remembers everything that an operation may change; calling the result takes it all back. */
  savepoint(step: ModelStep): () => void {
    const { evictions, events, window } = this
    const records = { value: new Map(this.records.value), cache: new Map(this.records.cache) }
    const counts = { writes: step.writes.length, events: step.events.length }
    const stored = [...events]
    return () => {
      this.records.value = records.value
      this.records.cache = records.cache
      this.evictions = evictions
      this.events = stored
      this.window = window
      step.writes.length = counts.writes
      step.events.length = counts.events
    }
  }
}

export function byText(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0
}

export function isOver(expiresAtMs: number, timeMs: number): boolean {
  return expiresAtMs !== 0 && expiresAtMs <= timeMs
}
