// The routes by which root creates and deletes entities.
import type { EntityService } from '../../services/entities.ts'
import { sendJson } from '../answers.ts'
import type { Handlers } from '../endpoints.ts'
import { nameField, tokenField } from '../field-types.ts'
import { bodyFields } from '../fields.ts'
import type { FieldWords } from '../fields.ts'

const WORDS: FieldWords = {
  invalid: 'Bad Request',
  missing: (name) => `Bad Request: ${name} is missing from request`,
}

export function entityHandlers(entities: EntityService): Handlers {
  return {
    'admin.api.create': async (ctx) => {
      const name = nameField(bodyFields(ctx, WORDS), 'key_name')
      sendJson(ctx, JSON.stringify({ key_name: name, key: await entities.create(name.trim()) }))
    },
    'admin.api.delete': async (ctx) => {
      await entities.delete(tokenField(bodyFields(ctx, WORDS), 'key'))
      sendJson(ctx, '{"success":"true"}')
    },
  }
}
