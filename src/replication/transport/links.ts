// Which connection carries the messages to which address, and which of two connections to one peer is kept.
import { assert } from '../../base/assert.ts'
import type { Clock } from '../../base/clock.ts'
import type { Log } from '../../base/log.ts'
import type { Random } from '../../base/random.ts'
import type { PeerConnection } from './connection.ts'
import type { PeerTransportCounters } from './counters.ts'
import { supersedes } from './handshake.ts'
import type { DialFacts, Hello } from './handshake.ts'
import { STABLE_CONNECTION_MS } from './limits.ts'
import { PeerLink } from './link.ts'

export interface PeerLinksOptions {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly counters: PeerTransportCounters
  readonly ourHello: () => Hello
  /** The connection over which messages to this address travelled is gone. */
  readonly onDisconnect: (address: string) => void
}

export class PeerLinks {
  readonly #options: PeerLinksOptions
  readonly #links = new Map<string, PeerLink>()

  constructor(options: PeerLinksOptions) {
    this.#options = options
  }

  /** The link to `address`, new when there is none. */
  at(address: string): PeerLink {
    let link = this.#links.get(address)
    if (link === undefined) {
      link = new PeerLink(address)
      this.#links.set(address, link)
    }
    return link
  }

  /** Drops what waits for `address` and ends what leads there, without a report. */
  forget(address: string): void {
    const link = this.#links.get(address)
    if (link === undefined) return
    this.#links.delete(address)
    this.#options.counters.droppedUnreachable += link.takePending().length
    link.dialling?.destroy('lost', 'no longer wanted')
    for (const alias of link.connection?.addresses ?? []) this.#links.delete(alias)
    link.connection?.end('closing')
  }

  clear(): void {
    this.#links.clear()
  }

  /** A connection has become usable. When the peer has another one, both sides keep the same one of the two. */
  adopt(connection: PeerConnection, hello: Hello): void {
    const { dialledAddress } = connection
    if (dialledAddress !== null) {
      const link = this.#links.get(dialledAddress)
      if (link?.dialling === connection) link.dialling = null
      connection.addresses.add(dialledAddress)
      if (dialledAddress !== hello.raftAddress) {
        const { nodeId, raftAddress } = hello
        this.#options.log.debug(
          { nodeId, dialledAddress, raftAddress },
          'a peer advertises another address than dialled',
        )
      }
    }
    connection.addresses.add(hello.raftAddress)
    for (const rival of this.#rivalsOf(connection)) {
      if (!this.#takesOver(connection, rival, hello)) {
        this.#carry(rival, connection.addresses)
        return
      }
      for (const address of rival.addresses) connection.addresses.add(address)
    }
    this.#carry(connection, connection.addresses)
  }

  /** The peer prefers another connection, which it has and we may not see yet: messages wait for it a moment. */
  expectAnother(connection: PeerConnection): void {
    connection.superseded = true
    for (const link of this.#carriedBy(connection)) {
      link.connection = null
      link.expecting = true
      link.failed(this.#options.clock.monotonicMs(), this.#options.random)
    }
  }

  /** Messages no longer travel over `connection`. */
  release(connection: PeerConnection): void {
    const { clock, random } = this.#options
    const nowMs = clock.monotonicMs()
    for (const link of this.#carriedBy(connection)) {
      link.connection = null
      if (nowMs - connection.openedAtMs >= STABLE_CONNECTION_MS) link.reached()
      link.failed(nowMs, random)
      this.#options.onDisconnect(link.address)
    }
  }

  /** Trying the dialled address again soon is of no use. */
  refused({ dialledAddress }: PeerConnection): void {
    if (dialledAddress !== null) this.#links.get(dialledAddress)?.refused(this.#options.clock.monotonicMs())
  }

  /** Takes note when `connection` was an attempt that never became usable. */
  dialEnded(connection: PeerConnection, detail: string): void {
    const { clock, random, log, counters, onDisconnect } = this.#options
    const link = connection.dialledAddress === null ? undefined : this.#links.get(connection.dialledAddress)
    if (link?.dialling !== connection) return
    link.dialling = null
    counters.dialsFailed += 1
    log.debug({ raftAddress: link.address, detail }, 'cannot reach a peer')
    link.failed(clock.monotonicMs(), random)
    const lostCount = link.takePending().length
    counters.droppedUnreachable += lostCount
    if (lostCount > 0) onDisconnect(link.address)
  }

  /** Forgets addresses out of use and returns the links whose messages still wait for a connection that nobody makes. */
  sweep(nowMs: number): PeerLink[] {
    const waiting: PeerLink[] = []
    for (const [address, link] of this.#links) {
      if (link.isForgettable(nowMs)) this.#links.delete(address)
      else if (link.pendingCount > 0 && link.mayDial(nowMs)) waiting.push(link)
    }
    return waiting
  }

  /** Decides between two connections to one address; true when `candidate` is kept. The other one ends. */
  #takesOver(candidate: PeerConnection, current: PeerConnection, hello: Hello): boolean {
    const known = current.hello
    assert(known, 'a usable connection has seen a hello')
    if (known.instanceId !== hello.instanceId) {
      if (known.nodeId !== hello.nodeId) {
        const { raftAddress, nodeId } = hello
        this.#options.log.error({ raftAddress, nodeIds: [known.nodeId, nodeId] }, 'two nodes advertise one address')
      }
      this.release(current)
      current.destroy('lost', 'the peer has restarted')
      return true
    }
    if (!supersedes(factsOf(candidate), factsOf(current), this.#options.ourHello(), hello)) {
      candidate.superseded = true
      candidate.end('duplicate')
      current.probe()
      return false
    }
    current.superseded = true
    current.end('duplicate')
    return true
  }

  /** From now on `connection` carries the messages to `addresses`, those that wait first. */
  #carry(connection: PeerConnection, addresses: ReadonlySet<string>): void {
    for (const address of addresses) {
      const link = this.at(address)
      link.connection = connection
      link.expecting = false
      connection.addresses.add(address)
      for (const frame of link.takePending()) {
        if (!connection.send(frame)) this.#options.counters.droppedQueueFull += 1
      }
    }
  }

  /** Other connections that carry messages to an address of `connection`. */
  #rivalsOf(connection: PeerConnection): ReadonlySet<PeerConnection> {
    const rivals = new Set<PeerConnection>()
    for (const address of connection.addresses) {
      const current = this.#links.get(address)?.connection ?? null
      if (current !== null && current !== connection) rivals.add(current)
    }
    return rivals
  }

  #carriedBy(connection: PeerConnection): PeerLink[] {
    return [...connection.addresses]
      .map((address) => this.#links.get(address))
      .filter((link) => link !== undefined)
      .filter((link) => link.connection === connection)
  }
}

function factsOf(connection: PeerConnection): DialFacts {
  return { dialledByUs: connection.dialledAddress !== null, dialNumber: connection.dialNumber }
}
