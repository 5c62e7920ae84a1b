// The description of the API for programs. It is made once, when somebody asks: few do, and its schemas take memory.
import { ROUTES } from '../../contract/routes.ts'
import { sendJson } from '../answers.ts'
import type { Handlers } from '../endpoints.ts'

export function openApiHandlers(version: string): Handlers {
  const documentOf = (routes: typeof ROUTES): (() => Promise<string>) => {
    let document: Promise<string> | null = null
    return () => (document ??= describe(routes, version))
  }
  const ofPublic = documentOf(ROUTES.filter((route) => route.listener === 'public'))
  const ofAll = documentOf(ROUTES)
  return {
    'openapi.public': async (ctx) => sendJson(ctx, await ofPublic()),
    'openapi.all': async (ctx) => sendJson(ctx, await ofAll()),
  }
}

async function describe(routes: typeof ROUTES, version: string): Promise<string> {
  const { openApiOf } = await import('../../contract/openapi.ts')
  return JSON.stringify(openApiOf(routes, { version }))
}
