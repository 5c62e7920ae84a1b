// Rate limiters of several nodes on one virtual clock, with messages that take time and may be lost, and a leader that changes.
import type { EntityId } from '../../src/state/commands.ts'
import type { EntityRecord } from '../../src/state/state-reader.ts'
import type { PeerChannel, ServiceMessage, ServiceMessageHandler } from '../../src/services/peer-channel.ts'
import { RateLimiter } from '../../src/services/rates/limiter.ts'
import { SeededRandom } from './seeded-random.ts'
import { VirtualClock } from './virtual-clock.ts'

export const LATENCY_MS_MAX = 10
const CHANCES = 1_000_000
const ENTITY: EntityId = 7

export interface Network {
  /** Chance that a message is lost. */
  lossRate: number
  /** Messages from or to these nodes are lost. */
  cutOff: ReadonlySet<string>
}

export class RateCluster {
  readonly clock = new VirtualClock()
  readonly network: Network = { lossRate: 0, cutOff: new Set() }
  readonly limiters: ReadonlyMap<string, RateLimiter>
  /** Times (ms) at which requests were allowed, on any node. */
  readonly allowedMs: number[] = []
  refused = 0
  leader: string | null
  limit: number | null
  #epoch = 1
  #leadsSinceMs = Number.NEGATIVE_INFINITY
  readonly #random: SeededRandom
  readonly #handlers = new Map<string, ServiceMessageHandler[]>()

  constructor(nodeCount: number, limit: number | null, seed: number) {
    const nodeIds = Array.from({ length: nodeCount }, (_, at) => `node${at}`)
    this.#random = new SeededRandom(seed)
    this.limit = limit
    this.leader = 'node0'
    const limiters = nodeIds.map((nodeId) => {
      this.#handlers.set(nodeId, [])
      const limiter = new RateLimiter({
        clock: this.clock,
        random: this.#random,
        reader: { entity: () => this.#entity() },
        channel: this.#channel(nodeId, nodeIds),
        observer: { onLimited: () => {}, onTokenRequest: () => {} },
      })
      return [nodeId, limiter] as const
    })
    this.limiters = new Map(limiters)
  }

  /** Null: nobody leads until the next call. */
  setLeader(nodeId: string | null): void {
    this.leader = nodeId
    this.#epoch += 1
    this.#leadsSinceMs = this.clock.monotonicMs()
  }

  /** `count`: as how many requests it counts. */
  request(nodeId: string, count = 1): void {
    const verdict = this.limiters.get(nodeId)?.admit(ENTITY, 'data', count)
    if (verdict instanceof Promise) void verdict.then((later) => this.#count(later === null, count))
    else this.#count(verdict === null, count)
  }

  /** Lets `durationMs` pass in steps of 1 ms, with what was answered meanwhile taken in. */
  async pass(durationMs: number, eachMs: () => void = () => {}): Promise<void> {
    for (let step = 0; step < durationMs; step++) {
      eachMs()
      this.clock.advance(1)
      await Promise.resolve()
      await Promise.resolve()
    }
  }

  /** The most that was allowed above limit · t + burst, over all spans of time that begin with a request. */
  excess(limit: number, burst: number): number {
    let excess = Number.NEGATIVE_INFINITY
    let lowest = Number.POSITIVE_INFINITY
    this.allowedMs.forEach((atMs, count) => {
      const above = count - (limit * atMs) / 1_000
      lowest = Math.min(lowest, above)
      excess = Math.max(excess, above + 1 - lowest - burst)
    })
    return excess
  }

  #count(isAllowed: boolean, count: number): void {
    if (!isAllowed) this.refused += count
    else for (let at = 0; at < count; at++) this.allowedMs.push(this.clock.monotonicMs())
  }

  #entity(): EntityRecord {
    return {
      entityId: ENTITY,
      name: 'tenant',
      keyUuid: 'key',
      scopeUuid: 'scope',
      status: 'active',
      limits: {
        diskBytes: null,
        memoryBytes: null,
        eventsPerDay: null,
        subscribers: null,
        dataRequestsPerSecond: this.limit,
        eventRequestsPerSecond: null,
      },
      createdAtMs: 0,
      aliasKeyUuids: [],
    }
  }

  #chance(): number {
    return this.#random.int(CHANCES) / CHANCES
  }

  #channel(nodeId: string, nodeIds: readonly string[]): PeerChannel {
    const leadsSinceMs = (): number | null => (this.leader === nodeId ? this.#leadsSinceMs : null)
    const leaderAddress = (): string | null => (this.leader === nodeId ? null : this.leader)
    const leaderlessSinceMs = (): number | null => (this.leader === null ? this.#leadsSinceMs : null)
    const epoch = (): number => this.#epoch
    return {
      get leadsSinceMs() {
        return leadsSinceMs()
      },
      get leadershipEpoch() {
        return epoch()
      },
      get leaderlessSinceMs() {
        return leaderlessSinceMs()
      },
      get leaderAddress() {
        return leaderAddress()
      },
      memberCount: nodeIds.length,
      otherAddresses: () => nodeIds.filter((other) => other !== nodeId),
      appliedMembers: undefined,
      send: (to, message) => this.#send(nodeId, to, message),
      onMessage: (handler) => void this.#handlers.get(nodeId)?.push(handler),
      schedule: (callback) => void this.clock.after(0, callback),
    }
  }

  #send(from: string, to: string, message: ServiceMessage): boolean {
    const { cutOff, lossRate } = this.network
    const delayMs = this.#chance() * LATENCY_MS_MAX
    if (cutOff.has(from) || cutOff.has(to) || this.#chance() < lossRate) return true
    this.clock.after(delayMs, () => this.#handlers.get(to)?.forEach((handler) => handler(from, message)))
    return true
  }
}
