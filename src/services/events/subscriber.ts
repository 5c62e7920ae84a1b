// One subscriber: which events it wants, how far it has come, and what waits for its connection.
//
//   store ──replay──┐
//                   ├─► queue (bounded) ─► in flight (bounded) ─► connection
//   hub ───live─────┘
//
// Every subscriber has a position: the newest event that was considered for it. While it replays it reads stored events after
// its position and live ones pass it by, since they are stored before they are live; when there are none left it is live.
import { SUBSCRIBER_IN_FLIGHT_BYTES_MAX, SUBSCRIBER_QUEUE_BYTES_MAX } from '../../contract/limits.ts'
import { STREAM_ENDS } from '../../contract/stream-ends.ts'
import type { StreamEnd } from '../../contract/stream-ends.ts'
import type { EntityId } from '../../state/commands.ts'
import type { StateReader } from '../../state/state-reader.ts'
import { gapFrame } from './frame.ts'
import type { EventFrame } from './frame.ts'
import type { EventPages } from './pages.ts'
import { matchesPattern } from './topics.ts'

/** A connection, as a subscriber sees it. Calls never throw. */
export interface EventSink {
  /** Sends one frame; calls `onSent` when its bytes have left for the network, and not at all once the connection ended. */
  send(frame: EventFrame, onSent: () => void): void
  /** Tells the peer why and ends the connection; nothing is sent after that. */
  close(end: StreamEnd): void
}

export interface SubscriberRequest {
  readonly entityId: EntityId
  readonly scope: string
  /** The key that opened it: its deletion ends the subscriber. */
  readonly keyUuid: string
  readonly topic: string
  /** What parsePattern made of the topic. */
  readonly pattern: readonly string[] | null
  /** The event after which to begin; null: with the next one. */
  readonly since: number | null
  /** Of its slot: a shake that begins a later epoch ends the subscriber. */
  readonly epoch: number
}

export interface SubscriberDeps {
  readonly reader: StateReader
  /** Of the node, for all its subscribers. */
  readonly pages: EventPages
  /** Calls back in a later turn of the event loop. */
  readonly later: (callback: () => void) => void
  /** The subscriber has ended, by close(). Called once. */
  readonly onEnd: (subscriber: EventSubscriber) => void
  readonly queueCountMax: number
  /** Adds to these. */
  readonly counters: { sentFrameCount: number; slowSubscriberCount: number }
}

export class EventSubscriber {
  readonly request: SubscriberRequest
  readonly #sink: EventSink
  readonly #deps: SubscriberDeps
  #position: number
  #isReplaying: boolean
  #isReplayDue = false
  #isOpen = true
  /** Null while nothing waits: most subscribers of most nodes are idle. */
  #queue: EventFrame[] | null = null
  #queueBytes = 0
  #inFlightBytes = 0

  constructor(request: SubscriberRequest, sink: EventSink, deps: SubscriberDeps) {
    this.request = request
    this.#sink = sink
    this.#deps = deps
    this.#position = request.since ?? deps.reader.eventWindow(request.entityId).lastEventId
    this.#isReplaying = request.since !== null
  }

  /** Frames that wait, and their bytes. */
  get waiting(): { readonly count: number; readonly sizeBytes: number } {
    return { count: this.#queue?.length ?? 0, sizeBytes: this.#queueBytes }
  }

  /** Begins the replay of a subscriber that resumes. */
  start(): void {
    if (this.#isReplaying) this.#replay()
  }

  /** A live event of a topic that matches. */
  offer(frame: EventFrame): void {
    if (!this.#isOpen || this.#isReplaying || frame.eventId === null || frame.eventId <= this.#position) return
    this.#position = frame.eventId
    this.#enqueue(frame)
    const { count, sizeBytes } = this.waiting
    if (count > this.#deps.queueCountMax || sizeBytes > SUBSCRIBER_QUEUE_BYTES_MAX) {
      this.#deps.counters.slowSubscriberCount += 1
      this.close(STREAM_ENDS.tooSlow)
    }
  }

  /** Live events were left out: from here on they are read from the store until none is left. */
  catchUp(): void {
    if (this.#isReplaying || !this.#isOpen) return
    this.#isReplaying = true
    this.#replayLater()
  }

  /** Ends the subscriber; what waits for it is dropped. Does nothing when it has ended. */
  close(end: StreamEnd): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#queue = null
    this.#queueBytes = 0
    this.#deps.onEnd(this)
    this.#sink.close(end)
  }

  #enqueue(frame: EventFrame): void {
    if (this.#queue === null && this.#hasRoom()) {
      this.#send(frame)
      return
    }
    this.#queue ??= []
    this.#queue.push(frame)
    this.#queueBytes += frame.json.length
  }

  #hasRoom(): boolean {
    return this.#inFlightBytes < SUBSCRIBER_IN_FLIGHT_BYTES_MAX
  }

  #send(frame: EventFrame): void {
    const sizeBytes = frame.json.length
    this.#inFlightBytes += sizeBytes
    this.#deps.counters.sentFrameCount += 1
    this.#sink.send(frame, () => {
      this.#inFlightBytes -= sizeBytes
      if (this.#isOpen && (this.#queue !== null || this.#isReplaying)) this.#pump()
    })
  }

  #pump(): void {
    const queue = this.#queue
    if (queue !== null) {
      let sentCount = 0
      while (sentCount < queue.length && this.#hasRoom()) {
        const frame = queue[sentCount]
        if (frame !== undefined) {
          this.#queueBytes -= frame.json.length
          this.#send(frame)
        }
        sentCount += 1
      }
      if (sentCount === queue.length) this.#queue = null
      else queue.splice(0, sentCount)
    }
    if (this.#queue === null && this.#isReplaying) this.#replayLater()
  }

  /** One step of the replay a turn: a window may hold millions of events of other topics. */
  #replayLater(): void {
    if (this.#isReplayDue) return
    this.#isReplayDue = true
    this.#deps.later(() => {
      this.#isReplayDue = false
      if (this.#isOpen) this.#replay()
    })
  }

  #replay(): void {
    if (this.#queue !== null || !this.#hasRoom()) return
    try {
      if (this.#replayPage() > 0) this.#replayLater()
      else this.#isReplaying = false
    } catch {
      this.close(STREAM_ENDS.failed)
    }
  }

  /** Returns how many events there were. Reading and becoming live are one turn, so that no event falls between them. */
  #replayPage(): number {
    const { reader, pages } = this.#deps
    const { entityId, scope } = this.request
    const events = pages.read(entityId, scope, this.#position)
    // Asked for after reading: it tells of everything that was removed before or meanwhile.
    const { trimmedThrough } = reader.eventWindow(entityId)
    if (this.#position < trimmedThrough) {
      this.#enqueue(gapFrame(this.#position, trimmedThrough))
      this.#position = trimmedThrough
    }
    for (const { eventId, topic, frame } of events) {
      if (eventId <= this.#position) continue
      this.#position = eventId
      if (this.#wants(topic)) this.#enqueue(frame)
    }
    return events.length
  }

  #wants(topic: string): boolean {
    const { pattern } = this.request
    return pattern === null ? topic === this.request.topic : matchesPattern(pattern, topic)
  }
}
