// The limits on requests a second of each entity, cluster-wide: the leader holds the only bucket of each entity and class, other
// nodes get tokens from it. What is allowed in t seconds on all nodes together is at most limit · t + limit, since
//   - a token is given out once, and one that is lost with its message or expires is lost;
//   - tokens that another node holds in advance count towards the bucket's burst;
//   - a new leader begins with empty buckets, unless the cluster begins with it; requests wait a moment for them to fill;
//   - nodes that hear no leader begin with empty buckets too, and fill them at limit ÷ members.
// The bound is exceeded by at most limit ÷ members a second for each node that is cut off from a leader that still works, and by
// limit a second while a deposed leader does not know it yet; neither can write or make a linearizable read meanwhile.
import { delay } from '../../base/clock.ts'
import type { Clock } from '../../base/clock.ts'
import type { Random } from '../../base/random.ts'
import { ROOT_ENTITY_ID } from '../../state/commands.ts'
import type { EntityId } from '../../state/commands.ts'
import type { StateReader } from '../../state/state-reader.ts'
import type { PeerChannel, RateClass, ServiceMessage, TokenGrant, TokenRequest } from '../peer-channel.ts'
import { TokenBuckets } from './buckets.ts'
import {
  FIRST_REQUEST_ID_MAX,
  NEW_LEADER_PATIENCE_MS,
  NEW_LEADER_PAUSE_MS,
  NEW_LEADER_WAIT_MS_MAX,
  NO_RATE_RETRY_MS,
  PREFETCH_MS,
  RATE_ENTRIES_MAX,
  TOKEN_WAITERS_MAX,
} from './limits.ts'
import { RatePools } from './pools.ts'
import type { Demand, TokenRequestResult } from './pools.ts'

/** Why a request is refused. Rates are in requests a second. */
export interface RateDenial {
  readonly limit: number
  readonly burst: number
  readonly retryAfterMs: number
}

/** Null: allowed. */
export type RateVerdict = RateDenial | null

/** Where the limiter reports to. Synchronous and cheap. */
export interface RateObserver {
  onLimited(limiter: 'address' | 'key', rateClass: string): void
  onTokenRequest(result: TokenRequestResult): void
}

export interface RateLimiterDeps {
  readonly clock: Clock
  readonly reader: Pick<StateReader, 'entity'>
  readonly channel: PeerChannel
  readonly random: Random
  readonly observer: RateObserver
}

/** A request, as the limiter sees it. */
interface Asked {
  readonly entityId: EntityId
  readonly rateClass: RateClass
  readonly limit: number
  readonly count: number
}

type Grant = TokenGrant['entries'][number]

const BUCKETS = {
  entriesMax: RATE_ENTRIES_MAX,
  unknown: 'empty',
  idleMsMax: Number.POSITIVE_INFINITY,
  prefetchMs: PREFETCH_MS,
} as const

export class RateLimiter {
  readonly #deps: RateLimiterDeps
  /** As the leader. */
  readonly #buckets = new TokenBuckets<number>(BUCKETS)
  #leadsSinceMs: number | null = null
  /** Without a leader. */
  readonly #shares = new TokenBuckets<number>(BUCKETS)
  #aloneSinceMs: number | null = null
  readonly #pools: RatePools
  /** The newest change of leadership that a request met, and when. */
  #epoch: number
  #epochSinceMs = Number.NEGATIVE_INFINITY
  /** Requests that wait for the buckets of a new leader. */
  #patientCount = 0

