// Events on three real processes: through any node to any node, past the death of a subscriber's node, slots that die with it.
import { WebSocket } from 'ws'
import { eventually } from '../support/eventually.ts'
import { openSocket, refusalOf } from '../support/event-client.ts'
import type { SocketReader } from '../support/event-client.ts'
import { ProcessCluster } from '../support/process-cluster.ts'

const SUBSCRIBE = '/db/api/v1/events/subscribe'

describe('events of three nodes', () => {
  let cluster: ProcessCluster

  beforeAll(async () => {
    cluster = await ProcessCluster.running(3)
  }, 60_000)

  afterAll(() => cluster.destroy())

  const url = (nodeId: string, query: string): string =>
    `${cluster.publicUrl(nodeId).replace('http:', 'ws:')}${SUBSCRIBE}${query}`
  const subscribe = (nodeId: string, query: string, token: string): Promise<SocketReader> =>
    openSocket(url(nodeId, query), { headers: { authorization: token } })
  const createKey = async (): Promise<string> => {
    const answer = await cluster.call('node0', '/db/api/v1/admin/api/create', {
      private: true,
      body: { key_name: 'events' },
    })
    return (answer.json() as { key: string }).key
  }
  const limitSubscribers = async (token: string, subscribers: number): Promise<void> => {
    const body = { api_key: token, limits: { subscribers } }
    const answer = await cluster.call('node0', '/db/api/v1/admin/limits/set', { private: true, body })
    expect(answer.status).toBe(200)
  }

  test('an event published on any node reaches subscribers of every node, in the same order', async () => {
    const token = await createKey()
    const readers = await Promise.all(cluster.nodeIds.map((nodeId) => subscribe(nodeId, '?topic=t', token)))
    for (let n = 0; n < 30; n += 1) {
      const nodeId = cluster.nodeIds[n % 3] ?? ''
      const body = { topic: 't', data: n }
      expect((await cluster.call(nodeId, '/db/api/v1/events', { token, body })).status).toBe(200)
    }
    for (const reader of readers) {
      await eventually('all events are there', () => (reader.frames.length === 30 ? true : undefined))
      expect(reader.events().map(({ data }) => data)).toEqual(Array.from({ length: 30 }, (_, n) => n))
      expect(reader.frames).toEqual(readers[0]?.frames)
      await reader.close()
    }
  })

  test('the limit of subscribers holds over all nodes, and shake ends them on all nodes', async () => {
    const token = await createKey()
    await limitSubscribers(token, 3)
    const readers = await Promise.all(cluster.nodeIds.map((nodeId) => subscribe(nodeId, '?topic=t', token)))
    for (const nodeId of cluster.nodeIds) {
      expect((await refusalOf(url(nodeId, '?topic=t'), { authorization: token })).status).toBe(503)
    }
    const shaken = await cluster.call('node2', '/db/api/v1/events/shake', { token, body: {} })
    expect(shaken.json()).toEqual({ success: true, disconnected_sessions: 3 })
    for (const reader of readers) expect((await reader.ended).reason).toBe('shaken')
    const again = await Promise.all(cluster.nodeIds.map((nodeId) => subscribe(nodeId, '?topic=t', token)))
    for (const reader of again) await reader.close()
  })

  test('deleting a key ends its subscribers on every node within a second', async () => {
    const token = await createKey()
    const readers = await Promise.all(cluster.nodeIds.map((nodeId) => subscribe(nodeId, '?topic=t', token)))
    const deletion = { private: true, body: { key: token } }
    expect((await cluster.call('node1', '/db/api/v1/admin/api/delete', deletion)).status).toBe(200)
    const began = performance.now()
    for (const reader of readers) expect((await reader.ended).code).toBe(4401)
    expect(performance.now() - began).toBeLessThan(1_000)
  })

  test('a subscriber whose node is killed resumes on another without a gap, and its slot is free', async () => {
    const token = await createKey()
    await limitSubscribers(token, 1)
    const leader = await cluster.leader()
    const [victim = '', survivor = ''] = cluster.nodeIds.filter((nodeId) => nodeId !== leader)
    const before = await subscribe(victim, '?topic=t', token)
    const published: number[] = []
    const state = { isPublishing: true }
    const publisher = (async () => {
      for (let n = 0; state.isPublishing; n += 1) {
        const answer = await cluster.call(leader, '/db/api/v1/events', { token, body: { topic: 't', data: n } })
        if (answer.status === 200) published.push(n)
      }
    })()
    await eventually('events flow', () => (before.frames.length > 20 ? true : undefined))
    await cluster.kill(victim)
    expect((await before.ended).code).toBe(1006)
    const since = before.events().at(-1)?.['id']
    const began = performance.now()
    const after = await eventually(
      'the slot is free',
      () => subscribe(survivor, `?topic=t&since=${String(since)}`, token),
      {
        timeoutMs: 15_000,
      },
    )
    expect(performance.now() - began).toBeLessThan(10_000)
    state.isPublishing = false
    await publisher
    const all = (): unknown[] => [...before.events(), ...after.events()].map(({ data }) => data)
    await eventually('the last is there', () => (all().includes(published.at(-1)) ? true : undefined))
    expect(all()).toEqual(published)
    await after.close()
    cluster.start(victim)
    await cluster.ready([victim])
  }, 60_000)

  test('a node that is stopped closes its subscribers with 1012 and exits at once', async () => {
    const token = await createKey()
    const readers = await Promise.all(Array.from({ length: 20 }, () => subscribe('node1', '?topic=t', token)))
    const began = performance.now()
    const ended = cluster.end('node1', 'SIGTERM')
    for (const reader of readers) expect((await reader.ended).code).toBe(1012)
    expect(await ended).toEqual({ code: 0, signal: null })
    expect(performance.now() - began).toBeLessThan(4_000)
    await eventually('its slots are free', async () => {
      const usage = (await cluster.call('node0', '/db/api/v1/limits', { token })).json()
      return (usage as { usage: { subscribers: number } }).usage.subscribers === 0 ? true : undefined
    })
    cluster.start('node1')
    await cluster.ready(['node1'])
  }, 60_000)

  test('a subscriber far away sees nothing of a leader that dies but a pause', async () => {
    const token = await createKey()
    const leader = await cluster.leader()
    const survivors = cluster.nodeIds.filter((nodeId) => nodeId !== leader)
    const reader = await subscribe(survivors[0] ?? '', '?topic=t', token)
    await cluster.kill(leader)
    await eventually('publishing goes on', async () => {
      const answer = await cluster.call(survivors[1] ?? '', '/db/api/v1/events', {
        token,
        body: { topic: 't', data: 1 },
      })
      return answer.status === 200 ? true : undefined
    })
    expect(await reader.next()).toMatchObject({ data: 1 })
    expect(reader.socket.readyState).toBe(WebSocket.OPEN)
    await reader.close()
  }, 60_000)
})
