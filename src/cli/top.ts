// top: nodes and tenants in one table that is drawn again and again, until interrupted.
import { delay } from '../base/clock.ts'
import { ClientError } from '../client/errors.ts'
import { overview } from '../client/overview.ts'
import type { EntityUse, Overview } from '../client/overview.ts'
import { singleLine } from './columns.ts'
import type { CommandContext, Line } from './command.ts'

const INTERVAL_MS = 2_000
const ROWS_DEFAULT = 10
/** All lines fit a terminal of 80 columns. */
const NAME_CHARS = 26
const NODE_CHARS = 20

const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const
const BYTE_STEP = 1_024
const PERCENT = 100
const NEARLY_FULL = 0.9

export async function top(context: CommandContext): Promise<void> {
  const { console, flags, format } = context
  const rows = typeof flags.rows === 'number' ? flags.rows : ROWS_DEFAULT
  const first = await overview(context.http())
  if (format === 'json' || flags.once === true) {
    console.result(format, { lines: linesOf(first, rows), json: first.wire })
    return
  }
  const signal = context.interruption()
  let lines: readonly Line[] = linesOf(first, rows)
  console.redraw(lines)
  for (;;) {
    await delay(context.http().clock, INTERVAL_MS, signal).catch(() => {})
    if (signal.aborted) return
    lines = await nextLines(context, rows, lines)
    console.redraw(lines)
  }
}

/** What was there before stays in sight when nobody answers. */
async function nextLines(context: CommandContext, rows: number, before: readonly Line[]): Promise<readonly Line[]> {
  try {
    return linesOf(await overview(context.http()), rows)
  } catch (error) {
    if (!(error instanceof ClientError)) throw error
    const rest = before[0]?.text === SILENT ? before.slice(1) : before
    return [{ text: SILENT, colour: 'red' }, ...rest]
  }
}

const SILENT = 'No node answers; this was the last answer:'

function linesOf(seen: Overview, rows: number): Line[] {
  return [...headLines(seen), { text: '' }, ...memberLines(seen), { text: '' }, ...tenantLines(seen, rows)]
}

function headLines({ cluster, diskBytes, entityCount, memoryBytes, nodeId, rates }: Overview): Line[] {
  const { cache, events, system, values } = rates
  const load = `values ${values.toFixed(0)}/s  cache ${cache.toFixed(0)}/s  events ${events.toFixed(0)}/s  system ${system.toFixed(0)}/s`
  const usage = `tenants ${entityCount}  disk ${bytesText(diskBytes)}  memory ${bytesText(memoryBytes)}`
  if (cluster === null) return [{ text: `No leader, asked ${nodeId}`, colour: 'red' }, { text: load }, { text: usage }]
  const { leader, quorum, state, term } = cluster
  const margin = quorum.margin === null ? 'unknown' : String(quorum.margin)
  const colour = state === 'ok' ? 'bright-green' : state === 'degraded' ? 'yellow' : 'red'
  const text = `${state}  leader ${leader ?? 'none'}  term ${term}  voters ${quorum.voters}, ${margin} may be lost`
  return [{ text, colour }, { text: load }, { text: usage }]
}

function memberLines({ cluster }: Overview): Line[] {
  const head: Line = { text: `${'NODE'.padEnd(NODE_CHARS)}  ROLE      STATE    ${'LAG'.padStart(9)}`, colour: 'cyan' }
  const members = (cluster?.members ?? []).map(({ active, demoted, lagEntries, leader, nodeId, role }): Line => {
    const part = leader ? 'leader' : demoted ? 'demoted' : role
    const state = active === null ? 'unknown' : active ? 'up' : 'away'
    const lag = lagEntries === null ? '-' : String(lagEntries)
    const text = `${cut(nodeId, NODE_CHARS)}  ${part.padEnd(8)}  ${state.padEnd(7)}  ${lag.padStart(9)}`
    return state === 'away' ? { text, colour: 'red' } : { text }
  })
  return [head, ...members]
}

function tenantLines({ entityCount, top: tenants }: Overview, rows: number): Line[] {
  const head = `${'TENANT'.padEnd(NAME_CHARS)}  ${'DISK'.padStart(9)}  ${'MEMORY'.padStart(9)}  ${'EVENTS'.padStart(9)}  FULLEST LIMIT`
  const shown = tenants.slice(0, rows)
  const left = entityCount - shown.length
  const more: Line[] = left > 0 && shown.length > 0 ? [{ text: `and ${left} more` }] : []
  return [{ text: head, colour: 'cyan' }, ...shown.map(tenantLine), ...more]
}

function tenantLine({ diskBytes, events, fullest, memoryBytes, name }: EntityUse): Line {
  const limit = fullest === null ? '-' : `${(fullest.ratio * PERCENT).toFixed(0)}% ${fullest.resource}`
  const columns = [bytesText(diskBytes), bytesText(memoryBytes), String(events)].map((text) => text.padStart(9))
  const text = `${cut(name, NAME_CHARS)}  ${columns.join('  ')}  ${limit}`
  return fullest !== null && fullest.ratio >= NEARLY_FULL ? { text, colour: 'yellow' } : { text }
}

/** A name of others: its control characters must not reach a terminal. */
function cut(text: string, chars: number): string {
  const clean = singleLine(text)
  return (clean.length <= chars ? clean : `${clean.slice(0, chars - 1)}…`).padEnd(chars)
}

function bytesText(count: number): string {
  let rest = count
  let unit = 0
  while (rest >= BYTE_STEP && unit < BYTE_UNITS.length - 1) {
    rest /= BYTE_STEP
    unit += 1
  }
  return `${unit === 0 ? rest : rest.toFixed(1)} ${BYTE_UNITS[unit]}`
}
