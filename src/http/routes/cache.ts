// The routes of the cache.
import type { CacheService } from '../../services/cache.ts'
import { sendEmpty, sendJson } from '../answers.ts'
import type { Handlers } from '../endpoints.ts'
import { consistencyOf, keyField, limitField, offsetField, prefixField, valueField } from '../field-types.ts'
import { bodyFields, readFields } from '../fields.ts'
import { callerOf } from '../middleware/authenticate.ts'
import { keysJson } from './values.ts'
import { PARAMETER_WORDS, payloadWords } from './words.ts'

const SET = payloadWords('set cache')
const SETNX = payloadWords('set cache nx')
const CAS = payloadWords('cache cas')
const DELETE = payloadWords('delete cache')

export function cacheHandlers(cache: CacheService, options: { readonly valueSizeBytesMax: number }): Handlers {
  const { valueSizeBytesMax } = options
  return {
    'cache.get': async (ctx) => {
      const fields = readFields(ctx, PARAMETER_WORDS)
      const value = await cache.get(callerOf(ctx), { key: keyField(fields) }, consistencyOf(ctx, fields))
      sendJson(ctx, `{"data":${JSON.stringify(value.toString('utf8'))}}`)
    },
    'cache.iterate': async (ctx) => {
      const fields = readFields(ctx, PARAMETER_WORDS)
      const request = { prefix: prefixField(fields), offset: offsetField(fields), limit: limitField(fields) }
      const keys = await cache.list(callerOf(ctx), request, consistencyOf(ctx, fields))
      sendJson(ctx, keysJson(keys))
    },
    'cache.set': async (ctx) => {
      const fields = bodyFields(ctx, SET)
      await cache.set(callerOf(ctx), { key: keyField(fields), value: valueField(fields, 'value', valueSizeBytesMax) })
      sendEmpty(ctx)
    },
    'cache.setnx': async (ctx) => {
      const fields = bodyFields(ctx, SETNX)
      await cache.setnx(callerOf(ctx), { key: keyField(fields), value: valueField(fields, 'value', valueSizeBytesMax) })
      sendEmpty(ctx)
    },
    'cache.cas': async (ctx) => {
      const fields = bodyFields(ctx, CAS)
      const key = keyField(fields)
      const oldValue = valueField(fields, 'old_value', valueSizeBytesMax)
      const newValue = valueField(fields, 'new_value', valueSizeBytesMax)
      await cache.cas(callerOf(ctx), { key, oldValue, newValue })
      sendEmpty(ctx)
    },
    'cache.delete': async (ctx) => {
      await cache.delete(callerOf(ctx), { key: keyField(bodyFields(ctx, DELETE)) })
      sendEmpty(ctx)
    },
  }
}
