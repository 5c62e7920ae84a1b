// `insid recover-alone`: the way out when a majority of the disks is lost for good. Says what it would do until the cluster's id is
// given, because it gives up what the other nodes may still have.
import path from 'node:path'
import { must } from '../../base/assert.ts'
import { InsiError } from '../../base/errors.ts'
import type { LoadedConfig } from '../../config/load.ts'
import { recoverNode } from '../../recover-node.ts'
import type { Recovery } from '../../recover-node.ts'
import { describeStartError } from './start-error.ts'

export interface RecoverOptions {
  readonly loaded: LoadedConfig
  readonly nodeId: string
  readonly configPath: string
  /** What was typed as the id of the cluster. */
  readonly confirmed: string | undefined
  /** The words of this call, to be repeated. */
  readonly command: string
}

/** Returns the exit code: 0 once the node is alone. */
export async function recover({ command, configPath, confirmed, loaded, nodeId }: RecoverOptions): Promise<number> {
  const { config } = loaded
  const node = must(config.nodes[nodeId], 'the node is configured')
  const dataDirectory = path.join(config.insiHome, nodeId)
  let recovery: Recovery
  try {
    recovery = await recoverNode(config, nodeId, (plan) => confirmed === plan.clusterId)
  } catch (error) {
    const context = { nodeId, node, configPath, dataDirectory }
    const reason = error instanceof InsiError ? `${error.message} [${error.code}]` : describeStartError(error, context)
    process.stderr.write(`insid: ${nodeId} cannot go on alone: ${reason}\n`)
    return 1
  }
  const { newClusterId, plan } = recovery
  const others = plan.members.filter(({ id }) => id !== plan.memberId).map(({ id, role }) => `  ${id} (${role})\n`)
  const facts = `Cluster:    ${plan.clusterId}
Member:     ${plan.memberId}
Log ends:   entry ${plan.lastIndex} of term ${plan.lastTerm}
Others:
${others.join('') || '  none\n'}`
  if (newClusterId === null) {
    const isWrong = confirmed !== undefined
    process.stdout.write(`${facts}
${nodeId} would go on alone, as a new cluster. Every write that the cluster acknowledged after the end of this log would be lost.
If the disk of another member can still be read, run this there as well, and recover the member with the highest term, then the
highest entry. Never recover two. Nothing was changed.

${isWrong ? `${confirmed} is not the id of the cluster. ` : ''}To do it, type the id of the cluster:
  ${command} --confirm ${plan.clusterId}
`)
    return 1
  }
  const marker =
    config.identityMarkerFile === null
      ? ''
      : `\n- put ${newClusterId} into the identity marker, ${config.identityMarkerFile},`
  process.stdout.write(`${facts}
${nodeId} is the only member of the new cluster ${newClusterId}. Now${marker}
- empty the data directories of all other nodes: with their old data they are refused,
- start ${nodeId}, then the others: they join as new members.
Writes that were acknowledged after entry ${plan.lastIndex} are lost.
`)
  return 0
}
