// The subscribers of one node, and how events reach them: the state machine tells what was applied, the hub finds who wants
// it. What cannot be delivered in this turn waits in a bounded list; when that is full, subscribers read the store instead.
import { delay } from '../../base/clock.ts'
import type { Clock } from '../../base/clock.ts'
import type { Random } from '../../base/random.ts'
import { DELIVERIES_PER_TURN_MAX, UNDELIVERED_BYTES_MAX, UNDELIVERED_EVENTS_MAX } from '../../contract/limits.ts'
import { STREAM_ENDS } from '../../contract/stream-ends.ts'
import type { StreamEnd } from '../../contract/stream-ends.ts'
import type { Change } from '../../state/changes.ts'
import { ROOT_ENTITY_ID } from '../../state/commands.ts'
import type { EntityId } from '../../state/commands.ts'
import type { StateReader } from '../../state/state-reader.ts'
import { eventFrame } from './frame.ts'
import type { EventFields } from './frame.ts'
import type { EventFrame } from './frame.ts'
import { EventPages } from './pages.ts'
import { EventSubscriber } from './subscriber.ts'
import type { EventSink, SubscriberRequest } from './subscriber.ts'
import { TopicIndex } from './topics.ts'

export interface EventHubDeps {
  readonly clock: Clock
  readonly random: Random
  readonly reader: StateReader
  /** A subscriber has ended: its slot is free. */
  readonly onEnd: (entityId: EntityId, epoch: number) => void
  /** Events that may wait for one subscriber. */
  readonly queueCountMax: number
}

/** Counts since the process began. */
export interface EventCounters {
  sentFrameCount: number
  slowSubscriberCount: number
}

interface EntitySubscribers {
  readonly index: TopicIndex<EventSubscriber>
  readonly all: Set<EventSubscriber>
  readonly scope: string
}

/** One event and those that it was not handed to yet. */
interface Delivery {
  readonly frame: EventFrame
  readonly to: readonly EventSubscriber[]
  next: number
}

export class EventHub {
  readonly counters: EventCounters = { sentFrameCount: 0, slowSubscriberCount: 0 }
  readonly #deps: EventHubDeps
  readonly #entities = new Map<EntityId, EntitySubscribers>()
  readonly #pages: EventPages
  #count = 0
  #deliveries: Delivery[] = []
  #undeliveredBytes = 0
  #isDeliveryDue = false

  constructor(deps: EventHubDeps) {
    this.#deps = deps
    this.#pages = new EventPages(deps.reader)
  }

  /** Subscribers of this node. */
  get count(): number {
    return this.#count
  }

  /** Adds a subscriber; from now on it sees every event that is applied. */
  attach(request: SubscriberRequest, sink: EventSink): EventSubscriber {
    const { clock, reader, queueCountMax } = this.#deps
    const subscriber = new EventSubscriber(request, sink, {
      reader,
      pages: this.#pages,
      queueCountMax,
      counters: this.counters,
      later: (callback) => void clock.after(0, callback),
      onEnd: (ended) => this.#remove(ended),
    })
    const { entityId, scope, topic, pattern } = request
    const entity = this.#entities.get(entityId) ?? { index: new TopicIndex(), all: new Set(), scope }
    this.#entities.set(entityId, entity)
    entity.all.add(subscriber)
    entity.index.add(topic, pattern, subscriber)
    this.#count += 1
    subscriber.start()
    return subscriber
  }

