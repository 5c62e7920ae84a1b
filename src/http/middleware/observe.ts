// Tells the metrics and the access log what became of each request.
import type { Clock } from '../../base/clock.ts'
import type { AccessLog } from '../access-log.ts'
import type { Middleware } from '../context.ts'

/** Where request counts and latencies go. */
export interface RequestObserver {
  /** A request arrived; onRequest() follows. */
  onArrived(): void
  /** `route`: a name of the route table, or `none`. Synchronous and cheap. */
  onRequest(route: string, status: number, durationMs: number): void
}

const NO_ROUTE = 'none'

export function observe(deps: {
  readonly clock: Clock
  readonly accessLog: AccessLog
  readonly observer: RequestObserver
}): Middleware {
  return async (ctx, next) => {
    deps.observer.onArrived()
    await next()
    const nowMs = deps.clock.monotonicMs()
    const durationMs = nowMs - ctx.state.startedMs
    deps.observer.onRequest(ctx.state.endpoint?.route.name ?? NO_ROUTE, ctx.res.statusCode, durationMs)
    deps.accessLog.note(ctx, durationMs, nowMs)
  }
}
