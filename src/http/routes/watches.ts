// The routes that watch keys: by a WebSocket or an event stream, like subscriptions.
import type { Clock } from '../../base/clock.ts'
import { insiError } from '../../contract/errors.ts'
import type { WatchService } from '../../services/watches.ts'
import type { Space } from '../../state/commands.ts'
import type { RequestContext } from '../context.ts'
import type { Handlers } from '../endpoints.ts'
import { checkHandshake, checkOrigin, upgradeRequired, wantsEventStream } from '../event-handshake.ts'
import type { EventSockets } from '../event-sockets.ts'
import { acceptStream } from '../event-stream.ts'
import { prefixField, revisionField } from '../field-types.ts'
import { queryFields } from '../fields.ts'
import { callerOf } from '../middleware/authenticate.ts'
import { queryOf } from '../query.ts'
import { PARAMETER_WORDS } from './words.ts'

export interface WatchHandlerDeps {
  readonly clock: Clock
  readonly watches: WatchService
  /** Of the listener that the routes are on. */
  readonly sockets: () => EventSockets
}

export interface WatchHandlerOptions {
  readonly allowedOrigins: readonly string[]
}

const REVISION = /^\d{1,15}$/

export function watchHandlers(deps: WatchHandlerDeps, options: WatchHandlerOptions): Handlers {
  return {
    'value.watch': (ctx) => watch(ctx, 'value', deps, options),
    'cache.watch': (ctx) => watch(ctx, 'cache', deps, options),
  }
}

async function watch(
  ctx: RequestContext,
  space: Space,
  { clock, watches, sockets }: WatchHandlerDeps,
  { allowedOrigins }: WatchHandlerOptions,
): Promise<void> {
  const isSocket = sockets().isUpgrade(ctx)
  if (isSocket) checkHandshake(ctx.req)
  else if (!wantsEventStream(ctx.req)) throw upgradeRequired()
  checkOrigin(ctx.req, allowedOrigins)
  const query = queryOf(ctx.req.url ?? '')
  const fields = queryFields(query, PARAMETER_WORDS)
  const since = (isSocket ? undefined : lastEventId(ctx)) ?? revisionField(fields, 'since') ?? null
  const admission = await watches.admit(callerOf(ctx), { space, prefix: prefixField(fields), since })
  const attach = admission.attach.bind(admission)
  if (isSocket ? sockets().accept(ctx, attach) : acceptStream(ctx, clock, attach)) return
  admission.cancel()
  ctx.res.destroy()
}

/** What an event stream's client says when it comes back. */
function lastEventId(ctx: RequestContext): number | undefined {
  const header = ctx.req.headers['last-event-id']
  if (header === undefined || header === '') return undefined
  if (typeof header === 'string' && REVISION.test(header)) return Number(header)
  throw insiError('INVALID_PARAMETER', 'Invalid Last-Event-ID header: must be a revision')
}
