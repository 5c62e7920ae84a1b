// Events: publishing through the log, subscribing on this node, and what ends subscriptions.
import type { Clock } from '../base/clock.ts'
import { insiError } from '../contract/errors.ts'
import { SUBSCRIBER_DRAIN_SPREAD_MS } from '../contract/limits.ts'
import { STREAM_ENDS } from '../contract/stream-ends.ts'
import type { StateReader } from '../state/state-reader.ts'
import type { Caller } from './caller.ts'
import type { EventHub } from './events/hub.ts'
import type { EventSink, EventSubscriber } from './events/subscriber.ts'
import { parsePattern } from './events/topics.ts'
import { rejectionError } from './key-values.ts'
import type { Proposer } from './proposer.ts'
import type { Replicator } from './replicator.ts'
import type { SubscriptionSlots } from './events/subscription-slots.ts'

export interface EventServiceDeps {
  readonly clock: Clock
  readonly reader: StateReader
  readonly replicator: Replicator
  readonly proposer: Proposer
  readonly hub: EventHub
  readonly slots: SubscriptionSlots
}

export interface EventServiceOptions {
  readonly retainMs: number
  readonly retainSizeBytes: number
  /** Subscribers of this node, all keys together. */
  readonly connectionsMax: number
}

export interface PublishRequest {
  readonly topic: string
  /** JSON text. */
  readonly data: Buffer
}

export interface SubscribeRequest {
  /** A topic, or a pattern. */
  readonly topic: string
  /** The event after which to begin; null: with the next one. */
  readonly since: number | null
}

/** A slot and a place on this node, for a connection that is about to be made. One of the two must be called, once. */
export interface Admission {
  /** The event after which the subscription begins: every later one is delivered, or can be had `since` it. */
  readonly beginsAfter: number
  /** Undefined when the key or the slot went away meanwhile; then the sink was closed with the reason. */
  attach(sink: EventSink): EventSubscriber | undefined
  cancel(): void
}

export class EventService {
  readonly #deps: EventServiceDeps
  readonly #options: EventServiceOptions
  /** Admitted, but without a connection yet. */
  #admittedCount = 0
  #isStopping = false

  constructor(deps: EventServiceDeps, options: EventServiceOptions) {
    this.#deps = deps
    this.#options = options
  }

  /** Resolves with the event's id once it is committed. Rejects with EVENTS_LIMIT_EXCEEDED. */
  async publish(caller: Caller, { topic, data }: PublishRequest): Promise<number> {
    const { clock, proposer } = this.#deps
    const { retainMs, retainSizeBytes } = this.#options
    const result = await proposer.submitFor(caller, {
      type: 'event.publish',
      timeMs: clock.nowMs(),
      entityId: caller.entityId,
      topic,
      data,
      retainMs,
      retainSizeBytes,
    })
    if (result.ok) return result.eventId ?? 0
    throw rejectionError(result.code, result.details)
  }

  /**
   * Admits a subscriber before its connection is made. Rejects with INVALID_TOPIC, INVALID_PARAMETER for a `since` that no
   * event has, TOO_MANY_CONNECTIONS, SUBSCRIBER_LIMIT_EXCEEDED, or with what a proposal rejects with.
   */
  async admit(caller: Caller, { topic, since }: SubscribeRequest): Promise<Admission> {
    const pattern = parsePattern(topic)
    if (pattern === undefined) {
      throw insiError('INVALID_TOPIC', 'Invalid topic: * must be a whole word, and > the whole last word')
    }
    if (this.#isStopping) throw insiError('NODE_STOPPING')
    if (this.#deps.hub.count + this.#admittedCount >= this.#options.connectionsMax) {
      throw insiError('TOO_MANY_CONNECTIONS')
    }
    this.#admittedCount += 1
    try {
      if (since !== null) await this.#checkSince(caller, since)
      const epoch = await this.#deps.slots.acquire(caller)
      return this.#admission(caller, { topic, since }, pattern, epoch)
    } catch (error) {
      this.#admittedCount -= 1
      throw error
    }
  }

  /** Ends the caller's subscribers on this node; returns how many there were. */
  purge(caller: Caller): number {
    return this.#deps.hub.closeEntity(caller.entityId, STREAM_ENDS.purged)
  }

  /** Ends the caller's subscribers on all nodes as each applies it; resolves with how many slots were freed. */
  async shake(caller: Caller): Promise<number> {
    const { clock, proposer } = this.#deps
    const command = { timeMs: clock.nowMs(), entityId: caller.entityId }
    const result = await proposer.submitFor(caller, { type: 'subscription.shake', ...command })
    if (!result.ok) throw rejectionError(result.code, result.details)
    return result.removedCount ?? 0
  }

  /** Admits nobody any more, ends the subscribers within SUBSCRIBER_DRAIN_SPREAD_MS, and gives their slots back. */
  async stop(): Promise<void> {
    this.#isStopping = true
    // A few come back at once without harm; only a crowd has to be spread.
    const spreadMs = Math.min(SUBSCRIBER_DRAIN_SPREAD_MS, this.#deps.hub.count)
    await this.#deps.hub.closeAll(STREAM_ENDS.stopping, spreadMs)
    await this.#deps.slots.stop()
  }

  /** An id that this node does not know may be newer than its state, but not newer than the cluster's. */
  async #checkSince(caller: Caller, since: number): Promise<void> {
    const { reader, replicator } = this.#deps
    if (since <= reader.eventWindow(caller.entityId).lastEventId) return
    await replicator.readBarrier()
    // The entity may be gone with its events by now.
    const isDeleted = caller.kind !== 'root' && reader.key(caller.presentedKeyUuid) === undefined
    if (isDeleted) throw rejectionError('ENTITY_NOT_FOUND')
    const { lastEventId } = reader.eventWindow(caller.entityId)
    if (since > lastEventId) {
      throw insiError('INVALID_PARAMETER', `Invalid since parameter: the newest event has the id ${lastEventId}`)
    }
  }

  #admission(
    caller: Caller,
    { topic, since }: SubscribeRequest,
    pattern: readonly string[] | null,
    epoch: number,
  ): Admission {
    const { hub, slots, reader } = this.#deps
    const { entityId, scope, presentedKeyUuid } = caller
    const leave = (): void => {
      this.#admittedCount -= 1
    }
    const newest = (): number => reader.eventWindow(entityId).lastEventId
    const beginsAfter = since ?? newest()
    return {
      beginsAfter,
      attach: (sink) => {
        leave()
        const isDeleted = caller.kind !== 'root' && reader.key(presentedKeyUuid) === undefined
        const isShaken = epoch < reader.subscriptionEpoch(entityId)
        if (isDeleted || isShaken || this.#isStopping) {
          slots.release(entityId, epoch)
          const end = isDeleted ? STREAM_ENDS.keyDeleted : isShaken ? STREAM_ENDS.shaken : STREAM_ENDS.stopping
          sink.close(end)
          return undefined
        }
        // What was published while the connection was made is read from the store.
        const from = since ?? (newest() > beginsAfter ? beginsAfter : null)
        return hub.attach({ entityId, scope, keyUuid: presentedKeyUuid, topic, pattern, since: from, epoch }, sink)
      },
      cancel: () => {
        leave()
        slots.release(entityId, epoch)
      },
    }
  }
}
