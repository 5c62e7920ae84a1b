// Peers that prove themselves with certificates instead of the shared key.
import { once } from 'node:events'
import { connect } from 'node:tls'
import type { PeerCredentials } from '../../../src/replication/transport/credentials.ts'
import { ack } from '../../conformance/transport-suite.ts'
import { makeCertificate } from '../../support/certificates.ts'
import type { CertificateOptions } from '../../support/certificates.ts'
import { eventually } from '../../support/eventually.ts'
import { TlsNodes } from '../../support/tls-transport.ts'
import type { TlsNode } from '../../support/tls-transport.ts'

const authority = makeCertificate()
const otherAuthority = makeCertificate()
const nodes = new TlsNodes()
afterEach(() => nodes.closeAll())

function credentials(options: CertificateOptions = {}, trusted = authority): PeerCredentials {
  const made = makeCertificate({ issuer: authority, hosts: ['127.0.0.1'], ...options })
  return { type: 'certificates', cert: made.cert, key: made.key, ca: trusted.cert }
}

/** True once a message has arrived, false when two attempts have failed. */
async function reaches(from: TlsNode, address: string, to: TlsNode): Promise<boolean> {
  return eventually('reached or refused', () => {
    from.transport.send(address, ack(1))
    if (to.received.length > 0) return true
    return from.transport.counters.dialsFailed >= 2 ? false : undefined
  })
}

describe('peers with certificates', () => {
  test('nodes with certificates of one authority reach each other', async () => {
    const a = await nodes.start('a', { credentials: credentials() })
    const b = await nodes.start('b', { credentials: credentials() })
    expect(await reaches(a, b.address, b)).toBe(true)
    expect(await reaches(b, a.address, a)).toBe(true)
  })

  test.each([
    ['another authority', { issuer: otherAuthority }],
    ['an expired certificate', { expired: true }],
  ] as const)('a dialling node with %s is refused', async (_name, options) => {
    const a = await nodes.start('a', { credentials: credentials(options) })
    const b = await nodes.start('b', { credentials: credentials() })
    expect(await reaches(a, b.address, b)).toBe(false)
    await eventually('counted', () => (b.transport.counters.refused.credentials > 0 ? true : undefined))
    expect(b.transport.counters.connectionsOpen).toBe(0)
  })

  test.each([
    ['another authority', { issuer: otherAuthority }],
    ['an expired certificate', { expired: true }],
    ['a certificate for another host', { hosts: ['192.0.2.1', 'localhost'] }],
  ] as const)('a dialled node with %s is refused', async (_name, options) => {
    const a = await nodes.start('a', { credentials: credentials() })
    const b = await nodes.start('b', { credentials: credentials(options) })
    expect(await reaches(a, b.address, b)).toBe(false)
    await eventually('counted', () => (a.transport.counters.refused.credentials > 0 ? true : undefined))
    expect(a.transport.counters.sentBytes).toBe(0)
  })

  test('a client without a certificate is refused', async () => {
    const node = await nodes.start('a', { credentials: credentials() })
    const socket = connect({ host: '127.0.0.1', port: node.transport.port, ca: authority.cert })
    socket.on('error', () => {})
    await once(socket, 'close')
    expect(node.transport.counters.refused.credentials).toBe(1)
    expect(node.transport.counters.connectionsAccepted).toBe(0)
    expect(node.transport.counters.sentBytes).toBe(0)
  })

  test('a name in the certificate is accepted for that name', async () => {
    const a = await nodes.start('a', { credentials: credentials({ hosts: ['localhost'] }) })
    const b = await nodes.start('b', { credentials: credentials({ hosts: ['localhost'] }) })
    expect(await reaches(a, `localhost:${b.transport.port}`, b)).toBe(true)
  })

  test('a node with the shared key and a node with certificates refuse each other', async () => {
    const a = await nodes.start('a')
    const b = await nodes.start('b', { credentials: credentials() })
    expect(await reaches(a, b.address, b)).toBe(false)
    expect(await reaches(b, a.address, a)).toBe(false)
  })
})
