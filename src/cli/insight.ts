// admin ops and admin insight.
import { Insight } from '../client/insight.ts'
import type { EntityInsight } from '../client/insight.ts'
import { usageAndLimitsToWire } from '../client/limits.ts'
import type { Limits } from '../client/limits.ts'
import { argument } from './command.ts'
import type { CommandContext, Line } from './command.ts'
import { parseIntegerArgument } from './page-arguments.ts'

const ENTITIES_LIMIT_DEFAULT = 10
const SEPARATOR: Line = { text: '--------------------', colour: 'green' }

const RATE_COLUMN = 16
const COUNTER_COLUMN = 23
const COUNTER_LABELS: readonly (readonly [keyof Limits, string])[] = [
  ['diskBytes', 'Bytes on Disk:'],
  ['memoryBytes', 'Bytes in Memory:'],
  ['events', 'Events Emitted:'],
  ['subscribers', 'Subscribers:'],
]

export async function operations(context: CommandContext): Promise<void> {
  const rates = await new Insight(context.http()).operationRates()
  const labelled = [
    ['System:', rates.system],
    ['Value Store:', rates.values],
    ['Cache:', rates.cache],
    ['Events:', rates.events],
    ['Subscribers:', rates.subscribers],
    ['Blobs:', rates.blobs],
  ] as const
  const lines = labelled.map(([label, rate]) => ({ text: `  ${label}`.padEnd(RATE_COLUMN) + rate.toFixed(2) }))
  context.console.result(context.format, {
    lines: [{ text: 'Operations Per Second:', colour: 'cyan' }, ...lines],
    json: rates,
  })
}

export async function entity(context: CommandContext): Promise<void> {
  showEntity(context, await new Insight(context.http()).entity(argument(context, 0)))
}

export async function entityByAlias(context: CommandContext): Promise<void> {
  showEntity(context, await new Insight(context.http()).entityByAlias(argument(context, 0)))
}

export async function entities(context: CommandContext): Promise<void> {
  const offset = parseIntegerArgument('offset', context.args[0]) ?? 0
  const limit = parseIntegerArgument('limit', context.args[1]) ?? ENTITIES_LIMIT_DEFAULT
  const found = await new Insight(context.http()).entities({ offset, limit })
  const lines: Line[] =
    found.length === 0
      ? [{ text: 'No entities found.', colour: 'yellow' }]
      : found.flatMap((one, at) => [...(at === 0 ? [] : [SEPARATOR]), ...entityLines(one)])
  context.console.result(context.format, { lines, json: { entities: found.map(entityToWire) } })
}

function showEntity(context: CommandContext, found: EntityInsight): void {
  context.console.result(context.format, { lines: entityLines(found), json: { entity: entityToWire(found) } })
}

function entityToWire(found: EntityInsight): Record<string, unknown> {
  return {
    root_api_key: found.key,
    aliases: found.aliases,
    data_scope_uuid: found.dataScopeUuid,
    key_uuid: found.keyUuid,
    usage: usageAndLimitsToWire(found),
  }
}

function entityLines(found: EntityInsight): Line[] {
  const aliases: Line[] =
    found.aliases.length === 0
      ? [{ text: '  Aliases:         None' }]
      : [{ text: '  Aliases:' }, ...found.aliases.map((alias) => ({ text: `    - ${alias}` }))]
  return [
    { text: 'Entity Details:', colour: 'cyan' },
    { text: `  Root API Key:    ${found.key}` },
    { text: `  Key UUID:        ${found.keyUuid}` },
    { text: `  Data Scope UUID: ${found.dataScopeUuid}` },
    ...aliases,
    { text: '' },
    { text: '  Maximum Limits:' },
    ...counterLines(found.limits),
    { text: '' },
    { text: '  Current Usage:' },
    ...counterLines(found.usage),
    { text: '' },
  ]
}

function counterLines(members: Limits): Line[] {
  return COUNTER_LABELS.flatMap(([name, label]) => {
    const value = members[name]
    return value === undefined ? [] : [{ text: `    ${label}`.padEnd(COUNTER_COLUMN) + String(value) }]
  })
}
