// Watching the keys with a prefix: who watches on this node, and how changes reach them.
//
// There is no queue for each watcher: the ring is the queue of all. A watcher reads it at its own pace, as fast as its
// connection takes the frames, and is ended when the ring has dropped something that it had not read yet.
import { insiError } from '../contract/errors.ts'
import { SUBSCRIBER_IN_FLIGHT_BYTES_MAX, WATCHERS_PER_ENTITY_MAX, WATCHERS_PER_NODE_MAX } from '../contract/limits.ts'
import { STREAM_ENDS } from '../contract/stream-ends.ts'
import type { StreamEnd } from '../contract/stream-ends.ts'
import type { Change } from '../state/changes.ts'
import type { EntityId, Space } from '../state/commands.ts'
import type { StateReader } from '../state/state-reader.ts'
import type { Caller } from './caller.ts'
import { ChangeRing } from './change-ring.ts'
import { EventFrame } from './event-frame.ts'
import type { EventSink } from './event-subscriber.ts'
import type { ReadGate } from './read-gate.ts'

export interface WatchServiceDeps {
  readonly reader: StateReader
  readonly readGate: ReadGate
}

export interface WatchRequest {
  readonly space: Space
  readonly prefix: Buffer
  /** The revision after which to begin; null: with the next change. */
  readonly since: number | null
}

interface Watcher {
  readonly entityId: EntityId
  readonly keyUuid: string
  readonly space: Space
  readonly prefix: Buffer
  readonly sink: EventSink
  /** The newest revision that was considered for it. */
  revision: number
  /** Place in the ring of what comes next. */
  place: number
  inFlightBytes: number
  isOpen: boolean
}

/** Leave for a watcher whose connection is about to be made. One of the two must be called, once. */
export interface WatchAdmission {
  attach(sink: EventSink): { close(end: StreamEnd): void }
  cancel(): void
}

export class WatchService {
  readonly #deps: WatchServiceDeps
  readonly #ring = new ChangeRing()
  readonly #watchers = new Map<EntityId, Set<Watcher>>()
  /** Entities whose changes are recorded, with the revision after which the ring has all of them; null: not known yet. */
  readonly #recordedSince = new Map<EntityId, number | null>()
  readonly #counts = new Map<EntityId, number>()
  #count = 0
  #isStopping = false

  constructor(deps: WatchServiceDeps) {
    this.#deps = deps
  }

  /** Watchers of this node. */
  get count(): number {
    return this.#count
  }

