// The life of connections between peers: one a pair, noticed when dead, bounded when slow.
import { systemClock } from '../../../src/base/clock.ts'
import {
  OUTGOING_QUEUE_MESSAGES_MAX,
  OUTGOING_QUEUE_SIZE_BYTES_MAX,
} from '../../../src/replication/transport/limits.ts'
import { ack, chunk, sequences } from '../../conformance/transport-suite.ts'
import { eventually } from '../../support/eventually.ts'
import { RawPeer } from '../../support/raw-peer.ts'
import { TcpProxy } from '../../support/tcp-proxy.ts'
import { reach, TlsNodes } from '../../support/tls-transport.ts'
import type { TlsNode } from '../../support/tls-transport.ts'

const IMPATIENT = { keepAliveIntervalMs: 100, keepAliveDeadlineMs: 400, probeMs: 150, connectMs: 300, closeMs: 200 }
const AHEAD_MS = 60_000

const nodes = new TlsNodes()
const proxies: TcpProxy[] = []
afterEach(async () => {
  await nodes.closeAll()
  await Promise.all(proxies.splice(0).map((proxy) => proxy.close()))
})

/** Puts a proxy before `node` and lets the node advertise it. */
async function behindProxy(node: TlsNode): Promise<TcpProxy> {
  const proxy = await TcpProxy.start(node.transport.port)
  proxies.push(proxy)
  node.identity.raftAddress = proxy.address
  return proxy
}

function messageCount(peer: RawPeer | undefined): number {
  return peer?.frames.filter((frame) => frame.kind === 'message').length ?? 0
}

describe('one connection a pair', () => {
  test('three nodes that all dial each other at once end with one connection a pair and lose nothing', async () => {
    for (let round = 0; round < 5; round += 1) {
      const all = await Promise.all(['a', 'b', 'c'].map((name) => nodes.start(name)))
      const pairs = all.flatMap((from) => all.filter((to) => to !== from).map((to) => ({ from, to })))
      for (let sequence = 0; sequence < 50; sequence += 1) {
        for (const { from, to } of pairs) expect(from.transport.send(to.address, ack(sequence))).toBe(true)
      }
      await eventually('everything has arrived', () =>
        all.every((node) => node.received.length === 100) ? true : undefined,
      )
      await eventually('two connections a node are left', () =>
        all.every((node) => node.transport.counters.connectionsOpen === 2) ? true : undefined,
      )
      for (const { from, to } of pairs) expect(from.transport.send(to.address, ack(50))).toBe(true)
      await eventually('the last ones arrive', () =>
        all.every((node) => node.received.length === 102) ? true : undefined,
      )
      for (const node of all) {
        expect(node.disconnects).toEqual([])
        expect(node.transport.counters.connectionsOpen).toBe(2)
      }
      await nodes.closeAll()
    }
  })

  test('both ends keep the same connection when messages flow all the time', async () => {
    for (let round = 0; round < 10; round += 1) {
      const [a, b] = await Promise.all([nodes.start('a'), nodes.start('b')])
      let takenByA = 0
      let takenByB = 0
      await eventually('one connection each', () => {
        for (let burst = 0; burst < 20; burst += 1) {
          if (a.transport.send(b.address, ack(takenByA))) takenByA += 1
          if (b.transport.send(a.address, ack(takenByB))) takenByB += 1
        }
        const settled = [a, b].every((node) => node.transport.counters.connectionsOpen === 1)
        return settled && a.received.length > 50 && b.received.length > 50 ? true : undefined
      })
      await eventually('all that was taken has arrived', () =>
        a.received.length === takenByB && b.received.length === takenByA ? true : undefined,
      )
      expect(a.disconnects.concat(b.disconnects)).toEqual([])
      await nodes.closeAll()
    }
  })

  test('an accepted connection carries the answers: the other side is not dialled', async () => {
    const [a, b] = [await nodes.start('a'), await nodes.start('b')]
    await reach(a, b.address, b)
    await reach(b, a.address, a)
    expect(b.transport.counters.connectionsDialled).toBe(0)
    expect(a.transport.counters.connectionsAccepted).toBe(0)
  })

  test('messages wait a moment when the peer prefers a connection that has not come up yet', async () => {
    const node = await nodes.start('a')
    const dialled: RawPeer[] = []
    const listener = await RawPeer.listen((peer) => {
      dialled.push(peer)
      peer.hello({ raftAddress: listener.address })
      peer.frame('goodbye', Buffer.from('duplicate'))
    })
    node.transport.send(listener.address, ack(1))
    await eventually('the answer to the goodbye', () => (dialled[0]?.goodbye === 'reply' ? true : undefined))
    expect(node.transport.send(listener.address, ack(2))).toBe(true)
    const preferred = await RawPeer.dial(node.transport.port)
    preferred.hello({ raftAddress: listener.address })
    await eventually('what waited', () => (messageCount(preferred) === 1 ? true : undefined))
    expect(messageCount(dialled[0])).toBe(1)
    expect(node.disconnects).toEqual([])
    listener.close()
    for (const peer of [...dialled, preferred]) peer.socket.destroy()
  })

  test('a peer dialled under another name than it advertises is one connection under both', async () => {
    const [a, b] = [await nodes.start('a'), await nodes.start('b')]
    const otherName = `localhost:${b.transport.port}`
    await reach(a, otherName, b)
    await reach(a, b.address, b)
    expect(a.transport.counters.connectionsDialled).toBe(1)
    await b.transport.close()
    await eventually('both names are reported', () => (a.disconnects.length === 2 ? true : undefined))
    expect(a.disconnects.toSorted()).toEqual([b.address, otherName].toSorted())
  })

  test('two names dialled at once become one connection', async () => {
    const [a, b] = [await nodes.start('a'), await nodes.start('b')]
    const otherName = `localhost:${b.transport.port}`
    for (let sequence = 0; sequence < 20; sequence += 1) {
      a.transport.send(otherName, ack(sequence))
      a.transport.send(b.address, ack(100 + sequence))
    }
    await eventually('all have arrived', () => (b.received.length === 40 ? true : undefined))
    await eventually('one is left', () =>
      [a, b].every((node) => node.transport.counters.connectionsOpen === 1) ? true : undefined,
    )
    await reach(a, otherName, b)
    await reach(a, b.address, b)
    expect(a.transport.counters.connectionsDialled).toBe(2)
  })
})

