// The routes of values and cache. routes.ts has them in its table. Most exist for both; they differ in their first word.
import type { ErrorCode } from './errors.ts'
import { API_PREFIX } from './route.ts'
import type { Field, Method, Route } from './route.ts'

type Noun = 'value' | 'cache'
type RouteInput = Pick<Route, 'name' | 'path' | 'meaning'> & Partial<Route>

const KEY: Field = { name: 'key', type: 'key', required: true, meaning: 'The key: 1 byte to 32 KiB.' }
const VALUE: Field = { name: 'value', type: 'value', required: true, meaning: 'The value; may be empty.' }
const OLD_VALUE: Field = {
  name: 'old_value',
  type: 'value',
  required: false,
  meaning: 'What the key must hold now. Either this or `revision` is required.',
}
const REVISION: Field = {
  name: 'revision',
  type: 'revision',
  required: false,
  meaning: 'The revision that the key must have now, instead of `old_value`; 0: it must not exist.',
}
const NEW_VALUE: Field = { name: 'new_value', type: 'value', required: true, meaning: 'The new value.' }
const META: Field = {
  name: 'meta',
  type: 'flag',
  required: false,
  meaning: 'True (in a query: 1) adds `revision`, `expires_at` and `ttl_ms` to the answer.',
}
const OFFSET: Field = { name: 'offset', type: 'offset', required: false, meaning: 'How many to skip. Default 0.' }
const LIMIT: Field = {
  name: 'limit',
  type: 'count',
  required: false,
  meaning: 'The most to return: default 100 (also for 0), at most 10000.',
}
const PREFIX: Field = {
  name: 'prefix',
  type: 'prefix',
  required: false,
  meaning: 'What the keys begin with; empty means all. One trailing * is ignored.',
}
const AFTER: Field = {
  name: 'after',
  type: 'key',
  required: false,
  meaning:
    'A key with the prefix: the page begins right behind it (before it with `reverse`). `next` of the page before.',
}
const REVERSE: Field = {
  name: 'reverse',
  type: 'flag',
  required: false,
  meaning: 'True: from the last key to the first.',
}
const INCREMENT: Field = {
  name: 'value',
  type: 'increment',
  required: true,
  meaning: 'A decimal 64-bit integer as a string.',
}
const FLOOR: Field = {
  name: 'min',
  type: 'floor',
  required: false,
  meaning: 'Floor of the result: an integer, or null for none. Default 0.',
}

const EMPTY = { status: 200, body: '' }
const READ: readonly Method[] = ['GET', 'POST']
const WRITE: readonly Method[] = ['POST']

const TTL_DEFAULTS: Readonly<Record<Noun, string>> = {
  value: 'Absent: it never expires.',
  cache: 'Absent: the standard time to live.',
}
const FULL: Readonly<Record<Noun, ErrorCode>> = { value: 'DISK_LIMIT_EXCEEDED', cache: 'MEMORY_LIMIT_EXCEEDED' }
const PATHS: Readonly<Record<Noun, string>> = { value: '', cache: '/cache' }
const LISTS: Readonly<Record<Noun, string>> = {
  value: '{"data":["<key>"]}, or {"data":null} when there is none',
  cache: '["<key>"], or null when there is none',
}
const THING: Readonly<Record<Noun, string>> = { value: 'value', cache: 'cache entry' }

function route(noun: Noun, methods: readonly Method[], input: RouteInput): Route {
  return {
    methods,
    listener: 'public',
    auth: 'any',
    keyLimiter: 'data',
    addressLimiter: noun === 'value' ? 'values' : 'cache',
    kind: methods === READ ? 'read' : 'write',
    fields: [],
    success: EMPTY,
    errors: [],
    ...input,
    name: `${noun}.${input.name}`,
    path: API_PREFIX + PATHS[noun] + input.path,
  }
}

function readRoutes(noun: Noun): Route[] {
  return [
    route(noun, READ, {
      name: 'get',
      path: '/get',
      fields: [KEY, META],
      success: {
        status: 200,
        body: '{"data":"<value>"}; with meta also "revision":12,"expires_at":"<RFC 3339>" or null,"ttl_ms":900 or null',
      },
      errors: ['KEY_NOT_FOUND'],
      meaning: `Returns a ${THING[noun]}.`,
    }),
    route(noun, READ, {
      name: 'iterate',
      path: '/iterate/prefix',
      fields: [PREFIX, OFFSET, LIMIT],
      success: { status: 200, body: LISTS[noun] },
      meaning:
        'Lists keys in byte order. A page also ends at 4 MiB of keys; then `X-Insi-Next-Offset` has the offset of the next one.',
    }),
    route(noun, READ, {
      name: 'entries',
      path: '/iterate/entries',
      fields: [PREFIX, AFTER, LIMIT, REVERSE],
      success: {
        status: 200,
        body: '{"entries":[{"key":"<key>","value":"<value>","revision":12,"expires_at":null}],"next":"<key>" or null,"as_of":34}',
      },
      meaning:
        'Lists keys with their values in byte order. A page also ends at 4 MiB; `next` is null on the last one. It holds every ' +
        'write up to the revision `as_of`, from which a watch can go on.',
    }),
    route(noun, READ, {
      name: 'count',
      path: '/count',
      fields: [PREFIX],
      success: { status: 200, body: '{"count":0}' },
      meaning: 'Counts keys.',
    }),
  ]
}

