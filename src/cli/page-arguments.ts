// Numbers among the arguments: offsets, limits and revisions.
import { CommandFailure } from './command.ts'

/** An optional integer argument; fails with the line that names it. */
export function parseIntegerArgument(name: 'offset' | 'limit', text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const value = /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN
  if (Number.isSafeInteger(value)) return value
  const reason = Number.isNaN(value) ? 'not an integer' : 'value out of range'
  const title = name === 'offset' ? 'Invalid offset' : 'Invalid limit'
  throw new CommandFailure([`Error: ${title} '${text}': ${reason}`])
}

/** A revision: a whole number that is not negative. */
export function parseRevision(text: string): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (Number.isSafeInteger(value)) return value
  throw new CommandFailure([`Error: Invalid revision '${text}': not a whole number`])
}
