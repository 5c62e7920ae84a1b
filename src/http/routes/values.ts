// The routes of the value store.
import type { ValueService } from '../../services/values.ts'
import { sendJson } from '../answers.ts'
import type { Handlers } from '../endpoints.ts'
import { floorField, incrementField, keyField } from '../field-types.ts'
import { bodyFields } from '../fields.ts'
import { callerOf } from '../middleware/authenticate.ts'
import { keysJson, revisionHeader, storeHandlers } from './store.ts'
import { payloadWords } from './words.ts'

const BUMP = payloadWords('bump')
const WORDS = {
  set: payloadWords('set'),
  setnx: payloadWords('setnx'),
  cas: payloadWords('cas'),
  expire: payloadWords('expire'),
  delete: payloadWords('unset'),
  deleteRange: payloadWords('delete range'),
}

export function valueHandlers(values: ValueService, options: { readonly valueSizeBytesMax: number }): Handlers {
  return {
    ...storeHandlers('value', values, {
      ...options,
      keyList: (keys) => `{"data":${keysJson(keys)}}`,
      words: WORDS,
    }),
    'value.bump': async (ctx) => {
      const fields = bodyFields(ctx, BUMP)
      const key = keyField(fields)
      const delta = incrementField(fields, 'value')
      const bump = { key, delta, min: floorField(fields, 'min') }
      const { number, revision } = await values.bump(callerOf(ctx), bump)
      sendJson(ctx, `{"data":"${number}"}`, revisionHeader(revision))
    },
  }
}
