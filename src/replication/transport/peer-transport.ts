// The peer transport over TLS: listens, dials on demand, keeps one connection a pair of nodes, hands messages on.
// One connection: peer-transport-connection.ts. What is decided at the handshake: peer-transport-handshake.ts.
import { connect } from 'node:tls'
import type { TLSSocket } from 'node:tls'
import { assert } from '../../base/assert.ts'
import type { Clock, Timer } from '../../base/clock.ts'
import { InsiError } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'
import type { Random } from '../../base/random.ts'
import { PEER_PROTOCOL_VERSION, decodePeerMessage, encodePeerMessage } from './peer-codec.ts'
import type { PeerMessage } from '../peer-messages.ts'
import { parseAddress } from './address.ts'
import { MESSAGE_HEADROOM_BYTES, PeerConnection } from './connection.ts'
import type { CloseCause, ConnectionOwner, Goodbye } from './connection.ts'
import { Refusals, newPeerTransportCounters } from './counters.ts'
import type { PeerTransportCounters, RefusalReason } from './counters.ts'
import { PeerTls } from './credentials.ts'
import type { PeerCredentials } from './credentials.ts'
import { writeFrameHeader } from './frames.ts'
import { faultOf } from './handshake.ts'
import type { Hello, LocalPeerIdentity } from './handshake.ts'
import { DEADLINES, SWEEP_INTERVAL_MS } from './limits.ts'
import type { PeerDeadlines } from './limits.ts'
import { PeerListener } from './listener.ts'
import type { PeerLink } from './link.ts'
import { PeerLinks } from './links.ts'
import type { PeerHandlers, PeerTransport } from '../ports.ts'

export interface PeerTransportOptions {
  /** Where to listen; port 0 takes any free one, see `port`. */
  readonly listen: { readonly host: string; readonly port: number }
  readonly credentials: PeerCredentials
  /** Who this node is now; `raftAddress` is what it advertises. Asked whenever it matters, so it may change by joining. */
  readonly identity: () => LocalPeerIdentity
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** Gets what a handler has thrown: a programmer's error, for which the process should end. */
  readonly onError: (error: unknown) => void
  readonly deadlines?: Partial<PeerDeadlines>
}

/** A late sweep forgives the peers the time for which this process did not run. */
const FORGIVEN_LATENESS_MS = 5 * SWEEP_INTERVAL_MS

export class TlsPeerTransport implements PeerTransport {
  readonly counters: PeerTransportCounters = newPeerTransportCounters()
  readonly #options: PeerTransportOptions
  readonly #deadlines: PeerDeadlines
  readonly #tls: PeerTls
  readonly #refusals: Refusals
  readonly #instanceId: string
  readonly #owner: ConnectionOwner
  readonly #links: PeerLinks
  readonly #connections = new Set<PeerConnection>()
  #handlers: PeerHandlers | null = null
  #listener: PeerListener | null = null
  #sweepTimer: Timer | null = null
  #sweptAtMs = 0
  #dialCount = 0
  #closed = false
  #onLastClosed: (() => void) | null = null

