// Who is not let in: strangers, wrong secrets, other versions and clusters, garbage, and whoever only pretends to be slow.
import { once } from 'node:events'
import { connect as connectTcp } from 'node:net'
import { connect as connectTls, createServer as createTlsServer } from 'node:tls'
import type { AddressInfo } from 'node:net'
import { PEER_PROTOCOL_VERSION, encodePeerMessage } from '../../../src/replication/transport/peer-codec.ts'
import { PeerTls } from '../../../src/replication/transport/credentials.ts'
import type { RefusalReason } from '../../../src/replication/transport/counters.ts'
import { FRAME_SIZE_BYTES_MAX, HANDSHAKE_FRAME_SIZE_BYTES_MAX } from '../../../src/replication/transport/limits.ts'
import { makeCertificate } from '../../support/certificates.ts'
import { eventually } from '../../support/eventually.ts'
import { RawPeer } from '../../support/raw-peer.ts'
import { RecordingLog } from '../../support/recording-log.ts'
import { SECRET, TlsNodes } from '../../support/tls-transport.ts'
import type { TlsNode } from '../../support/tls-transport.ts'
import { ack, sequences } from '../../conformance/transport-suite.ts'

const OTHER_SECRET = 'another-secret-that-is-not-the-same'
const SHORT = { handshakeMs: 150, connectMs: 150, closeMs: 150 }

const nodes = new TlsNodes()
afterEach(() => nodes.closeAll())

async function refusedOnce(node: TlsNode, reason: RefusalReason): Promise<void> {
  await eventually(`refused: ${reason}`, () => (node.transport.counters.refused[reason] > 0 ? true : undefined))
}

function hasHeardFrom(to: TlsNode, from: TlsNode): boolean {
  return to.received.some((received) => received.from.nodeId === from.identity.nodeId)
}

/** True once `from` has reached `to`, false when its attempts fail `failureCount` times before. */
async function reaches(from: TlsNode, to: TlsNode, failureCount: number): Promise<boolean> {
  return eventually('reached or refused', () => {
    from.transport.send(to.address, ack(1))
    if (hasHeardFrom(to, from)) return true
    return from.transport.counters.dialsFailed >= failureCount ? false : undefined
  })
}

