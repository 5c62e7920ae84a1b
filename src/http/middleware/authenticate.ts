// Who asks: the token of the Authorization header, raw or after `Bearer `; for streams also of the query or a subprotocol.
import { InsiError } from '../../base/errors.ts'
import { insiError } from '../../contract/errors.ts'
import type { Caller } from '../../services/caller.ts'
import type { KeyService } from '../../services/keys.ts'
import type { Middleware, RequestContext } from '../context.ts'
import { streamToken } from '../event-handshake.ts'

const BEARER = 'Bearer '
const PING = 'ping'
/** Clients look for its beginning. Whoever opens a stream in a browser for the first time has no header to put the key into. */
const STREAM_TOKEN_INVALID = 'Invalid or missing token'
const STREAM_TOKEN_MISSING = `${STREAM_TOKEN_INVALID}: where no header can be set, as in a browser, append &token=KEY to the address`

export function authenticate(deps: { readonly keys: KeyService }): Middleware {
  return (ctx, next) => {
    const auth = ctx.state.endpoint?.route.auth
    if (auth === 'none') return next()
    ctx.state.trace?.enter('auth')
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
  try {
    return keys.authenticate(presentedToken(ctx))
  } catch (error) {
    return refuse(ctx, error)
  }
}

/** The token of a request, unchecked. */
export function presentedToken(ctx: RequestContext): string | undefined {
  const header = ctx.req.headers.authorization
  if (header !== undefined) return header.startsWith(BEARER) ? header.slice(BEARER.length) : header
  // A browser cannot set headers of a WebSocket.
  return ctx.state.endpoint?.route.stream === true ? streamToken(ctx.req) : undefined
}

function presentedNone(ctx: RequestContext): boolean {
  try {
    return (presentedToken(ctx) ?? '') === ''
  } catch {
    return false
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
  if (ctx.state.endpoint?.route.stream === true) {
    throw insiError('AUTHENTICATION_FAILED', presentedNone(ctx) ? STREAM_TOKEN_MISSING : STREAM_TOKEN_INVALID)
  }
  throw insiError('AUTHENTICATION_FAILED', 'Unauthorized: invalid or missing API key.')
}
