import { randomBytes } from 'node:crypto'
import { cp, mkdtemp, readFile, readdir, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { BatchLinks, LINK_SLOT_COUNT } from '../../../src/storage/level-batch-links.ts'
import { LevelStore } from '../../../src/storage/level-store.ts'
import type { WriteOp } from '../../../src/storage/ordered-store.ts'

const put = (key: string, value: string): WriteOp => ({ type: 'put', key: Buffer.from(key), value: Buffer.from(value) })
const stateCorrupt = expect.objectContaining({ code: 'STATE_CORRUPT' })

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'insi-level-'))
})
afterEach(() => rm(directory, { recursive: true, force: true }))

async function logsOf(of: string): Promise<string[]> {
  const names = await readdir(of)
  return names.filter((name) => name.endsWith('.log')).map((name) => path.join(of, name))
}

/** Writes batches of about 250 bytes that stay in LevelDB's log. */
async function writeBatches(count: number): Promise<void> {
  const store = await LevelStore.open(directory)
  for (let at = 0; at < count; at += 1) await store.batch([put(`k${String(at)}`, 'v'.repeat(200))], { sync: false })
  await store.close()
}

describe('what LevelDB loses', () => {
  test('a torn end of the log is not damage: the newest batches are gone, the others are there', async () => {
    await writeBatches(1000)
    const [log] = await logsOf(directory)
    const { length } = await readFile(log!)
    await truncate(log!, length - 100)
    const store = await LevelStore.open(directory)
    expect(store.get(Buffer.from('k998'))).toBeDefined()
    expect(store.get(Buffer.from('k999'))).toBeUndefined()
    await store.close()
  })

  test('a hole in the log, which LevelDB passes over in silence, is STATE_CORRUPT', async () => {
    await writeBatches(1000)
    const [log] = await logsOf(directory)
    const bytes = await readFile(log!)
    const middle = Math.floor(bytes.length / 2)
    bytes[middle] = (bytes[middle] ?? 0) ^ 1
    await writeFile(log!, bytes)
    await expect(LevelStore.open(directory)).rejects.toEqual(stateCorrupt)
  })

  test('a synced batch and all before it survive the loss of every log', async () => {
    const store = await LevelStore.open(directory)
    await store.batch([put('a', '1')], { sync: false })
    await store.batch([put('b', '2')], { sync: true })
    await store.batch([put('c', '3')], { sync: false })
    const copy = `${directory}-copy`
    await cp(directory, copy, { recursive: true, filter: (source) => path.basename(source) !== 'LOCK' })
    await store.close()
    for (const log of await logsOf(copy)) await truncate(log, 0)
    const survivor = await LevelStore.open(copy)
    expect(survivor.get(Buffer.from('a'))?.toString()).toBe('1')
    expect(survivor.get(Buffer.from('b'))?.toString()).toBe('2')
    expect(survivor.get(Buffer.from('c'))).toBeUndefined()
    await survivor.close()
    await rm(copy, { recursive: true, force: true })
  })

  test('a directory that is no database is refused', async () => {
    await writeBatches(1)
    await writeFile(path.join(directory, 'CURRENT'), 'garbage')
    await expect(LevelStore.open(directory)).rejects.toEqual(expect.objectContaining({ code: expect.any(String) }))
  })

  test('a second process is refused with STORAGE_FAILED', async () => {
    const store = await LevelStore.open(directory)
    await expect(LevelStore.open(directory)).rejects.toMatchObject({
      code: 'STORAGE_FAILED',
      message: expect.stringMatching(/^The database failed: .*lock.*LOCK/i),
    })
    await store.close()
  })
})

describe('the links between batches', () => {
  type Entry = readonly [Buffer, Buffer]
  /** The ring after batches 1 to `count`, as [key, value] by slot. */
  function ring(count: number, lost: (number: number) => boolean = () => false): Entry[] {
    const slots = new Map<string, Entry>()
    const links = BatchLinks.read([])
    for (let number = 1; number <= count; number += 1) {
      const { key, value } = links.next()
      if (!lost(number)) slots.set(key.toString('hex'), [key, value])
      links.flushedTo(number)
    }
    return [...slots.values()]
  }

  test('a whole ring is accepted, before and after it wraps', () => {
    for (const count of [0, 1, 5, LINK_SLOT_COUNT - 1, LINK_SLOT_COUNT, LINK_SLOT_COUNT + 7]) {
      expect(BatchLinks.read(ring(count)).newest).toBe(count)
    }
  })

  test('lost batches with later ones after them are noticed; a lost end is not a loss', () => {
    const count = LINK_SLOT_COUNT + 100
    for (const [from, to] of [
      [count - 1, count - 1],
      [count - 500, count - 3],
      [count - LINK_SLOT_COUNT + 1, count - LINK_SLOT_COUNT + 1],
      [50, count - 1],
    ] as const) {
      expect(() => BatchLinks.read(ring(count, (number) => number >= from && number <= to))).toThrow(stateCorrupt)
    }
    expect(BatchLinks.read(ring(count, (number) => number > count - 7)).newest).toBe(count - 7)
    expect(() => BatchLinks.read(ring(10, (number) => number === 1))).toThrow(stateCorrupt)
  })

  test('the ring asks for a flush before it would overtake what is not in tables', () => {
    const links = BatchLinks.read([])
    while (!links.flushDue) links.next()
    expect(links.newest).toBeLessThan(LINK_SLOT_COUNT)
    while (!links.exhausted) links.next()
    expect(links.newest).toBe(LINK_SLOT_COUNT - 1)
    expect(() => links.next()).toThrow('overtake')
    links.flushedTo(links.newest)
    expect(links.flushDue).toBe(false)
    links.next()
  })

  test('more batches than the ring has slots are written and found again', async () => {
    const store = await LevelStore.open(directory)
    const count = LINK_SLOT_COUNT + 10
    let written: Promise<void> = Promise.resolve()
    for (let at = 0; at < count; at += 1) {
      written = store.batch([put(`k${String(at % 100)}`, String(at))], { sync: false })
      if (at % 500 === 0) await written
    }
    await written
    await store.close()
    const reopened = await LevelStore.open(directory)
    expect(reopened.get(Buffer.from(`k${String((count - 1) % 100)}`))?.toString()).toBe(String(count - 1))
    await reopened.close()
  }, 60_000)
})

test('tables and compactions are told in whole MiB, in less time than a read may take', async () => {
  const store = await LevelStore.open(directory)
  expect(store.figures()).toEqual({
    tableCount: 0,
    tablesSizeBytes: 0,
    compactionSeconds: 0,
    compactionReadBytes: 0,
    compactionWrittenBytes: 0,
  })
  for (let round = 0; round < 3; round += 1) {
    // What cannot be compressed: LevelDB counts what it wrote.
    await store.batch([{ type: 'put', key: Buffer.from(`k${round}`), value: randomBytes(3 << 20) }], { sync: true })
  }
  const { compactionWrittenBytes, tableCount, tablesSizeBytes } = store.figures()
  expect(tableCount).toBeGreaterThanOrEqual(1)
  expect(tablesSizeBytes).toBeGreaterThanOrEqual(8 << 20)
  expect(compactionWrittenBytes).toBeGreaterThanOrEqual(8 << 20)
  const durations = Array.from({ length: 50 }, () => {
    const startedMs = performance.now()
    store.figures()
    return performance.now() - startedMs
  })
  expect(Math.min(...durations)).toBeLessThan(1)
  await store.close()
})
