// On a node that does not lead: tokens that the leader granted, and the requests that wait for them. What is needed in one turn
// is asked for in one message. While the leader is silent, whoever made the pools decides alone.
import type { Clock, Timer } from '../../base/clock.ts'
import type { PeerChannel, RateClass, TokenGrant, TokenRequest } from '../peer-channel.ts'
import {
  DEMAND_WINDOW_MS,
  GRANT_WAIT_MS,
  LEADER_PROBE_INTERVAL_MS,
  PREFETCH_MS,
  RATE_ENTRIES_MAX,
  TOKEN_ENTRIES_MAX,
  TOKEN_WAITERS_MAX,
} from './limits.ts'
import { RecentMap } from '../recent-map.ts'

/** How a question to the leader ended. */
export type TokenRequestResult = 'answered' | 'refused' | 'lost'

export interface RatePoolsDeps {
  readonly clock: Clock
  readonly channel: PeerChannel
  readonly firstRequestId: number
  readonly onTokenRequest: (result: TokenRequestResult) => void
  /** Decides without the leader: 0, or ms to wait. `sinceMs`: since when the leader is silent. */
  readonly decideAlone: (demand: Demand, sinceMs: number) => number
}

/** Whose tokens are needed. */
export interface Demand {
  readonly entityId: number
  readonly rateClass: RateClass
  /** Tokens that one request needs all together; null: each request that waits needs one. */
  readonly whole: number | null
}

interface Pool extends Demand {
  tokens: number
  expiresMs: number
  deniedUntilMs: number
  /** The limit that the denial was for. */
  deniedLimit: number
  isAsking: boolean
  waiting: ((waitMs: number) => void)[]
  /** Requests of this window and of the one before. */
  demand: number
  demandBefore: number
  windowSinceMs: number
}

interface Question {
  readonly pools: readonly Pool[]
  readonly sentMs: number
  readonly timer: Timer
}

export class RatePools {
  readonly #deps: RatePoolsDeps
  readonly #pools = new RecentMap<number, Pool>(RATE_ENTRIES_MAX)
  readonly #questions = new Map<number, Question>()
  #toAsk: Pool[] = []
  #isScheduled = false
  #waiterCount = 0
  #nextRequestId: number
  /** Since when nothing is heard from the leader of this epoch. */
  #silentSinceMs: number | null = null
  #epoch = 0
  #probedMs = Number.NEGATIVE_INFINITY

  constructor(deps: RatePoolsDeps) {
    this.#deps = deps
    this.#nextRequestId = deps.firstRequestId
  }

