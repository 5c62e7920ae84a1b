// Turns whatever the rest throws into an answer, and logs the details that a 500 hides.
import type { Log } from '../../base/log.ts'
import { sendErrorJson } from '../answers.ts'
import type { Middleware } from '../context.ts'
import { errorAnswer } from '../error-answer.ts'
import { RequestAborted } from './body.ts'

const INTERNAL_ERROR = 500
const CLIENT_CLOSED_REQUEST = 499

export function errors(deps: { readonly log: Log }): Middleware {
  return async (ctx, next) => {
    try {
      await next()
    } catch (error) {
      if (error instanceof RequestAborted) {
        // Nobody reads it; the metrics must not count it as a success.
        ctx.res.statusCode = CLIENT_CLOSED_REQUEST
        return
      }
      const { status, headers, body } = errorAnswer(error)
      if (status === INTERNAL_ERROR) {
        const { requestId, endpoint } = ctx.state
        deps.log.error({ requestId, route: endpoint?.route.name, err: error }, 'request met an internal error')
      }
      sendErrorJson(ctx, status, JSON.stringify({ ...body, request_id: ctx.state.requestId }), headers)
    }
  }
}
