// The segmented log by example: each test says one thing that its owner relies on.
import { SegmentedLog, type SegmentedLogOptions } from '../../../src/replication/log/segmented-log.ts'
import { createSimDisk, type SimDiskFixture } from '../../sim/sim-disk-fixture.ts'
import { entryOf } from './log-fixture.ts'

const MEMBERSHIP = { members: [{ id: 'a/1', role: 'voter' as const, raftAddress: 'a:1' }] }

function open(fixture: SimDiskFixture, options: Partial<SegmentedLogOptions> = {}): Promise<SegmentedLog> {
  const { random } = fixture
  return fixture.run(
    SegmentedLog.open({ disk: fixture.disk.mount(), directory: 'log', random, create: true, ...options }),
  )
}

test('a new log is empty and remembers an empty hard state', async () => {
  const log = await open(createSimDisk(1))
  expect([log.firstIndex, log.lastIndex, log.termAt(0), log.termAt(1)]).toEqual([1, 0, 0, undefined])
  expect(log.hardState).toEqual({ term: 0, votedFor: null })
  expect(log.durable).toEqual({ index: 0, term: 0 })
})

test('what was flushed is there after a power failure, with the hard state', async () => {
  const fixture = createSimDisk(2)
  const log = await open(fixture)
  log.append([entryOf(1, 1), entryOf(2, 1), entryOf(3, 2)])
  await expect(fixture.run(log.flush({ term: 2, votedFor: 'a/1' }))).resolves.toEqual({ index: 3, term: 2 })
  log.append([entryOf(4, 2)])
  fixture.disk.crash()
  const reopened = await open(fixture)
  expect(reopened.lastIndex).toBe(3)
  expect(reopened.entries(1, 4, 1e6)).toEqual([entryOf(1, 1), entryOf(2, 1), entryOf(3, 2)])
  expect(reopened.hardState).toEqual({ term: 2, votedFor: 'a/1' })
  expect(reopened.durable).toEqual({ index: 3, term: 2 })
})

test('a cut drops the segments below the base, and the base survives', async () => {
  const fixture = createSimDisk(3)
  const log = await open(fixture, { segmentSizeBytes: 1024 })
  for (let index = 1; index <= 40; index++) {
    log.append([entryOf(index, 1)])
    await fixture.run(log.flush(null))
  }
  const before = fixture.disk.files.list('log').length
  await fixture.run(log.cutTo({ index: 30, term: 1, membership: MEMBERSHIP }))
  expect(fixture.disk.files.list('log').length).toBeLessThan(before)
  expect(log.entries(30, 31, 1e6)).toBeUndefined()
  fixture.disk.crash()
  const reopened = await open(fixture, { segmentSizeBytes: 1024, cacheSizeBytes: 0 })
  expect(reopened.base).toEqual({ index: 30, term: 1, membership: MEMBERSHIP })
  expect([reopened.firstIndex, reopened.lastIndex, reopened.termAt(30), reopened.termAt(29)]).toEqual([
    31,
    40,
    1,
    undefined,
  ])
  expect(reopened.entries(31, 41, 1e6)?.map((entry) => entry.index)).toEqual([31, 32, 33, 34, 35, 36, 37, 38, 39, 40])
})
