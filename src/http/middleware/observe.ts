// The access log and the request metrics. Reads and writes that went well are logged at debug only: at tens of thousands a
// second the log would cost more than the work.
import type { Clock } from '../../base/clock.ts'
import type { Log } from '../../base/log.ts'
import type { Middleware, RequestContext } from '../context.ts'
import { pathOf } from '../query.ts'

/** Where request counts and latencies go. */
export interface RequestObserver {
  /** A request arrived; onRequest() follows. */
  onArrived(): void
  /** `route`: a name of the route table, or `none`. Synchronous and cheap. */
  onRequest(route: string, status: number, durationMs: number): void
}

const NO_ROUTE = 'none'
const SERVER_ERROR = 500

export function observe(deps: {
  readonly clock: Clock
  readonly log: Log
  readonly observer: RequestObserver
  /** Log every request, at debug. Otherwise its line is not even made. */
  readonly logsAll: boolean
}): Middleware {
  return async (ctx, next) => {
    deps.observer.onArrived()
    await next()
    const durationMs = deps.clock.monotonicMs() - ctx.state.startedMs
    deps.observer.onRequest(ctx.state.endpoint?.route.name ?? NO_ROUTE, ctx.res.statusCode, durationMs)
    if (ctx.res.statusCode >= SERVER_ERROR) deps.log.warn(accessFields(ctx, durationMs), 'request failed')
    else if (deps.logsAll) deps.log.debug(accessFields(ctx, durationMs), 'request')
  }
}

/** Never the query, the body or the token: they hold the caller's data. */
function accessFields(ctx: RequestContext, durationMs: number) {
  return {
    requestId: ctx.state.requestId,
    method: ctx.req.method,
    path: pathOf(ctx.req.url ?? ''),
    status: ctx.res.statusCode,
    durationMs: Math.round(durationMs * 1000) / 1000,
    client: ctx.req.socket.remoteAddress,
    key: ctx.state.caller?.presentedKeyUuid,
  }
}
