// What a durable log promises on every disk, as a RaftLog and over restarts of its process. Run by log.test.ts.
import { MemoryLog } from '../../src/raft/memory-log.ts'
import type { Entry } from '../../src/raft/types.ts'
import { SegmentedLog, type SegmentedLogOptions } from '../../src/replication/log/segmented-log.ts'
import type { Disk } from '../../src/storage/disk.ts'
import { SeededRandom } from '../support/seeded-random.ts'
import { entryOf } from '../unit/replication/log-fixture.ts'

/** A disk that survives its processes. */
export interface LogDiskUnderTest {
  /** The disk as the next process sees it; the one before has ended. */
  nextProcess(): Disk
  run<T>(promise: Promise<T>): Promise<T>
}

const MEMBERSHIP = { members: [{ id: 'a/1', role: 'voter' as const, raftAddress: 'a:1' }] }
const READ_SIZES = [0, 100, 1_000, 1e9]

function expectEqual(log: SegmentedLog, model: MemoryLog, sizeBytesMax: number): void {
  expect([log.firstIndex, log.lastIndex]).toEqual([model.firstIndex, model.lastIndex])
  const indexes = Array.from({ length: model.lastIndex - model.firstIndex + 4 }, (_, at) => model.firstIndex - 2 + at)
  expect(indexes.map((index) => log.termAt(index))).toEqual(indexes.map((index) => model.termAt(index)))
  for (let from = Math.max(1, model.firstIndex - 1); from <= model.lastIndex; from += 17) {
    expect(plain(log.entries(from, model.lastIndex + 1, sizeBytesMax))).toEqual(
      plain(model.entries(from, model.lastIndex + 1, sizeBytesMax)),
    )
  }
}

function plain(entries: readonly Entry[] | undefined): unknown {
  return entries?.map((entry) => [entry.index, entry.term, entry.kind, Buffer.from(entry.data).toString('latin1')])
}

