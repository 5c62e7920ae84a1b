// The start of every request: its id and its state.
import type { Clock } from '../../base/clock.ts'
import { RequestTrace, runTraced } from '../../base/request-trace.ts'
import { REQUEST_ID_CHARS_MAX } from '../../contract/limits.ts'
import type { Middleware, NodeFacts, RequestContext, RequestState } from '../context.ts'
import { queryOf, queryValue } from '../query.ts'

const SANE_REQUEST_ID = /^[A-Za-z0-9._:/+=@-]+$/
const NO_BODY = Buffer.alloc(0)
const RADIX = 36

/** By header or query: both are free to send with any request. */
const EXPLAIN_HEADER = 'x-insi-explain'
const EXPLAIN_QUERY = 'explain'
const EXPLAIN_ON = '1'

/** Request ids of one process: a random prefix, so that two nodes never make the same, and a counter. */
export class RequestIds {
  readonly #prefix: string
  #count = 0

  constructor(prefix: string) {
    this.#prefix = prefix
  }

  next(): string {
    this.#count += 1
    return `${this.#prefix}-${this.#count.toString(RADIX)}`
  }
}

/** Takes over a sane X-Request-Id, or makes one, and sets up the state of the request. */
export function begin(deps: { readonly clock: Clock; readonly node: NodeFacts; readonly ids: RequestIds }): Middleware {
  return (ctx, next) => {
    const given = ctx.req.headers['x-request-id']
    const state: RequestState = {
      requestId: typeof given === 'string' && isSane(given) ? given : deps.ids.next(),
      startedMs: deps.clock.monotonicMs(),
      node: deps.node,
      endpoint: null,
      caller: null,
      body: NO_BODY,
      read: null,
      trace: null,
    }
    ctx.state = state
    if (!wantsTrace(ctx)) return next()
    state.trace = new RequestTrace(deps.clock, 'route', state.startedMs)
    return runTraced(state.trace, next)
  }
}

function wantsTrace({ req }: RequestContext): boolean {
  if (req.headers[EXPLAIN_HEADER] === EXPLAIN_ON) return true
  const { url = '' } = req
  if (!url.includes(EXPLAIN_QUERY)) return false
  try {
    return queryValue(queryOf(url), EXPLAIN_QUERY) === EXPLAIN_ON
  } catch {
    return false
  }
}

function isSane(id: string): boolean {
  return id.length <= REQUEST_ID_CHARS_MAX && SANE_REQUEST_ID.test(id)
}
