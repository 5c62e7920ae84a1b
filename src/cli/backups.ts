// cluster backups: those that a place has; and cluster prune-backups, which removes the oldest of one cluster.
import type { Archive, StoredBackup } from '../archive/archive.ts'
import { openLocation } from '../archive/location.ts'
import { newestBackup, removeSurplus } from '../archive/selection.ts'
import { systemClock } from '../base/clock.ts'
import { tellBackupFailure } from './backup-failure.ts'
import { CommandFailure, argument } from './command.ts'
import type { CommandContext, Line } from './command.ts'
import { durationText } from './error-text.ts'

const MS_PER_SECOND = 1_000
const OUTCOME = 'nothing was listed'

export async function backups(context: CommandContext): Promise<void> {
  const place = argument(context, 0)
  const archive = await archiveAt(place, OUTCOME)
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

export async function pruneBackups(context: CommandContext): Promise<void> {
  const place = argument(context, 0)
  const { cluster, keep } = context.flags
  if (typeof keep !== 'number' || keep < 1)
    throw new CommandFailure(['Error: --keep: say how many are to stay, 1 or more'])
  const outcome = 'not all were removed'
  const archive = await archiveAt(place, outcome)
  const removed = await tellBackupFailure(async () => {
    const found = await archive.list()
    const newest = newestBackup(found, place, typeof cluster === 'string' ? cluster : null)
    return removeSurplus(archive, found, { cluster: newest.cluster, keep })
  }, outcome)
  const lines = removed.map((name) => ({ text: `Removed: ${name}` }))
  const nothing: Line = { text: 'Nothing to remove.', colour: 'yellow' }
  context.console.result(context.format, { lines: lines.length > 0 ? lines : [nothing], json: { removed } })
}

async function archiveAt(place: string, outcome: string): Promise<Archive> {
  const location = await tellBackupFailure(() => openLocation(place), outcome)
  if (location.type === 'archive' && location.name === null) return location.archive
  throw new CommandFailure([`Error: ${place} is no directory: name the one that has the backups`])
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
