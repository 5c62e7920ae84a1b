// Damage to a log that was durable: it is reported, or it looks like a torn last write and only that is cut. BITS=all tries every
// bit instead of one in each byte.
import { InsiError } from '../../../src/base/errors.ts'
import { SegmentedLog } from '../../../src/replication/log/segmented-log.ts'
import { createSimDisk, type SimDiskFixture } from '../../sim/sim-disk-fixture.ts'
import { entryOf } from './log-fixture.ts'
import { fingerprint, stateOf, type LogState } from './log-model.ts'

const BITS_PER_BYTE = process.env['BITS'] === 'all' ? 8 : 1
const OPTIONS = { segmentSizeBytes: 700, cacheSizeBytes: 0 }
const FLUSHED_COUNTS = [1, 3, 2, 4, 1, 2, 3]

function open(fixture: SimDiskFixture): Promise<SegmentedLog> {
  const { disk, random } = fixture
  return fixture.run(SegmentedLog.open({ disk: disk.mount(), directory: 'log', random, create: false, ...OPTIONS }))
}

function diskWith(files: ReadonlyMap<string, Buffer>): SimDiskFixture {
  const fixture = createSimDisk(7)
  for (const [path, content] of files) fixture.disk.files.put(path, content)
  return fixture
}

interface Written {
  readonly files: Map<string, Buffer>
  readonly full: LogState
}

/** A log of several segments with a truncation and a cut, whose last flush holds three records and the last of them an entry. */
async function write(): Promise<Written> {
  const fixture = createSimDisk(1)
  const { disk, random } = fixture
  const log = await fixture.run(
    SegmentedLog.open({ disk: disk.mount(), directory: 'log', random, create: true, ...OPTIONS }),
  )
  let index = 0
  for (const [at, count] of FLUSHED_COUNTS.entries()) {
    const term = at + 1
    if (at === 3) log.truncateFrom(index--)
    for (let each = 0; each < count; each++) log.append([entryOf(++index, term, 60)])
    await fixture.run(log.flush(at === FLUSHED_COUNTS.length - 1 ? null : { term, votedFor: 'a/1' }))
  }
  await fixture.run(log.cutTo({ index: 2, term: 2, membership: { members: [] } }))
  for (let each = 0; each < 3; each++) log.append([entryOf(++index, 8, 60)])
  await fixture.run(log.flush({ term: 8, votedFor: null }))
  log.append([entryOf(index + 1, 8, 60), entryOf(index + 2, 8, 60), entryOf(index + 3, 8, 60)])
  await fixture.run(log.flush(null))
  return { files: disk.files.snapshot(), full: stateOf(log) }
}

/** What opening answers: the state, or the code of the error. */
async function outcomeOf(files: ReadonlyMap<string, Buffer>): Promise<string> {
  const fixture = diskWith(files)
  try {
    const log = await open(fixture)
    return fingerprint(stateOf(log))
  } catch (error) {
    if (error instanceof InsiError) return error.code
    throw error
  }
}

function withFile(
  files: ReadonlyMap<string, Buffer>,
  path: string,
  change: (bytes: Buffer) => Buffer,
): Map<string, Buffer> {
  const changed = new Map(files)
  const bytes = changed.get(path)
  if (bytes === undefined) throw new Error(`there is no ${path}`)
  changed.set(path, change(Buffer.from(bytes)))
  return changed
}

test('a flipped bit is reported, or costs the last record at most', async () => {
  const { files, full } = await write()
  expect(files.size).toBeGreaterThan(2)
  const untouched = fingerprint(full)
  const withoutLast = fingerprint({ ...full, entries: full.entries.slice(0, -1) })
  const counts = new Map<string, number>()
  const lastPath = [...files.keys()].sort().at(-1)
  for (const [path, bytes] of files) {
    for (let at = 0; at < bytes.length; at++) {
      for (let bit = 0; bit < BITS_PER_BYTE; bit++) {
        const mask = 1 << (BITS_PER_BYTE === 1 ? at % 8 : bit)
        const outcome = await outcomeOf(
          withFile(files, path, (copy) => {
            copy[at] = (copy[at] ?? 0) ^ mask
            return copy
          }),
        )
        const name =
          outcome === untouched
            ? 'padding'
            : outcome === withoutLast
              ? 'last record'
              : outcome === 'LOG_CORRUPT'
                ? outcome
                : ''
        if (name === '') throw new Error(`${path} byte ${at} mask ${mask}: ${outcome}`)
        if (name !== 'LOG_CORRUPT') expect([name, path]).toEqual([name, lastPath])
        counts.set(name, (counts.get(name) ?? 0) + 1)
      }
    }
  }
  // The last record has a header of 36 bytes and 60 bytes of data.
  expect(counts.get('last record')).toBe(96 * BITS_PER_BYTE)
  expect(counts.get('LOG_CORRUPT')).toBeGreaterThan(1000)
}, 120_000)

test('after a clean close even damage to the last flush is reported', async () => {
  const { files } = await write()
  const fixture = diskWith(files)
  const log = await open(fixture)
  await fixture.run(log.close())
  const closed = fixture.disk.files.snapshot()
  const lastData = `${log.lastIndex}.8;`
  const [path, bytes] = [...closed].find(([, content]) => content.includes(lastData)) ?? ['', Buffer.alloc(0)]
  const at = bytes.indexOf(lastData)
  const damaged = withFile(closed, path, (copy) => copy.fill(0xff, at, at + 1))
  await expect(outcomeOf(damaged)).resolves.toBe('LOG_CORRUPT')
})

