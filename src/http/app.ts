// The Koa application of one listener: the way of a request, in order.
import type { RequestListener } from 'node:http'
import Koa from 'koa'
import type { Clock } from '../base/clock.ts'
import { messageOf } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { KeyService } from '../services/keys.ts'
import type { OperationsService } from '../services/operations.ts'
import type { AddressLimiter } from '../services/rates/addresses.ts'
import type { RateLimiter } from '../services/rates/limiter.ts'
import type { AccessLog } from './access-log.ts'
import type { Middleware, NodeFacts, RequestContext, RequestState } from './context.ts'
import { authenticate } from './middleware/authenticate.ts'
import { begin } from './middleware/begin.ts'
import type { RequestIds } from './middleware/begin.ts'
import { readBody } from './middleware/body.ts'
import { countOperation } from './middleware/count-operation.ts'
import { errors } from './middleware/errors.ts'
import { filterAddress } from './middleware/filter-address.ts'
import type { AddressFilterOptions } from './middleware/filter-address.ts'
import { findEndpoint } from './middleware/find-endpoint.ts'
import type { PathEndpoints } from './middleware/find-endpoint.ts'
import { limitAddress } from './middleware/limit-address.ts'
import { limitKey } from './middleware/limit-key.ts'
import { observe } from './middleware/observe.ts'
import type { RequestObserver } from './middleware/observe.ts'

export interface AppDeps {
  readonly clock: Clock
  readonly log: Log
  readonly accessLog: AccessLog
  readonly observer: RequestObserver
  readonly keys: KeyService
  readonly addresses: AddressLimiter
  readonly rates: RateLimiter
  readonly operations: OperationsService
  readonly node: NodeFacts
  readonly ids: RequestIds
}

export interface AppOptions {
  readonly endpoints: ReadonlyMap<string, PathEndpoints>
  readonly addressFilter: AddressFilterOptions
}

/**
 * Koa without its own response: every answer leaves through answers.ts, so what Koa prepares for one (a status, listeners
 * for the end of the response, a respond step) would cost each request and never be used.
 */
export class App extends Koa<RequestState> {
  /** The callback for a node server. */
  listener(): RequestListener {
    const callback = this.callback()
    return (request, response) => void callback(request, response)
  }

  async handleRequest(ctx: RequestContext, run: (ctx: RequestContext) => Promise<void>): Promise<void> {
    ctx.respond = false
    try {
      await run(ctx)
    } catch (error) {
      // The middleware answers all errors; one that comes out of it has no answer to give.
      this.emit('error', error, ctx)
      ctx.res.destroy()
    }
  }
}

/** The order matters: what is cheap and refuses most comes first, and no body is read for an unknown caller. */
export function createApp(deps: AppDeps, options: AppOptions): App {
  const app = new App()
  app.on('error', (error: unknown) => deps.log.error({ reason: messageOf(error) }, 'request ended without an answer'))
  app.use(begin(deps))
  app.use(observe(deps))
  app.use(errors(deps))
  app.use(findEndpoint(options.endpoints))
  app.use(filterAddress(options.addressFilter))
  app.use(limitAddress(deps, options.addressFilter.trustedProxies))
  app.use(countOperation(deps))
  app.use(authenticate(deps))
  app.use(limitKey(deps))
  app.use(readBody())
  app.use(handle)
  return app
}

const handle: Middleware = async (ctx) => {
  ctx.state.trace?.enter('parse')
  await ctx.state.endpoint?.handle(ctx)
}
