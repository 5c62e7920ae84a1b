// The table of HTTP routes: the server builds its listeners from it, the client its calls, docs/API.md and the bad-input test
// their lists. A route that is not here does not exist.
import { DATA_ROUTES } from './data-routes.ts'
import { CLUSTER_ROUTES } from './cluster-routes.ts'
import { EVENT_ROUTES } from './event-routes.ts'
import { API_PREFIX } from './route.ts'
import type { Field, Method, Route } from './route.ts'

const OFFSET: Field = { name: 'offset', type: 'offset', required: false, meaning: 'How many to skip. Default 0.' }
const LIMIT: Field = {
  name: 'limit',
  type: 'count',
  required: false,
  meaning: 'The most to return: default 100 (also for 0), at most 10000.',
}

const EMPTY = { status: 200, body: '' }
const READ: readonly Method[] = ['GET', 'POST']
const WRITE: readonly Method[] = ['POST']

type RouteInput = Pick<Route, 'name' | 'path' | 'meaning'> & Partial<Route>

function route(defaults: Omit<Route, 'name' | 'path' | 'meaning'>, input: RouteInput): Route {
  return { ...defaults, ...input, path: API_PREFIX + input.path }
}

function system(kind: 'read' | 'write' | 'node', input: RouteInput): Route {
  const methods = kind === 'write' ? WRITE : READ
  return route(
    {
      methods,
      listener: 'public',
      auth: 'any',
      keyLimiter: 'none',
      addressLimiter: 'system',
      kind,
      fields: [],
      success: EMPTY,
      errors: [],
    },
    input,
  )
}

function admin(kind: 'read' | 'write', input: RouteInput): Route {
  return { ...system(kind, input), listener: 'private', auth: 'root' }
}

function ops(input: Omit<RouteInput, 'success'> & { readonly body: string }): Route {
  return {
    name: input.name,
    path: input.path,
    meaning: input.meaning,
    methods: ['GET'],
    listener: 'ops',
    auth: 'none',
    keyLimiter: 'none',
    addressLimiter: 'none',
    kind: 'node',
    fields: [],
    success: { status: 200, body: input.body },
    errors: [],
  }
}

const LIMITS_BODY =
  '{"usage":{"bytes_on_disk":0,"bytes_in_memory":0,"events_emitted":0,"subscribers":0},"max_limits":{"bytes_on_disk":0,' +
  '"bytes_in_memory":0,"events_emitted":0,"subscribers":0,"rate_per_second_data_limit":0,"rate_per_second_event_limit":0}}'
const ENTITY_BODY =
  '{"root_api_key":"insi_…","aliases":["insi_…"],"data_scope_uuid":"…","key_uuid":"…","status":"active","usage":{"usage":{…},"max_limits":{…}}}'

const SYSTEM_ROUTES: readonly Route[] = [
  system('node', {
    name: 'ping',
    path: '/ping',
    success: {
      status: 200,
      body: '{"entity":"root","leader":"127.0.0.1:7000","node-badge-id":"<uuid>","status":"ok","uptime":"2m53.8s"}',
    },
    meaning: 'Checks a key and says who answers. All values are strings.',
  }),
  system('read', {
    name: 'limits',
    path: '/limits',
    success: { status: 200, body: LIMITS_BODY },
    meaning: 'Usage and limits of the caller. A limit that is absent is unlimited.',
  }),
  system('write', {
    name: 'alias.set',
    path: '/alias/set',
    methods: ['GET', 'POST'],
    success: { status: 200, body: '{"alias":"insi_…"}' },
    errors: ['ALIAS_OF_ROOT', 'ALIAS_OF_ALIAS', 'ALIAS_LIMIT_REACHED'],
    meaning: 'Makes a further key of the caller; it shares data and limits.',
  }),
  system('write', {
    name: 'alias.delete',
    path: '/alias/delete',
    fields: [{ name: 'alias', type: 'token', required: true, meaning: 'The alias token.' }],
    success: { status: 200, body: '{"status":"ok"}' },
    errors: ['ALIAS_DELETE_BY_ALIAS', 'ALIAS_NOT_OWNED', 'ALIAS_NOT_FOUND'],
    meaning: 'Removes an alias of the caller.',
  }),
  system('read', {
    name: 'alias.list',
    path: '/alias/list',
    success: { status: 200, body: '{"aliases":["insi_…"]}, or {"aliases":null} when there is none' },
    meaning: 'Lists the aliases of the caller, or of the parent of an alias.',
  }),
]

