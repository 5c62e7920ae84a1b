// Watching the keys with a prefix: who watches on this node, and how changes reach them.
//
// There is no queue for each watcher: the window of changes is the queue of all. A watcher reads it at its own pace, as fast as its
// connection takes the frames, and is ended when the window has dropped something that it had not read yet.
import { insiError } from '../contract/errors.ts'
import { SUBSCRIBER_IN_FLIGHT_BYTES_MAX, WATCHERS_PER_ENTITY_MAX, WATCHERS_PER_NODE_MAX } from '../contract/limits.ts'
import { STREAM_ENDS } from '../contract/stream-ends.ts'
import type { StreamEnd } from '../contract/stream-ends.ts'
import type { Change } from '../state/changes.ts'
import type { EntityId, Space } from '../state/commands.ts'
import type { StateReader } from '../state/state-reader.ts'
import type { Caller } from './caller.ts'
import { ChangeWindow } from './change-window.ts'
import type { RecordedChange } from './change-window.ts'
import { EventFrame } from './events/frame.ts'
import type { EventSink } from './events/subscriber.ts'
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
  /** Place in the window of what comes next. */
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
  readonly #window: ChangeWindow
  /** Made once for all watchers that take a change at the same time. */
  readonly #jsons = new Map<RecordedChange, string>()
  readonly #watchers = new Map<EntityId, Set<Watcher>>()
  readonly #counts = new Map<EntityId, number>()
  #count = 0
  #isStopping = false

  constructor(deps: WatchServiceDeps) {
    this.#deps = deps
    this.#window = new ChangeWindow(deps.reader.appliedIndex)
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

  onApplied(changes: readonly Change[]): void {
    const touched = new Set<EntityId>()
    for (const change of changes) {
      if (change.type === 'write') {
        this.#window.add(change)
        if (this.#watchers.has(change.entityId)) touched.add(change.entityId)
      } else if (change.type === 'key-deleted') this.#onKeyDeleted(change)
      else if (change.type === 'installed') this.#onInstalled(change.index)
    }
    for (const entityId of touched) for (const watcher of this.#watchersOf(entityId)) this.#pump(watcher)
    this.#jsons.clear()
    this.#window.trim()
  }

  /** Admits nobody any more and ends every watcher. */
  stop(): void {
    this.#isStopping = true
    this.#closeAll(STREAM_ENDS.stopping)
  }

  /** The revision to begin after. */
  async #startOf(caller: Caller, since: number | null): Promise<number> {
    const { entityId } = caller
    await this.#deps.readGate.enter(caller, 'linearizable')
    this.#window.watch(entityId)
    const { appliedIndex } = this.#deps.reader
    const revision = since ?? appliedIndex
    // Whoever waited for it would be told nothing of what comes before.
    if (revision > appliedIndex) {
      throw insiError('INVALID_PARAMETER', `Invalid since parameter: the newest revision is ${appliedIndex}`)
    }
    const oldest = this.#window.since(entityId)
    if (revision >= oldest) return revision
    const message = `Changes since revision ${revision} are not held any more, the oldest are those since ${oldest}`
    throw insiError('WATCH_TOO_OLD', message, { oldest })
  }

  #attach(caller: Caller, { space, prefix }: WatchRequest, revision: number, sink: EventSink) {
    const { entityId, presentedKeyUuid: keyUuid } = caller
    const watcher: Watcher = {
      entityId,
      keyUuid,
      space,
      prefix,
      sink,
      revision,
      place: 0,
      inFlightBytes: 0,
      isOpen: true,
    }
    const watchers = this.#watchers.get(entityId) ?? new Set()
    this.#watchers.set(entityId, watchers.add(watcher))
    // Tells where the watch begins, before anything has changed.
    this.#send(watcher, revision, [])
    if (this.#isStopping) this.#close(watcher, STREAM_ENDS.stopping)
    else this.#pump(watcher)
    this.#jsons.clear()
    return { close: (end: StreamEnd) => this.#close(watcher, end) }
  }

  #pump(watcher: Watcher): void {
    if (!watcher.isOpen) return
    const revisions = this.#window.revisions(watcher.entityId)
    if (this.#window.since(watcher.entityId) > watcher.revision) {
      this.#close(watcher, STREAM_ENDS.changesLost)
      return
    }
    if (revisions === undefined) return
    watcher.place = Math.max(watcher.place, revisions.firstPlace)
    while (watcher.place < revisions.endPlace && watcher.inFlightBytes < SUBSCRIBER_IN_FLIGHT_BYTES_MAX) {
      const recorded = revisions.at(watcher.place)
      watcher.place += 1
      if (recorded === undefined || recorded.revision <= watcher.revision) continue
      watcher.revision = recorded.revision
      const { space, prefix } = watcher
      const wanted = recorded.changes.filter(
        (change) => change.space === space && change.key.subarray(0, prefix.length).equals(prefix),
      )
      if (wanted.length > 0) this.#send(watcher, recorded.revision, wanted)
    }
  }

  #send(watcher: Watcher, revision: number, changes: readonly RecordedChange[]): void {
    const json = `{"revision":${revision},"changes":[${changes.map((change) => this.#jsonOf(change)).join(',')}]}`
    const frame = new EventFrame(revision, Buffer.from(json, 'utf8'))
    watcher.inFlightBytes += frame.json.length
    watcher.sink.send(frame, () => {
      watcher.inFlightBytes -= frame.json.length
      this.#pump(watcher)
      this.#jsons.clear()
    })
  }

  #jsonOf(change: RecordedChange): string {
    const known = this.#jsons.get(change)
    if (known !== undefined) return known
    const json = changeJson(change)
    this.#jsons.set(change, json)
    return json
  }

  #onKeyDeleted({ entityId, keyUuid, alias }: Extract<Change, { readonly type: 'key-deleted' }>): void {
    for (const watcher of this.#watchersOf(entityId)) {
      if (!alias || watcher.keyUuid === keyUuid) this.#close(watcher, STREAM_ENDS.keyDeleted)
    }
    if (!alias) this.#window.forget(entityId)
  }

  #onInstalled(index: number): void {
    this.#window.clear(index)
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

function changeJson({ key, value, expiresAtMs }: RecordedChange): string {
  const keyJson = JSON.stringify(key.toString('utf8'))
  if (value === null) return `{"key":${keyJson},"value":null}`
  const expiryJson = expiresAtMs === 0 ? 'null' : `"${new Date(expiresAtMs).toISOString()}"`
  return `{"key":${keyJson},"value":${JSON.stringify(value.toString('utf8'))},"expires_at":${expiryJson}}`
}
