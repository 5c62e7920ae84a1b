// The words of error messages about fields, which clients of the API search for.
import type { FieldWords } from '../fields.ts'

/** Words of a write: `Invalid JSON payload for set`, `Missing key in set request payload`. */
export function payloadWords(verb: string, request = verb): FieldWords {
  return {
    invalid: `Invalid JSON payload for ${verb}`,
    missing: (name) => `Missing ${name} in ${request} request payload`,
  }
}

/** Words of a read: `Missing key parameter`. */
export const PARAMETER_WORDS: FieldWords = {
  invalid: 'Invalid request body',
  missing: (name) => `Missing ${name} parameter`,
}

/** Words of the routes about keys and limits. */
export const REQUEST_WORDS: FieldWords = {
  invalid: 'Invalid request body',
  missing: (name) => `${name} is missing from request`,
}