const ADMIN_ROUTES: readonly Route[] = [
  admin('write', {
    name: 'admin.api.create',
    path: '/admin/api/create',
    fields: [
      {
        name: 'key_name',
        type: 'name',
        required: true,
        meaning: '1 to 128 characters after trimming; need not be unique.',
      },
    ],
    success: { status: 200, body: '{"key_name":"<as given>","key":"insi_…"}' },
    errors: ['INVALID_NAME'],
    meaning: 'Creates an entity with its key.',
  }),
  admin('write', {
    name: 'admin.api.delete',
    path: '/admin/api/delete',
    fields: [
      {
        name: 'key',
        type: 'token',
        required: true,
        meaning: 'The token of the entity, or of an alias to remove that alias alone.',
      },
    ],
    success: { status: 200, body: '{"success":"true"}' },
    errors: ['INVALID_TARGET_KEY', 'API_KEY_NOT_FOUND'],
    meaning: 'Deletes an entity: its key and aliases stop at once, its data is removed.',
  }),
  admin('read', {
    name: 'admin.limits.get',
    path: '/admin/limits/get',
    fields: [
      {
        name: 'api_key',
        type: 'token',
        required: true,
        meaning: 'Whose limits: a token, an alias token or the root key.',
      },
    ],
    success: { status: 200, body: LIMITS_BODY },
    errors: ['INVALID_TARGET_KEY', 'API_KEY_NOT_FOUND'],
    meaning: 'Usage and limits of any key.',
  }),
  admin('write', {
    name: 'admin.limits.set',
    path: '/admin/limits/set',
    fields: [
      {
        name: 'api_key',
        type: 'token',
        required: true,
        meaning: 'Whose limits: a token, an alias token or the root key.',
      },
      {
        name: 'limits',
        type: 'limits',
        required: true,
        meaning: 'The limits to change; absent members stay as they are.',
      },
    ],
    success: { status: 200, body: '{"status":"ok"}' },
    errors: ['INVALID_TARGET_KEY', 'API_KEY_NOT_FOUND', 'INVALID_LIMITS'],
    meaning: 'Changes limits at once.',
  }),
  admin('read', {
    name: 'admin.insight.entity',
    path: '/admin/insight/entity',
    fields: [{ name: 'root_api_key', type: 'token', required: true, meaning: 'The token of the entity.' }],
    success: { status: 200, body: `{"entity":${ENTITY_BODY}}` },
    errors: ['API_KEY_NOT_FOUND', 'KEY_IS_ALIAS'],
    meaning: 'One entity by its token.',
  }),
  admin('read', {
    name: 'admin.insight.entities',
    path: '/admin/insight/entities',
    fields: [OFFSET, { ...LIMIT, meaning: 'The most to return; 0 or absent means all, at most 10000.' }],
    success: { status: 200, body: `{"entities":[${ENTITY_BODY}]}, or {"entities":null} when there is none` },
    meaning:
      'Entities by key UUID; root is not listed. One with the status `deleting` is there, with what is left of its usage, until its ' +
      'data is gone.',
  }),
  admin('read', {
    name: 'admin.insight.entityByAlias',
    path: '/admin/insight/entity_by_alias',
    fields: [{ name: 'alias', type: 'token', required: true, meaning: 'An alias token.' }],
    success: { status: 200, body: `{"entity":${ENTITY_BODY}}` },
    errors: ['ALIAS_NOT_FOUND'],
    meaning: 'The entity that an alias belongs to.',
  }),
  {
    ...admin('read', {
      name: 'admin.metrics.ops',
      path: '/admin/metrics/ops',
      success: {
        status: 200,
        body: '{"op_vs":0,"op_cache":0,"op_events":0,"op_subscribers":0,"op_blobs":0,"op_system":0}',
      },
      meaning: 'Operations a second of the whole cluster, over the last second.',
    }),
    kind: 'node',
  },
]