  /** See ChangeListener of state/changes.ts. */
  onApplied(changes: readonly Change[]): void {
    for (const change of changes) this.#take(change)
    if (this.#deliveries.length > 0 && !this.#isDeliveryDue) this.#deliver()
  }

  /** Ends the subscribers of an entity; returns how many there were. */
  closeEntity(
    entityId: EntityId,
    end: StreamEnd,
    isMeant: (subscriber: EventSubscriber) => boolean = () => true,
  ): number {
    let count = 0
    for (const subscriber of this.#entities.get(entityId)?.all ?? []) {
      if (!isMeant(subscriber)) continue
      subscriber.close(end)
      count += 1
    }
    return count
  }

  /**
   * Ends all subscribers at random moments within `spreadMs`, so that they do not all come back at once elsewhere. Resolves
   * when that is done.
   */
  async closeAll(end: StreamEnd, spreadMs: number): Promise<void> {
    const { clock, random } = this.#deps
    for (const { all } of this.#entities.values()) {
      for (const subscriber of all) clock.after(random.int(spreadMs + 1), () => subscriber.close(end))
    }
    if (this.#count > 0) await delay(clock, spreadMs + 1)
  }

  #take(change: Change): void {
    switch (change.type) {
      case 'event':
        this.#prepare(change.entityId, change)
        break
      case 'shake':
        this.closeEntity(change.entityId, STREAM_ENDS.shaken, ({ request }) => request.epoch < change.epoch)
        break
      case 'key-deleted':
        this.closeEntity(
          change.entityId,
          STREAM_ENDS.keyDeleted,
          ({ request }) => !change.alias || request.keyUuid === change.keyUuid,
        )
        break
      case 'installed':
        this.#endUnknown()
        this.#pages.clear()
        this.#readFromStore()
        break
      case 'write':
        break
    }
  }

  #prepare(entityId: EntityId, event: EventFields): void {
    const entity = this.#entities.get(entityId)
    if (entity === undefined) return
    const to = entity.index.match(event.topic)
    if (to.length === 0) return
    const frame = eventFrame(entity.scope, event)
    this.#deliveries.push({ frame, to, next: 0 })
    this.#undeliveredBytes += frame.json.length
    if (this.#deliveries.length > UNDELIVERED_EVENTS_MAX || this.#undeliveredBytes > UNDELIVERED_BYTES_MAX) {
      this.#readFromStore()
    }
  }

  /** Hands over a bounded number of frames, so that a turn never takes long however many subscribers there are. */
  #deliver(): void {
    this.#isDeliveryDue = false
    let budget = DELIVERIES_PER_TURN_MAX
    let doneCount = 0
    // Closing a subscriber for being slow may reach back into the hub, so the list is read anew each time.
    for (;;) {
      const delivery = this.#deliveries[doneCount]
      if (delivery === undefined || budget === 0) break
      const end = Math.min(delivery.to.length, delivery.next + budget)
      budget -= end - delivery.next
      for (; delivery.next < end; delivery.next += 1) delivery.to[delivery.next]?.offer(delivery.frame)
      if (delivery.next < delivery.to.length) break
      this.#undeliveredBytes -= delivery.frame.json.length
      doneCount += 1
    }
    this.#deliveries.splice(0, doneCount)
    if (this.#deliveries.length === 0) return
    this.#isDeliveryDue = true
    this.#deps.clock.after(0, () => this.#deliver())
  }

  /** What a snapshot brought was not told: keys and entities that are gone, and slots that were taken away. */
  #endUnknown(): void {
    const { reader } = this.#deps
    for (const entityId of this.#entities.keys()) {
      // The reader knows no key of an entity that is being deleted either. Root's key is not in the state.
      const isKeyGone = ({ request }: EventSubscriber): boolean => reader.key(request.keyUuid) === undefined
      if (entityId !== ROOT_ENTITY_ID) this.closeEntity(entityId, STREAM_ENDS.keyDeleted, isKeyGone)
      const epoch = reader.subscriptionEpoch(entityId)
      this.closeEntity(entityId, STREAM_ENDS.shaken, ({ request }) => request.epoch < epoch)
    }
  }

  #readFromStore(): void {
    this.#deliveries = []
    this.#undeliveredBytes = 0
    for (const { all } of this.#entities.values()) for (const subscriber of all) subscriber.catchUp()
  }

  #remove(subscriber: EventSubscriber): void {
    const { entityId, topic, pattern, epoch } = subscriber.request
    const entity = this.#entities.get(entityId)
    if (entity?.all.delete(subscriber) !== true) return
    entity.index.delete(topic, pattern, subscriber)
    if (entity.all.size === 0) this.#entities.delete(entityId)
    this.#count -= 1
    this.#deps.onEnd(entityId, epoch)
  }
}
