// From the route table and the handlers to what one listener serves. The router holds the declarations; since every path is
// exact, its layers are resolved into a map once, rather than matched at each request.
import { Router } from '@koa/router'
import { assert, must } from '../base/assert.ts'
import { routeBodyBytesMax } from '../contract/body-limit.ts'
import type { Listener } from '../contract/route.ts'
import { ROUTES } from '../contract/routes.ts'
import type { Endpoint, Handler } from './context.ts'
import type { PathEndpoints } from './middleware/find-endpoint.ts'

/** A handler for each route name. */
export type Handlers = Readonly<Record<string, Handler>>

export interface BodyLimits {
  readonly valueSizeBytesMax: number
  /** Bodies are never larger than this, whatever their fields. */
  readonly bodySizeBytesMax: number
}

/** What the listeners in `listeners` serve. Every route of the table must have a handler, and every handler a route. */
export function endpointsFor(
  listeners: readonly Listener[],
  handlers: Handlers,
  limits: BodyLimits,
): ReadonlyMap<string, PathEndpoints> {
  checkComplete(handlers)
  const router = new Router()
  const routes = ROUTES.filter((route) => listeners.includes(route.listener))
  for (const route of routes) {
    router.register(route.path, [...route.methods], () => {}, { name: route.name })
  }
  const endpoints = new Map<string, PathEndpoints>()
  for (const route of routes) {
    const layer = router.route(route.name)
    assert(layer !== false, `route ${route.name} is registered`)
    const endpoint: Endpoint = {
      route,
      handle: must(handlers[route.name], `route ${route.name} has a handler`),
      bodyBytesMax: Math.min(limits.bodySizeBytesMax, routeBodyBytesMax(route, limits.valueSizeBytesMax)),
    }
    const others = endpoints.get(route.path)?.byMethod ?? []
    const byMethod = new Map([...others, ...layer.methods.map((method) => [method, endpoint] as const)])
    endpoints.set(route.path, { byMethod, allow: [...byMethod.keys()].join(', ') })
  }
  return endpoints
}

function checkComplete(handlers: Handlers): void {
  const names = new Set(ROUTES.map((route) => route.name))
  for (const name of names) assert(Object.hasOwn(handlers, name), `route ${name} has no handler`)
  for (const name of Object.keys(handlers)) assert(names.has(name), `handler ${name} has no route`)
}
