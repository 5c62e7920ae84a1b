// Stored events as frames, read once for all subscribers that replay: pages of events that follow each other without a gap,
// kept by recent use and bounded by count and bytes. Events never change, so a page never becomes wrong.
import { REPLAY_BYTES_MAX, REPLAY_CACHE_BYTES_MAX, REPLAY_CACHE_EVENTS_MAX } from '../../contract/limits.ts'
import { REPLAY_EVENTS_MAX } from '../../contract/limits.ts'
import type { EntityId } from '../../state/commands.ts'
import type { StateReader } from '../../state/state-reader.ts'
import { eventFrame } from './frame.ts'
import type { EventFrame } from './frame.ts'

export interface PagedEvent {
  readonly eventId: number
  readonly topic: string
  readonly frame: EventFrame
}

/** All events of an entity with after < eventId <= through. */
interface EventPage {
  readonly entityId: EntityId
  readonly after: number
  readonly through: number
  readonly events: readonly PagedEvent[]
  readonly sizeBytes: number
}

export class EventPages {
  readonly #reader: StateReader
  /** In the order of events; no two pages of an entity overlap. */
  readonly #byEntity = new Map<EntityId, EventPage[]>()
  /** In the order of use. */
  readonly #recent = new Set<EventPage>()
  #count = 0
  #sizeBytes = 0

  constructor(reader: StateReader) {
    this.#reader = reader
  }

  /** Events and bytes that are held. */
  get held(): { readonly count: number; readonly sizeBytes: number } {
    return { count: this.#count, sizeBytes: this.#sizeBytes }
  }

  /** Stored events after `after`, in order; a bounded number, and none only when there is none. */
  read(entityId: EntityId, scope: string, after: number): readonly PagedEvent[] {
    if (after >= this.#reader.eventWindow(entityId).lastEventId) return []
    const pages = this.#byEntity.get(entityId) ?? []
    const next = firstThatEndsBehind(pages, after)
    const page = pages[next]
    if (page !== undefined && page.after <= after) {
      this.#recent.delete(page)
      this.#recent.add(page)
      return page.after === after ? page.events : page.events.filter(({ eventId }) => eventId > after)
    }
    const events = this.#fromStore(entityId, scope, after, page?.after ?? Number.POSITIVE_INFINITY)
    const through = events.at(-1)?.eventId
    // None before the page that follows: it begins where nothing is stored any more.
    if (through === undefined) return page?.events ?? []
    const sizeBytes = events.reduce((sum, { frame }) => sum + frame.json.length, 0)
    this.#hold({ entityId, after, through, events, sizeBytes }, next)
    return events
  }

  clear(): void {
    this.#byEntity.clear()
    this.#recent.clear()
    this.#count = 0
    this.#sizeBytes = 0
  }

  /** Up to `through`, where the page that follows begins. */
  #fromStore(entityId: EntityId, scope: string, after: number, through: number): PagedEvent[] {
    return this.#reader
      .events(entityId, after, REPLAY_EVENTS_MAX, REPLAY_BYTES_MAX)
      .filter(({ eventId }) => eventId <= through)
      .map((event) => ({ eventId: event.eventId, topic: event.topic, frame: eventFrame(scope, event) }))
  }

  #hold(page: EventPage, place: number): void {
    const pages = this.#byEntity.get(page.entityId) ?? []
    this.#byEntity.set(page.entityId, pages)
    pages.splice(place, 0, page)
    this.#recent.add(page)
    this.#count += page.events.length
    this.#sizeBytes += page.sizeBytes
    for (const oldest of this.#recent) {
      if (this.#count <= REPLAY_CACHE_EVENTS_MAX && this.#sizeBytes <= REPLAY_CACHE_BYTES_MAX) return
      this.#drop(oldest)
    }
  }

  #drop(page: EventPage): void {
    const pages = this.#byEntity.get(page.entityId) ?? []
    pages.splice(pages.indexOf(page), 1)
    if (pages.length === 0) this.#byEntity.delete(page.entityId)
    this.#recent.delete(page)
    this.#count -= page.events.length
    this.#sizeBytes -= page.sizeBytes
  }
}

/** The place of the first page with events after `after`; behind the last when there is none. */
function firstThatEndsBehind(pages: readonly EventPage[], after: number): number {
  let low = 0
  let high = pages.length
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    if ((pages[middle]?.through ?? 0) <= after) low = middle + 1
    else high = middle
  }
  return low
}
