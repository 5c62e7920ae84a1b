// A network of simulated nodes on a virtual clock: seeded latency, loss, duplication, reordering, partitions and crashes.
// Messages pass through the real codec. The same seed and the same calls give the same run.
import { assert } from '../../src/base/assert.ts'
import { InsiError } from '../../src/base/errors.ts'
import type { Clock } from '../../src/base/clock.ts'
import type { Random } from '../../src/base/random.ts'
import { decodePeerMessage, encodePeerMessage } from '../../src/replication/transport/peer-codec.ts'
import type { PeerMessage } from '../../src/replication/peer-messages.ts'
import { OUTGOING_QUEUE_MESSAGES_MAX } from '../../src/replication/transport/limits.ts'
import type { PeerHandlers, PeerIdentity, PeerTransport } from '../../src/replication/ports.ts'

/** Rates are probabilities a message, in [0, 1]. */
export interface SimFaults {
  readonly latencyMsMin: number
  readonly latencyMsMax: number
  readonly dropRate: number
  /** Raft messages only, as is reorderRate: connections that break and are made again do this, and the core must bear it. */
  readonly duplicateRate: number
  readonly reorderRate: number
  /** The connection breaks instead of taking the message. */
  readonly disconnectRate: number
  /** How late a node may notice that a peer is cut off or gone. */
  readonly detectionMsMax: number
}

const CALM: SimFaults = {
  latencyMsMin: 1,
  latencyMsMax: 5,
  dropRate: 0,
  duplicateRate: 0,
  reorderRate: 0,
  disconnectRate: 0,
  detectionMsMax: 500,
}

/** How many times the usual latency a duplicated or reordered message may take. */
const STRAY_LATENCY_FACTOR = 20
const RATE_STEPS = 1_000_000

/** Who a simulated node is now. Nodes of two clusters do not connect; null or missing belongs to none yet. */
export type SimIdentity = PeerIdentity & { readonly clusterId?: string | null }

/** One run of one node. A node that restarts attaches anew. */
interface Endpoint {
  readonly address: string
  readonly identity: () => SimIdentity
  handlers: PeerHandlers | null
  /** By address of the peer. */
  readonly links: Map<string, Link>
  alive: boolean
  /** What it sent and would arrive later than this never arrives. */
  sentUntilMs: number
}

/** One end's view of a connection. Both ends share `connection`. */
interface Link {
  readonly connection: Connection
  readonly to: Endpoint
  /** Encoded messages under way to the peer, oldest first. */
  readonly queue: { readonly bytes: Uint8Array; readonly from: PeerIdentity; readonly arrivesAtMs: number }[]
  lastArrivalMs: number
}

interface Connection {
  broken: boolean
}

export interface SimNetworkCounters {
  sent: number
  delivered: number
  dropped: number
  duplicated: number
  reordered: number
  disconnects: number
}

export class SimNetwork {
  readonly counters: SimNetworkCounters = {
    sent: 0,
    delivered: 0,
    dropped: 0,
    duplicated: 0,
    reordered: 0,
    disconnects: 0,
  }
  readonly #clock: Clock
  readonly #random: Random
  readonly #endpoints = new Map<string, Endpoint>()
  /** Directed pairs `from to` that nothing passes. */
  readonly #blocked = new Set<string>()
  #faults: SimFaults

  constructor(options: { readonly clock: Clock; readonly random: Random; readonly faults?: Partial<SimFaults> }) {
    this.#clock = options.clock
    this.#random = options.random
    this.#faults = { ...CALM, ...options.faults }
  }