test('a segment that is missing, shortened or in the place of another is reported', async () => {
  const { files } = await write()
  const paths = [...files.keys()].sort()
  for (const [at, path] of paths.entries()) {
    if (at === paths.length - 1) continue
    const without = new Map(files)
    without.delete(path)
    await expect(outcomeOf(without)).resolves.toBe('LOG_CORRUPT')
    const cutOff = (bytes: Buffer): Buffer =>
      bytes.subarray(
        0,
        bytes.findLastIndex((byte) => byte !== 0),
      )
    await expect(outcomeOf(withFile(files, path, cutOff))).resolves.toBe('LOG_CORRUPT')
    await expect(outcomeOf(withFile(files, path, () => Buffer.alloc(0)))).resolves.toBe('LOG_CORRUPT')
    const next = files.get(paths[at + 1] ?? '') ?? Buffer.alloc(0)
    await expect(outcomeOf(withFile(files, path, () => Buffer.from(next)))).resolves.toBe('LOG_CORRUPT')
  }
})

test('two records of one segment that changed places are reported', async () => {
  const { files } = await write()
  const [path] = [...files.keys()].sort()
  const swap = (bytes: Buffer): Buffer => {
    // The records of the entries of the second flush are of equal size and stand one behind the other.
    const first = bytes.indexOf('2.2;2.2;') - 36
    const second = bytes.indexOf('3.2;3.2;') - 36
    expect(second - first).toBe(96)
    const copy = Buffer.from(bytes.subarray(first, second))
    bytes.copy(bytes, first, second, second + 96)
    copy.copy(bytes, second)
    return bytes
  }
  await expect(outcomeOf(withFile(files, path ?? '', swap))).resolves.toBe('LOG_CORRUPT')
})

test('the error names the file and the offset, and says what to do', async () => {
  const { files } = await write()
  const [path = ''] = [...files.keys()].sort()
  const damaged = withFile(files, path, (bytes) => bytes.fill(0xff, 200, 210))
  await expect(open(diskWith(damaged))).rejects.toMatchObject({
    code: 'LOG_CORRUPT',
    message: expect.stringMatching(
      /^the replication log is damaged: log\/0+1-0+1\.log at offset \d+: .*rebuilt from its peers/,
    ),
    details: { file: path, offset: expect.any(Number) },
  })
})

test('garbage behind the last record is cut, and the log goes on behind it', async () => {
  const { files, full } = await write()
  const path = [...files.keys()].sort().at(-1) ?? ''
  const garbage = (bytes: Buffer): Buffer => Buffer.concat([bytes, Buffer.alloc(3000, 0xa5)])
  const fixture = diskWith(withFile(files, path, garbage))
  const log = await open(fixture)
  expect(fingerprint(stateOf(log))).toBe(fingerprint(full))
  log.append([entryOf(log.lastIndex + 1, 9)])
  await fixture.run(log.flush(null))
  fixture.disk.crash()
  const reopened = await open(fixture)
  expect([reopened.lastIndex, reopened.termAt(reopened.lastIndex)]).toEqual([log.lastIndex, 9])
})

test('a torn entry whose data is a copy of a log is cut all the same', async () => {
  const fixture = createSimDisk(5)
  const { disk, random } = fixture
  const log = await fixture.run(SegmentedLog.open({ disk: disk.mount(), directory: 'log', random, create: true }))
  log.append([entryOf(1, 1)])
  await fixture.run(log.flush(null))
  const [path = '', copied = Buffer.alloc(0)] = [...disk.files.snapshot()][0] ?? []
  log.append([entryOf(2, 1)])
  await fixture.run(log.flush(null))
  const before = disk.files.snapshot().get(path) ?? Buffer.alloc(0)
  log.append([{ ...entryOf(3, 1), data: Buffer.concat([copied.subarray(0, 2000), copied.subarray(64, 2000)]) }])
  await fixture.run(log.flush(null))
  const at = before.findLastIndex((byte) => byte !== 0) + 100
  const torn = withFile(disk.files.snapshot(), path, (bytes) => bytes.fill(0xff, at, at + 1))
  const reopened = await open(diskWith(torn))
  expect(reopened.lastIndex).toBe(2)
})

test('an entry that rots while the log is open is reported when it is read', async () => {
  const { files } = await write()
  const fixture = diskWith(files)
  const log = await open(fixture)
  const [path = ''] = [...files.keys()].sort()
  const inode = fixture.disk.files.lookup(path)
  const at = files.get(path)?.indexOf('3.2;3.2;') ?? 0
  inode?.flipBit(at * 8 + 3)
  expect(() => log.entries(3, 4, 1e6)).toThrow(expect.objectContaining({ code: 'LOG_CORRUPT' }))
  expect(() => log.termAt(3)).toThrow(expect.objectContaining({ code: 'LOG_CORRUPT' }))
})

test('a member whose log is gone does not start with an empty one', async () => {
  await expect(open(createSimDisk(1))).rejects.toMatchObject({ code: 'LOG_CORRUPT' })
})
