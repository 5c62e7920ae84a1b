// Events: publishing, and what ends subscriptions. Subscribing stands in subscription.ts.
import { API_PREFIX } from '../contract/route.ts'
import { requireArgument } from './errors.ts'
import type { CallRoute, HttpClient } from './http.ts'
import type { CallOptions } from './options.ts'
import { asNumber, asObject } from './parse.ts'
import { openSubscription } from './subscription.ts'
import type { SubscribeOptions, Subscription } from './subscription.ts'

type EventRoute = CallRoute & { readonly method: 'POST' }

function eventRoute(name: string, path: string): EventRoute {
  return { name, path: `${API_PREFIX}${path}`, listener: 'public', kind: 'write', method: 'POST' }
}

const PUBLISH_ROUTE = eventRoute('event.publish', '/events')
const PURGE_ROUTE = eventRoute('event.purge', '/events/purge')
const SHAKE_ROUTE = eventRoute('event.shake', '/events/shake')

export class Events {
  readonly #http: HttpClient

  constructor(http: HttpClient) {
    this.#http = http
  }

  /** Publishes `data`, which must be JSON. EVENTS_LIMIT_EXCEEDED. */
  async publish(topic: string, data: unknown, options: CallOptions = {}): Promise<void> {
    await this.#http.call(PUBLISH_ROUTE, { topic, data: data ?? null }, options)
  }

  /**
   * Resolves once the node has accepted the subscription. Every event that is published after that is seen. In a topic `*`
   * stands for one word and a final `>` for all that follow.
   */
  async subscribe(topic: string, options: SubscribeOptions = {}): Promise<Subscription> {
    requireArgument(topic !== '', 'topic cannot be empty')
    return openSubscription(this.#http, topic, options)
  }

  /** Ends the subscriptions that the entity has on the node that answers; returns how many. */
  async purge(options: CallOptions = {}): Promise<number> {
    return this.#disconnect(PURGE_ROUTE, 'purge', options)
  }

  /** Ends the subscriptions that the entity has on all nodes and resets their count; returns how many. */
  async shake(options: CallOptions = {}): Promise<number> {
    return this.#disconnect(SHAKE_ROUTE, 'shake', options)
  }

  async #disconnect(route: EventRoute, what: string, options: CallOptions): Promise<number> {
    const answer = asObject(await this.#http.call(route, {}, options), 'the answer')
    requireArgument(answer.success === true, `${what} operation reported failure`)
    return asNumber(answer.disconnected_sessions, 'disconnected_sessions')
  }
}
