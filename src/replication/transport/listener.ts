// The listening side of the peer transport: strangers are counted, named in the log now and then, and sent away.
import type { AddressInfo, Socket } from 'node:net'
import { createServer } from 'node:tls'
import type { Server, TLSSocket } from 'node:tls'
import { assert } from '../../base/assert.ts'
import { messageOf } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'
import type { Refusals, RefusalReason } from './counters.ts'
import type { PeerTls } from './credentials.ts'
import { CONNECTIONS_MAX } from './limits.ts'

export interface PeerListenerOptions {
  readonly listen: { readonly host: string; readonly port: number }
  readonly tls: PeerTls
  readonly handshakeMs: number
  readonly refusals: Refusals
  readonly log: Log
  /** Gets every socket that is trusted. */
  readonly onSocket: (socket: TLSSocket) => void
}

/** What OpenSSL says to bytes that are no TLS at all. */
const PLAINTEXT_CODES: ReadonlySet<string> = new Set([
  'ERR_SSL_WRONG_VERSION_NUMBER',
  'ERR_SSL_HTTP_REQUEST',
  'ERR_SSL_HTTPS_PROXY_REQUEST',
  'ERR_SSL_PACKET_LENGTH_TOO_LONG',
  'ERR_SSL_UNEXPECTED_MESSAGE',
  'ERR_SSL_BAD_RECORD_TYPE',
  'ERR_SSL_RECORD_LAYER_FAILURE',
])

/** No certificate, one of another authority, or an expired one; or a key that is not the one it names. */
const CREDENTIALS_CODES = /CERT|BINDER|PSK|SELF_SIGNED|NO_SHARED_CIPHER|SIGNATURE_ALGORITHM/

export class PeerListener {
  readonly #options: PeerListenerOptions
  readonly #server: Server
  /** Every socket of the listener, with or without TLS. */
  readonly #sockets = new Set<Socket>()

  constructor(options: PeerListenerOptions) {
    this.#options = options
    const { tls, refusals } = options
    const server = createServer({ ...tls.serverOptions(), handshakeTimeout: options.handshakeMs })
    this.#server = server
    server.maxConnections = CONNECTIONS_MAX
    server.on('drop', (data) => refusals.add('too_many', { remote: data?.remoteAddress }))
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
    })
    server.on('secureConnection', (socket) => {
      const distrust = tls.distrust(socket)
      if (distrust === null) return options.onSocket(socket)
      refusals.add('credentials', { remote: socket.remoteAddress, detail: distrust })
      socket.destroy()
    })
    server.on('tlsClientError', (error: Error & { code?: string }, socket) => {
      const code = error.code ?? ''
      refusals.add(this.#reasonOf(code, socket), { remote: socket.remoteAddress, detail: code })
      socket.destroy()
    })
  }

  get port(): number {
    const address = this.#server.address() as AddressInfo | null
    assert(address, 'the peer transport listens')
    return address.port
  }

  /** Rejects with the error of the operating system, such as EADDRINUSE. */
  async start(): Promise<void> {
    const server = this.#server
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(this.#options.listen, () => {
        server.off('error', reject)
        server.on('error', (error) => this.#options.log.error({ error: messageOf(error) }, 'the peer listener failed'))
        resolve()
      })
    })
  }

  /** Stops to listen at once, waits for `connectionsEnded`, then cuts every socket that is left. */
  async close(connectionsEnded: Promise<void>): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    await connectionsEnded
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }

  #reasonOf(code: string, socket: TLSSocket): RefusalReason {
    if (this.#options.tls.namedUnknownKey(socket) || CREDENTIALS_CODES.test(code)) return 'credentials'
    if (PLAINTEXT_CODES.has(code)) return 'plaintext'
    return code === 'ERR_TLS_HANDSHAKE_TIMEOUT' ? 'handshake_timeout' : 'tls'
  }
}