  /**
   * Admits a watcher. Rejects with WATCH_TOO_OLD when changes since `since` are not held here any more, INVALID_PARAMETER
   * for a `since` that no write has reached, TOO_MANY_CONNECTIONS, NODE_STOPPING, or with what a read rejects with.
   */
  async admit(caller: Caller, request: WatchRequest): Promise<WatchAdmission> {
    if (this.#isStopping) throw insiError('NODE_STOPPING')
    const { entityId } = caller
    const isFull = (this.#counts.get(entityId) ?? 0) >= WATCHERS_PER_ENTITY_MAX || this.#count >= WATCHERS_PER_NODE_MAX
    if (isFull) throw insiError('TOO_MANY_CONNECTIONS')
    this.#take(entityId)
    try {
      const revision = await this.#startOf(caller, request.since)
      return {
        attach: (sink) => this.#attach(caller, request, revision, sink),
        cancel: () => this.#release(entityId),
      }
    } catch (error) {
      this.#release(entityId)
      throw error
    }
  }

  /** See ChangeListener of state/changes.ts: nothing is recorded of an entity that nobody has watched on this node. */
  wantsWrites(entityId: EntityId): boolean {
    return this.#recordedSince.size > 0 && this.#recordedSince.has(entityId)
  }

  onApplied(changes: readonly Change[]): void {
    if (this.#recordedSince.size === 0) return
    const touched = new Set<EntityId>()
    for (const change of changes) {
      if (change.type === 'write' && this.#recordedSince.has(change.entityId)) {
        this.#ring.add(change)
        touched.add(change.entityId)
      } else if (change.type === 'key-deleted') this.#onKeyDeleted(change)
      else if (change.type === 'installed') this.#onInstalled(change.index)
    }
    for (const entityId of touched) for (const watcher of this.#watchersOf(entityId)) this.#pump(watcher)
    for (const { entityId, revision } of this.#ring.trim()) {
      if (this.#recordedSince.has(entityId)) this.#recordedSince.set(entityId, revision)
    }
  }

  /** Admits nobody any more and ends every watcher. */
  stop(): void {
    this.#isStopping = true
    this.#closeAll(STREAM_ENDS.stopping)
  }

  /** The revision to begin after. What was being applied when recording began is left out until the barrier is passed. */
  async #startOf(caller: Caller, since: number | null): Promise<number> {
    const { entityId } = caller
    if (!this.#recordedSince.has(entityId)) this.#recordedSince.set(entityId, null)
    await this.#deps.readGate.enter(caller, 'linearizable')
    const { appliedIndex } = this.#deps.reader
    const recordedSince = this.#recordedSince.get(entityId) ?? appliedIndex
    this.#recordedSince.set(entityId, recordedSince)
    const revision = since ?? appliedIndex
    // Whoever waited for it would be told nothing of what comes before.
    if (revision > appliedIndex) {
      throw insiError('INVALID_PARAMETER', `Invalid since parameter: the newest revision is ${appliedIndex}`)
    }
    if (revision >= recordedSince) return revision
    const message = `Changes since revision ${revision} are not held any more, the oldest are those since ${recordedSince}`
    throw insiError('WATCH_TOO_OLD', message, { oldest: recordedSince })
  }

  #attach(caller: Caller, { space, prefix }: WatchRequest, revision: number, sink: EventSink) {
    const { entityId, presentedKeyUuid: keyUuid } = caller
    const place = this.#ring.firstPlace
    const watcher: Watcher = { entityId, keyUuid, space, prefix, sink, revision, place, inFlightBytes: 0, isOpen: true }
    const watchers = this.#watchers.get(entityId) ?? new Set()
    this.#watchers.set(entityId, watchers.add(watcher))
    // Tells where the watch begins, before anything has changed.
    this.#send(watcher, revision, [])
    if (this.#isStopping) this.#close(watcher, STREAM_ENDS.stopping)
    else this.#pump(watcher)
    return { close: (end: StreamEnd) => this.#close(watcher, end) }
  }

  #pump(watcher: Watcher): void {
    if (!watcher.isOpen) return
    const recordedSince = this.#recordedSince.get(watcher.entityId)
    if (recordedSince === undefined || recordedSince === null || recordedSince > watcher.revision) {
      this.#close(watcher, STREAM_ENDS.changesLost)
      return
    }
    watcher.place = Math.max(watcher.place, this.#ring.firstPlace)
    while (watcher.place < this.#ring.endPlace && watcher.inFlightBytes < SUBSCRIBER_IN_FLIGHT_BYTES_MAX) {
      const recorded = this.#ring.at(watcher.place)
      watcher.place += 1
      if (recorded === undefined || recorded.entityId !== watcher.entityId) continue
      if (recorded.revision <= watcher.revision) continue
      watcher.revision = recorded.revision
      const { space, prefix } = watcher
      const wanted = recorded.changes.filter(
        (change) => change.space === space && change.key.subarray(0, prefix.length).equals(prefix),
      )
      if (wanted.length > 0) this.#send(watcher, recorded.revision, wanted)
    }
  }

  #send(watcher: Watcher, revision: number, changes: readonly { readonly json: string }[]): void {
    const json = `{"revision":${revision},"changes":[${changes.map((change) => change.json).join(',')}]}`
    const frame = new EventFrame(revision, Buffer.from(json, 'utf8'))
    watcher.inFlightBytes += frame.json.length
    watcher.sink.send(frame, () => {
      watcher.inFlightBytes -= frame.json.length
      this.#pump(watcher)
    })
  }

  #onKeyDeleted({ entityId, keyUuid, alias }: Extract<Change, { readonly type: 'key-deleted' }>): void {
    for (const watcher of this.#watchersOf(entityId)) {
      if (!alias || watcher.keyUuid === keyUuid) this.#close(watcher, STREAM_ENDS.keyDeleted)
    }
    if (!alias) this.#recordedSince.delete(entityId)
  }

  #onInstalled(index: number): void {
    this.#ring.clear()
    for (const entityId of this.#recordedSince.keys()) this.#recordedSince.set(entityId, index)
    this.#closeAll(STREAM_ENDS.changesLost)
  }

  #closeAll(end: StreamEnd): void {
    // Deleting from a map while its keys are visited is well defined.
    for (const entityId of this.#watchers.keys()) {
      for (const watcher of this.#watchersOf(entityId)) this.#close(watcher, end)
    }
  }

  /** A copy: ending a watcher changes the set. */
  #watchersOf(entityId: EntityId): Watcher[] {
    return [...(this.#watchers.get(entityId) ?? [])]
  }

  #close(watcher: Watcher, end: StreamEnd): void {
    if (!watcher.isOpen) return
    watcher.isOpen = false
    const watchers = this.#watchers.get(watcher.entityId)
    watchers?.delete(watcher)
    if (watchers?.size === 0) this.#watchers.delete(watcher.entityId)
    this.#release(watcher.entityId)
    watcher.sink.close(end)
  }

  #take(entityId: EntityId): void {
    this.#count += 1
    this.#counts.set(entityId, (this.#counts.get(entityId) ?? 0) + 1)
  }

  #release(entityId: EntityId): void {
    this.#count -= 1
    const left = (this.#counts.get(entityId) ?? 0) - 1
    if (left === 0) this.#counts.delete(entityId)
    else this.#counts.set(entityId, left)
  }
}
