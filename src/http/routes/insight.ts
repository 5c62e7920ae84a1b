// The routes by which root looks at entities.
import type { EntityInsight, InsightService } from '../../services/insight.ts'
import { sendJson } from '../answers.ts'
import type { Handlers } from '../endpoints.ts'
import { consistencyOf, limitField, offsetField, tokenField } from '../field-types.ts'
import { readFields } from '../fields.ts'
import { callerOf } from '../middleware/authenticate.ts'
import { limitMembers, usageMembers } from './limits.ts'
import { REQUEST_WORDS } from './words.ts'

/** Rates are not part of this answer. */
const RATE_MEMBERS = ['rate_per_second_data_limit', 'rate_per_second_event_limit']

export function insightHandlers(insight: InsightService): Handlers {
  return {
    'admin.insight.entity': async (ctx) => {
      const fields = readFields(ctx, REQUEST_WORDS)
      const token = tokenField(fields, 'root_api_key')
      const entity = await insight.entity(callerOf(ctx), token, consistencyOf(ctx, fields))
      sendJson(ctx, JSON.stringify({ entity: entityMembers(entity) }))
    },
    'admin.insight.entities': async (ctx) => {
      const fields = readFields(ctx, REQUEST_WORDS)
      const page = { offset: offsetField(fields), limit: limitField(fields, 0) }
      const entities = await insight.entities(callerOf(ctx), page, consistencyOf(ctx, fields))
      sendJson(ctx, JSON.stringify({ entities: entities.length === 0 ? null : entities.map(entityMembers) }))
    },
    'admin.insight.entityByAlias': async (ctx) => {
      const fields = readFields(ctx, REQUEST_WORDS)
      const token = tokenField(fields, 'alias')
      const entity = await insight.entityByAlias(callerOf(ctx), token, consistencyOf(ctx, fields))
      sendJson(ctx, JSON.stringify({ entity: entityMembers(entity) }))
    },
  }
}

function entityMembers({ token, aliases, scopeUuid, keyUuid, status, usage, limits }: EntityInsight) {
  const members = Object.entries(limitMembers(limits)).filter(([member]) => !RATE_MEMBERS.includes(member))
  return {
    root_api_key: token,
    aliases,
    data_scope_uuid: scopeUuid,
    key_uuid: keyUuid,
    status,
    usage: { usage: usageMembers(usage), max_limits: Object.fromEntries(members) },
  }
}
