// `insid verify-backup`: proves that a backup can be restored, without touching any node.
import { tmpdir } from 'node:os'
import { addAbortSignal } from 'node:stream'
import { ArchiveError } from '../../archive/archive.ts'
import { decompressed } from '../../archive/compression.ts'
import { IncomingBackup } from '../../archive/incoming-backup.ts'
import { openSource } from '../../archive/location.ts'
import { systemClock } from '../../base/clock.ts'
import { InsiError, messageOf } from '../../base/errors.ts'
import { drillRestore } from '../../restore-drill.ts'
import { stopRequested } from './signals.ts'

export interface VerifyOptions {
  /** Where the backup is, as it was typed. */
  readonly source: string
  /** Of which cluster, where the place has backups of several. */
  readonly cluster: string | null
  /** A backup that is older does not pass; null: any age will do. */
  readonly ageMaxMs: number | null
  /** Where to restore to, and to clean up; null: where temporary files belong. */
  readonly directory: string | null
  readonly isJson: boolean
}

/** Returns the exit code: 0 when the backup is whole, can be restored and is young enough. */
export async function verifyBackup(options: VerifyOptions): Promise<number> {
  const startedMs = systemClock.monotonicMs()
  const interruption = new AbortController()
  void stopRequested(() => process.exit(1)).then(() => interruption.abort())
  const { signal } = interruption
  try {
    const found = await openSource(options.source, options.cluster)
    const backup = await IncomingBackup.begin(decompressed(addAbortSignal(signal, await found.open())))
    const { manifest } = backup
    assertYoung(Date.parse(manifest.createdAt), options.ageMaxMs)
    const content = await drillRestore(backup, options.directory ?? tmpdir(), signal)
    const durationMs = Math.round(systemClock.monotonicMs() - startedMs)
    const { clusterId, createdAt, index, insiVersion } = manifest
    const records = backup.content?.recordCount ?? 0
    const text = `Backup:    ${found.name}, whole
Cluster:   ${clusterId}, at ${createdAt}, by release ${insiVersion}
Restored:  ${content.entities} tenants, ${content.values} values, ${content.cacheEntries} cache entries, ${content.events} events
Records:   ${records}, to entry ${index}, each read again from the disk
Duration:  ${durationMs} ms
`
    const json = {
      name: found.name,
      cluster_id: clusterId,
      created_at: createdAt,
      insi_version: insiVersion,
      index,
      records,
      entities: content.entities,
      values: content.values,
      cache_entries: content.cacheEntries,
      events: content.events,
      duration_ms: durationMs,
    }
    process.stdout.write(options.isJson ? `${JSON.stringify(json)}\n` : text)
    return 0
  } catch (error) {
    process.stderr.write(`insid: ${signal.aborted ? 'interrupted: nothing was verified' : verdictOn(error)}\n`)
    return 1
  }
}

function assertYoung(createdAtMs: number, ageMaxMs: number | null): void {
  const ageMs = systemClock.nowMs() - createdAtMs
  if (ageMaxMs === null || ageMs <= ageMaxMs) return
  throw new ArchiveError(
    `the backup is too old: it was made ${Math.round(ageMs / 60_000)} min ago, and may be ${Math.round(ageMaxMs / 60_000)} min old`,
  )
}

/** What is wrong with the place, or with the disk of the drill, says nothing about the backup. */
function verdictOn(error: unknown): string {
  if (error instanceof InsiError) return `the backup is of no use: ${error.message} [${error.code}]`
  return `nothing was verified: ${messageOf(error)}`
}
