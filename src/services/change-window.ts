// The newest changes of every entity in log order, as this node has applied them, for those who watch keys, or will: somebody who
// comes from another node goes on here, though nobody has watched the entity here before.
//
// Two budgets, so that what nobody watches does not push out what somebody does:
//
//   watched     entities that were watched on this node       WATCH_RING_REVISIONS_MAX, WATCH_RING_BYTES_MAX
//   unwatched   all others                                    WATCH_UNWATCHED_REVISIONS_MAX, WATCH_UNWATCHED_BYTES_MAX
import {
  WATCH_FORGOTTEN_ENTITIES_MAX,
  WATCH_RING_BYTES_MAX,
  WATCH_RING_REVISIONS_MAX,
  WATCH_UNWATCHED_BYTES_MAX,
  WATCH_UNWATCHED_REVISIONS_MAX,
} from '../contract/limits.ts'
import type { Change } from '../state/changes.ts'
import type { EntityId, Space } from '../state/commands.ts'
import { Fifo } from './fifo.ts'

/** Bytes of a change besides its key and value, roughly. */
const CHANGE_OVERHEAD_BYTES = 256

export type WriteChange = Extract<Change, { readonly type: 'write' }>

/** In one piece of memory, since there are many of them. */
export class RecordedChange {
  readonly space: Space
  readonly expiresAtMs: number
  readonly #bytes: Buffer
  readonly #keyBytes: number
  readonly #hasValue: boolean

  constructor({ space, key, value, expiresAtMs }: WriteChange) {
    this.space = space
    this.expiresAtMs = expiresAtMs
    this.#keyBytes = key.length
    this.#hasValue = value !== null
    // Copied: a change may share the memory of something much larger.
    this.#bytes = Buffer.allocUnsafe(key.length + (value?.length ?? 0))
    this.#bytes.set(key, 0)
    if (value !== null) this.#bytes.set(value, key.length)
  }

  get key(): Buffer {
    return this.#bytes.subarray(0, this.#keyBytes)
  }

  /** null: deleted, expired or evicted. */
  get value(): Buffer | null {
    return this.#hasValue ? this.#bytes.subarray(this.#keyBytes) : null
  }

  get sizeBytes(): number {
    return CHANGE_OVERHEAD_BYTES + this.#bytes.length
  }
}

/** What one log entry changed of one entity. */
export interface RecordedRevision {
  readonly entityId: EntityId
  readonly revision: number
  readonly changes: RecordedChange[]
  sizeBytes: number
}

interface EntityChanges {
  /** Every change after this revision is held. */
  since: number
  readonly revisions: Fifo<RecordedRevision>
  budget: Budget
}

/** What some entities may take together, and their revisions in the order in which they are dropped. */
class Budget {
  readonly #revisionsMax: number
  readonly #bytesMax: number
  #queue = new Fifo<RecordedRevision>()
  sizeBytes = 0

  constructor(revisionsMax: number, bytesMax: number) {
    this.#revisionsMax = revisionsMax
    this.#bytesMax = bytesMax
  }

  add(recorded: RecordedRevision): void {
    this.#queue.push(recorded)
    this.sizeBytes += recorded.sizeBytes
  }

  /** Takes the oldest revision away when there is too much. */
  takeExcess(): RecordedRevision | undefined {
    if (this.#queue.length <= this.#revisionsMax && this.sizeBytes <= this.#bytesMax) return undefined
    const oldest = this.#queue.shift()
    this.sizeBytes -= oldest?.sizeBytes ?? 0
    return oldest
  }

  /** Gives up the revisions of an entity. */
  release(entityId: EntityId): void {
    const queue = this.#queue
    this.clear()
    for (let one = queue.shift(); one !== undefined; one = queue.shift()) if (one.entityId !== entityId) this.add(one)
  }

  clear(): void {
    this.#queue = new Fifo()
    this.sizeBytes = 0
  }
}

export class ChangeWindow {
  readonly #watched = new Budget(WATCH_RING_REVISIONS_MAX, WATCH_RING_BYTES_MAX)
  readonly #unwatched = new Budget(WATCH_UNWATCHED_REVISIONS_MAX, WATCH_UNWATCHED_BYTES_MAX)
  readonly #entities = new Map<EntityId, EntityChanges>()
  /** Of unwatched entities of which nothing is held any more: their last change. Insertion order is age. */
  readonly #lastChanges = new Map<EntityId, number>()
  /** Every change after it of any other entity is held. */
  #since: number

