// Counts requests for the operation rates: those that passed the limit of their address, whether or not their key is good.
import type { Route } from '../../contract/route.ts'
import { ROUTES } from '../../contract/routes.ts'
import type { OperationKind, OperationsService } from '../../services/operations.ts'
import type { Middleware } from '../context.ts'

const SYSTEM_ROUTES = /^(ping|limits|admin\.(api\.delete|limits|insight|metrics)(\..+)?)$/

/** Undefined: not counted. Published events are counted where they are applied. */
function kindOf({ name, addressLimiter }: Route): OperationKind | undefined {
  if (name === 'event.subscribe') return 'subscribers'
  if (name === 'event.purge' || name === 'event.shake') return 'events'
  if (addressLimiter === 'values' || addressLimiter === 'cache') return addressLimiter
  return SYSTEM_ROUTES.test(name) ? 'system' : undefined
}

export function countOperation({ operations }: { readonly operations: OperationsService }): Middleware {
  const kinds = new Map(ROUTES.map((route) => [route.name, kindOf(route)]))
  return (ctx, next) => {
    const kind = kinds.get(ctx.state.endpoint?.route.name ?? '')
    if (kind !== undefined) operations.count(kind)
    return next()
  }
}