  /** The transport of a node that runs now; its address is the identity's raftAddress, which must not change. */
  attach(identity: () => SimIdentity): PeerTransport {
    const address = identity().raftAddress
    assert(this.#endpoints.get(address)?.alive !== true, `a node is already attached at ${address}`)
    const endpoint: Endpoint = {
      address,
      identity,
      handlers: null,
      links: new Map(),
      alive: true,
      sentUntilMs: Infinity,
    }
    this.#endpoints.set(address, endpoint)
    return {
      start: async (handlers) => {
        assert(endpoint.handlers === null, 'a transport starts once')
        endpoint.handlers = handlers
      },
      send: (raftAddress, message) => this.#send(endpoint, raftAddress, message),
      disconnect: (raftAddress) => this.#disconnect(endpoint, raftAddress),
      close: async () => this.#stop(endpoint, Infinity),
    }
  }

  /** The node at `address` crashes: what it sent arrives up to a moment drawn by chance; what was sent to it vanishes. */
  detach(address: string): void {
    const endpoint = this.#endpoints.get(address)
    if (endpoint === undefined || !endpoint.alive) return
    this.#stop(endpoint, this.#clock.monotonicMs() + this.#random.int(2 * this.#faults.latencyMsMax + 1))
  }

  setFaults(faults: Partial<SimFaults>): void {
    this.#faults = { ...this.#faults, ...faults }
  }

  /** Only nodes of one group reach each other; addresses in no group reach nobody. Replaces the earlier partition. */
  partition(groups: readonly (readonly string[])[]): void {
    this.#blocked.clear()
    const addresses = new Set([...this.#endpoints.keys(), ...groups.flat()])
    for (const from of addresses) {
      for (const to of addresses) {
        if (from !== to && !groups.some((group) => group.includes(from) && group.includes(to))) this.block(from, to)
      }
    }
  }

  /** Nothing passes from `from` to `to`; the other direction is left as it is. */
  block(from: string, to: string): void {
    this.#blocked.add(`${from} ${to}`)
    const link = this.#endpoints.get(from)?.links.get(to)
    if (link !== undefined) this.#breakLater(link.connection, from, to)
  }

  /** Ends every partition and block. Rates stay; see setFaults(). */
  heal(): void {
    this.#blocked.clear()
  }

  #send(from: Endpoint, address: string, message: PeerMessage): boolean {
    if (!from.alive || from.handlers === null) return false
    const bytes = encodeOrNull(message)
    if (bytes === null) return false
    const link = from.links.get(address) ?? this.#connect(from, address)
    if (link === null) return this.#chance(0.5) && this.#loseUnderway(from, address)
    if (link.queue.length >= OUTGOING_QUEUE_MESSAGES_MAX) return false
    this.counters.sent += 1
    if (this.#chance(this.#faults.disconnectRate)) {
      this.#break(link.connection)
      return this.#loseUnderway(from, address)
    }
    if (this.#blocked.has(`${from.address} ${address}`) || this.#chance(this.#faults.dropRate)) {
      this.counters.dropped += 1
      return true
    }
    const { nodeId, memberId, raftAddress } = from.identity()
    const identity = { nodeId, memberId, raftAddress }
    if (message.type === 'Raft' && this.#chance(this.#faults.duplicateRate)) {
      this.counters.duplicated += 1
      this.#deliverAstray(from, link, identity, bytes)
    }
    if (message.type === 'Raft' && this.#chance(this.#faults.reorderRate)) {
      this.counters.reordered += 1
      this.#deliverAstray(from, link, identity, bytes)
      return true
    }
    this.#deliverInOrder(from, link, identity, bytes)
    return true
  }

  /** A new connection to whoever listens at `address`; null when nobody is reached. */
  #connect(from: Endpoint, address: string): Link | null {
    const to = this.#endpoints.get(address)
    if (to === undefined || !to.alive || to.handlers === null || to === from) return null
    if (this.#blocked.has(`${from.address} ${address}`) || this.#blocked.has(`${address} ${from.address}`)) return null
    if (!sameCluster(from.identity(), to.identity())) return null
    const stale = to.links.get(from.address)
    if (stale !== undefined) {
      stale.connection.broken = true
      this.#clock.after(this.#latencyMs(), () => this.#report(to, from.address))
    }
    const connection = { broken: false }
    const readyAtMs = this.#clock.monotonicMs() + 2 * this.#latencyMs()
    const link = { connection, to, queue: [], lastArrivalMs: readyAtMs }
    from.links.set(address, link)
    to.links.set(from.address, { connection, to: from, queue: [], lastArrivalMs: readyAtMs })
    return link
  }

  /** A message that was taken and lost: the sender hears of it as of a broken connection. */
  #loseUnderway(from: Endpoint, address: string): true {
    this.counters.dropped += 1
    this.#clock.after(this.#latencyMs(), () => this.#report(from, address))
    return true
  }

  #deliverInOrder(from: Endpoint, link: Link, identity: PeerIdentity, bytes: Uint8Array): void {
    const nowMs = this.#clock.monotonicMs()
    const arrivesAtMs = Math.max(link.lastArrivalMs, nowMs + this.#latencyMs())
    link.lastArrivalMs = arrivesAtMs
    link.queue.push({ bytes, from: identity, arrivesAtMs })
    this.#clock.after(arrivesAtMs - nowMs, () => {
      const first = link.queue.shift()
      if (first !== undefined && !link.connection.broken)
        this.#deliver(from, link, first.from, first.bytes, first.arrivesAtMs)
    })
  }

  #deliverAstray(from: Endpoint, link: Link, identity: PeerIdentity, bytes: Uint8Array): void {
    const delayMs = this.#latencyMs() * (1 + this.#random.int(STRAY_LATENCY_FACTOR))
    const arrivesAtMs = this.#clock.monotonicMs() + delayMs
    this.#clock.after(delayMs, () => this.#deliver(from, link, identity, bytes, arrivesAtMs))
  }

  #deliver(from: Endpoint, link: Link, identity: PeerIdentity, bytes: Uint8Array, arrivesAtMs: number): void {
    const blocked = this.#blocked.has(`${from.address} ${link.to.address}`)
    if (blocked || !link.to.alive || arrivesAtMs > from.sentUntilMs) {
      this.counters.dropped += 1
      return
    }
    this.counters.delivered += 1
    link.to.handlers?.onMessage(identity, decodePeerMessage(bytes))
  }

  #disconnect(from: Endpoint, address: string): void {
    const link = from.links.get(address)
    if (link === undefined) return
    from.links.delete(address)
    this.#breakLater(link.connection, from.address, address)
  }

  /** Ends a run of a node. Its peers notice after a while, each on its own. */
  #stop(endpoint: Endpoint, sentUntilMs: number): void {
    if (!endpoint.alive) return
    endpoint.alive = false
    endpoint.sentUntilMs = sentUntilMs
    for (const link of endpoint.links.values()) {
      const lastArrivalInMs = Math.max(0, link.lastArrivalMs - this.#clock.monotonicMs())
      const noticedInMs = lastArrivalInMs + this.#latencyMs() + 1
      this.#clock.after(noticedInMs, () => this.#breakEnd(link.to, endpoint.address, link.connection))
    }
    endpoint.links.clear()
  }

  /** Breaks a connection that does not recover in the time that its ends take to notice. */
  #breakLater(connection: Connection, from: string, to: string): void {
    this.#clock.after(1 + this.#random.int(this.#faults.detectionMsMax + 1), () => {
      const usable = this.#endpoints.get(from)?.links.get(to)?.connection === connection
      const blocked = this.#blocked.has(`${from} ${to}`) || this.#blocked.has(`${to} ${from}`)
      if (blocked || !usable) this.#break(connection)
    })
  }

  #break(connection: Connection): void {
    if (connection.broken) return
    connection.broken = true
    for (const endpoint of this.#endpoints.values()) {
      for (const [address, link] of endpoint.links) {
        if (link.connection !== connection) continue
        this.#clock.after(this.#latencyMs(), () => this.#breakEnd(endpoint, address, connection))
      }
    }
  }

  #breakEnd(endpoint: Endpoint, address: string, connection: Connection): void {
    connection.broken = true
    if (endpoint.links.get(address)?.connection !== connection) return
    endpoint.links.delete(address)
    this.#report(endpoint, address)
  }

  #report(endpoint: Endpoint, address: string): void {
    if (!endpoint.alive) return
    this.counters.disconnects += 1
    endpoint.handlers?.onDisconnect(address)
  }

  #latencyMs(): number {
    const { latencyMsMin, latencyMsMax } = this.#faults
    return latencyMsMin + this.#random.int(latencyMsMax - latencyMsMin + 1)
  }

  #chance(rate: number): boolean {
    return rate > 0 && this.#random.int(RATE_STEPS) < rate * RATE_STEPS
  }
}

function encodeOrNull(message: PeerMessage): Uint8Array | null {
  try {
    return encodePeerMessage(message)
  } catch (error) {
    if (error instanceof InsiError) return null
    throw error
  }
}

function sameCluster(one: SimIdentity, other: SimIdentity): boolean {
  const clusterId = one.clusterId ?? other.clusterId
  return clusterId === (other.clusterId ?? clusterId)
}