function writeRoutes(noun: Noun): Route[] {
  const ttl: Field = {
    name: 'ttl_ms',
    type: 'ttl',
    required: false,
    meaning: `Time to live in milliseconds, 1 or more. ${TTL_DEFAULTS[noun]}`,
  }
  const expiry: Field = {
    name: 'ttl_ms',
    type: 'expiry',
    required: true,
    meaning: 'Time to live from now in milliseconds, 1 or more; null: it never expires.',
  }
  const thing = THING[noun]
  return [
    route(noun, WRITE, {
      name: 'set',
      path: '/set',
      fields: [KEY, VALUE, ttl],
      errors: [FULL[noun]],
      meaning: `Creates or replaces a ${thing}.`,
    }),
    route(noun, WRITE, {
      name: 'setnx',
      path: '/setnx',
      fields: [KEY, VALUE, ttl],
      errors: ['KEY_EXISTS', FULL[noun]],
      meaning: `Creates a ${thing} unless the key exists.`,
    }),
    route(noun, WRITE, {
      name: 'cas',
      path: '/cas',
      fields: [KEY, OLD_VALUE, REVISION, NEW_VALUE, ttl],
      errors: ['CAS_MISMATCH', 'CAS_KEY_MISSING', 'REVISION_MISMATCH', FULL[noun]],
      meaning: `Replaces a ${thing} if it still is what the caller thinks. By revision, 409 has the present one in \`X-Insi-Revision\`.`,
    }),
    ...(noun === 'value' ? [bump()] : []),
    route(noun, WRITE, {
      name: 'expire',
      path: '/expire',
      fields: [KEY, expiry],
      errors: ['KEY_NOT_FOUND'],
      meaning: 'Changes when a key expires, which gives it a new revision.',
    }),
    route(noun, WRITE, {
      name: 'delete',
      path: '/delete',
      fields: [KEY],
      meaning: 'Removes a key; succeeds when there is none.',
    }),
    route(noun, WRITE, {
      name: 'deleteRange',
      path: '/delete/range',
      fields: [
        { ...PREFIX, required: true, meaning: 'What the keys begin with; not empty. One trailing * is ignored.' },
      ],
      success: { status: 200, body: '{"removed":0,"done":true}' },
      meaning:
        'Removes the keys with a prefix in steps of 1000, each of them atomic. `done` is false when it stopped after a million: call again.',
    }),
  ]
}

function bump(): Route {
  return route('value', WRITE, {
    name: 'bump',
    path: '/bump',
    fields: [KEY, INCREMENT, FLOOR],
    success: { status: 200, body: '{"data":"<new value>"}' },
    errors: ['NOT_AN_INTEGER', 'INVALID_INCREMENT', 'INTEGER_OVERFLOW', 'DISK_LIMIT_EXCEEDED'],
    meaning: 'Adds to a number; a missing key counts as 0, and the expiry stays.',
  })
}

function watch(noun: Noun): Route {
  const input: RouteInput = {
    name: 'watch',
    path: '/watch',
    kind: 'node',
    stream: true,
    fields: [
      PREFIX,
      {
        name: 'since',
        type: 'revision',
        required: false,
        meaning: 'A revision: begin right after it, such as the `as_of` of a list. Absent: with the next change.',
      },
    ],
    success: { status: 101, body: 'a WebSocket, or 200 with an event stream for Accept: text/event-stream' },
    errors: ['WATCH_TOO_OLD', 'UPGRADE_REQUIRED', 'ORIGIN_NOT_ALLOWED', 'TOO_MANY_CONNECTIONS'],
    meaning: 'Delivers the changes of keys as they are applied; see "Watching keys".',
  }
  return route(noun, ['GET'], input)
}

const OPERATION_RESULT = '{"ok":true,"revision":12}'

function operations(name: string, required: boolean, meaning: string): Field {
  return { name, type: 'operations', required, meaning }
}

const TRANSACTION_ROUTES: readonly Route[] = [
  {
    ...route('value', WRITE, { name: 'batch', path: '/batch', meaning: '' }),
    name: 'batch',
    fields: [operations('operations', true, '1 to 1024 operations; see "Operations".')],
    success: {
      status: 200,
      body: `{"results":[${OPERATION_RESULT},{"ok":false,"error_type":"KEY_EXISTS","message":"…"}]}`,
    },
    meaning: 'Carries out operations in order and in one commit, each for itself: one that is refused stops no other.',
  },
  {
    ...route('value', WRITE, { name: 'txn', path: '/txn', meaning: '' }),
    name: 'txn',
    fields: [
      {
        name: 'compare',
        type: 'comparisons',
        required: false,
        meaning: 'Up to 128 comparisons; see "Operations". None: they hold.',
      },
      operations('then', false, 'Up to 128 operations for when every comparison holds; see "Operations".'),
      operations('else', false, 'Up to 128 operations for when one does not.'),
    ],
    success: { status: 200, body: `{"succeeded":true,"revision":12,"results":[${OPERATION_RESULT}]}` },
    errors: [
      'KEY_NOT_FOUND',
      'KEY_EXISTS',
      'CAS_MISMATCH',
      'CAS_KEY_MISSING',
      'REVISION_MISMATCH',
      'NOT_AN_INTEGER',
      'INVALID_INCREMENT',
      'INTEGER_OVERFLOW',
      'INVALID_TOPIC',
      'DISK_LIMIT_EXCEEDED',
      'MEMORY_LIMIT_EXCEEDED',
      'EVENTS_LIMIT_EXCEEDED',
    ],
    meaning:
      'Compares, then carries out one of two lists of operations: all of it or nothing. When an operation is refused, the whole ' +
      'is refused with its code, and the message names its place.',
  },
]

export const DATA_ROUTES: readonly Route[] = [
  ...(['value', 'cache'] as const).flatMap((noun) => [...readRoutes(noun), ...writeRoutes(noun), watch(noun)]),
  ...TRANSACTION_ROUTES,
]
