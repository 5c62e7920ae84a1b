// publish, subscribe, purge, shake.
import { Events } from '../client/events.ts'
import { argument } from './command.ts'
import type { CommandContext, Line } from './command.ts'
import { renderEventData } from './event-text.ts'
import { parseExactJson } from './exact-json.ts'
import { succeed } from './store.ts'

export async function publish(context: CommandContext): Promise<void> {
  await new Events(context.http()).publish(argument(context, 0), parseData(argument(context, 1)))
  succeed(context)
}

export async function subscribe(context: CommandContext): Promise<void> {
  const topic = argument(context, 0)
  const { since } = context.flags
  const isTable = context.format === 'table'
  const { console } = context
  const interruption = context.interruption()
  console.log('INFO', 'Attempting to subscribe to events', { topic })
  const subscription = await new Events(context.http()).subscribe(topic, {
    signal: interruption,
    ...(typeof since === 'number' ? { since } : {}),
  })
  if (isTable) console.print('Successfully connected to event stream.', 'bright-green')
  let newest = subscription.beginsAfter
  for await (const event of subscription) {
    newest = event.id ?? event.gap?.missedThrough ?? newest
    if (event.gap !== undefined) {
      const gap = { missed_after: event.gap.missedAfter, missed_through: event.gap.missedThrough }
      if (isTable) console.log('WARN', 'Events were missed', gap)
      else console.complain(JSON.stringify({ gap }))
    } else if (isTable) console.print(`Received event on topic '${topic}': Data=${renderEventData(event.data)}`)
    else console.print(JSON.stringify({ topic, data: event.data, emitted_at: event.emittedAt, id: event.id }))
  }
  // What --since takes to go on from here.
  const resume = newest === null ? {} : { since: newest }
  if (interruption.aborted) {
    console.log('INFO', 'Subscription cancelled gracefully.', resume)
  } else {
    const { code, reason } = await subscription.ended
    console.log('INFO', 'Subscription process finished.', { code, ...(reason === '' ? {} : { reason }), ...resume })
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
    return parseExactJson(text)
  } catch {
    return text
  }
}