describe('credentials', () => {
  test.each([
    ['HTTP', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['frames without TLS', Buffer.from([0, 0, 0, 2, 1, 1])],
    ['zeros', Buffer.alloc(1_000)],
    ['noise', Buffer.from(Array.from({ length: 2_000 }, (_, at) => (at * 7919) % 251))],
  ])('plaintext is refused and counted: %s', async (_name, bytes) => {
    const node = await nodes.start('a')
    const socket = connectTcp(node.transport.port, '127.0.0.1')
    socket.on('error', () => {})
    socket.end(bytes)
    await refusedOnce(node, 'plaintext')
    if (!socket.closed) await once(socket, 'close')
    expect(node.received).toEqual([])
  })

  test('a connection with another secret is refused on both sides, counted and named', async () => {
    const log = new RecordingLog()
    const a = await nodes.start('a', { log })
    const b = await nodes.start('b', { secrets: [OTHER_SECRET] })
    expect(await reaches(a, b, 2)).toBe(false)
    expect(b.transport.counters.refused.credentials).toBeGreaterThan(0)
    expect(a.transport.counters.refused.credentials).toBeGreaterThan(0)
    expect(b.transport.counters.connectionsOpen).toBe(0)
    expect(log.lines.some((line) => line.level === 'warn' && line.fields['reason'] === 'credentials')).toBe(true)
  })

  test('the key cannot be named without being held', async () => {
    const node = await nodes.start('a')
    const genuine = await RawPeer.dial(node.transport.port)
    genuine.socket.destroy()
    const options = new PeerTls({ type: 'secrets', secrets: [SECRET] }).clientOptions('127.0.0.1')
    const named = options.pskCallback?.(null)
    const socket = connectTls({
      ...options,
      host: '127.0.0.1',
      port: node.transport.port,
      pskCallback: () => ({ psk: Buffer.alloc(32, 1), identity: named?.identity ?? '' }),
    })
    const [error] = (await once(socket, 'error')) as [Error]
    expect(error.message).toMatch(/alert|disconnected/)
    await refusedOnce(node, 'credentials')
  })

  test('TLS without the shared key is refused', async () => {
    const node = await nodes.start('a')
    const socket = connectTls({ host: '127.0.0.1', port: node.transport.port, rejectUnauthorized: false })
    await once(socket, 'error')
    await refusedOnce(node, 'credentials')
    const old = connectTls({ host: '127.0.0.1', port: node.transport.port, maxVersion: 'TLSv1.2' })
    await once(old, 'error')
    expect(node.transport.counters.connectionsOpen).toBe(0)
  })

  test('a server with a certificate instead of the key is not trusted', async () => {
    const { cert, key } = makeCertificate({ hosts: ['127.0.0.1'] })
    const impostor = createTlsServer({ cert, key, minVersion: 'TLSv1.3' })
    impostor.on('tlsClientError', () => {})
    let accepted = 0
    impostor.on('secureConnection', (socket) => {
      accepted += 1
      socket.on('error', () => {})
    })
    impostor.listen(0, '127.0.0.1')
    await once(impostor, 'listening')
    const node = await nodes.start('a', { deadlines: SHORT })
    const address = `127.0.0.1:${(impostor.address() as AddressInfo).port}`
    await eventually('two attempts failed', () => {
      node.transport.send(address, ack(1))
      return node.transport.counters.dialsFailed >= 2 ? true : undefined
    })
    impostor.close()
    expect(node.transport.counters.refused.credentials).toBeGreaterThan(0)
    expect(node.transport.counters.sentBytes).toBe(0)
    expect(accepted).toBeLessThanOrEqual(2)
  })

  test('any certificate at all is an error, a well-signed one too', () => {
    const options = new PeerTls({ type: 'secrets', secrets: [SECRET] }).clientOptions('127.0.0.1')
    const certificate = {} as Parameters<NonNullable<typeof options.checkServerIdentity>>[1]
    expect(options.checkServerIdentity?.('127.0.0.1', certificate)).toBeInstanceOf(Error)
  })

  test('while a secret is replaced, nodes with the old, both and the new one reach each other in either order', async () => {
    const before = await nodes.start('before', { secrets: [OTHER_SECRET] })
    const accepting = await nodes.start('accepting', { secrets: [OTHER_SECRET, SECRET] })
    const dialling = await nodes.start('dialling', { secrets: [SECRET, OTHER_SECRET] })
    const after = await nodes.start('after', { secrets: [SECRET] })
    expect(await reaches(before, accepting, 3)).toBe(true)
    expect(await reaches(dialling, accepting, 3)).toBe(true)
    expect(await reaches(after, dialling, 3)).toBe(true)
    expect(await reaches(after, before, 2)).toBe(false)
  })

  test('neither the secret nor the key stands in a log line', async () => {
    const log = new RecordingLog()
    const a = await nodes.start('a', { log })
    const b = await nodes.start('b', { secrets: [OTHER_SECRET], log })
    expect(await reaches(a, b, 2)).toBe(false)
    const text = JSON.stringify(log.lines)
    expect(log.lines.length).toBeGreaterThan(0)
    expect(text).not.toContain(SECRET)
    expect(text).not.toContain(OTHER_SECRET)
  })

  test('a stranger who knocks often fills the counters and not the log', async () => {
    const log = new RecordingLog()
    const node = await nodes.start('a', { log })
    for (let knock = 0; knock < 30; knock += 1) {
      const socket = connectTcp(node.transport.port, '127.0.0.1')
      socket.on('error', () => {})
      socket.end('hello\r\n\r\nhello')
      await once(socket, 'close')
    }
    await eventually('all are counted', () => (node.transport.counters.refused.plaintext >= 30 ? true : undefined))
    expect(log.lines.filter((line) => line.fields['reason'] === 'plaintext')).toHaveLength(1)
  })
})

describe('the handshake', () => {
  test('a version that is not spoken is refused with a goodbye and counted', async () => {
    const log = new RecordingLog()
    const node = await nodes.start('a', { log })
    const peer = await RawPeer.dial(node.transport.port)
    peer.hello({ version: PEER_PROTOCOL_VERSION + 2, versionMin: PEER_PROTOCOL_VERSION + 1 })
    peer.frame('message', encodePeerMessage(ack(1)))
    await eventually('the goodbye', () => (peer.goodbye === 'version' ? true : undefined))
    await refusedOnce(node, 'version')
    peer.frame('goodbye', Buffer.from('reply'))
    await eventually('the end', () => (peer.closed ? true : undefined))
    expect(node.received).toEqual([])
    expect(node.transport.counters.refused.protocol).toBe(0)
    expect(log.lines.find((line) => line.fields['reason'] === 'version')?.fields['version']).toBe(
      PEER_PROTOCOL_VERSION + 2,
    )
  })

  test('a newer version that still understands ours is let in, with what it adds to its hello', async () => {
    const node = await nodes.start('a')
    const peer = await RawPeer.dial(node.transport.port)
    peer.hello({ version: PEER_PROTOCOL_VERSION + 1, versionMin: PEER_PROTOCOL_VERSION }, Buffer.from('more'))
    peer.frame('message', encodePeerMessage(ack(1)))
    await eventually('the message', () => (node.received.length > 0 ? true : undefined))
    peer.socket.destroy()
  })

  test('a node of another cluster is refused, one of none or the same is let in', async () => {
    const node = await nodes.start('a', { clusterId: 'one' })
    const other = await nodes.start('b', { clusterId: 'two' })
    const joining = await nodes.start('c', { clusterId: null })
    const same = await nodes.start('d', { clusterId: 'one' })
    expect(await reaches(joining, node, 3)).toBe(true)
    expect(await reaches(same, node, 3)).toBe(true)
    await eventually('refused', () => {
      other.transport.send(node.address, ack(9))
      return node.transport.counters.refused.cluster > 0 ? true : undefined
    })
    expect(hasHeardFrom(node, other)).toBe(false)
    expect(other.received).toEqual([])
  })

  test('a node that joins another cluster later is refused from then on', async () => {
    const a = await nodes.start('a', { clusterId: 'one' })
    const b = await nodes.start('b')
    expect(await reaches(b, a, 3)).toBe(true)
    b.identity.clusterId = 'two'
    await refusedOnce(a, 'cluster')
    await eventually('disconnected', () => (b.disconnects.includes(a.address) ? true : undefined))
    expect(a.transport.counters.connectionsOpen).toBe(0)
  })

  test('a node that joins the same cluster later stays connected, and its new member id is known', async () => {
    const a = await nodes.start('a', { clusterId: 'one' })
    const b = await nodes.start('b')
    expect(await reaches(b, a, 3)).toBe(true)
    b.identity.clusterId = 'one'
    b.identity.memberId = 'b/2'
    await eventually('the new member id', () => {
      b.transport.send(a.address, ack(2))
      return a.received.at(-1)?.from.memberId === 'b/2' ? true : undefined
    })
    expect(a.transport.counters.connectionsAccepted).toBe(1)
    expect(a.disconnects).toEqual([])
  })

  test('a node that reaches itself refuses itself and counts it', async () => {
    const node = await nodes.start('a')
    node.transport.send(node.address, ack(1))
    await refusedOnce(node, 'self')
    expect(node.received).toEqual([])
  })
})

describe('misbehaviour', () => {
  test.each([
    ['a message before the hello', (peer: RawPeer) => peer.frame('message', encodePeerMessage(ack(1)))],
    ['a ping before the hello', (peer: RawPeer) => peer.frame('ping', Buffer.alloc(0))],
    ['a broken hello', (peer: RawPeer) => peer.frame('hello', Buffer.from([1, 1, 200, 200]))],
    [
      'a large frame before the hello',
      (peer: RawPeer) => peer.frame('hello', Buffer.alloc(HANDSHAKE_FRAME_SIZE_BYTES_MAX)),
    ],
    ['an empty frame', (peer: RawPeer) => peer.socket.write(Buffer.alloc(4))],
    [
      'garbage after the handshake',
      (peer: RawPeer) => {
        peer.hello()
        peer.frame('message', Buffer.from('no message at all'))
      },
    ],
    [
      'an unknown kind of frame',
      (peer: RawPeer) => {
        peer.hello()
        peer.socket.write(Buffer.from([0, 0, 0, 1, 99]))
      },
    ],
    [
      'a frame over the limit',
      (peer: RawPeer) => {
        peer.hello()
        const header = Buffer.alloc(5, 2)
        header.writeUInt32BE(FRAME_SIZE_BYTES_MAX + 1)
        peer.socket.write(header)
      },
    ],
    [
      'another process behind the same connection',
      (peer: RawPeer) => {
        peer.hello()
        peer.hello({ instanceId: 'changed' })
      },
    ],
  ])('%s ends the connection and is counted', async (_name, misbehave) => {
    const node = await nodes.start('a')
    const peer = await RawPeer.dial(node.transport.port)
    misbehave(peer)
    await eventually('the end', () => (peer.closed ? true : undefined))
    expect(node.transport.counters.refused.protocol).toBe(1)
    expect(node.transport.counters.connectionsOpen).toBe(0)
    expect(node.received).toEqual([])
    expect(node.errors).toEqual([])
  })

  test('whoever connects and says nothing is cut off after the deadline', async () => {
    const node = await nodes.start('a', { deadlines: SHORT })
    const socket = connectTcp(node.transport.port, '127.0.0.1')
    socket.on('error', () => {})
    await once(socket, 'close')
    expect(node.transport.counters.refused.handshake_timeout).toBe(1)
  })

  test('whoever passes TLS and says hello byte by byte is cut off after the deadline', async () => {
    const node = await nodes.start('a', { deadlines: SHORT })
    const peer = await RawPeer.dial(node.transport.port)
    peer.socket.write(Buffer.from([0, 0, 1, 0, 1]))
    await eventually('the end', () => {
      if (!peer.closed) peer.socket.write(Buffer.alloc(1))
      return peer.closed ? true : undefined
    })
    expect(node.transport.counters.refused.handshake_timeout).toBe(1)
  })

  test('close() does not wait for strangers who never finish their handshake', async () => {
    const node = await nodes.start('a')
    const socket = connectTcp(node.transport.port, '127.0.0.1')
    socket.on('error', () => {})
    await once(socket, 'connect')
    const startMs = performance.now()
    await node.transport.close()
    expect(performance.now() - startMs).toBeLessThan(2_000)
    if (!socket.closed) await once(socket, 'close')
  })

  test('a peer that ends in the middle of a frame is reported, and the frame is forgotten', async () => {
    const node = await nodes.start('a')
    const peer = await RawPeer.dial(node.transport.port)
    peer.hello()
    peer.frame('message', encodePeerMessage(ack(1)))
    peer.socket.write(Buffer.from([0, 0, 9, 0, 2, 1, 1]))
    await eventually('the whole message', () => (sequences(node).includes(1) ? true : undefined))
    peer.socket.end()
    await eventually('the report', () => (node.disconnects.includes('127.0.0.1:1') ? true : undefined))
    expect(sequences(node)).toEqual([1])
  })
})
