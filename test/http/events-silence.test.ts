// Sockets whose peers are gone without a word, on a clock that the test moves; and a key that connects far too often.
import { once } from 'node:events'
import { WebSocket } from 'ws'
import { SocketReader, refusalOf } from '../support/event-client.ts'
import { eventually } from '../support/eventually.ts'
import { HttpNode, ROOT_KEY } from '../support/http-node.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const SUBSCRIBE = '/db/api/v1/events/subscribe?topic=t'
const CONNECTS = 2_000

test('a peer that does not answer pings is closed after a minute, one that does is not', async () => {
  const clock = new VirtualClock()
  const node = await HttpNode.start({ clock })
  const open = async (autoPong: boolean): Promise<SocketReader> => {
    const headers = { authorization: ROOT_KEY }
    const socket = new WebSocket(`ws://127.0.0.1:${node.port('public')}${SUBSCRIBE}`, { headers, autoPong })
    const reader = new SocketReader(socket)
    await once(socket, 'open')
    return reader
  }
  const [silent, alive] = [await open(false), await open(true)]
  const pings = [silent, alive].map(({ socket }) => once(socket, 'ping'))
  clock.advance(30_000)
  await Promise.all(pings)
  // Its answer to this one says that the server has read the pong before it.
  const answered = once(alive.socket, 'pong')
  alive.socket.ping()
  await answered
  clock.advance(35_000)
  expect(await silent.ended).toEqual({ code: 4408, reason: 'no pong' })
  expect(alive.socket.readyState).toBe(WebSocket.OPEN)
  alive.socket.terminate()
  let isStopped = false
  const stopped = node.stop().then(() => (isStopped = true))
  await eventually('the node stops', () => {
    clock.advance(100)
    return isStopped ? true : undefined
  })
  await stopped
})

test('a key that connects thousands of times is refused at its limit, and another one is served meanwhile', async () => {
  const node = await HttpNode.start()
  const [noisy, quiet] = [await node.createKey(), await node.createKey()]
  const limits = { api_key: noisy, limits: { subscribers: 5, rate_per_second_event_limit: 1_000_000 } }
  await node.call('private', '/db/api/v1/admin/limits/set', { token: ROOT_KEY, body: limits })
  const url = `ws://127.0.0.1:${node.port('public')}${SUBSCRIBE}`
  const sockets = await Promise.all(
    Array.from({ length: 5 }, async () => {
      const socket = new WebSocket(url, { headers: { authorization: noisy } })
      await once(socket, 'open')
      return socket
    }),
  )
  const index = node.state.appliedIndex
  const slowest: number[] = []
  for (let done = 0; done < CONNECTS; done += 100) {
    const refusals = Promise.all(Array.from({ length: 100 }, () => refusalOf(url, { authorization: noisy })))
    const began = performance.now()
    expect((await node.call('public', '/db/api/v1/limits', { token: quiet })).status).toBe(200)
    slowest.push(performance.now() - began)
    for (const { status } of await refusals) expect(status).toBe(503)
  }
  // Nothing was written for the refused ones.
  expect(node.state.appliedIndex).toBe(index)
  expect(Math.max(...slowest)).toBeLessThan(2_000)
  for (const socket of sockets) socket.terminate()
  await node.stop()
}, 60_000)
