// api limits and api set-limits.
import { LimitsClient, usageAndLimitsToWire } from '../client/limits.ts'
import type { Limits, UsageAndLimits } from '../client/limits.ts'
import { argument, requireRoot } from './command.ts'
import type { CommandContext, Line } from './command.ts'
import { abbreviateKey } from './console.ts'
import { succeed } from './store.ts'

const NUMBER_COLUMN = 21

const LABELS: readonly (readonly [keyof Limits, string])[] = [
  ['diskBytes', 'Bytes on Disk:'],
  ['memoryBytes', 'Bytes in Memory:'],
  ['events', 'Events per Second:'],
  ['subscribers', 'Subscribers:'],
  ['dataRequestsPerSecond', 'RPS Data Limit:'],
  ['eventRequestsPerSecond', 'RPS Event Limit:'],
]

const FLAG_MEMBERS: Readonly<Record<string, keyof Limits>> = {
  disk: 'diskBytes',
  mem: 'memoryBytes',
  events: 'events',
  subs: 'subscribers',
  'rps-data': 'dataRequestsPerSecond',
  'rps-event': 'eventRequestsPerSecond',
}

/** What a flag holds that was not given. */
const UNCHANGED = -1

export async function show(context: CommandContext): Promise<void> {
  const [key] = context.args
  if (key !== undefined) requireRoot(context.isRoot, 'api limits <key_value>')
  const client = new LimitsClient(context.http())
  const found = key === undefined ? await client.own() : await client.of(key)
  context.console.result(context.format, { lines: limitLines(found, key), json: usageAndLimitsToWire(found) })
}

export async function set(context: CommandContext): Promise<void> {
  const limits: Partial<Record<keyof Limits, number>> = {}
  for (const [flag, member] of Object.entries(FLAG_MEMBERS)) {
    const value = context.flags[flag]
    if (typeof value === 'number' && value !== UNCHANGED) limits[member] = value
  }
  await new LimitsClient(context.http()).set(argument(context, 0), limits)
  succeed(context)
}

function limitLines({ limits, usage }: UsageAndLimits, key: string | undefined): Line[] {
  const suffix = key === undefined ? ' (for current key):' : ':'
  return [
    ...(key === undefined ? [] : [{ text: `Limits for key ${abbreviateKey(key)}`, colour: 'cyan' } as const]),
    { text: `Maximum Limits${suffix}`, colour: 'cyan' },
    ...memberLines(limits),
    { text: '' },
    { text: `Current Usage${suffix}`, colour: 'cyan' },
    ...memberLines(usage),
  ]
}

function memberLines(members: Limits): Line[] {
  return LABELS.flatMap(([name, label]) => {
    const value = members[name]
    return value === undefined ? [] : [{ text: `  ${label}`.padEnd(NUMBER_COLUMN) + String(value) }]
  })
}
