// When a key expires: to see it, to change it.
import { InsiError } from '../base/errors.ts'
import type { HttpStore } from '../client/key-value-store.ts'
import { CommandFailure, argument } from './command.ts'
import type { CommandContext } from './command.ts'
import { OK_LINE } from './console.ts'
import { parseDuration } from './duration-argument.ts'
import { durationText } from './error-text.ts'

export interface ExpiryOptions {
  readonly store: HttpStore
  readonly missing: (key: string) => string
}

/** What is left of a key's life, or `never`. */
export async function showTtl(context: CommandContext, { store, missing }: ExpiryOptions): Promise<void> {
  const key = argument(context, 0)
  const entry = await store.getEntry(key)
  if (entry === undefined) throw keyMissing(missing(key))
  const { ttlMs, expiresAt, revision } = entry
  const text = ttlMs === null ? 'never' : durationText(ttlMs)
  context.console.result(context.format, {
    lines: [{ text }],
    json: { key, ttl_ms: ttlMs, expires_at: expiresAt, revision },
  })
}

/** Sets a key's expiry anew, counted from now. */
export async function expire(context: CommandContext, options: ExpiryOptions): Promise<void> {
  await change(context, options, parseDuration(argument(context, 1)))
}

/** Makes a key live for ever. */
export async function persist(context: CommandContext, options: ExpiryOptions): Promise<void> {
  await change(context, options, null)
}

async function change(context: CommandContext, { store, missing }: ExpiryOptions, ttlMs: number | null): Promise<void> {
  const key = argument(context, 0)
  try {
    await store.expire(key, ttlMs)
  } catch (error) {
    if (error instanceof InsiError && error.code === 'KEY_NOT_FOUND') throw keyMissing(missing(key))
    throw error
  }
  context.console.result(context.format, { lines: [OK_LINE], json: { ok: true } })
}

function keyMissing(line: string): CommandFailure {
  return new CommandFailure([line], { cause: new InsiError('KEY_NOT_FOUND', 'key not found') })
}
