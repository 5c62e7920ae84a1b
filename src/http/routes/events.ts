// The routes of events.
import type { Clock } from '../../base/clock.ts'
import { insiError } from '../../contract/errors.ts'
import type { EventService } from '../../services/events.ts'
import { sendEmpty, sendJson } from '../answers.ts'
import type { RequestContext } from '../context.ts'
import type { Handlers } from '../endpoints.ts'
import { checkHandshake, checkOrigin, upgradeRequired, wantsEventStream } from '../event-handshake.ts'
import type { EventSockets } from '../event-sockets.ts'
import { acceptStream } from '../event-stream.ts'
import { topicField } from '../field-types.ts'
import { bodyFields, queryFields, queryText } from '../fields.ts'
import { callerOf } from '../middleware/authenticate.ts'
import { eventDataField } from '../operation-fields.ts'
import { queryOf } from '../query.ts'
import { PARAMETER_WORDS, payloadWords } from './words.ts'

export interface EventHandlerDeps {
  readonly clock: Clock
  readonly events: EventService
  /** Of the listener that the routes are on. */
  readonly sockets: () => EventSockets
}

export interface EventHandlerOptions {
  readonly valueSizeBytesMax: number
  readonly allowedOrigins: readonly string[]
}

const PUBLISH = payloadWords('events')
const OK = 200
const EVENT_ID = /^\d{1,16}$/

export function eventHandlers(deps: EventHandlerDeps, options: EventHandlerOptions): Handlers {
  const { events } = deps
  return {
    'event.publish': async (ctx) => {
      const fields = bodyFields(ctx, PUBLISH)
      const topic = topicField(fields)
      const data = eventDataField(fields, options.valueSizeBytesMax)
      const eventId = await events.publish(callerOf(ctx), { topic, data })
      sendEmpty(ctx, OK, ['X-Insi-Event-Id', String(eventId)])
    },
    'event.subscribe': (ctx) => subscribe(ctx, deps, options),
    'event.purge': (ctx) => {
      const caller = callerOf(ctx)
      const count = events.purge(caller)
      sendJson(ctx, JSON.stringify({ success: true, key_uuid: caller.keyUuid, disconnected_sessions: count }))
    },
    'event.shake': async (ctx) => {
      const count = await events.shake(callerOf(ctx))
      sendJson(ctx, JSON.stringify({ success: true, disconnected_sessions: count }))
    },
  }
}

async function subscribe(ctx: RequestContext, deps: EventHandlerDeps, options: EventHandlerOptions): Promise<void> {
  const { clock, events } = deps
  const sockets = deps.sockets()
  const isSocket = sockets.isUpgrade(ctx)
  if (isSocket) checkHandshake(ctx.req)
  else if (!wantsEventStream(ctx.req)) throw upgradeRequired()
  checkOrigin(ctx.req, options.allowedOrigins)
  const admission = await events.admit(callerOf(ctx), { topic: topicOf(ctx), since: sinceOf(ctx, isSocket) })
  const attach = admission.attach.bind(admission)
  const { beginsAfter } = admission
  if (isSocket ? sockets.accept(ctx, attach, beginsAfter) : acceptStream(ctx, clock, attach, beginsAfter)) return
  admission.cancel()
  ctx.res.destroy()
}

function topicOf(ctx: RequestContext): string {
  const query = queryOf(ctx.req.url ?? '')
  const topic = topicField(queryFields(query, PARAMETER_WORDS))
  if (topic === '') throw insiError('MISSING_FIELD', 'Missing topic')
  return topic
}

/** `since`, or what an event stream's client says when it comes back. */
function sinceOf(ctx: RequestContext, isSocket: boolean): number | null {
  const lastEventId = isSocket ? undefined : ctx.req.headers['last-event-id']
  const text = typeof lastEventId === 'string' ? lastEventId : queryText(queryOf(ctx.req.url ?? ''), 'since')
  if (text === undefined) return null
  const since = EVENT_ID.test(text) ? Number(text) : Number.NaN
  if (Number.isSafeInteger(since)) return since
  throw insiError('INVALID_PARAMETER', 'Invalid since parameter: must be the id of an event')
}