export function describeLog(name: string, create: () => Promise<LogDiskUnderTest>): void {
  describe(`a segmented log on ${name}`, () => {
    let under: LogDiskUnderTest
    const random = new SeededRandom(3)
    const open = (options: Partial<SegmentedLogOptions> = {}): Promise<SegmentedLog> =>
      under.run(SegmentedLog.open({ disk: under.nextProcess(), directory: 'log', random, create: true, ...options }))
    beforeEach(async () => {
      under = await create()
    })

    test.each([0, 400, 1e6])('shows what a log in memory shows, with a cache of %d bytes', async (cacheSizeBytes) => {
      const options = { cacheSizeBytes, segmentSizeBytes: 2_000 }
      let log = await open(options)
      const model = new MemoryLog()
      const chance = new SeededRandom(cacheSizeBytes + 1)
      for (let round = 0; round < 120; round++) {
        const term = Math.max(1, log.termAt(log.lastIndex) ?? 0) + (chance.int(4) === 0 ? 1 : 0)
        const entries = Array.from({ length: chance.int(5) }, (_, at) =>
          entryOf(log.lastIndex + 1 + at, term, chance.int(200)),
        )
        log.append(entries)
        model.append(entries)
        const from = log.lastIndex - chance.int(6)
        if (chance.int(6) === 0 && from >= log.firstIndex) {
          log.truncateFrom(from)
          model.truncateFrom(from)
        }
        if (chance.int(3) > 0) await under.run(log.flush(null))
        if (chance.int(8) === 0) {
          const index = Math.max(log.base.index, log.durable.index - chance.int(30))
          await under.run(log.cutTo({ index, term: log.termAt(index) ?? 0, membership: MEMBERSHIP }))
          model.compactThrough(index)
        }
        if (chance.int(40) === 0) {
          const meta = { index: log.lastIndex + 5, term: term + 1, membership: MEMBERSHIP }
          log.resetTo(meta)
          model.resetTo(meta)
        }
        if (chance.int(10) === 0) {
          await under.run(log.flush(null))
          await under.run(log.close())
          log = await open(options)
        }
        expectEqual(log, model, READ_SIZES[round % READ_SIZES.length] ?? 0)
      }
      expect(log.base.index).toBeGreaterThan(0)
      await under.run(log.close())
    })

    test('entries of every kind and size come back, from the cache and from the disk', async () => {
      const entries: Entry[] = [
        { index: 1, term: 1, kind: 'membership', data: Buffer.from('m') },
        { index: 2, term: 2, kind: 'noop', data: new Uint8Array(0) },
        { index: 3, term: 2, kind: 'command', data: Buffer.alloc(3_000_000, 'big') },
        { index: 4, term: 4_294_967_301, kind: 'command', data: Buffer.from('x') },
      ]
      const log = await open()
      log.append(entries)
      await under.run(log.flush(null))
      expect(plain(log.entries(1, 5, 1e9))).toEqual(plain(entries))
      await under.run(log.close())
      const reopened = await open({ cacheSizeBytes: 0 })
      expect(plain(reopened.entries(1, 5, 1e9))).toEqual(plain(entries))
      expect(plain(reopened.entries(3, 5, 10))).toEqual(plain(entries.slice(2, 3)))
      expect(reopened.termAt(4)).toBe(4_294_967_301)
      await under.run(reopened.close())
    })

    test('the hard state survives cuts, resets and rolled segments', async () => {
      const log = await open({ segmentSizeBytes: 300 })
      await under.run(log.flush({ term: 7, votedFor: 'ä/1' }))
      for (let index = 1; index <= 20; index++) {
        log.append([entryOf(index, 7)])
        await under.run(log.flush(null))
      }
      await under.run(log.cutTo({ index: 15, term: 7, membership: MEMBERSHIP }))
      log.resetTo({ index: 50, term: 7, membership: MEMBERSHIP })
      await under.run(log.flush(null))
      await under.run(log.close())
      const reopened = await open({ segmentSizeBytes: 300 })
      expect(reopened.hardState).toEqual({ term: 7, votedFor: 'ä/1' })
      expect(reopened.base).toEqual({ index: 50, term: 7, membership: MEMBERSHIP })
      await under.run(reopened.close())
    })

    test('changes made while a flush runs belong to the next one', async () => {
      const log = await open()
      log.append([entryOf(1, 1), entryOf(2, 1)])
      const first = log.flush({ term: 1, votedFor: null })
      log.truncateFrom(2)
      log.append([entryOf(2, 2), entryOf(3, 2)])
      await expect(under.run(first)).resolves.toEqual({ index: 1, term: 1 })
      await expect(under.run(log.flush({ term: 2, votedFor: null }))).resolves.toEqual({ index: 3, term: 2 })
      await under.run(log.close())
    })

    test('nothing is durable between a reset and its flush', async () => {
      const log = await open()
      log.append([entryOf(1, 1)])
      await under.run(log.flush(null))
      log.resetTo({ index: 10, term: 2, membership: MEMBERSHIP })
      log.append([entryOf(11, 2)])
      expect(log.durable).toEqual({ index: 0, term: 0 })
      await expect(under.run(log.flush(null))).resolves.toEqual({ index: 11, term: 2 })
      await under.run(log.close())
    })

    test('a cut and flushes that are called at once take turns', async () => {
      const log = await open({ segmentSizeBytes: 300 })
      for (let index = 1; index <= 10; index++) {
        log.append([entryOf(index, 1)])
        await under.run(log.flush(null))
      }
      log.append([entryOf(11, 1)])
      const cut = log.cutTo({ index: 8, term: 1, membership: MEMBERSHIP })
      log.append([entryOf(12, 1)])
      const flush = log.flush(null)
      const close = log.close()
      await under.run(cut)
      await expect(under.run(flush)).resolves.toEqual({ index: 12, term: 1 })
      await under.run(close)
      const reopened = await open({ segmentSizeBytes: 300 })
      expect([reopened.firstIndex, reopened.lastIndex]).toEqual([9, 12])
      await under.run(reopened.close())
    })

    test('a closed log refuses everything', async () => {
      const log = await open()
      await under.run(log.close())
      expect(() => log.append([entryOf(1, 1)])).toThrow(expect.objectContaining({ code: 'STORAGE_FAILED' }))
      expect(() => log.termAt(0)).toThrow(expect.objectContaining({ code: 'STORAGE_FAILED' }))
      await expect(log.flush(null)).rejects.toMatchObject({ code: 'STORAGE_FAILED' })
    })
  })
}