  constructor(options: PeerTransportOptions) {
    this.#options = options
    this.#deadlines = { ...DEADLINES, ...options.deadlines }
    this.#tls = new PeerTls(options.credentials)
    this.#refusals = new Refusals(this.counters, options.clock, options.log)
    this.#instanceId = options.random.uuid()
    const { clock, random, log } = options
    this.#links = new PeerLinks({
      clock,
      random,
      log,
      counters: this.counters,
      ourHello: () => this.#ourHello(0),
      onDisconnect: (address) => this.#reportDisconnect(address),
    })
    this.#owner = {
      onHello: (connection, hello) => this.#onHello(connection, hello),
      onMessage: (connection, body, owned) => this.#onMessage(connection, body, owned),
      onGoodbye: (connection, goodbye) => this.#onGoodbye(connection, goodbye),
      onClosed: (connection, cause, detail) => this.#onClosed(connection, cause, detail),
    }
  }

  /** The port that start() listens on. */
  get port(): number {
    assert(this.#listener, 'the peer transport listens')
    return this.#listener.port
  }

  /** How long the last ping took to each peer and back, by node id; without peers that are not connected. */
  roundTripsMs(): Map<string, number> {
    return this.#byPeer(({ roundTripMs }) => roundTripMs)
  }

  /** How far each peer's wall clock is ahead of this node's, by node id; without peers that are not connected or do not tell. */
  clockSkewsMs(): Map<string, number> {
    return this.#byPeer(({ clockSkewMs }) => clockSkewMs)
  }

  #byPeer(measured: (connection: PeerConnection) => number | null): Map<string, number> {
    const found = new Map<string, number>()
    for (const connection of this.#connections) {
      const { hello, isOpen, superseded } = connection
      const value = measured(connection)
      if (isOpen && !superseded && hello !== null && value !== null) found.set(hello.nodeId, value)
    }
    return found
  }

  async start(handlers: PeerHandlers): Promise<void> {
    assert(this.#handlers === null && !this.#closed, 'a peer transport starts once')
    this.#handlers = handlers
    const { listen, log, clock } = this.#options
    const listener = new PeerListener({
      listen,
      log,
      tls: this.#tls,
      handshakeMs: this.#deadlines.handshakeMs,
      refusals: this.#refusals,
      onSocket: (socket) => this.#accept(socket),
    })
    await listener.start()
    this.#listener = listener
    this.#sweptAtMs = clock.monotonicMs()
    this.#sweepTimer = clock.every(SWEEP_INTERVAL_MS, () => this.#sweep(), { unref: true })
  }

  send(raftAddress: string, message: PeerMessage): boolean {
    if (this.#closed || this.#handlers === null) return false
    const link = this.#links.at(raftAddress)
    if (link.connection === null && link.dialling === null) {
      if (link.mayDial(this.#options.clock.monotonicMs())) this.#dial(link)
      if (link.dialling === null && !link.expecting) {
        this.counters.droppedUnreachable += 1
        return false
      }
    }
    if (!link.hasRoom) {
      this.counters.droppedQueueFull += 1
      return false
    }
    const frame = this.#encode(message)
    return frame !== null && link.send(frame)
  }

  /** The caller knows, so onDisconnect is not called for it. */
  disconnect(raftAddress: string): void {
    this.#links.forget(raftAddress)
  }

  /** Writes what is queued and says goodbye, for at most `closeMs`. No handler is called from now on. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    for (const connection of this.#connections) {
      if (connection.isOpen) connection.end('closing')
      else connection.destroy('lost', 'the transport closes')
    }
    const ended = new Promise<void>((resolve) => {
      if (this.#connections.size === 0) resolve()
      else this.#onLastClosed = resolve
    })
    await this.#listener?.close(ended)
    await ended
    this.#sweepTimer?.cancel()
    this.#links.clear()
  }

  #encode(message: PeerMessage): Buffer | null {
    try {
      const frame = encodePeerMessage(message, MESSAGE_HEADROOM_BYTES)
      writeFrameHeader(frame, 'message')
      return frame
    } catch (error) {
      if (!(error instanceof InsiError)) throw error
      this.counters.droppedTooLarge += 1
      this.#options.log.error({ type: message.type, error: error.message }, 'dropped a message that no peer accepts')
      return null
    }
  }

  #accept(socket: TLSSocket): void {
    if (this.#closed) {
      socket.destroy()
      return
    }
    this.counters.connectionsAccepted += 1
    this.#connect(socket, null, 0).announce(this.#ourHello(0))
  }

  #dial(link: PeerLink): void {
    const target = parseAddress(link.address)
    if (target === null) {
      this.#options.log.error({ raftAddress: link.address }, 'the address of a peer is no host:port')
      link.refused(this.#options.clock.monotonicMs())
      return
    }
    this.counters.connectionsDialled += 1
    const dialNumber = (this.#dialCount += 1)
    const socket = connect({ ...target, ...this.#tls.clientOptions(target.host) })
    const connection = this.#connect(socket, link.address, dialNumber)
    link.dialling = connection
    link.expecting = false
    socket.once('secureConnect', () => connection.announce(this.#ourHello(dialNumber)))
  }

  #connect(socket: TLSSocket, dialledAddress: string | null, dialNumber: number): PeerConnection {
    const { clock } = this.#options
    const shared = { deadlines: this.#deadlines, clock, counters: this.counters, owner: this.#owner }
    const connection = new PeerConnection({ ...shared, socket, dialledAddress, dialNumber })
    this.#connections.add(connection)
    return connection
  }

  #ourHello(dialNumber: number): Hello {
    const version = { version: PEER_PROTOCOL_VERSION, versionMin: PEER_PROTOCOL_VERSION }
    return { ...this.#options.identity(), ...version, instanceId: this.#instanceId, dialNumber }
  }

  #onHello(connection: PeerConnection, hello: Hello): void {
    const fault = faultOf(hello, this.#ourHello(0))
    if (fault !== null) {
      const { nodeId, raftAddress, clusterId, version } = hello
      this.#refusals.add(fault, { nodeId, raftAddress, clusterId, version })
      connection.refuse(fault)
      this.#links.refused(connection)
      this.#links.release(connection)
      return
    }
    if (connection.hello !== null && connection.hello.instanceId !== hello.instanceId) {
      throw new InsiError('PEER_PROTOCOL', 'a peer became another one')
    }
    connection.hello = hello
    if (this.#closed) return connection.destroy('lost', 'the transport closes')
    connection.open()
    if (connection.isOpen) this.#links.adopt(connection, hello)
  }

  #onMessage(connection: PeerConnection, body: Buffer, owned: boolean): void {
    const from = connection.hello
    assert(from, 'messages come after the hello')
    const message = decodePeerMessage(body, owned)
    if (this.#closed) return
    this.#handle((handlers) => handlers.onMessage(from, message))
  }

  #onGoodbye(connection: PeerConnection, goodbye: Goodbye): void {
    if (goodbye === 'version' || goodbye === 'cluster' || goodbye === 'self') {
      if (!connection.isRefused) this.#refuseClosed(goodbye, connection, 'the peer refused us')
      this.#links.refused(connection)
    }
    if (goodbye === 'duplicate') this.#links.expectAnother(connection)
    else this.#links.release(connection)
  }

  #onClosed(connection: PeerConnection, cause: CloseCause, detail: string): void {
    this.#connections.delete(connection)
    if (cause === 'protocol') this.#refuseClosed('protocol', connection, detail)
    if (cause === 'handshake_timeout') this.#refuseClosed('handshake_timeout', connection, detail)
    if (cause === 'tls') this.#refuseClosed('credentials', connection, detail)
    this.#links.dialEnded(connection, detail)
    this.#links.release(connection)
    if (connection.superseded && cause !== 'orderly' && connection.hello !== null) {
      this.#reportDisconnect(connection.hello.raftAddress)
    }
    if (this.#connections.size === 0) this.#onLastClosed?.()
  }

  #refuseClosed(reason: RefusalReason, connection: PeerConnection, detail: string): void {
    const raftAddress = connection.dialledAddress ?? connection.hello?.raftAddress ?? null
    this.#refusals.add(reason, { raftAddress, detail })
  }

  #reportDisconnect(address: string): void {
    if (!this.#closed) this.#handle((handlers) => handlers.onDisconnect(address))
  }

  #handle(call: (handlers: PeerHandlers) => void): void {
    if (this.#handlers === null) return
    try {
      call(this.#handlers)
    } catch (error) {
      this.#options.onError(error)
    }
  }

  #sweep(): void {
    const nowMs = this.#options.clock.monotonicMs()
    const lateMs = nowMs - this.#sweptAtMs - SWEEP_INTERVAL_MS
    this.#sweptAtMs = nowMs
    const forgivenMs = lateMs > FORGIVEN_LATENESS_MS ? lateMs : 0
    for (const connection of this.#connections) connection.sweep(nowMs, forgivenMs)
    if (this.#closed) return
    this.#announceChanges()
    for (const link of this.#links.sweep(nowMs)) this.#dial(link)
  }

  /** Peers hear what has changed since they were told who we are. */
  #announceChanges(): void {
    const hello = this.#ourHello(0)
    for (const connection of this.#connections) {
      const told = connection.announced
      if (!connection.isOpen || told === null) continue
      const sameCluster = told.clusterId === hello.clusterId
      if (sameCluster && told.memberId === hello.memberId && told.raftAddress === hello.raftAddress) continue
      connection.announce({ ...hello, dialNumber: told.dialNumber })
    }
  }
}
