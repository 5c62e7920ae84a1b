// watch: the changes of keys as they come, until interrupted.
import type { HttpStore } from '../client/key-value-store.ts'
import type { KeyChange, Watch, WatchFrame } from '../client/watch.ts'
import { row } from './columns.ts'
import { argument } from './command.ts'
import type { CommandContext } from './command.ts'

/** Prints changes until the process is asked to end. The client opens lost connections again. */
export async function watchKeys(context: CommandContext, store: HttpStore): Promise<void> {
  const { console } = context
  const { since } = context.flags
  const signal = context.interruption()
  const watch = await store.watch(argument(context, 0), { signal, ...(typeof since === 'number' ? { since } : {}) })
  if (context.format === 'table') console.log('INFO', 'Watching', { since: watch.revision })
  for await (const frame of watch) print(context, frame)
  tellEnd(context, watch)
}

function print(context: CommandContext, { revision, changes, gap }: WatchFrame): void {
  const { console, format } = context
  if (gap !== undefined) {
    const fields = { missed_after: gap.missedAfter, missed_through: gap.missedThrough }
    if (format === 'json') console.complain(JSON.stringify({ gap: fields }))
    else console.log('WARN', 'Changes were missed: list the keys again', fields)
  } else if (format === 'json') {
    console.print(JSON.stringify({ revision, changes: changes.map(changeToWire) }))
  } else {
    for (const { key, value } of changes) {
      console.print(value === null ? row(String(revision), 'delete', key) : row(String(revision), 'set', key, value))
    }
  }
}

function tellEnd({ console, format }: CommandContext, { revision }: Watch): void {
  if (format === 'table') console.log('INFO', 'The watch was ended; go on with --since', { since: revision })
}

function changeToWire({ key, value, expiresAt }: KeyChange): Record<string, unknown> {
  return { key, value, expires_at: expiresAt }
}
