// The routes of the value store.
import { sendEmpty, sendJson } from '../answers.ts'
import type { Handlers } from '../endpoints.ts'
import { consistencyOf, floorField, incrementField, keyField, limitField } from '../field-types.ts'
import { offsetField, prefixField, valueField } from '../field-types.ts'
import { bodyFields, readFields } from '../fields.ts'
import { callerOf } from '../middleware/authenticate.ts'
import type { ValueService } from '../../services/values.ts'
import { PARAMETER_WORDS, payloadWords } from './words.ts'

const SET = payloadWords('set')
const SETNX = payloadWords('setnx')
const CAS = payloadWords('cas')
const BUMP = payloadWords('bump')
const DELETE = payloadWords('unset')

export function valueHandlers(values: ValueService, options: { readonly valueSizeBytesMax: number }): Handlers {
  const { valueSizeBytesMax } = options
  return {
    'value.get': async (ctx) => {
      const fields = readFields(ctx, PARAMETER_WORDS)
      const value = await values.get(callerOf(ctx), { key: keyField(fields) }, consistencyOf(ctx, fields))
      sendJson(ctx, `{"data":${JSON.stringify(value.toString('utf8'))}}`)
    },
    'value.iterate': async (ctx) => {
      const fields = readFields(ctx, PARAMETER_WORDS)
      const request = { prefix: prefixField(fields), offset: offsetField(fields), limit: limitField(fields) }
      const keys = await values.list(callerOf(ctx), request, consistencyOf(ctx, fields))
      sendJson(ctx, `{"data":${keysJson(keys)}}`)
    },
    'value.set': async (ctx) => {
      const fields = bodyFields(ctx, SET)
      await values.set(callerOf(ctx), { key: keyField(fields), value: valueField(fields, 'value', valueSizeBytesMax) })
      sendEmpty(ctx)
    },
    'value.setnx': async (ctx) => {
      const fields = bodyFields(ctx, SETNX)
      await values.setnx(callerOf(ctx), {
        key: keyField(fields),
        value: valueField(fields, 'value', valueSizeBytesMax),
      })
      sendEmpty(ctx)
    },
    'value.cas': async (ctx) => {
      const fields = bodyFields(ctx, CAS)
      const key = keyField(fields)
      const oldValue = valueField(fields, 'old_value', valueSizeBytesMax)
      const newValue = valueField(fields, 'new_value', valueSizeBytesMax)
      await values.cas(callerOf(ctx), { key, oldValue, newValue })
      sendEmpty(ctx)
    },
    'value.bump': async (ctx) => {
      const fields = bodyFields(ctx, BUMP)
      const key = keyField(fields)
      const delta = incrementField(fields, 'value')
      const text = await values.bump(callerOf(ctx), { key, delta, min: floorField(fields, 'min') })
      sendJson(ctx, `{"data":"${text}"}`)
    },
    'value.delete': async (ctx) => {
      await values.delete(callerOf(ctx), { key: keyField(bodyFields(ctx, DELETE)) })
      sendEmpty(ctx)
    },
  }
}

/** A JSON array of keys; `null` when there is none, as clients of the API expect. */
export function keysJson(keys: readonly Buffer[]): string {
  return keys.length === 0 ? 'null' : JSON.stringify(keys.map((key) => key.toString('utf8')))
}
