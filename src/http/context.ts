// What a request carries from middleware to middleware, and the shape of a handler.
import type Koa from 'koa'
import type { Route } from '../contract/route.ts'
import type { RequestTrace } from '../base/request-trace.ts'
import type { Consistency } from '../contract/route.ts'
import type { Caller } from '../services/caller.ts'

/** What every answer says about the node that gives it. */
export interface NodeFacts {
  readonly nodeId: string
  term(): number
  appliedIndex(): number
}

export interface RequestState {
  requestId: string
  /** Monotonic time of arrival. */
  startedMs: number
  node: NodeFacts
  /** Set once the path and method are known to have one. */
  endpoint: Endpoint | null
  /** Set by authenticate, for routes that need a key. */
  caller: Caller | null
  /** The body as it arrived; empty unless the route has fields. */
  body: Buffer
  /** How a read was made, for the answer's header. */
  read: Consistency | null
  /** Where the time goes; null unless the client asks. */
  trace: RequestTrace | null
}

export type RequestContext = Koa.ParameterizedContext<RequestState>
type Next = () => Promise<void>
export type Middleware = (ctx: RequestContext, next: Next) => Promise<void>

/** Answers the request through answers.ts, or throws an InsiError. */
export type Handler = (ctx: RequestContext) => Promise<void> | void

/** A route of the table with its handler. */
export interface Endpoint {
  readonly route: Route
  readonly handle: Handler
  /** Largest body that is read, in bytes; 0 when the route has no fields. */
  readonly bodyBytesMax: number
}
