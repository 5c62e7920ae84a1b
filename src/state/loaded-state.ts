// A store with everything that is kept in memory about it.
import { InsiError } from '../base/errors.ts'
import type { SnapshotMeta } from '../raft/types.ts'
import { wholeRange } from '../storage/keyspace.ts'
import type { OrderedStore } from '../storage/ordered-store.ts'
import { APPLIED_KEY, INITIAL_POINT, INSTALLED_KEY, decodeAppliedPoint, decodeInstalled } from './applied-point.ts'
import type { AppliedPoint } from './applied-point.ts'
import { HashCheckpoints } from './state-hash.ts'
import { Tables } from './tables.ts'

export interface LoadedState {
  readonly store: OrderedStore
  readonly tables: Tables
  readonly checkpoints: HashCheckpoints
  readonly installed: SnapshotMeta | null
  /** Changes with each batch. */
  applied: AppliedPoint
}

/** Throws InsiError RECORD_CORRUPT or STATE_CORRUPT when the store is not what this state machine wrote. */
export async function loadState(store: OrderedStore): Promise<LoadedState> {
  const appliedRecord = store.get(APPLIED_KEY)
  if (appliedRecord === undefined) await assertEmpty(store)
  const applied = appliedRecord === undefined ? INITIAL_POINT : decodeAppliedPoint(appliedRecord)
  const installedRecord = store.get(INSTALLED_KEY)
  const checkpoints = new HashCheckpoints()
  checkpoints.record(applied.index, applied.stateHash)
  return {
    store,
    tables: await Tables.load(store),
    checkpoints,
    installed: installedRecord === undefined ? null : decodeInstalled(installedRecord),
    applied,
  }
}

async function assertEmpty(store: OrderedStore): Promise<void> {
  const iterator = store.iterate({ ...wholeRange(), keysOnly: true })
  try {
    const found = await iterator.next(1)
    if (found.length > 0) throw new InsiError('STATE_CORRUPT', 'The database has content but no applied index.')
  } finally {
    await iterator.close()
  }
}
