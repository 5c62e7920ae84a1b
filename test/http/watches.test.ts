// Watching keys: what is delivered, resuming, what is too old, and what ends a watch.
import http from 'node:http'
import { eventually } from '../support/eventually.ts'
import { openSocket } from '../support/event-client.ts'
import { HttpNode, ROOT_KEY } from '../support/http-node.ts'
import type { Answer } from '../support/http-node.ts'

interface Frame {
  readonly revision: number
  readonly changes: readonly { key: string; value: string | null; expires_at?: string | null }[]
}

interface Stream {
  readonly status: number
  text: string
  ended: boolean
  frames(): Frame[]
  close(): void
}

let node: HttpNode
let token: string
const streams: Stream[] = []
beforeAll(async () => {
  node = await HttpNode.start()
})
afterAll(() => node.stop())
beforeEach(async () => {
  token = await node.createKey()
})
afterEach(() => {
  for (const stream of streams.splice(0)) stream.close()
})

const post = (path: string, body: unknown, key = token): Promise<Answer> =>
  node.call('public', `/db/api/v1/${path}`, { token: key, body })

function watch(path: string, options: { key?: string; headers?: Record<string, string> } = {}): Promise<Stream> {
  const headers = { authorization: options.key ?? token, accept: 'text/event-stream', ...options.headers }
  return new Promise((resolve, reject) => {
    const request = http.get(
      { host: '127.0.0.1', port: node.port('public'), path: `/db/api/v1/${path}`, headers },
      (response) => {
        const stream: Stream = {
          status: response.statusCode ?? 0,
          text: '',
          ended: false,
          frames: () =>
            stream.text
              .split('\n')
              .filter((line) => line.startsWith('data: {"revision"'))
              .map((line) => JSON.parse(line.slice('data: '.length)) as Frame),
          close: () => request.destroy(),
        }
        streams.push(stream)
        response.on('data', (chunk: Buffer) => (stream.text += String(chunk)))
        response.on('end', () => (stream.ended = true))
        response.on('error', () => {})
        resolve(stream)
      },
    )
    request.on('error', reject)
  })
}

const framesOf = (stream: Stream, count: number): Promise<Frame[]> =>
  eventually(`${count} frames`, () => (stream.frames().length >= count ? stream.frames() : undefined))

test('changes of the prefix arrive with their revisions, those of others do not', async () => {
  const stream = await watch('watch?prefix=p:')
  expect(stream.status).toBe(200)
  const [begin] = await framesOf(stream, 1)
  expect(begin?.changes).toEqual([])
  await post('set', { key: 'q', value: '1' })
  await post('cache/set', { key: 'p:a', value: 'cached' })
  const set = await post('set', { key: 'p:a', value: '1', ttl_ms: 60_000 })
  await post('set', { key: 'p:a', value: '1' }, await node.createKey())
  await post('delete', { key: 'p:a' })
  const [, first, second, ...more] = await framesOf(stream, 3)
  expect(first).toEqual({
    revision: Number(set.headers['x-insi-revision']),
    changes: [{ key: 'p:a', value: '1', expires_at: expect.stringMatching(/Z$/) }],
  })
  expect(second?.changes).toEqual([{ key: 'p:a', value: null }])
  expect(more).toEqual([])
  expect(stream.text).toContain(`id: ${first?.revision}\n`)
})

test('what is written in one commit arrives in one frame', async () => {
  const stream = await watch('watch')
  await framesOf(stream, 1)
  const operations = ['a', 'b', 'c'].map((key) => ({ op: 'set', key, value: key }))
  await post('batch', { operations })
  const [, frame] = await framesOf(stream, 2)
  expect(frame?.changes.map(({ key }) => key)).toEqual(['a', 'b', 'c'])
})

test('a list and a watch since its as_of miss nothing, and a watch resumes since its last revision', async () => {
  await post('set', { key: 'a', value: '1' })
  const first = await watch('watch')
  await framesOf(first, 1)
  const list = (await post('iterate/entries', {})).json() as { readonly as_of: number }
  await post('set', { key: 'a', value: '2' })
  await post('set', { key: 'a', value: '3' })
  const fromList = await watch(`watch?since=${list.as_of}`)
  const frames = await framesOf(fromList, 3)
  expect(frames.flatMap(({ changes }) => changes.map(({ value }) => value))).toEqual(['2', '3'])
  const resumed = await watch('watch', { headers: { 'last-event-id': String(frames[1]?.revision) } })
  expect((await framesOf(resumed, 2)).at(-1)).toEqual(frames[2])
})

test('a watch resumes though nobody has watched the key on this node before', async () => {
  const old = await post('set', { key: 'a', value: '1' })
  await post('delete', { key: 'a' })
  await post('cache/set', { key: 'a', value: 'cached' })
  await post('set', { key: 'a', value: '2' })
  const revision = Number(old.headers['x-insi-revision'])
  const frames = await framesOf(await watch(`watch?since=${revision}`), 3)
  expect(frames.flatMap(({ changes }) => changes.map(({ value }) => value))).toEqual([null, '2'])
  expect(frames[0]?.revision).toBe(revision)
})

