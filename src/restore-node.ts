// The composition root of a restore: fills the empty data directory of one stopped node from a backup.
import { readdir, rm } from 'node:fs/promises'
import path from 'node:path'
import type { IncomingBackup } from './archive/incoming-backup.ts'
import { must } from './base/assert.ts'
import { InsiError } from './base/errors.ts'
import { systemRandom } from './base/random.ts'
import { formatAddress } from './config/address.ts'
import type { Config } from './config/config.ts'
import { foundRestored, restoredMeta } from './replication/membership/found-restored.ts'
import { NodeIdentity, beginRestore, endRestore, isRestoreUnfinished } from './replication/membership/identity.ts'
import { SegmentedLog } from './replication/log/segmented-log.ts'
import { assertReadable, receiveState } from './state/restored-state.ts'
import { StateMachine } from './state/state-machine.ts'
import { lockDirectory } from './storage/directory-lock.ts'
import { NodeDisk } from './storage/node-disk.ts'
import { ReplaceableLevelStore } from './storage/replaceable-level-store.ts'

/** What a node keeps of a cluster. Anything else in the directory, such as its certificate, may stay. */
const NODE_DATA = ['identity.json', 'identity.json.tmp', 'quarantine.json', 'log', 'state'] as const

export interface Restored {
  readonly clusterId: string
  readonly memberId: string
  /** The last index of the state in the new cluster. */
  readonly index: number
}

/** The node that is to be the only member of the new cluster. */
export interface RestoredNode {
  readonly nodeId: string
  /** Its data directory. */
  readonly directory: string
  /** Where other nodes reach it, as host:port. */
  readonly raftAddress: string
}

/** Throws an assertion when the node is not configured. */
export function restoredNode(config: Config, nodeId: string): RestoredNode {
  const node = must(config.nodes[nodeId], `node ${nodeId} is configured`)
  return { nodeId, directory: path.join(config.insiHome, nodeId), raftAddress: formatAddress(node.raftAdvertise) }
}

/**
 * Makes the data directory of a new cluster whose state is `backup` and whose only member is the node. Rejects with an InsiError
 * when the node runs, has data already, or the backup is not whole. Killed at any moment, it can be repeated; until it has
 * succeeded, no node starts on the directory.
 */
export async function restoreNode(node: RestoredNode, backup: IncomingBackup): Promise<Restored> {
  const { nodeId, directory } = node
  assertReadable(backup.manifest)
  const taken = await lockDirectory(directory, `the restore of ${nodeId}, process ${process.pid}`)
  if ('heldBy' in taken) {
    throw new InsiError('DATA_DIRECTORY_LOCKED', `the data directory ${directory} is in use by ${taken.heldBy}`)
  }
  const closers: (() => Promise<void>)[] = [() => taken.lock.release()]
  try {
    const disk = new NodeDisk(directory)
    await makeRoom(disk, directory)
    const restored = await fill(disk, node, backup)
    await endRestore(disk)
    return restored
  } finally {
    for (const close of closers.toReversed()) await close()
  }
}

/** Removes what an interrupted restore left, and nothing else. */
async function makeRoom(disk: NodeDisk, directory: string): Promise<void> {
  const present = new Set(await readdir(directory))
  const data = NODE_DATA.filter((name) => present.has(name))
  if (data.length > 0 && !(await isRestoreUnfinished(disk))) {
    throw new InsiError(
      'RESTORE_REFUSED',
      `${directory} is not empty: it holds ${data.join(', ')} of a node. A backup is restored into an empty data directory ` +
        'only: move the old one away and keep it until the new cluster is in order',
    )
  }
  await beginRestore(disk)
  for (const name of data) await rm(path.join(directory, name), { recursive: true, force: true })
}

async function fill(disk: NodeDisk, node: RestoredNode, backup: IncomingBackup): Promise<Restored> {
  const { directory, nodeId, raftAddress } = node
  const identity = await NodeIdentity.open({ disk, nodeId, random: systemRandom, isRestoring: true })
  const meta = restoredMeta({ identity, raftAddress }, backup.manifest)
  const state = await StateMachine.open(await ReplaceableLevelStore.open(path.join(directory, 'state')))
  try {
    const incoming = await receiveState(state, backup.frames())
    await incoming.commitMoved(meta)
  } finally {
    await state.close()
  }
  const log = await SegmentedLog.open({ disk, directory: 'log', random: systemRandom, create: true })
  try {
    const clusterId = await foundRestored({ identity, log, random: systemRandom, raftAddress }, meta)
    return { clusterId, memberId: identity.memberId, index: meta.index }
  } finally {
    await log.close()
  }
}
