// Who asks: the token of the Authorization header, raw or after `Bearer `.
import { InsiError } from '../../base/errors.ts'
import { insiError } from '../../contract/errors.ts'
import type { Caller } from '../../services/caller.ts'
import type { KeyService } from '../../services/keys.ts'
import type { Middleware, RequestContext } from '../context.ts'

const BEARER = 'Bearer '
const PING = 'ping'

export function authenticate(deps: { readonly keys: KeyService }): Middleware {
  return (ctx, next) => {
    const auth = ctx.state.endpoint?.route.auth
    if (auth === 'none') return next()
    const caller = identify(ctx, deps.keys)
    if (caller instanceof Promise) {
      return caller.then(
        (found) => {
          admit(ctx, found)
          return next()
        },
        (error: unknown) => refuse(ctx, error),
      )
    }
    admit(ctx, caller)
    return next()
  }
}

/** The caller of a request past authentication. */
export function callerOf(ctx: RequestContext): Caller {
  const { caller } = ctx.state
  if (caller === null) throw insiError('AUTHENTICATION_FAILED')
  return caller
}

function identify(ctx: RequestContext, keys: KeyService): Caller | Promise<Caller> {
  const header = ctx.req.headers.authorization
  const token = header?.startsWith(BEARER) === true ? header.slice(BEARER.length) : header
  try {
    return keys.authenticate(token)
  } catch (error) {
    return refuse(ctx, error)
  }
}

function admit(ctx: RequestContext, caller: Caller): void {
  if (ctx.state.endpoint?.route.auth === 'root' && caller.kind !== 'root') throw insiError('ROOT_REQUIRED')
  ctx.state.caller = caller
}

/** Clients of ping look for its own words; all other routes say `Unauthorized`. */
function refuse(ctx: RequestContext, error: unknown): never {
  if (!(error instanceof InsiError) || error.code !== 'AUTHENTICATION_FAILED') throw error
  if (ctx.state.endpoint?.route.name === PING) throw error
  throw insiError('AUTHENTICATION_FAILED', 'Unauthorized: invalid or missing API key.')
}