describe('dead connections', () => {
  test.each([
    ['the smaller member id dials', 'a', 'b'],
    ['the larger member id dials', 'b', 'a'],
  ])('a half-open peer is noticed on both sides and reached anew: %s', async (_name, dialler, listener) => {
    const from = await nodes.start(dialler, { deadlines: IMPATIENT })
    const to = await nodes.start(listener, { deadlines: IMPATIENT })
    const proxy = await behindProxy(to)
    await reach(from, proxy.address, to)
    proxy.freeze()
    await eventually('both notice', () =>
      from.disconnects.includes(proxy.address) && to.disconnects.includes(from.address) ? true : undefined,
    )
    proxy.thaw()
    await reach(from, proxy.address, to)
    await reach(to, from.address, from)
  })

  test('a peer that one side gave up is let in again although the other side still trusts the old connection', async () => {
    const a = await nodes.start('a', { deadlines: { ...IMPATIENT, keepAliveDeadlineMs: 60_000 } })
    const b = await nodes.start('b', { deadlines: IMPATIENT })
    const proxy = await behindProxy(b)
    await reach(a, proxy.address, b)
    proxy.freeze()
    await eventually('b gives up', () => (b.disconnects.includes(a.address) ? true : undefined))
    expect(a.disconnects).toEqual([])
    proxy.thaw()
    await reach(b, a.address, a)
    await reach(a, proxy.address, b)
    expect(a.transport.counters.connectionsOpen).toBe(1)
  })

  test('a silent connection stays open as long as the peer answers pings', async () => {
    const a = await nodes.start('a', { deadlines: IMPATIENT })
    const b = await nodes.start('b', { deadlines: IMPATIENT })
    await reach(a, b.address, b)
    const frames = a.transport.counters.receivedFrames
    await eventually('several pings', () => (a.transport.counters.receivedFrames > frames + 8 ? true : undefined))
    expect(a.disconnects.concat(b.disconnects)).toEqual([])
    expect(a.transport.counters.connectionsDialled).toBe(1)
  })

  test('the round trip to each peer is known while messages flow, and gone with the connection', async () => {
    const a = await nodes.start('a', { deadlines: IMPATIENT })
    const b = await nodes.start('b', { deadlines: IMPATIENT })
    await reach(a, b.address, b)
    const measured = await eventually('both have measured', async () => {
      // Neither side is ever silent, so no ping is sent for want of a sign of life.
      await reach(a, b.address, b)
      await reach(b, a.address, a)
      const [there, back] = [a.transport.roundTripsMs().get('b'), b.transport.roundTripsMs().get('a')]
      return there === undefined || back === undefined ? undefined : [there, back]
    })
    for (const roundTripMs of measured) {
      expect(roundTripMs).toBeGreaterThan(0)
      expect(roundTripMs).toBeLessThan(IMPATIENT.keepAliveDeadlineMs)
    }
    await b.transport.close()
    await eventually('a notices', () => (a.transport.roundTripsMs().size === 0 ? true : undefined))
  })

  test('each side knows how far the clock of the other is ahead', async () => {
    const a = await nodes.start('a', { deadlines: IMPATIENT })
    const b = await nodes.start('b', {
      deadlines: IMPATIENT,
      clock: { ...systemClock, nowMs: () => systemClock.nowMs() + AHEAD_MS },
    })
    const [of, from] = await eventually('both have measured', async () => {
      await reach(a, b.address, b)
      await reach(b, a.address, a)
      const [there, back] = [a.transport.clockSkewsMs().get('b'), b.transport.clockSkewsMs().get('a')]
      return there === undefined || back === undefined ? undefined : [there, back]
    })
    expect(Math.abs((of ?? 0) - AHEAD_MS)).toBeLessThan(IMPATIENT.keepAliveDeadlineMs)
    expect(Math.abs((from ?? 0) + AHEAD_MS)).toBeLessThan(IMPATIENT.keepAliveDeadlineMs)
  })

  test('an event loop that stood still does not make peers look dead', async () => {
    const a = await nodes.start('a', { deadlines: IMPATIENT })
    const b = await nodes.start('b', { deadlines: IMPATIENT })
    await reach(a, b.address, b)
    const endMs = performance.now() + 1_000
    while (performance.now() < endMs) Math.sqrt(endMs)
    await reach(a, b.address, b)
    expect(a.disconnects.concat(b.disconnects)).toEqual([])
  })

  test('a connection that is cut is reported, and the next message dials again', async () => {
    const [a, b] = [await nodes.start('a'), await nodes.start('b')]
    const proxy = await behindProxy(b)
    await reach(a, proxy.address, b)
    proxy.cut()
    await eventually('both notice', () =>
      a.disconnects.includes(proxy.address) && b.disconnects.includes(a.address) ? true : undefined,
    )
    await reach(a, proxy.address, b)
    expect(a.transport.counters.connectionsDialled).toBe(2)
  })

  test('a restarted peer is a new peer: what waited for the old one is reported lost', async () => {
    const a = await nodes.start('a')
    const first = await RawPeer.dial(a.transport.port)
    first.hello({ instanceId: 'first' })
    await eventually('open', () => (a.transport.counters.connectionsOpen === 1 ? true : undefined))
    const second = await RawPeer.dial(a.transport.port)
    second.hello({ instanceId: 'second' })
    await eventually('the first is given up', () => (first.closed ? true : undefined))
    expect(a.disconnects).toEqual(['127.0.0.1:1'])
    a.transport.send('127.0.0.1:1', ack(5))
    await eventually('the second gets it', () =>
      second.frames.some((frame) => frame.kind === 'message') ? true : undefined,
    )
    second.socket.destroy()
  })

  test('attempts to reach a dead peer are spaced out', async () => {
    const a = await nodes.start('a')
    const b = await nodes.start('b')
    await b.transport.close()
    const startMs = performance.now()
    let sent = 0
    await eventually('one second passes', () => {
      for (let burst = 0; burst < 20; burst += 1) a.transport.send(b.address, ack((sent += 1)))
      return performance.now() - startMs > 1_000 ? true : undefined
    })
    const { dialsFailed, droppedUnreachable, connectionsDialled } = a.transport.counters
    expect(connectionsDialled).toBeGreaterThanOrEqual(3)
    expect(connectionsDialled).toBeLessThanOrEqual(12)
    expect(dialsFailed).toBeGreaterThanOrEqual(3)
    expect(droppedUnreachable).toBeGreaterThan(100)
  })

  test('an address that is none is refused without harm', async () => {
    const a = await nodes.start('a')
    expect(a.transport.send('nowhere', ack(1))).toBe(false)
    expect(a.transport.send('', ack(1))).toBe(false)
    expect(a.transport.send('host:99999', ack(1))).toBe(false)
    expect(a.transport.counters.droppedUnreachable).toBe(3)
  })
})

