// cluster backup and cluster backups: a copy of everything, while the cluster goes on serving.
import { createHash } from 'node:crypto'
import type { Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { ArchiveError } from '../archive/archive.ts'
import { backupName } from '../archive/backup-name.ts'
import { compressor } from '../archive/compression.ts'
import { IncomingBackup } from '../archive/incoming-backup.ts'
import { openLocation } from '../archive/location.ts'
import type { Location } from '../archive/location.ts'
import { systemClock } from '../base/clock.ts'
import { InsiError, messageOf } from '../base/errors.ts'
import { Cluster } from '../client/cluster.ts'
import { CommandFailure, argument } from './command.ts'
import type { CommandContext, Line } from './command.ts'

/** What became of one backup. */
interface Made {
  readonly name: string
  readonly backup: IncomingBackup
  readonly storedSizeBytes: number
  readonly sha256: string
  readonly durationMs: number
}

export async function backup(context: CommandContext): Promise<void> {
  const startedMs = systemClock.monotonicMs()
  const location = await told(() => openLocation(argument(context, 0)))
  const signal = context.interruption()
  const body = await new Cluster(context.http()).backup({ signal })
  const made = await told(() => store(body, location, signal))
  const result = { ...made, durationMs: Math.round(systemClock.monotonicMs() - startedMs) }
  const output = { lines: linesOf(result), json: jsonOf(result) }
  if (location.type === 'stdio') for (const { text } of output.lines) context.console.complain(text)
  else context.console.result(context.format, output)
}

async function store(body: Readable, location: Location, signal: AbortSignal): Promise<Omit<Made, 'durationMs'>> {
  const incoming = await IncomingBackup.begin(body as AsyncIterable<Uint8Array>)
  if (location.type === 'stdio') {
    return { name: '-', backup: incoming, ...(await write(incoming, process.stdout, signal, { end: false })) }
  }
  const name = location.name ?? backupName(incoming.manifest)
  const writer = await location.archive.write(name)
  try {
    const stored = await write(incoming, writer.stream, signal, { end: true })
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
  signal: AbortSignal,
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
  await pipeline(incoming.bytes(), compressor(), counted, target, { signal, end: options.end })
  return { storedSizeBytes, sha256: hash.digest('hex') }
}

/** Turns what the place or the stream says into the failure of the command. */
async function told<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof ArchiveError) throw new CommandFailure([`Error: ${error.message}`])
    if (error instanceof InsiError) throw new CommandFailure([`Error: no backup was made: ${error.message}`])
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'ABORT_ERR') throw new CommandFailure(['Error: interrupted: no backup was made'])
    if (code === 'ECONNRESET') {
      throw new CommandFailure(['Error: the node broke off the backup; its log says why. No backup was made'])
    }
    throw new CommandFailure([`Error: no backup was made: ${messageOf(error)}`])
  }
}

function linesOf({ name, backup: made, storedSizeBytes, sha256, durationMs }: Made): Line[] {
  const { clusterId, createdAt, index, nodeId } = made.manifest
  return [
    { text: `Backup:   ${name}` },
    { text: `Cluster:  ${clusterId}, as ${nodeId} had it at ${createdAt}` },
    { text: `Index:    ${index}` },
    { text: `Records:  ${made.content?.recordCount ?? 0}` },
    { text: `Size:     ${storedSizeBytes} bytes, ${made.sizeBytes} before compression` },
    { text: `SHA-256:  ${sha256}` },
    { text: `Duration: ${durationMs} ms` },
  ]
}

function jsonOf({ name, backup: made, storedSizeBytes, sha256, durationMs }: Made) {
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
  }
}
