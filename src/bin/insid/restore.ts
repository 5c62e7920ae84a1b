// `insid restore`: a new cluster from a backup, beginning with one node.
import { ArchiveError } from '../../archive/archive.ts'
import { decompressed } from '../../archive/compression.ts'
import { IncomingBackup } from '../../archive/incoming-backup.ts'
import { openSource } from '../../archive/location.ts'
import { must } from '../../base/assert.ts'
import { InsiError } from '../../base/errors.ts'
import type { LoadedConfig } from '../../config/load.ts'
import { restoreNode, restoredNode } from '../../restore-node.ts'
import { describeStartError } from './start-error.ts'

export interface RestoreOptions {
  readonly loaded: LoadedConfig
  readonly nodeId: string
  readonly configPath: string
  /** Where the backup is, as it was typed. */
  readonly source: string
  /** Of which cluster, where the place has backups of several. */
  readonly cluster: string | null
}

/** Returns the exit code: 0 once the node may be started. */
export async function restore({ loaded, nodeId, configPath, source, cluster }: RestoreOptions): Promise<number> {
  const { config } = loaded
  const node = must(config.nodes[nodeId], 'the node is configured')
  const target = restoredNode(config, nodeId)
  try {
    const found = await openSource(source, cluster)
    const backup = await IncomingBackup.begin(decompressed(await found.open()))
    const restored = await restoreNode(target, backup)
    const { manifest } = backup
    const marker =
      config.identityMarkerFile === null
        ? ''
        : `\n- put ${restored.clusterId} into the identity marker, ${config.identityMarkerFile},`
    process.stdout
      .write(`Backup:     ${found.name}, of cluster ${manifest.clusterId}, made ${manifest.createdAt} by release ${manifest.insiVersion}
Entry:      ${manifest.index} of the former cluster, ${restored.index} of the new one
Records:    ${backup.content?.recordCount ?? 0}

${nodeId} is the only member of the new cluster ${restored.clusterId}. Now${marker}
- empty the data directories of all other nodes: with data of the former cluster they are refused,
- start ${nodeId}, then the others: they join as new members.
The instance secret must be the one of the former cluster, or no key of a tenant is accepted any more.
Writes that were acknowledged after ${manifest.createdAt} are not in the backup.
`)
    return 0
  } catch (error) {
    process.stderr.write(
      `insid: ${nodeId} cannot be restored: ${reasonOf(error, { nodeId, node, configPath, dataDirectory: target.directory })}\n`,
    )
    return 1
  }
}

function reasonOf(error: unknown, context: Parameters<typeof describeStartError>[1]): string {
  if (error instanceof ArchiveError) return error.message
  if (error instanceof InsiError) return `${error.message} [${error.code}]`
  return describeStartError(error, context)
}
