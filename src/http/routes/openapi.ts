// The description of the API for programs. It is made once: the table of routes does not change while a node runs.
import { openApiOf } from '../../contract/openapi.ts'
import { ROUTES } from '../../contract/routes.ts'
import { sendJson } from '../answers.ts'
import type { Handlers } from '../endpoints.ts'

export function openApiHandlers(version: string): Handlers {
  const publicRoutes = ROUTES.filter((route) => route.listener === 'public')
  const ofPublic = JSON.stringify(openApiOf(publicRoutes, { version }))
  const ofAll = JSON.stringify(openApiOf(ROUTES, { version }))
  return {
    'openapi.public': (ctx) => sendJson(ctx, ofPublic),
    'openapi.all': (ctx) => sendJson(ctx, ofAll),
  }
}
