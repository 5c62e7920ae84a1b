// Listing keys over as many pages as it takes.
import { InsiClient } from '../../../src/client/client.ts'
import { ScriptedServer, json } from './scripted-server.ts'

let server: ScriptedServer
let client: InsiClient
beforeAll(async () => {
  server = await ScriptedServer.start()
  client = new InsiClient({ endpoints: [{ publicUrl: server.url }], apiKey: 'insi_key' })
})
afterAll(async () => {
  client.close()
  await server.stop()
})

const LARGE = 'k'.repeat(1024 * 1024)
/** What a server with so many keys of such a length answers: a page ends at 10 000 keys, or with the key that reaches 4 MiB. */
const serve = (total: number, keyOf: (n: number) => string): { offset: string; limit: string }[] => {
  const asked: { offset: string; limit: string }[] = []
  server.script = ({ query }) => {
    asked.push({ offset: query.offset ?? '', limit: query.limit ?? '' })
    const first = Number(query.offset ?? 0)
    const end = Math.min(total, first + Math.min(Number(query.limit ?? 100), 10_000))
    const page: string[] = []
    for (let [n, sizeBytes] = [first, 0]; n < end && sizeBytes < 4 * 1024 * 1024; n++) {
      page.push(keyOf(n))
      sizeBytes += keyOf(n).length
    }
    return json({ data: page.length === 0 ? null : page })
  }
  return asked
}
const sizesOf = async (page: { offset?: number; limit?: number }): Promise<number[]> => {
  const sizes: number[] = []
  for await (const keys of client.values.pages('', page)) sizes.push(keys.length)
  return sizes
}

test('pages go on until there are as many keys as were asked for', async () => {
  const asked = serve(50_000, String)
  expect(await sizesOf({ offset: 5, limit: 25_000 })).toEqual([10_000, 10_000, 5_000])
  expect(asked.map(({ offset }) => offset)).toEqual(['5', '10005', '20005'])
})

test('pages go on behind a page that ended because of its size', async () => {
  const asked = serve(10, () => LARGE)
  expect(await sizesOf({})).toEqual([4, 4, 2])
  expect(asked).toEqual([
    { offset: '', limit: '' },
    { offset: '4', limit: '96' },
    { offset: '8', limit: '92' },
  ])
})

test('pages end with the keys, with no page more than needed but the first', async () => {
  const asked = serve(10_000, String)
  expect(await sizesOf({ limit: 20_000 })).toEqual([10_000])
  expect(await sizesOf({ offset: 10_000 })).toEqual([0])
  expect(asked).toHaveLength(3)
})

test('keys() goes through all pages', async () => {
  const all = ['a', 'b', 'c', 'd', 'e']
  server.script = ({ query }) => {
    const offset = Number(query.offset)
    return json({ data: all.slice(offset, offset + Number(query.limit)) })
  }
  const found: string[] = []
  for await (const key of client.values.keys('', { pageSize: 2 })) found.push(key)
  expect(found).toEqual(all)
  const some: string[] = []
  for await (const key of client.values.keys('', { pageSize: 2, offset: 1, limit: 3 })) some.push(key)
  expect(some).toEqual(['b', 'c', 'd'])
})
