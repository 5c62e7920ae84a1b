// The routes of events. routes.ts has them in its table.
import { API_PREFIX } from './route.ts'
import type { Route } from './route.ts'

type RouteInput = Pick<Route, 'name' | 'path' | 'meaning'> & Partial<Route>

function events(kind: Route['kind'], input: RouteInput): Route {
  return {
    methods: ['POST'],
    listener: 'public',
    auth: 'any',
    keyLimiter: 'events',
    addressLimiter: 'events',
    kind,
    fields: [],
    success: { status: 200, body: '' },
    errors: [],
    ...input,
    path: API_PREFIX + input.path,
  }
}

export const EVENT_ROUTES: readonly Route[] = [
  events('write', {
    name: 'event.publish',
    path: '/events',
    fields: [
      { name: 'topic', type: 'topic', required: false, meaning: 'At most 1 KiB. Default: the empty topic.' },
      {
        name: 'data',
        type: 'json',
        required: false,
        meaning: 'Any JSON, passed on as it was written. Default null.',
      },
    ],
    errors: ['INVALID_TOPIC', 'VALUE_TOO_LARGE', 'EVENTS_LIMIT_EXCEEDED'],
    meaning: 'Publishes an event to all subscribers of its topic, on every node. `X-Insi-Event-Id` has its id.',
  }),
  events('node', {
    name: 'event.subscribe',
    path: '/events/subscribe',
    methods: ['GET'],
    stream: true,
    fields: [
      { name: 'topic', type: 'topic', required: true, meaning: 'A topic or a pattern, in the query.' },
      { name: 'since', type: 'offset', required: false, meaning: 'An event id, in the query: begin right after it.' },
    ],
    success: { status: 101, body: 'a WebSocket, or 200 with an event stream for Accept: text/event-stream' },
    errors: [
      'INVALID_TOPIC',
      'UPGRADE_REQUIRED',
      'ORIGIN_NOT_ALLOWED',
      'SUBSCRIBER_LIMIT_EXCEEDED',
      'TOO_MANY_CONNECTIONS',
    ],
    meaning:
      'Delivers the events of a topic as they come; see "Event streams". `X-Insi-Since` has the id of the event after which it begins.',
  }),
  events('write', {
    name: 'event.purge',
    path: '/events/purge',
    methods: ['POST', 'DELETE'],
    success: { status: 200, body: '{"success":true,"key_uuid":"<uuid>","disconnected_sessions":0}' },
    meaning: 'Closes the subscriptions of the caller on the node that answers.',
  }),
  events('write', {
    name: 'event.shake',
    path: '/events/shake',
    methods: ['POST', 'DELETE'],
    success: { status: 200, body: '{"success":true,"disconnected_sessions":0}' },
    meaning: 'Closes the subscriptions of the caller on all nodes and frees their slots.',
  }),
]
