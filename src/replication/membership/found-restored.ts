// A cluster that begins with the state of a backup instead of nothing: its log starts behind that state, with one member.
import type { Random } from '../../base/random.ts'
import type { LogIndex, SnapshotMeta, Term } from '../../raft/types.ts'
import type { NodeIdentity } from './identity.ts'
import type { DurableLog } from '../ports.ts'

/**
 * How far the indexes of the new cluster are ahead of the backup. What the former cluster wrote after the backup had indexes too,
 * which clients keep as revisions and event ids: none of them may come to mean something else.
 */
const RESTORED_INDEX_GAP = 2 ** 32

export interface RestoredDeps {
  readonly identity: NodeIdentity
  readonly log: DurableLog
  readonly random: Random
  readonly raftAddress: string
}

/** What the restored state covers in the new cluster. */
export function restoredMeta(
  { identity, raftAddress }: Pick<RestoredDeps, 'identity' | 'raftAddress'>,
  backup: { readonly index: LogIndex; readonly term: Term },
): SnapshotMeta {
  return {
    index: backup.index + RESTORED_INDEX_GAP,
    term: backup.term + 1,
    membership: { members: [{ id: identity.memberId, role: 'voter', raftAddress }] },
  }
}

/** Makes the node the only member of a new cluster whose log goes on behind `meta`, and resolves with the cluster's id. */
export async function foundRestored({ identity, log, random }: RestoredDeps, meta: SnapshotMeta): Promise<string> {
  log.resetTo(meta)
  await log.flush({ term: meta.term, votedFor: null })
  const clusterId = random.uuid()
  await identity.setClusterId(clusterId)
  return clusterId
}