describe('slow peers and large loads', () => {
  test('a peer that does not read fills its own bounded queue and nothing else', async () => {
    const node = await nodes.start('a', { deadlines: { closeMs: 200, keepAliveDeadlineMs: 60_000 } })
    const b = await nodes.start('b')
    const peer = await RawPeer.dial(node.transport.port)
    peer.hello()
    await eventually('open', () => (node.transport.counters.connectionsOpen === 1 ? true : undefined))
    peer.socket.pause()
    const large = chunk(1, 256 * 1024)
    const before = process.memoryUsage()
    let taken = 0
    await eventually('the queue is full', () => {
      while (taken < 10_000 && node.transport.send('127.0.0.1:1', large)) taken += 1
      return node.transport.counters.droppedQueueFull > 5 ? true : undefined
    })
    const after = process.memoryUsage()
    const grown = after.external + after.arrayBuffers - before.external - before.arrayBuffers
    expect(grown).toBeLessThan(4 * OUTGOING_QUEUE_SIZE_BYTES_MAX)
    await reach(node, b.address, b)
    peer.socket.resume()
    await eventually('what was taken arrives', () => (messageCount(peer) >= taken ? true : undefined))
    peer.socket.destroy()
  })

  test('small messages behind large ones that a peer does not read are bounded by their number', async () => {
    const node = await nodes.start('a', { deadlines: { closeMs: 200, keepAliveDeadlineMs: 60_000 } })
    const peer = await RawPeer.dial(node.transport.port)
    peer.hello()
    await eventually('open', () => (node.transport.counters.connectionsOpen === 1 ? true : undefined))
    peer.socket.pause()
    for (let sent = 0; sent < 100; sent += 1) node.transport.send('127.0.0.1:1', chunk(sent, 256 * 1024))
    let taken = 0
    await eventually('the queue is full', () => {
      while (taken < 1_000_000 && node.transport.send('127.0.0.1:1', ack(taken))) taken += 1
      return node.transport.counters.droppedQueueFull > 5 ? true : undefined
    })
    expect(taken).toBeLessThanOrEqual(2 * OUTGOING_QUEUE_MESSAGES_MAX)
    peer.socket.destroy()
  })

  test('messages sent in one go leave in few writes', async () => {
    const node = await nodes.start('a')
    const peer = await RawPeer.dial(node.transport.port)
    peer.hello()
    await eventually('open', () => (node.transport.counters.connectionsOpen === 1 ? true : undefined))
    const chunksBefore = peer.chunkCount
    for (let sequence = 0; sequence < 100; sequence += 1) node.transport.send('127.0.0.1:1', ack(sequence))
    await eventually('all have arrived', () => (messageCount(peer) === 100 ? true : undefined))
    expect(peer.chunkCount - chunksBefore).toBeLessThanOrEqual(3)
    peer.socket.destroy()
  })

  test('messages of all sizes arrive whole and in order through a proxy that splits as it likes', async () => {
    const [a, b] = [await nodes.start('a'), await nodes.start('b')]
    const proxy = await behindProxy(b)
    await reach(a, proxy.address, b)
    const sizes = [0, 1, 5, 100, 16_379, 16_384, 65_536, 262_144, 1_048_576, 3, 8_000_000, 2]
    for (const [at, sizeBytes] of sizes.entries()) {
      expect(a.transport.send(proxy.address, chunk(at, sizeBytes))).toBe(true)
    }
    await eventually('all have arrived', () => (sequences(b).length === sizes.length ? true : undefined))
    const intact = b.received.flatMap(({ message }) =>
      message.type === 'SnapshotChunk'
        ? [Buffer.alloc(sizes[message.sequence] ?? 0, message.sequence).equals(message.data)]
        : [],
    )
    expect(intact).toEqual(sizes.map(() => true))
    expect(sequences(b)).toEqual(sizes.map((_, at) => at))
  })

  test('what a handler throws reaches onError, and the messages after it reach the handler', async () => {
    let failures = 0
    const a = await nodes.start('a')
    const b = await nodes.start('b', {
      onMessage: () => {
        failures += 1
        if (failures === 1) throw new Error('a planted fault')
      },
    })
    for (let sequence = 0; sequence < 3; sequence += 1) a.transport.send(b.address, ack(sequence))
    await eventually('all have arrived', () => (sequences(b).length === 3 ? true : undefined))
    expect(b.errors).toEqual([new Error('a planted fault')])
    expect(b.disconnects).toEqual([])
  })
})
