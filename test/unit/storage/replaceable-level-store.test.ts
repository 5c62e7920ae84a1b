import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { WriteOp } from '../../../src/storage/ordered-store.ts'
import { ReplaceableLevelStore } from '../../../src/storage/replaceable-level-store.ts'

const put = (key: string, value: string): WriteOp => ({ type: 'put', key: Buffer.from(key), value: Buffer.from(value) })
const stateCorrupt = expect.objectContaining({ code: 'STATE_CORRUPT' })

let directory: string
beforeEach(async () => {
  directory = path.join(await mkdtemp(path.join(tmpdir(), 'insi-generations-')), 'state')
})
afterEach(() => rm(path.dirname(directory), { recursive: true, force: true }))

const current = (): Promise<string> => readFile(path.join(directory, 'CURRENT'), 'utf8')
const valueIn = (stores: ReplaceableLevelStore): string | undefined =>
  stores.current().get(Buffer.from('a'))?.toString()

async function openWith(value: string): Promise<ReplaceableLevelStore> {
  const stores = await ReplaceableLevelStore.open(directory)
  await stores.current().batch([put('a', value)], { sync: false })
  return stores
}

describe('the generations of a store', () => {
  test('the first is made with its directory and found again', async () => {
    await (await openWith('1')).close()
    expect(await current()).toBe('generation-000001\n')
    const reopened = await ReplaceableLevelStore.open(directory)
    expect(valueIn(reopened)).toBe('1')
    await reopened.close()
  })

  test('a committed replacement is the one that a restart finds, alone', async () => {
    const stores = await openWith('old')
    await (await stores.beginReplacement()).batch([put('a', 'new')], { sync: false })
    await stores.commitReplacement()
    await stores.close()
    expect((await readdir(directory)).sort()).toEqual(['CURRENT', 'generation-000002'])
    const reopened = await ReplaceableLevelStore.open(directory)
    expect(valueIn(reopened)).toBe('new')
    await reopened.close()
  })

  test('leftovers of a crash before and after the switch are removed at the next open', async () => {
    await (await openWith('old')).close()
    await mkdir(path.join(directory, 'generation-000002'))
    await writeFile(path.join(directory, 'generation-000002', 'half'), 'written')
    await writeFile(path.join(directory, 'CURRENT.tmp'), 'generation-0000')
    const before = await ReplaceableLevelStore.open(directory)
    expect(valueIn(before)).toBe('old')
    expect((await readdir(directory)).sort()).toEqual(['CURRENT', 'generation-000001'])
    await (await before.beginReplacement()).batch([put('a', 'new')], { sync: false })
    await before.commitReplacement()
    await before.close()
    await mkdir(path.join(directory, 'generation-000001'))
    const after = await ReplaceableLevelStore.open(directory)
    expect(valueIn(after)).toBe('new')
    expect((await readdir(directory)).sort()).toEqual(['CURRENT', 'generation-000002'])
    await after.close()
  })

  test('a crash while the first generation was made leaves nothing in the way', async () => {
    await mkdir(path.join(directory, 'generation-000001'), { recursive: true })
    const stores = await openWith('1')
    expect(valueIn(stores)).toBe('1')
    await stores.close()
  })

  test('a pointer that is damaged, names nothing or is lost is refused, and nothing is removed', async () => {
    const stores = await openWith('old')
    await (await stores.beginReplacement()).batch([put('a', 'new')], { sync: false })
    await stores.commitReplacement()
    await stores.close()
    for (const content of ['garbage\n', 'generation-000002', 'generation-000009\n', '']) {
      await writeFile(path.join(directory, 'CURRENT'), content)
      await expect(ReplaceableLevelStore.open(directory)).rejects.toEqual(stateCorrupt)
    }
    await rm(path.join(directory, 'CURRENT'))
    await expect(ReplaceableLevelStore.open(directory)).rejects.toEqual(stateCorrupt)
    expect(await readdir(directory)).toEqual(['generation-000002'])
  })
})
