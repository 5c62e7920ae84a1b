// Checks of what answers hold: unknown JSON in, typed values out, UNEXPECTED_ANSWER for anything else.
import { ClientError } from './errors.ts'

export type JsonObject = Readonly<Record<string, unknown>>

/** `value` as a JSON object; `what` names it in the error. */
export function asObject(value: unknown, what: string): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw unexpected(what, 'an object')
  return value as JsonObject
}

export function asText(value: unknown, what: string): string {
  if (typeof value !== 'string') throw unexpected(what, 'a string')
  return value
}

export function asNumber(value: unknown, what: string): number {
  if (typeof value !== 'number') throw unexpected(what, 'a number')
  return value
}

/** A list of strings; null stands for an empty one. */
export function asTexts(value: unknown, what: string): string[] {
  return asList(value, what).map((item) => asText(item, what))
}

/** A list; null stands for an empty one. */
export function asList(value: unknown, what: string): readonly unknown[] {
  if (value === null) return []
  if (!Array.isArray(value)) throw unexpected(what, 'a list')
  return value
}

/** The JSON of a frame of a stream. */
export function parseFrame(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new ClientError('UNEXPECTED_ANSWER', 'a frame is not JSON', {}, error)
  }
}

function unexpected(what: string, wanted: string): ClientError {
  return new ClientError('UNEXPECTED_ANSWER', `the answer is not as documented: ${what} is not ${wanted}`)
}
