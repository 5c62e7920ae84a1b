// The routes of limits and usage.
import type { EntityLimits } from '../../state/commands.ts'
import type { EntityUsage } from '../../state/state-reader.ts'
import type { LimitsService, UsageAndLimits } from '../../services/limits.ts'
import { sendJson } from '../answers.ts'
import type { Handlers } from '../endpoints.ts'
import { consistencyOf, LIMIT_MEMBERS, limitsField, tokenField } from '../field-types.ts'
import { bodyFields, readFields } from '../fields.ts'
import type { FieldWords } from '../fields.ts'
import { callerOf } from '../middleware/authenticate.ts'
import { PARAMETER_WORDS, REQUEST_WORDS } from './words.ts'

const SET_WORDS: FieldWords = {
  ...REQUEST_WORDS,
  missing: (name) => REQUEST_WORDS.missing(name === 'limits' ? 'limits object' : name),
}

export function limitsHandlers(limits: LimitsService): Handlers {
  return {
    limits: async (ctx) => {
      const consistency = consistencyOf(ctx, readFields(ctx, PARAMETER_WORDS))
      sendJson(ctx, usageAndLimitsJson(await limits.own(callerOf(ctx), consistency)))
    },
    'admin.limits.get': async (ctx) => {
      const fields = readFields(ctx, REQUEST_WORDS)
      const token = tokenField(fields, 'api_key')
      sendJson(ctx, usageAndLimitsJson(await limits.get(callerOf(ctx), token, consistencyOf(ctx, fields))))
    },
    'admin.limits.set': async (ctx) => {
      const fields = bodyFields(ctx, SET_WORDS)
      const token = tokenField(fields, 'api_key')
      await limits.set(token, limitsField(fields, 'limits'))
      sendJson(ctx, '{"status":"ok"}')
    },
  }
}

function usageAndLimitsJson({ usage, limits }: UsageAndLimits): string {
  return JSON.stringify({ usage: usageMembers(usage), max_limits: limitMembers(limits) })
}

export function usageMembers(usage: EntityUsage): Readonly<Record<string, number>> {
  return {
    bytes_on_disk: usage.diskBytes,
    bytes_in_memory: usage.memoryBytes,
    events_emitted: usage.events,
    subscribers: usage.subscribers,
  }
}

/** The wire's members of the limits; an unlimited one is absent, since clients read integers. */
export function limitMembers(limits: EntityLimits): Readonly<Record<string, number>> {
  const members: Record<string, number> = {}
  for (const [member, name] of Object.entries(LIMIT_MEMBERS)) {
    const limit = limits[name]
    if (limit !== null) members[member] = limit
  }
  return members
}