  /** 0: allowed. Otherwise the ms after which to try again. */
  admit(entityId: number, rateClass: RateClass, limit: number): number | Promise<number> {
    const nowMs = this.#deps.clock.monotonicMs()
    const pool = this.#poolOf(entityId, rateClass)
    countDemand(pool, nowMs)
    if (pool.tokens > 0 && nowMs < pool.expiresMs) {
      pool.tokens -= 1
      return 0
    }
    if (nowMs < pool.deniedUntilMs && pool.deniedLimit === limit) return pool.deniedUntilMs - nowMs
    if (!this.#mayAsk(nowMs)) return this.#alone(pool, nowMs)
    if (this.#waiterCount >= TOKEN_WAITERS_MAX) return GRANT_WAIT_MS
    pool.deniedLimit = limit
    return this.#wait(pool)
  }

  /** As admit(), for a request that needs `count` tokens or none. It asks for itself: what it gets is for nobody else. */
  admitWhole(entityId: number, rateClass: RateClass, limit: number, count: number): number | Promise<number> {
    const pool = newPool({ entityId, rateClass, whole: count })
    const nowMs = this.#deps.clock.monotonicMs()
    if (!this.#mayAsk(nowMs)) return this.#alone(pool, nowMs)
    if (this.#waiterCount >= TOKEN_WAITERS_MAX) return GRANT_WAIT_MS
    pool.deniedLimit = limit
    return this.#wait(pool)
  }

  onGrant({ requestId, entries }: TokenGrant): void {
    const question = this.#questions.get(requestId)
    // An answer that comes too late still says that the leader is there; its tokens are lost.
    if (entries.length > 0) this.#silentSinceMs = null
    if (question === undefined) return
    this.#questions.delete(requestId)
    question.timer.cancel()
    this.#deps.onTokenRequest(entries.length > 0 ? 'answered' : 'refused')
    const nowMs = this.#deps.clock.monotonicMs()
    question.pools.forEach((pool, at) => {
      const entry = entries[at]
      pool.isAsking = false
      if (entry === undefined) {
        this.#answerAll(pool, () => this.#alone(pool, nowMs))
        return
      }
      pool.tokens = entry.granted
      // Counted from when the question left: the leader must be certain of when its tokens end.
      pool.expiresMs = question.sentMs + PREFETCH_MS
      pool.deniedUntilMs = entry.waitMs > 0 ? nowMs + entry.waitMs : 0
      this.#serve(pool, entry.waitMs)
    })
  }

  #poolOf(entityId: number, rateClass: RateClass): Pool {
    const key = entityId * 2 + (rateClass === 'data' ? 0 : 1)
    const known = this.#pools.get(key)
    if (known !== undefined) return known
    const pool = newPool({ entityId, rateClass, whole: null })
    this.#pools.set(key, pool)
    return pool
  }

  /** A silent leader is asked again now and then; everybody else does not wait for it meanwhile. */
  #mayAsk(nowMs: number): boolean {
    this.#noteEpoch()
    if (this.#deps.channel.leaderAddress === null) return false
    if (this.#silentSinceMs === null) return true
    if (nowMs - this.#probedMs < LEADER_PROBE_INTERVAL_MS) return false
    this.#probedMs = nowMs
    return true
  }

  #wait(pool: Pool): Promise<number> {
    const { promise, resolve } = Promise.withResolvers<number>()
    pool.waiting.push(resolve)
    this.#waiterCount += 1
    this.#ask(pool)
    return promise
  }

  #ask(pool: Pool): void {
    if (pool.isAsking) return
    pool.isAsking = true
    this.#toAsk.push(pool)
    if (this.#isScheduled) return
    this.#isScheduled = true
    this.#deps.channel.schedule(() => this.#sendQuestions())
  }

  #sendQuestions(): void {
    this.#isScheduled = false
    const pools = this.#toAsk
    this.#toAsk = []
    for (let from = 0; from < pools.length; from += TOKEN_ENTRIES_MAX) {
      this.#sendQuestion(pools.slice(from, from + TOKEN_ENTRIES_MAX))
    }
  }

  #sendQuestion(pools: readonly Pool[]): void {
    const { channel, clock } = this.#deps
    const requestId = this.#nextRequestId++
    const sentMs = clock.monotonicMs()
    const timer = clock.after(GRANT_WAIT_MS, () => this.#onLost(requestId))
    this.#questions.set(requestId, { pools, sentMs, timer })
    const request: TokenRequest = {
      type: 'TokenRequest',
      requestId,
      entries: pools.map((pool) => ({
        entityId: pool.entityId,
        rateClass: pool.rateClass,
        waiting: pool.whole ?? pool.waiting.length,
        extra: pool.whole === null ? recentDemand(pool, sentMs) : 0,
        whole: pool.whole !== null,
      })),
    }
    const address = channel.leaderAddress
    if (address === null || !channel.send(address, request)) this.#onLost(requestId)
  }

  #onLost(requestId: number): void {
    const question = this.#questions.get(requestId)
    if (question === undefined) return
    this.#questions.delete(requestId)
    question.timer.cancel()
    this.#deps.onTokenRequest('lost')
    const nowMs = this.#deps.clock.monotonicMs()
    this.#probedMs = nowMs
    this.#noteEpoch()
    this.#silentSinceMs ??= this.#deps.channel.leaderlessSinceMs ?? nowMs
    for (const pool of question.pools) {
      pool.isAsking = false
      this.#answerAll(pool, () => this.#alone(pool, nowMs))
    }
  }

  /** The silence of one leader says nothing of the next. */
  #noteEpoch(): void {
    const { leadershipEpoch } = this.#deps.channel
    if (leadershipEpoch === this.#epoch) return
    this.#epoch = leadershipEpoch
    this.#silentSinceMs = null
  }

  #alone(demand: Demand, nowMs: number): number {
    this.#noteEpoch()
    this.#silentSinceMs ??= this.#deps.channel.leaderlessSinceMs ?? nowMs
    return this.#deps.decideAlone(demand, this.#silentSinceMs)
  }

  /** Gives tokens to those that wait, in order; the rest is refused, or asks again when the leader has more. */
  #serve(pool: Pool, waitMs: number): void {
    const served = pool.waiting.splice(0, pool.tokens)
    pool.tokens -= served.length
    this.#waiterCount -= served.length
    for (const resolve of served) resolve(0)
    if (pool.waiting.length === 0) return
    if (waitMs > 0) this.#answerAll(pool, () => waitMs)
    else this.#ask(pool)
  }

  #answerAll(pool: Pool, decide: () => number): void {
    const { waiting } = pool
    pool.waiting = []
    this.#waiterCount -= waiting.length
    for (const resolve of waiting) resolve(decide())
  }
}

function newPool(demand: Demand): Pool {
  return {
    ...demand,
    tokens: 0,
    expiresMs: 0,
    deniedUntilMs: 0,
    deniedLimit: 0,
    isAsking: false,
    waiting: [],
    demand: 0,
    demandBefore: 0,
    windowSinceMs: 0,
  }
}

function countDemand(pool: Pool, nowMs: number): void {
  turnWindow(pool, nowMs)
  pool.demand += 1
}

/** Requests of the last complete window; 0 when there were none right before. */
function recentDemand(pool: Pool, nowMs: number): number {
  turnWindow(pool, nowMs)
  return pool.demandBefore
}

function turnWindow(pool: Pool, nowMs: number): void {
  const ageMs = nowMs - pool.windowSinceMs
  if (ageMs < DEMAND_WINDOW_MS) return
  pool.demandBefore = ageMs < 2 * DEMAND_WINDOW_MS ? pool.demand : 0
  pool.demand = 0
  pool.windowSinceMs = nowMs
}