test('what the ring dropped is too old, and what it holds is not', async () => {
  const stream = await watch('watch')
  const [begin] = await framesOf(stream, 1)
  const value = 'x'.repeat(1_000_000)
  for (let count = 0; count < 20; count += 1) await post('set', { key: 'a', value })
  const answer = await node.call('public', `/db/api/v1/watch?since=${begin?.revision}`, {
    token,
    headers: { accept: 'text/event-stream' },
  })
  expect(answer.status).toBe(410)
  expect(answer.json()).toMatchObject({ error_type: 'WATCH_TOO_OLD', hint: expect.stringContaining('as_of') })
  // A new list is recent enough.
  const list = (await post('iterate/entries', { prefix: 'none' })).json() as { readonly as_of: number }
  expect((await watch(`watch?since=${list.as_of}`)).status).toBe(200)
  expect((await watch(`watch?since=${begin === undefined ? 0 : begin.revision + 15}`)).status).toBe(200)
  // One that kept up has seen everything.
  expect(await framesOf(stream, 21)).toHaveLength(21)
})

test('the cache is watched by its own route, and by a WebSocket', async () => {
  const socket = await openSocket(`ws://127.0.0.1:${node.port('public')}/db/api/v1/cache/watch?prefix=a&token=${token}`)
  expect(await socket.next()).toMatchObject({ changes: [] })
  await post('set', { key: 'a', value: 'durable' })
  await post('cache/set', { key: 'a', value: 'cached' })
  expect(await socket.next()).toMatchObject({ changes: [{ key: 'a', value: 'cached' }] })
  await socket.close()
})

test('deleting the key ends its watches', async () => {
  const stream = await watch('watch')
  await framesOf(stream, 1)
  await node.call('private', '/db/api/v1/admin/api/delete', { token: ROOT_KEY, body: { key: token } })
  await eventually('the stream has ended', () => (stream.ended ? true : undefined))
  expect(stream.text).toContain('"code":4401')
})

test('an entity has so many watchers and no more, and a place is free again when one leaves', async () => {
  const opened = await Promise.all(Array.from({ length: 100 }, () => watch('watch')))
  expect(opened.every(({ status }) => status === 200)).toBe(true)
  expect((await watch('watch')).status).toBe(503)
  expect((await watch('watch', { key: await node.createKey() })).status).toBe(200)
  opened[0]?.close()
  await eventually('there is room', async () => ((await watch('watch')).status === 200 ? true : undefined))
})

test('a watch since a revision that no write has reached is refused', async () => {
  const write = await post('set', { key: 'a', value: '1' })
  const revision = Number(write.headers['x-insi-revision'])
  expect((await watch(`watch?since=${revision + 1}`)).status).toBe(400)
  expect((await watch(`watch?since=${revision}`)).status).toBe(200)
})

test.each(['since=-1', 'since=x', 'since=1.5', 'prefix=%00', 'prefix=%ff'])('with %s is refused', async (query) => {
  expect((await watch(`watch?${query}`)).status).toBe(400)
})

test('without the wish for a stream it is refused', async () => {
  expect((await watch('watch', { headers: { accept: 'application/json' } })).status).toBe(400)
})

const ROUNDS_MAX = 20

test('a watcher that stops reading is ended with 4410 once what it has not read is dropped, and others go on', async () => {
  const url = `ws://127.0.0.1:${node.port('public')}/db/api/v1/watch?token=${token}`
  const [slow, quick] = [await openSocket(url), await openSocket(url)]
  const [begin] = await slow.take(1)
  await quick.take(1)
  slow.socket.pause()
  const caller = await node.services.keys.authenticate(token)
  const value = Buffer.alloc(1024 * 1024, 'x')
  const frames: Record<string, unknown>[] = []
  // More than the ring and the buffers of a connection hold, and no more: a closed socket waits two seconds for its peer.
  for (let round = 0; node.services.watches.count === 2; round += 1) {
    expect(round).toBeLessThan(ROUNDS_MAX)
    await Promise.all(
      Array.from({ length: 8 }, () => node.services.values.set(caller, { key: Buffer.from('a'), value })),
    )
    frames.push(...(await quick.take(8)))
  }
  slow.socket.resume()
  expect(await slow.ended).toEqual({ code: 4410, reason: 'changes were lost: list again' })
  // What it did get was without a gap.
  const got = slow.events().slice(1)
  expect(got.map(({ revision }) => revision)).toEqual(frames.slice(0, got.length).map(({ revision }) => revision))
  expect(got.length).toBeLessThan(frames.length)
  expect(begin?.['revision']).toBeLessThan(Number(frames[0]?.['revision']))
  await quick.close()
}, 30_000)
