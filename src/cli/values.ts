// The commands on values.
import { Values } from '../client/values.ts'
import { CommandFailure, argument } from './command.ts'
import type { CommandContext } from './command.ts'
import { OK_LINE } from './console.ts'
import { storeCommands } from './store.ts'

const INT64_MAX = 2n ** 63n - 1n
const INT64_MIN = -(2n ** 63n)

export const { get, set, setnx, cas, remove, iterate, ttl, expire, persist, entries, count, deleteRange, watch } =
  storeCommands({
    open: (http) => new Values(http),
    missing: (key) => `Error: Key '${key}' not found.`,
    exists: (key) => `Conflict: Key '${key}' already exists.`,
    mismatch: (key) =>
      `Conflict: Compare-and-swap failed for key '${key}'. The current value does not match the expected old value.`,
    logsConflicts: true,
  })

export async function bump(context: CommandContext): Promise<void> {
  const key = argument(context, 0)
  const sum = await new Values(context.http()).bump(key, parseIncrement(argument(context, 1)))
  context.console.result(context.format, { lines: [OK_LINE], json: { key, value: String(sum) } })
}

function parseIncrement(text: string): bigint {
  const value = /^[+-]?\d+$/.test(text) ? BigInt(text) : undefined
  if (value !== undefined && value >= INT64_MIN && value <= INT64_MAX) return value
  const reason = value === undefined ? 'not a decimal integer' : 'it does not fit into 64 bits'
  throw new CommandFailure([`Error: Value must be an integer: ${reason}`], {
    log: { level: 'ERROR', message: 'Invalid value for bump' },
  })
}
