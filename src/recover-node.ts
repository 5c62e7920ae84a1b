// The composition root of a recovery: opens the data of one stopped node, and has it go on alone.
import path from 'node:path'
import { must } from './base/assert.ts'
import { InsiError } from './base/errors.ts'
import { systemRandom } from './base/random.ts'
import { formatAddress } from './config/address.ts'
import type { Config } from './config/config.ts'
import { NodeIdentity } from './replication/membership/identity.ts'
import { planRecovery, recoverAlone } from './replication/membership/recover-alone.ts'
import type { RecoveryPlan } from './replication/membership/recover-alone.ts'
import { SegmentedLog } from './replication/log/segmented-log.ts'
import { StateMachine } from './state/state-machine.ts'
import { lockDirectory } from './storage/directory-lock.ts'
import { NodeDisk } from './storage/node-disk.ts'
import { ReplaceableLevelStore } from './storage/replaceable-level-store.ts'

export interface Recovery {
  readonly plan: RecoveryPlan
  /** Null: `isConfirmed` said no, and nothing was changed. */
  readonly newClusterId: string | null
}

/**
 * Says what is left of the cluster of a stopped node and, when `isConfirmed` agrees, makes the node the only member of a new
 * cluster. Rejects with an InsiError when the node runs, has no data, or its data is damaged.
 */
export async function recoverNode(
  config: Config,
  nodeId: string,
  isConfirmed: (plan: RecoveryPlan) => boolean,
): Promise<Recovery> {
  const node = must(config.nodes[nodeId], `node ${nodeId} is configured`)
  const directory = path.join(config.insiHome, nodeId)
  const taken = await lockDirectory(directory, `the recovery of ${nodeId}, process ${process.pid}`)
  if ('heldBy' in taken) {
    throw new InsiError('DATA_DIRECTORY_LOCKED', `the data directory ${directory} is in use by ${taken.heldBy}`)
  }
  const closers: (() => Promise<void>)[] = [() => taken.lock.release()]
  try {
    const disk = new NodeDisk(directory)
    if ((await disk.readFile('identity.json')) === undefined) {
      throw new InsiError('IDENTITY_MISMATCH', `${directory} holds no data of a node`)
    }
    const identity = await NodeIdentity.open({ disk, nodeId, random: systemRandom })
    const log = await SegmentedLog.open({ disk, directory: 'log', random: systemRandom, create: false })
    closers.push(() => log.close())
    const state = await StateMachine.open(await ReplaceableLevelStore.open(path.join(directory, 'state')))
    closers.push(() => state.close())
    const raftAddress = formatAddress(node.raftAdvertise)
    const deps = { identity, log, state, random: systemRandom, raftAddress }
    const plan = await planRecovery(deps)
    return { plan, newClusterId: isConfirmed(plan) ? await recoverAlone(deps) : null }
  } finally {
    for (const close of closers.toReversed()) await close()
  }
}
