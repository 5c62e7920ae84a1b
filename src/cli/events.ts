// publish, subscribe, purge, shake.
import { Events } from '../client/events.ts'
import { argument } from './command.ts'
import type { CommandContext, Line } from './command.ts'
import { renderEventData } from './event-text.ts'
import { succeed } from './store.ts'

export async function publish(context: CommandContext): Promise<void> {
  await new Events(context.http()).publish(argument(context, 0), parseData(argument(context, 1)))
  succeed(context)
}

export async function subscribe(context: CommandContext): Promise<void> {
  const topic = argument(context, 0)
  const isTable = context.format === 'table'
  const { console } = context
  const interruption = context.interruption()
  console.log('INFO', 'Attempting to subscribe to events', { topic })
  const subscription = await new Events(context.http()).subscribe(topic, { signal: interruption })
  if (isTable) console.print('Successfully connected to event stream.', 'bright-green')
  for await (const event of subscription) {
    if (event.gap !== undefined) continue
    if (isTable) console.print(`Received event on topic '${topic}': Data=${renderEventData(event.data)}`)
    else console.print(JSON.stringify({ topic, data: event.data, emitted_at: event.emittedAt }))
  }
  if (interruption.aborted) {
    console.log('INFO', 'Subscription cancelled gracefully.')
  } else {
    const { code, reason } = await subscription.ended
    console.log('INFO', 'Subscription process finished.', { code, ...(reason === '' ? {} : { reason }) })
  }
}

export async function purge(context: CommandContext): Promise<void> {
  const count = await new Events(context.http()).purge()
  const line: Line =
    count > 0
      ? { text: `Successfully purged ${count} event subscription(s).`, colour: 'bright-green' }
      : { text: 'No active event subscriptions found to purge.', colour: 'yellow' }
  context.console.result(context.format, { lines: [line], json: { disconnected_sessions: count } })
}

export async function shake(context: CommandContext): Promise<void> {
  const count = await new Events(context.http()).shake()
  const line: Line =
    count > 0
      ? { text: `Successfully shook ${count} event subscription(s) and reset counters.`, colour: 'bright-green' }
      : { text: 'No active event subscriptions found to shake.', colour: 'yellow' }
  context.console.result(context.format, { lines: [line], json: { disconnected_sessions: count } })
}

/** JSON when the text is JSON, else the text itself. Numbers keep the digits that were typed. */
function parseData(text: string): unknown {
  try {
    return JSON.parse(text, exactNumber) as unknown
  } catch {
    return text
  }
}

/** ECMAScript 2026: the source of a number, and a value that is written as that source. */
type RawJson = typeof JSON & { rawJSON?(text: string): unknown }

function exactNumber(this: unknown, _name: string, value: unknown, context?: { readonly source?: string }): unknown {
  const source = context?.source
  const { rawJSON } = JSON as RawJson
  if (typeof value !== 'number' || source === undefined || rawJSON === undefined) return value
  return String(value) === source ? value : rawJSON(source)
}
