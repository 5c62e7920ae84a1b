// The routes of aliases.
import type { AliasService } from '../../services/aliases.ts'
import { sendJson } from '../answers.ts'
import type { Handlers } from '../endpoints.ts'
import { consistencyOf, tokenField } from '../field-types.ts'
import { bodyFields, readFields } from '../fields.ts'
import { callerOf } from '../middleware/authenticate.ts'
import { PARAMETER_WORDS, REQUEST_WORDS } from './words.ts'

export function aliasHandlers(aliases: AliasService): Handlers {
  return {
    'alias.set': async (ctx) => {
      sendJson(ctx, JSON.stringify({ alias: await aliases.create(callerOf(ctx)) }))
    },
    'alias.delete': async (ctx) => {
      await aliases.delete(callerOf(ctx), tokenField(bodyFields(ctx, REQUEST_WORDS), 'alias'))
      sendJson(ctx, '{"status":"ok"}')
    },
    'alias.list': async (ctx) => {
      const consistency = consistencyOf(ctx, readFields(ctx, PARAMETER_WORDS))
      const tokens = await aliases.list(callerOf(ctx), consistency)
      sendJson(ctx, JSON.stringify({ aliases: tokens.length === 0 ? null : tokens }))
    },
  }
}
