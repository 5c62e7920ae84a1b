// What the table of routes (routes.ts) says about each route.
import type { ErrorCode } from './errors.ts'

export const API_PREFIX = '/db/api/v1'

/** Of answers that are bytes. */
export const BINARY_CONTENT_TYPE = 'application/octet-stream'

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE'

/** `ops` routes need no key; they are on the private listener and on the ops listener when one is configured. */
export type Listener = 'public' | 'private' | 'ops'

/** `any`: a tenant, alias or root key. */
type Auth = 'none' | 'any' | 'root'

/** Which limit on requests per second of the key counts the request. */
type KeyLimiter = 'data' | 'events' | 'none'

/** Which limit per client address counts the request. */
type AddressLimiter = 'values' | 'cache' | 'events' | 'system' | 'none'

/**
 * What a field holds. On the wire all are strings but `offset`, `count`, `ttl` and `revision` (integers; text in a query),
 * `floor` and `expiry` (an integer or null), `flag` (a boolean; text in a query), `limits` (an object), `operations` and
 * `comparisons` (arrays of objects), and `json` (anything).
 */
export type FieldType =
  | 'key'
  | 'prefix'
  | 'value'
  | 'increment'
  | 'floor'
  | 'offset'
  | 'count'
  | 'name'
  | 'token'
  | 'topic'
  | 'member'
  | 'address'
  | 'duration'
  | 'level'
  | 'limits'
  | 'json'
  | 'ttl'
  | 'expiry'
  | 'flag'
  | 'revision'
  | 'operations'
  | 'comparisons'
  | 'file'
  | 'hash'

export interface Field {
  readonly name: string
  readonly type: FieldType
  readonly required: boolean
  readonly meaning: string
}

export interface Route {
  /** Unique, in words joined by dots. */
  readonly name: string
  readonly path: string
  readonly methods: readonly Method[]
  readonly listener: Listener
  readonly auth: Auth
  readonly keyLimiter: KeyLimiter
  readonly addressLimiter: AddressLimiter
  /** `read`: takes `consistency`; GET has its fields in the query, POST in a JSON body. `write`: a JSON body. `node`: about this node only. */
  readonly kind: 'read' | 'write' | 'node'
  readonly fields: readonly Field[]
  /** Answers with a WebSocket or an event stream; the key may also come in the query or in a subprotocol. */
  readonly stream?: true
  /** Content type of the answer when it is neither JSON nor text. */
  readonly produces?: string
  readonly success: { readonly status: number; readonly body: string }
  /** Codes beyond those that every route of its kind can answer. */
  readonly errors: readonly ErrorCode[]
  readonly meaning: string
}

/** What `consistency` of a read may be; the first is the default. */
export const CONSISTENCY_MODES = ['linearizable', 'local'] as const
export type Consistency = (typeof CONSISTENCY_MODES)[number]
