// What a replica finds in its data directory when it starts, and which of it it accepts.
import { EMPTY_MEMBERSHIP } from '../../../src/raft/membership.ts'
import type { SnapshotMeta } from '../../../src/raft/types.ts'
import { alignLogWithState, assertFresh } from '../../../src/replication/membership/bootstrap.ts'
import type { StateMachine } from '../../../src/replication/ports.ts'
import { SegmentedLog } from '../../../src/replication/log/segmented-log.ts'
import { createSimDisk } from '../../sim/sim-disk-fixture.ts'
import { entryOf } from './log-fixture.ts'

/** A log with entries 1 to `lastIndex` of term 1, and everything on its disk synced. */
async function openLog(lastIndex: number): Promise<{ log: SegmentedLog; run: <T>(promise: Promise<T>) => Promise<T> }> {
  const { disk, random, run } = createSimDisk(1)
  const log = await run(SegmentedLog.open({ disk: disk.mount(), directory: 'log', random, create: true }))
  log.append(Array.from({ length: lastIndex }, (_, offset) => entryOf(offset + 1, 1)))
  await run(log.flush(null))
  return { log, run }
}

function stateAt(appliedIndex: number, installedSnapshot: SnapshotMeta | null = null): StateMachine {
  return { appliedIndex, appliedTerm: 1, installedSnapshot } as StateMachine
}

const snapshotAt = (index: number, term: number): SnapshotMeta => ({ index, term, membership: EMPTY_MEMBERSHIP })

describe('a member that starts', () => {
  test('takes log and state as they are when the state is within the log', async () => {
    const { log, run } = await openLog(5)
    await run(alignLogWithState(log, stateAt(3)))
    expect(log).toMatchObject({ firstIndex: 1, lastIndex: 5 })
  })

  test('resets a log that a crash kept from following the snapshot that the state was installed from', async () => {
    const { log, run } = await openLog(5)
    await run(alignLogWithState(log, stateAt(9, snapshotAt(9, 3))))
    expect(log).toMatchObject({ firstIndex: 10, lastIndex: 9, durable: { index: 9, term: 3 } })
  })

  test('resets a log that holds other entries than the snapshot', async () => {
    const { log, run } = await openLog(9)
    await run(alignLogWithState(log, stateAt(7, snapshotAt(7, 3))))
    expect(log).toMatchObject({ firstIndex: 8, lastIndex: 7 })
  })

  test('keeps a log that holds the snapshot and more', async () => {
    const { log, run } = await openLog(9)
    await run(alignLogWithState(log, stateAt(8, snapshotAt(7, 1))))
    expect(log).toMatchObject({ firstIndex: 1, lastIndex: 9 })
  })

  test('refuses a log that lacks what the state has applied', async () => {
    const { log } = await openLog(5)
    await expect(alignLogWithState(log, stateAt(6))).rejects.toMatchObject({ code: 'LOG_CORRUPT' })
  })

  test('refuses a state that lacks what the log has dropped', async () => {
    const { log, run } = await openLog(5)
    await run(log.cutTo(snapshotAt(4, 1)))
    await expect(alignLogWithState(log, stateAt(3))).rejects.toMatchObject({ code: 'LOG_CORRUPT' })
  })
})

describe('a node without a cluster', () => {
  test('may hold the first entry of a bootstrap that was interrupted, and no more', async () => {
    expect(() => assertFresh({ base: snapshotAt(0, 0), lastIndex: 1 } as SegmentedLog, stateAt(0))).not.toThrow()
    const { log } = await openLog(2)
    expect(() => assertFresh(log, stateAt(0))).toThrow(expect.objectContaining({ code: 'IDENTITY_CORRUPT' }))
    expect(() => assertFresh({ base: snapshotAt(0, 0), lastIndex: 0 } as SegmentedLog, stateAt(1))).toThrow(
      expect.objectContaining({ code: 'IDENTITY_CORRUPT' }),
    )
  })
})