const LEVEL_BODY = '{"node_id":"node0","level":"info"}'
const LOG_ROUTES: readonly Route[] = [
  {
    ...admin('read', {
      name: 'admin.log.get',
      path: '/admin/log/get',
      success: { status: 200, body: LEVEL_BODY },
      meaning: 'How much this node logs.',
    }),
    kind: 'node',
  },
  {
    ...admin('write', {
      name: 'admin.log.set',
      path: '/admin/log/set',
      fields: [{ name: 'level', type: 'level', required: true, meaning: '`debug`, `info`, `warn` or `error`.' }],
      success: { status: 200, body: LEVEL_BODY },
      meaning: 'Changes how much this node logs, until it stops.',
    }),
    kind: 'node',
  },
]

const OVERVIEW_ROUTES: readonly Route[] = [
  {
    ...admin('read', {
      name: 'admin.overview',
      path: '/admin/overview',
      success: {
        status: 200,
        body: '{"node_id":"node0","version":"<release>","cluster":{…},"operations":{…},"entities":{…},"history":[{"time":"<ISO 8601>","type":"leader","term":2,"text":"node0 leads"}]}',
      },
      meaning:
        'All that the status page shows: `cluster` as `cluster/status` says it (null without a leader), `operations` a second, what entities ' +
        'use together and which use the most, and what became of leadership and membership since this node started.',
    }),
    kind: 'node',
  },
  {
    ...ops({
      name: 'page.status',
      path: '/',
      body: 'a page that asks for the root key',
      meaning: 'The status page for browsers: nodes, usage and history, live.',
    }),
    listener: 'private',
  },
]

const OPS_ROUTES: readonly Route[] = [
  ops({
    name: 'ops.livez',
    path: '/livez',
    body: 'ok',
    meaning: 'The process answers, and its disk has within 30 s; else 503. Never looks at peers.',
  }),
  ops({
    name: 'ops.readyz',
    path: '/readyz',
    body: 'ok; with ?verbose one line a check',
    meaning:
      '200 when the node knows a leader and is caught up, with some seconds of grace during an election; else 503.',
  }),
  ops({ name: 'ops.startupz', path: '/startupz', body: 'ok', meaning: '200 once the node has been ready, else 503.' }),
  ops({
    name: 'ops.metrics',
    path: '/metrics',
    body: 'Prometheus text format',
    meaning: 'Every series of the node, but those of single keys.',
  }),
  ops({
    name: 'ops.metricsEntities',
    path: '/metrics/entities',
    body: 'Prometheus text format',
    meaning:
      'Series of the keys that use the most, and of all others together. Served when `metrics.entities` is set, else 404.',
  }),
  ops({
    name: 'ops.version',
    path: '/version',
    body: '{"name":"insi","version":"<release>","node":"<runtime>"}',
    meaning: 'What runs.',
  }),
]

const OPENAPI_BODY = '{"openapi":"3.1.0",…}'
const OPENAPI_ROUTES: readonly Route[] = [
  {
    ...ops({ name: 'openapi.public', path: '/openapi.json', body: OPENAPI_BODY, meaning: '' }),
    listener: 'public',
    addressLimiter: 'system',
    meaning: 'This reference as OpenAPI 3.1: the routes of the public listener.',
  },
  ops({
    name: 'openapi.all',
    path: '/openapi.json',
    body: OPENAPI_BODY,
    meaning: 'This reference as OpenAPI 3.1: the routes of all listeners.',
  }),
]

export const ROUTES: readonly Route[] = [
  ...DATA_ROUTES,
  ...EVENT_ROUTES,
  ...SYSTEM_ROUTES,
  ...ADMIN_ROUTES,
  ...LOG_ROUTES,
  ...OVERVIEW_ROUTES,
  ...CLUSTER_ROUTES,
  ...OPS_ROUTES,
  ...OPENAPI_ROUTES,
]
