// Subscriptions: what they are asked for with, and what their frames hold.
import { API_PREFIX } from '../contract/route.ts'
import type { CallRoute, HttpClient } from './http.ts'
import { asNumber, asObject, asText, parseFrame } from './parse.ts'
import { openStream } from './socket-stream.ts'
import type { SocketStream, StreamEnding } from './socket-stream.ts'

export interface InsiEvent {
  /** As the server names it: with the scope of the entity in front. */
  readonly topic: string
  /** As published. */
  readonly data: unknown
  /** When it was published. */
  readonly emittedAt: string
  /** Orders all events; `since` of a later subscription. Absent when the server tells none. */
  readonly id?: number
  /** Stored events between these two ids were dropped before this subscription could read them; then there is no data. */
  readonly gap?: { readonly missedAfter: number; readonly missedThrough: number }
}

export interface SubscribeOptions {
  readonly signal?: AbortSignal
  /** The id of an event: begin right after it. Without it: with the next event. */
  readonly since?: number
}

/** Why a subscription ended; 1006 when the connection broke without a word. */
export type SubscriptionEnd = StreamEnding

/** An open subscription. Read it once, to the end, or call `close`. */
export type Subscription = SocketStream<InsiEvent>

const SUBSCRIBE_ROUTE: CallRoute = {
  name: 'event.subscribe',
  path: `${API_PREFIX}/events/subscribe`,
  listener: 'public',
  kind: 'node',
  method: 'GET',
}

/** Opens a subscription. Rejects with the server's refusal (SUBSCRIBER_LIMIT_EXCEEDED among them), or with UNREACHABLE. */
export async function openSubscription(
  http: HttpClient,
  topic: string,
  { signal, since }: SubscribeOptions,
): Promise<Subscription> {
  const query = { topic, ...(since === undefined ? {} : { since: String(since) }) }
  return openStream(http, { route: SUBSCRIBE_ROUTE, query, parse: parseEvent }, signal)
}

function parseEvent(frame: string): InsiEvent {
  const event = asObject(parseFrame(frame), 'an event')
  if (event.type === 'gap') {
    const missedAfter = asNumber(event.missed_after, 'missed_after')
    const missedThrough = asNumber(event.missed_through, 'missed_through')
    return { topic: '', data: null, emittedAt: '', gap: { missedAfter, missedThrough } }
  }
  return {
    ...(event.id === undefined ? {} : { id: asNumber(event.id, 'id') }),
    topic: asText(event.topic, 'topic'),
    data: event.data ?? null,
    emittedAt: asText(event.emitted_at, 'emitted_at'),
  }
}
