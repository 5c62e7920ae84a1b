// What can be done with many keys at once: listing them with their values, counting them, removing them.
import type { HttpStore, StoredEntry } from '../client/key-value-store.ts'
import { row } from './columns.ts'
import { CommandFailure, argument } from './command.ts'
import type { CommandContext } from './command.ts'

/** Requests that one `delete-range` makes at most; each removes up to a million keys. */
const RANGE_REQUESTS_MAX = 1_000

/** The pages of `store` from the cursor on: one, or with --all as many as there are. */
export async function listEntries(context: CommandContext, store: HttpStore): Promise<void> {
  const { after, limit, reverse, all } = context.flags
  let cursor = after === undefined ? undefined : String(after)
  for (;;) {
    const page = await store.entries(argument(context, 0), {
      ...(cursor === undefined ? {} : { after: cursor }),
      ...(typeof limit === 'number' ? { limit } : {}),
      ...(reverse === true ? { reverse } : {}),
    })
    const { entries, next, asOf } = page
    const json = { entries: entries.map(entryToWire), next, as_of: asOf }
    context.console.result(context.format, {
      lines: entries.map(({ key, value }) => ({ text: row(key, value) })),
      json,
    })
    if (next === null) return
    if (all !== true) {
      if (context.format === 'table') context.console.log('INFO', 'There are more', { after: next })
      return
    }
    cursor = next
  }
}

export async function countKeys(context: CommandContext, store: HttpStore): Promise<void> {
  const count = await store.count(argument(context, 0))
  context.console.result(context.format, { lines: [{ text: String(count) }], json: { count } })
}

/** Removes the keys with a prefix after the user has agreed, by --yes or at the terminal. */
export async function deleteRange(context: CommandContext, store: HttpStore): Promise<void> {
  const prefix = argument(context, 0)
  if (prefix === '' || prefix === '*') throw new CommandFailure(['Error: prefix cannot be empty: name what to remove'])
  if (context.flags.yes !== true) await confirm(context, await store.count(prefix))
  let removed = 0
  for (let requests = 1; requests <= RANGE_REQUESTS_MAX; requests++) {
    const step = await store.deleteRange(prefix)
    removed += step.removed
    if (step.done) break
  }
  const text = `Removed ${removed} ${removed === 1 ? 'key' : 'keys'}.`
  context.console.result(context.format, { lines: [{ text, colour: 'bright-green' }], json: { removed } })
}

async function confirm(context: CommandContext, count: number): Promise<void> {
  if (count === 0) return
  const what = `${count} ${count === 1 ? 'key' : 'keys'}`
  if (!context.input.isTerminal) {
    throw new CommandFailure([`Error: this would remove ${what}: give --yes after the prefix to do it.`])
  }
  context.console.complain(`This removes ${what}. Type yes to do it:`)
  const answer = await context.input.readLine()
  if (answer?.trim() !== 'yes') throw new CommandFailure(['Error: nothing was removed.'])
}

/** An entry with the names of the API. */
function entryToWire({ key, value, revision, expiresAt }: StoredEntry): Record<string, unknown> {
  return { key, value, revision, expires_at: expiresAt }
}
