// cluster backup: a copy of everything, while the cluster goes on serving.
import { createHash } from 'node:crypto'
import type { Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { backupName, parseBackupName } from '../archive/backup-name.ts'
import { compressor } from '../archive/compression.ts'
import { IncomingBackup } from '../archive/incoming-backup.ts'
import { openLocation } from '../archive/location.ts'
import type { Location } from '../archive/location.ts'
import { removeSurplus } from '../archive/selection.ts'
import { endingOnSilence } from '../archive/silence.ts'
import { systemClock } from '../base/clock.ts'
import { messageOf } from '../base/errors.ts'
import { Cluster } from '../client/cluster.ts'
import { tellBackupFailure as told } from './backup-failure.ts'
import { CommandFailure, argument } from './command.ts'
import type { CommandContext, Line } from './command.ts'
import type { Console } from './console.ts'

const PROGRESS_INTERVAL_MS = 250
const BYTES_PER_MIB = 2 ** 20
const MS_PER_SECOND = 1_000

interface Running {
  readonly signal: AbortSignal
  readonly console: Console
}

/** What became of one backup. */
interface Made {
  readonly name: string
  readonly backup: IncomingBackup
  readonly storedSizeBytes: number
  readonly sha256: string
  readonly durationMs: number
  /** Names of older backups that were removed. */
  readonly removed: readonly string[]
}

export async function backup(context: CommandContext): Promise<void> {
  const startedMs = systemClock.monotonicMs()
  const location = await told(() => openLocation(argument(context, 0)))
  const keep = keepFlag(context, location)
  const signal = context.interruption()
  const http = context.http()
  const body = endingOnSilence(await new Cluster(http).backup({ signal }), http.clock, signal)
  const made = await told(() => store(body, location, { signal, console: context.console }))
  const removed = await prune(made.name, location, keep)
  const result = { ...made, removed, durationMs: Math.round(systemClock.monotonicMs() - startedMs) }
  const output = { lines: linesOf(result), json: jsonOf(result) }
  if (location.type === 'stdio') for (const { text } of output.lines) context.console.complain(text)
  else context.console.result(context.format, output)
}

/** Null: all of them. */
function keepFlag(context: CommandContext, location: Location): number | null {
  const { keep } = context.flags
  if (typeof keep !== 'number') return null
  if (keep < 1) throw new CommandFailure(['Error: --keep: at least the new backup must stay: give 1 or more'])
  if (location.type === 'stdio' || location.name !== null) {
    throw new CommandFailure(['Error: --keep counts the backups of a directory: give one, such as /backups/'])
  }
  return keep
}

async function prune(name: string, location: Location, keep: number | null): Promise<readonly string[]> {
  if (keep === null || location.type === 'stdio') return []
  const { archive } = location
  const cluster = parseBackupName(name)?.cluster ?? ''
  try {
    return await removeSurplus(archive, await archive.list(), { cluster, keep })
  } catch (error) {
    throw new CommandFailure([`Error: ${name} was made, but older backups could not be removed: ${messageOf(error)}`])
  }
}

async function store(
  body: AsyncIterable<Uint8Array>,
  location: Location,
  run: Running,
): Promise<Omit<Made, 'durationMs' | 'removed'>> {
  const incoming = await IncomingBackup.begin(body)
  if (location.type === 'stdio') {
    return { name: '-', backup: incoming, ...(await write(incoming, process.stdout, run, { end: false })) }
  }
  const name = location.name ?? backupName(incoming.manifest)
  const writer = await location.archive.write(name)
  try {
    const stored = await write(incoming, writer.stream, run, { end: true })
    await writer.commit()
    return { name, backup: incoming, ...stored }
  } catch (error) {
    await writer.abort()
    throw error
  }
}

async function write(
  incoming: IncomingBackup,
  target: Writable,
  { console, signal }: Running,
  options: { readonly end: boolean },
): Promise<{ readonly storedSizeBytes: number; readonly sha256: string }> {
  const hash = createHash('sha256')
  let storedSizeBytes = 0
  const counted = async function* (compressed: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of compressed) {
      hash.update(chunk)
      storedSizeBytes += chunk.length
      yield chunk
    }
  }
  const beganAtMs = systemClock.monotonicMs()
  const ticker = systemClock.every(PROGRESS_INTERVAL_MS, () => {
    console.progress(progressText(incoming.sizeBytes, systemClock.monotonicMs() - beganAtMs))
  })
  try {
    await pipeline(incoming.bytes(), compressor(), counted, target, { signal, end: options.end })
  } finally {
    ticker.cancel()
    console.progress('')
  }
  return { storedSizeBytes, sha256: hash.digest('hex') }
}

function progressText(sizeBytes: number, elapsedMs: number): string {
  const mib = sizeBytes / BYTES_PER_MIB
  return `${mib.toFixed(1)} MiB before compression, ${(mib / (elapsedMs / MS_PER_SECOND)).toFixed(1)} MiB/s`
}

function linesOf({ name, backup: made, storedSizeBytes, sha256, durationMs, removed }: Made): Line[] {
  const { clusterId, createdAt, index, nodeId } = made.manifest
  return [
    { text: `Backup:   ${name}` },
    { text: `Cluster:  ${clusterId}, as ${nodeId} had it at ${createdAt}` },
    { text: `Index:    ${index}` },
    { text: `Records:  ${made.content?.recordCount ?? 0}` },
    { text: `Size:     ${storedSizeBytes} bytes, ${made.sizeBytes} before compression` },
    { text: `SHA-256:  ${sha256}` },
    { text: `Duration: ${durationMs} ms` },
    ...removed.map((old) => ({ text: `Removed:  ${old}` })),
  ]
}

function jsonOf({ name, backup: made, storedSizeBytes, sha256, durationMs, removed }: Made) {
  const { clusterId, createdAt, index, nodeId, term, insiVersion } = made.manifest
  return {
    name,
    cluster_id: clusterId,
    node_id: nodeId,
    insi_version: insiVersion,
    created_at: createdAt,
    index,
    term,
    records: made.content?.recordCount ?? 0,
    size_bytes: storedSizeBytes,
    stream_size_bytes: made.sizeBytes,
    sha256,
    duration_ms: durationMs,
    removed,
  }
}
