// The composition root of a restore drill: restores a backup into a directory that is thrown away, and reads all of it again.
import { mkdtemp, rm } from 'node:fs/promises'
import path from 'node:path'
import type { IncomingBackup } from './archive/incoming-backup.ts'
import { restoreNode } from './restore-node.ts'
import { ROOT_ENTITY_ID } from './state/commands.ts'
import type { EntityId } from './state/commands.ts'
import { StateMachine } from './state/state-machine.ts'
import type { StateReader } from './state/state-reader.ts'
import { ReplaceableLevelStore } from './storage/replaceable-level-store.ts'

/** What a restored cluster has. */
export interface RestoredContent {
  /** Without root. */
  readonly entities: number
  readonly values: number
  readonly cacheEntries: number
  readonly events: number
}

const READ_CHUNK_BYTES = 2 ** 20
const ENTITIES_A_PAGE = 1_000
const EVENTS_A_PAGE = 1_000

/**
 * Restores `backup` below `directory`, reads every record from the disk again and compares their sum with the one that the
 * cluster kept while it wrote them. Removes what it made, also when `signal` aborts. Rejects with an InsiError when the backup
 * cannot be restored.
 */
export async function drillRestore(
  backup: IncomingBackup,
  directory: string,
  signal: AbortSignal,
): Promise<RestoredContent> {
  const scratch = await mkdtemp(path.join(directory, 'insi-restore-drill-'))
  try {
    // Nothing ever listens there.
    await restoreNode({ nodeId: 'drill', directory: scratch, raftAddress: '127.0.0.1:1' }, backup)
    const state = await StateMachine.open(await ReplaceableLevelStore.open(path.join(scratch, 'state')))
    try {
      await readAll(state, signal)
      return await countContent(state.reader)
    } finally {
      await state.close()
    }
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

async function readAll(state: StateMachine, signal: AbortSignal): Promise<void> {
  const snapshot = await state.openSnapshot()
  try {
    const chunks = snapshot.chunks(READ_CHUNK_BYTES)
    while ((await chunks.next()).done !== true) signal.throwIfAborted()
  } finally {
    await snapshot.close()
  }
}

async function countContent(reader: StateReader): Promise<RestoredContent> {
  const ids = entityIds(reader)
  const total = { entities: ids.length - 1, values: 0, cacheEntries: 0, events: 0 }
  const everything = Buffer.alloc(0)
  for (const id of ids) {
    total.values += await reader.count('value', id, everything, reader.timeMs)
    total.cacheEntries += await reader.count('cache', id, everything, reader.timeMs)
    total.events += eventCount(reader, id)
  }
  return total
}

function entityIds(reader: StateReader): EntityId[] {
  const ids = [ROOT_ENTITY_ID]
  for (;;) {
    const page = reader.listEntities(ids.length - 1, ENTITIES_A_PAGE)
    if (page.length === 0) return ids
    ids.push(...page.map(({ entityId }) => entityId))
  }
}

function eventCount(reader: StateReader, entityId: EntityId): number {
  let count = 0
  for (let after = 0; ;) {
    const page = reader.events(entityId, after, EVENTS_A_PAGE)
    const last = page.at(-1)
    if (last === undefined) return count
    count += page.length
    after = last.eventId
  }
}