  /** `since`: the revision that the state has when recording begins. */
  constructor(since: number) {
    this.#since = since
  }

  /** Every change of the entity after this revision is held. */
  since(entityId: EntityId): number {
    return this.#entities.get(entityId)?.since ?? this.#lastChanges.get(entityId) ?? this.#since
  }

  /** What is held of an entity, by place. */
  revisions(entityId: EntityId): Fifo<RecordedRevision> | undefined {
    return this.#entities.get(entityId)?.revisions
  }

  /** From now on the entity is one of those that are watched. */
  watch(entityId: EntityId): void {
    const entity = this.#entity(entityId)
    if (entity.budget === this.#watched) return
    this.#unwatched.release(entityId)
    entity.budget = this.#watched
    const { firstPlace, endPlace } = entity.revisions
    for (let place = firstPlace; place < endPlace; place++) {
      const recorded = entity.revisions.at(place)
      if (recorded !== undefined) this.#watched.add(recorded)
    }
  }

  /** Of one entity changes come in log order. */
  add(change: WriteChange): void {
    const { entityId, revision } = change
    const { budget, revisions } = this.#entity(entityId)
    let recorded = revisions.newest()
    if (recorded?.revision !== revision) {
      recorded = { entityId, revision, changes: [], sizeBytes: 0 }
      revisions.push(recorded)
      budget.add(recorded)
    }
    const added = new RecordedChange(change)
    recorded.changes.push(added)
    recorded.sizeBytes += added.sizeBytes
    budget.sizeBytes += added.sizeBytes
  }

  /** Drops the oldest revisions until the bounds hold again. */
  trim(): void {
    for (const budget of [this.#watched, this.#unwatched]) {
      for (let one = budget.takeExcess(); one !== undefined; one = budget.takeExcess()) this.#drop(one)
    }
  }

  /** The entity is gone for good. */
  forget(entityId: EntityId): void {
    this.#entities.get(entityId)?.budget.release(entityId)
    this.#entities.delete(entityId)
    this.#lastChanges.delete(entityId)
  }

  /** Nothing up to `revision` is held any more. */
  clear(revision: number): void {
    this.#entities.clear()
    this.#lastChanges.clear()
    this.#watched.clear()
    this.#unwatched.clear()
    this.#since = revision
  }

  #entity(entityId: EntityId): EntityChanges {
    const known = this.#entities.get(entityId)
    if (known !== undefined) return known
    const entity = { since: this.since(entityId), revisions: new Fifo<RecordedRevision>(), budget: this.#unwatched }
    this.#lastChanges.delete(entityId)
    this.#entities.set(entityId, entity)
    return entity
  }

  /** The oldest revision of a budget is the oldest of its entity, too. */
  #drop({ entityId, revision }: RecordedRevision): void {
    const entity = this.#entities.get(entityId)
    if (entity === undefined) return
    entity.revisions.shift()
    entity.since = revision
    if (entity.budget === this.#watched || entity.revisions.length > 0) return
    this.#entities.delete(entityId)
    this.#lastChanges.set(entityId, revision)
    if (this.#lastChanges.size <= WATCH_FORGOTTEN_ENTITIES_MAX) return
    for (const [oldest, lastChange] of this.#lastChanges) {
      this.#lastChanges.delete(oldest)
      this.#since = Math.max(this.#since, lastChange)
      return
    }
  }
}
