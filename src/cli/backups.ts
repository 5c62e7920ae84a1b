// cluster backups: those that a place has.
import type { StoredBackup } from '../archive/archive.ts'
import { openLocation } from '../archive/location.ts'
import { systemClock } from '../base/clock.ts'
import { tellBackupFailure } from './backup-failure.ts'
import { CommandFailure, argument } from './command.ts'
import type { CommandContext, Line } from './command.ts'
import { durationText } from './error-text.ts'

const MS_PER_SECOND = 1_000
const OUTCOME = 'nothing was listed'

export async function backups(context: CommandContext): Promise<void> {
  const place = argument(context, 0)
  const location = await tellBackupFailure(() => openLocation(place), OUTCOME)
  if (location.type === 'stdio' || location.name !== null) {
    throw new CommandFailure([`Error: ${place} is no directory: name the one that has the backups`])
  }
  const { archive } = location
  const found = await tellBackupFailure(() => archive.list(), OUTCOME)
  const nowMs = systemClock.nowMs()
  const json = found.map(({ name, cluster, createdAt, sizeBytes }) => ({
    name,
    cluster,
    created_at: createdAt,
    age_seconds: ageSeconds(createdAt, nowMs),
    size_bytes: sizeBytes,
  }))
  context.console.result(context.format, { lines: linesOf(found, nowMs, place), json })
}

function linesOf(found: readonly StoredBackup[], nowMs: number, place: string): Line[] {
  if (found.length === 0) return [{ text: `${place} has no backups.`, colour: 'yellow' }]
  const digits = Math.max(...found.map(({ sizeBytes }) => String(sizeBytes).length))
  return found.map(({ name, createdAt, sizeBytes }) => {
    const age = durationText(ageSeconds(createdAt, nowMs) * MS_PER_SECOND)
    return { text: `${name}  ${String(sizeBytes).padStart(digits)} bytes  made ${createdAt}, ${age} ago` }
  })
}

const ageSeconds = (createdAt: string, nowMs: number): number =>
  Math.max(0, Math.round((nowMs - Date.parse(createdAt)) / MS_PER_SECOND))
