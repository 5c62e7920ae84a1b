// Watches and subscriptions on three real processes: through followers, from node to node, and on a node that was away for so
// long that it is given a snapshot.
import { eventually } from '../support/eventually.ts'
import { openSocket } from '../support/event-client.ts'
import type { SocketReader } from '../support/event-client.ts'
import { ProcessCluster } from '../support/process-cluster.ts'
import type { Answer } from '../support/process-cluster.ts'

const API = '/db/api/v1'

interface Frame {
  readonly revision: number
  readonly changes: readonly { readonly key: string; readonly value: string | null }[]
}

let cluster: ProcessCluster
let token: string

beforeAll(async () => {
  cluster = await ProcessCluster.create({
    nodeCount: 3,
    extraYaml: 'raft: { logEntriesMax: 100, logRetainedEntries: 0, snapshotChunkSize: 4KiB }\n',
  })
  cluster.startAll()
  await cluster.ready()
}, 60_000)
afterAll(() => cluster.destroy())
beforeEach(async () => {
  const answer = await cluster.call('node0', `${API}/admin/api/create`, { private: true, body: { key_name: 'w' } })
  token = (answer.json() as { readonly key: string }).key
})

const post = (nodeId: string, path: string, body: unknown): Promise<Answer> =>
  cluster.call(nodeId, `${API}/${path}`, { token, body })
const open = (nodeId: string, path: string, key = token): Promise<SocketReader> =>
  openSocket(`${cluster.publicUrl(nodeId).replace('http:', 'ws:')}${API}/${path}`, { headers: { authorization: key } })
const take = async (reader: SocketReader, count: number): Promise<Frame[]> =>
  (await reader.take(count)) as unknown as Frame[]

test('watches of every node see the same changes, whatever node made them', async () => {
  const readers = await Promise.all(cluster.nodeIds.map((nodeId) => open(nodeId, 'watch?prefix=k')))
  for (const reader of readers) expect((await take(reader, 1))[0]?.changes).toEqual([])
  for (let n = 0; n < 30; n += 1) {
    expect((await post(cluster.nodeIds[n % 3] ?? '', 'set', { key: `k${n}`, value: `${n}` })).status).toBe(200)
  }
  const [first, ...others] = await Promise.all(readers.map((reader) => take(reader, 30)))
  expect(first?.map(({ changes }) => changes[0]?.value)).toEqual(Array.from({ length: 30 }, (_, n) => `${n}`))
  for (const other of others) expect(other).toEqual(first)
  await Promise.all(readers.map((reader) => reader.close()))
})

test('a watch goes on through another node, from a list or from the last revision, without a gap', async () => {
  const leader = await cluster.leader()
  const [one = '', other = ''] = cluster.nodeIds.filter((nodeId) => nodeId !== leader)
  // A node knows the changes since it was first watched.
  const early = await open(other, 'watch')
  await take(early, 1)
  const list = (await post(one, 'iterate/entries', {})).json() as { readonly as_of: number }
  for (let n = 0; n < 10; n += 1) await post(leader, 'set', { key: 'k', value: `${n}` })
  const fromList = await open(other, `watch?since=${list.as_of}`)
  const frames = await take(fromList, 11)
  expect(frames.slice(1).map(({ changes }) => changes[0]?.value)).toEqual(Array.from({ length: 10 }, (_, n) => `${n}`))
  const resumed = await open(other, `watch?since=${frames[5]?.revision}`)
  expect((await take(resumed, 6)).slice(1)).toEqual(frames.slice(6))
  await Promise.all([early, fromList, resumed].map((reader) => reader.close()))
})

test('a node that was given a snapshot ends its watches and the streams of deleted keys, and its subscribers miss nothing', async () => {
  const leader = await cluster.leader()
  const [away = ''] = cluster.nodeIds.filter((nodeId) => nodeId !== leader)
  const { alias } = (await post(leader, 'alias/set', {})).json() as { readonly alias: string }
  const watcher = await open(away, 'watch')
  const [subscriber, ofAlias] = [
    await open(away, 'events/subscribe?topic=t'),
    await open(away, 'events/subscribe?topic=t', alias),
  ]
  await take(watcher, 1)
  cluster.process(away)?.kill('SIGSTOP')
  try {
    expect((await post(leader, 'alias/delete', { alias })).status).toBe(200)
    for (let n = 0; n < 400; n += 1) {
      const path = n % 4 === 0 ? 'events' : 'set'
      expect((await post(leader, path, { topic: 't', data: n, key: 'k', value: `${n}` })).status).toBe(200)
    }
  } finally {
    cluster.process(away)?.kill('SIGCONT')
  }
  expect(await watcher.ended).toEqual({ code: 4410, reason: 'changes were lost: list again' })
  expect((await ofAlias.ended).code).toBe(4401)
  expect(ofAlias.frames).toEqual([])
  await eventually('all events arrived', () => (subscriber.frames.length >= 100 ? true : undefined))
  expect(subscriber.events().map(({ data }) => data)).toEqual(Array.from({ length: 100 }, (_, n) => 4 * n))
  expect((await post(leader, 'events', { topic: 't', data: 'live' })).status).toBe(200)
  expect((await subscriber.take(101)).at(-1)).toMatchObject({ data: 'live' })
  const again = await open(away, 'watch')
  await take(again, 1)
  await post(leader, 'set', { key: 'k', value: 'after' })
  expect((await take(again, 1))[0]?.changes).toEqual([{ key: 'k', value: 'after', expires_at: null }])
  await Promise.all([again, subscriber].map((reader) => reader.close()))
}, 60_000)
