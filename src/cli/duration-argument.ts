// Durations among the words of a command.
import { parseTypedDurationMs } from '../config/duration.ts'
import { CommandFailure } from './command.ts'
import type { CommandContext } from './command.ts'

/** Milliseconds of `30s` or `1h30m`; a bare number is refused, since it does not say of what. */
export function parseDuration(text: string): number {
  const durationMs = parseTypedDurationMs(text)
  if (durationMs !== undefined) return durationMs
  throw new CommandFailure([`Error: '${text}' is no duration: write 500ms, 30s, 15m or 1h30m.`])
}

/** The flag --ttl for a call of the client: `{}` without it. */
export function ttlFlag(context: CommandContext): { readonly ttlMs?: number } {
  const { ttl } = context.flags
  return ttl === undefined ? {} : { ttlMs: parseDuration(String(ttl)) }
}
