// How the transport between peers ends: in order, within its deadline, and nothing is heard afterwards.
import { once } from 'node:events'
import type { PeerMessage } from '../../../src/replication/peer-messages.ts'
import { encodePeerMessage } from '../../../src/replication/transport/peer-codec.ts'
import { ack, chunk, sequences } from '../../conformance/transport-suite.ts'
import { eventually } from '../../support/eventually.ts'
import { RawPeer } from '../../support/raw-peer.ts'
import { reach, TlsNodes } from '../../support/tls-transport.ts'

const nodes = new TlsNodes()
afterEach(() => nodes.closeAll())

describe('the end of a transport', () => {
  test('close() gives up a peer that does not answer within the deadline', async () => {
    const node = await nodes.start('a', { deadlines: { closeMs: 200 } })
    const peer = await RawPeer.dial(node.transport.port)
    peer.hello()
    await eventually('open', () => (node.transport.counters.connectionsOpen === 1 ? true : undefined))
    const startMs = performance.now()
    await node.transport.close()
    expect(performance.now() - startMs).toBeLessThan(2_000)
    await eventually('the goodbye and the end', () => (peer.goodbye === 'closing' && peer.closed ? true : undefined))
  })

  test('close() frees the port at once and calls no handler afterwards', async () => {
    const [a, b] = [await nodes.start('a'), await nodes.start('b')]
    await reach(b, a.address, a)
    const port = a.transport.port
    for (let sequence = 0; sequence < 500; sequence += 1) b.transport.send(a.address, chunk(sequence, 10_000))
    await a.transport.close()
    const count = a.received.length
    const again = await nodes.start('a', { port })
    await reach(b, again.address, again)
    expect(a.received.length).toBe(count)
    expect(a.disconnects).toEqual([])
  })

  test('close() while dialling and before start() is safe', async () => {
    const a = await nodes.start('a')
    a.transport.send('192.0.2.1:7000', ack(1))
    await a.transport.close()
    await a.transport.close()
    expect(a.transport.send('192.0.2.1:7000', ack(2))).toBe(false)
  })

  test('a port in use is an error of start()', async () => {
    const a = await nodes.start('a')
    await expect(nodes.start('b', { port: a.transport.port })).rejects.toThrow(/EADDRINUSE/)
  })

  test('what a peer sends before its goodbye is handed on, what it sends after is not', async () => {
    const node = await nodes.start('a')
    const peer = await RawPeer.dial(node.transport.port)
    const message = (sequence: number): PeerMessage => ack(sequence)
    peer.hello()
    peer.frame('message', encodePeerMessage(message(1)))
    peer.frame('goodbye', Buffer.from('closing'))
    peer.frame('message', encodePeerMessage(message(2)))
    await eventually('the report', () => (node.disconnects.length === 1 ? true : undefined))
    if (!peer.closed) await once(peer.socket, 'close')
    expect(sequences(node)).toEqual([1])
  })
})
