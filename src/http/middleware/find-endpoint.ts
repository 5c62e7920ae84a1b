// From path and method to the route: one look-up in a map. A path that is not in it is a 404, a method that is not its a 405.
import { insiError } from '../../contract/errors.ts'
import type { Endpoint, Middleware } from '../context.ts'
import { pathOf } from '../query.ts'

/** The endpoint of each method of a path, and what 405 answers. */
export interface PathEndpoints {
  readonly byMethod: ReadonlyMap<string, Endpoint>
  readonly allow: string
}

export function findEndpoint(endpoints: ReadonlyMap<string, PathEndpoints>): Middleware {
  return (ctx, next) => {
    const { url = '', method = '' } = ctx.req
    const path = endpoints.get(pathOf(url))
    if (path === undefined) throw insiError('ROUTE_NOT_FOUND')
    const endpoint = path.byMethod.get(method)
    if (endpoint === undefined) throw insiError('METHOD_NOT_ALLOWED', undefined, { allow: path.allow })
    ctx.state.endpoint = endpoint
    return next()
  }
}
