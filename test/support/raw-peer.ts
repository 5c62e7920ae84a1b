// The other end of a peer connection, by hand: says what a test wants it to say, in frames or in raw bytes.
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { connect, createServer } from 'node:tls'
import type { TLSSocket } from 'node:tls'
import { PEER_PROTOCOL_VERSION } from '../../src/replication/transport/peer-codec.ts'
import { PeerTls } from '../../src/replication/transport/credentials.ts'
import { FrameParser, encodeFrame } from '../../src/replication/transport/frames.ts'
import type { FrameKind } from '../../src/replication/transport/frames.ts'
import { encodeHello } from '../../src/replication/transport/handshake.ts'
import type { Hello } from '../../src/replication/transport/handshake.ts'
import { FRAME_SIZE_BYTES_MAX } from '../../src/replication/transport/limits.ts'
import { SECRET } from './tls-transport.ts'

export class RawPeer {
  readonly socket: TLSSocket
  /** What came, in order. */
  readonly frames: { readonly kind: FrameKind; readonly body: Buffer }[] = []
  chunkCount = 0
  closed = false

  constructor(socket: TLSSocket) {
    this.socket = socket
    const parser = new FrameParser(FRAME_SIZE_BYTES_MAX, (kind, body) => {
      this.frames.push({ kind, body: Buffer.from(body) })
    })
    socket.on('data', (chunk: Buffer) => {
      this.chunkCount += 1
      parser.push(chunk)
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      this.closed = true
    })
  }

  /** Resolves once TLS is done. */
  static async dial(port: number, secret = SECRET): Promise<RawPeer> {
    const tls = new PeerTls({ type: 'secrets', secrets: [secret] })
    const socket = connect({ host: '127.0.0.1', port, ...tls.clientOptions('127.0.0.1') })
    await new Promise<void>((resolve, reject) => {
      socket.once('secureConnect', resolve)
      socket.once('error', reject)
    })
    return new RawPeer(socket)
  }

  /** Listens on a free port; `onPeer` gets each connection after TLS. Returns the address and a function that ends it. */
  static async listen(onPeer: (peer: RawPeer) => void): Promise<{ address: string; close: () => void }> {
    const server = createServer(new PeerTls({ type: 'secrets', secrets: [SECRET] }).serverOptions())
    server.on('secureConnection', (socket) => onPeer(new RawPeer(socket)))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    return { address: `127.0.0.1:${port}`, close: () => server.close() }
  }

  frame(kind: FrameKind, body: Uint8Array): void {
    this.socket.write(encodeFrame(kind, body))
  }

  /** `extra`: bytes behind the known fields. */
  hello(changes: Partial<Hello> = {}, extra: Uint8Array = new Uint8Array(0)): void {
    const version = { version: PEER_PROTOCOL_VERSION, versionMin: PEER_PROTOCOL_VERSION }
    const who = { nodeId: 'raw', memberId: 'raw/1', raftAddress: '127.0.0.1:1', clusterId: null }
    const hello = encodeHello({ ...version, instanceId: 'raw', dialNumber: 1, ...who, ...changes })
    this.frame('hello', Buffer.concat([hello, extra]))
  }

  /** The reason of the goodbye that came, if one came. */
  get goodbye(): string | undefined {
    return this.frames.find((frame) => frame.kind === 'goodbye')?.body.toString()
  }
}