  constructor(deps: RateLimiterDeps) {
    this.#deps = deps
    const { channel, clock, observer, random } = deps
    this.#epoch = channel.leadershipEpoch
    this.#pools = new RatePools({
      clock,
      channel,
      firstRequestId: 1 + random.int(FIRST_REQUEST_ID_MAX),
      onTokenRequest: (result) => observer.onTokenRequest(result),
      decideAlone: (pool, sinceMs) => this.#decideAlone(pool, sinceMs),
    })
    channel.onMessage((from, message) => this.#onMessage(from, message))
  }

  /**
   * Whether the entity may make one more request of the class now, or one that counts as `count`; at once on a leader that is not
   * new. More than the limit at once are never allowed. Never rejects.
   */
  admit(entityId: EntityId, rateClass: RateClass, count = 1): RateVerdict | Promise<RateVerdict> {
    if (entityId === ROOT_ENTITY_ID) return null
    const limit = this.#limitOf(entityId, rateClass)
    if (limit === null || limit === undefined) return null
    if (limit === 0) return this.#verdict(NO_RATE_RETRY_MS, { limit, rateClass })
    this.#noteLeadership()
    const asked: Asked = { entityId, rateClass, limit, count }
    const waitMs = this.#waitMs(asked)
    return typeof waitMs === 'number' ? this.#settle(waitMs, asked) : waitMs.then((ms) => this.#settle(ms, asked))
  }

  /** 0: allowed. Otherwise ms until it would be. */
  #waitMs({ entityId, rateClass, limit, count }: Asked): number | Promise<number> {
    const { leadsSinceMs } = this.#deps.channel
    if (leadsSinceMs !== null) return this.#take(entityId, rateClass, limit, leadsSinceMs, count)
    return count === 1
      ? this.#pools.admit(entityId, rateClass, limit)
      : this.#pools.admitWhole(entityId, rateClass, limit, count)
  }

  /** Refuses, unless a new leader's buckets are what the request lacks: then it asks once more when they have filled. */
  #settle(waitMs: number, asked: Asked): RateVerdict | Promise<RateVerdict> {
    const isPatient =
      waitMs > 0 && waitMs <= NEW_LEADER_WAIT_MS_MAX && this.#isLeaderNew() && this.#patientCount < TOKEN_WAITERS_MAX
    return isPatient ? this.#askAgain(waitMs, asked) : this.#verdict(waitMs, asked)
  }

  async #askAgain(waitMs: number, asked: Asked): Promise<RateVerdict> {
    this.#patientCount += 1
    await delay(this.#deps.clock, Math.ceil(waitMs))
    this.#patientCount -= 1
    return this.#verdict(await this.#waitMs(asked), asked)
  }

  #noteLeadership(): void {
    const { leadershipEpoch } = this.#deps.channel
    if (leadershipEpoch === this.#epoch) return
    this.#epoch = leadershipEpoch
    this.#epochSinceMs = this.#deps.clock.monotonicMs()
  }

  #isLeaderNew(): boolean {
    const { channel, clock } = this.#deps
    return clock.monotonicMs() - (channel.leadsSinceMs ?? this.#epochSinceMs) < NEW_LEADER_PATIENCE_MS
  }

  #verdict(waitMs: number, { limit, rateClass }: Pick<Asked, 'limit' | 'rateClass'>): RateVerdict {
    if (waitMs === 0) return null
    this.#deps.observer.onLimited('key', rateClass)
    return { limit, burst: limit, retryAfterMs: waitMs }
  }

  /** Null: unlimited. Undefined: this node does not know the entity. */
  #limitOf(entityId: EntityId, rateClass: RateClass): number | null | undefined {
    const limits = this.#deps.reader.entity(entityId)?.limits
    return rateClass === 'data' ? limits?.dataRequestsPerSecond : limits?.eventRequestsPerSecond
  }

  #take(entityId: EntityId, rateClass: RateClass, limit: number, leadsSinceMs: number, count: number): number {
    this.#begin(leadsSinceMs)
    return this.#buckets.take(keyOf(entityId, rateClass), limit, limit, this.#deps.clock.monotonicMs(), count)
  }

  #begin(leadsSinceMs: number): void {
    if (this.#leadsSinceMs === leadsSinceMs) return
    this.#leadsSinceMs = leadsSinceMs
    this.#buckets.restart(leadsSinceMs + NEW_LEADER_PAUSE_MS)
  }

  #decideAlone({ entityId, rateClass, whole }: Demand, sinceMs: number): number {
    const { channel, clock } = this.#deps
    const limit = this.#limitOf(entityId, rateClass)
    if (limit === null || limit === undefined) return 0
    if (limit === 0) return NO_RATE_RETRY_MS
    // Leadership may have come to this node while the request waited.
    if (channel.leadsSinceMs !== null) {
      return this.#take(entityId, rateClass, limit, channel.leadsSinceMs, whole ?? 1)
    }
    if (this.#aloneSinceMs !== sinceMs) {
      this.#aloneSinceMs = sinceMs
      this.#shares.restart(sinceMs)
    }
    const share = limit / Math.max(1, channel.memberCount)
    return this.#shares.take(keyOf(entityId, rateClass), share, Math.max(1, share), clock.monotonicMs(), whole ?? 1)
  }

  #onMessage(from: string, message: ServiceMessage): void {
    if (message.type === 'TokenGrant') this.#pools.onGrant(message)
    else if (message.type === 'TokenRequest') {
      const { leadsSinceMs } = this.#deps.channel
      const entries = leadsSinceMs === null ? [] : this.#grantAll(message, leadsSinceMs)
      this.#deps.channel.send(from, { type: 'TokenGrant', requestId: message.requestId, entries })
    }
  }

  #grantAll({ entries }: TokenRequest, leadsSinceMs: number): Grant[] {
    this.#begin(leadsSinceMs)
    const nowMs = this.#deps.clock.monotonicMs()
    return entries.map(({ entityId, rateClass, waiting, extra, whole }) => {
      const limit = this.#limitOf(entityId, rateClass)
      // Unlimited, or new and not applied here yet.
      if (limit === null || limit === undefined) return { granted: waiting, waitMs: 0 }
      if (limit === 0) return { granted: 0, waitMs: NO_RATE_RETRY_MS }
      if (whole) {
        const waitMs = this.#buckets.take(keyOf(entityId, rateClass), limit, limit, nowMs, waiting)
        return { granted: waitMs === 0 ? waiting : 0, waitMs }
      }
      return this.#buckets.grant(keyOf(entityId, rateClass), { waiting, extra }, limit, limit, nowMs)
    })
  }
}

function keyOf(entityId: EntityId, rateClass: RateClass): number {
  return entityId * 2 + (rateClass === 'data' ? 0 : 1)
}
