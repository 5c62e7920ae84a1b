// Token buckets, bounded in number: each fills at its rate up to its burst and gives one token to each request, or several to
// one that does several things. A refusal takes nothing, so that whoever asks too often still gets the rate.

/** Part of a burst that may stand with other nodes, prefetched and perhaps unused. */
const PREFETCHED_SHARE_MAX = 0.25

/** Sums of fractions come out a hair below the whole number that they are. */
const TOLERANCE = 1e-9

const MS_PER_SECOND = 1_000

interface Bucket {
  rate: number
  burst: number
  level: number
  updatedMs: number
  /** Prefetched by other nodes within the present and the previous `prefetchMs`; none of it is in use later. */
  prefetched: number
  prefetchedBefore: number
  prefetchedSinceMs: number
}

export interface BucketsOptions {
  readonly entriesMax: number
  /** How a bucket begins that is not known: full, or as if it had been empty when its like was last forgotten. */
  readonly unknown: 'full' | 'empty'
  /** A bucket that was not used for so long counts as full. */
  readonly idleMsMax: number
  /** How long prefetched tokens may be used. */
  readonly prefetchMs: number
}

export interface Granted {
  readonly granted: number
  /** 0 when every waiting request got a token, otherwise ms until the next token is there. */
  readonly waitMs: number
}

export class TokenBuckets<K> {
  readonly #options: BucketsOptions
  readonly #buckets = new Map<K, Bucket>()
  /** Buckets that are not known were empty then, at worst. */
  #emptyAtMs = Number.NEGATIVE_INFINITY

  constructor(options: BucketsOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#buckets.size
  }

  /** Forgets every bucket; with `unknown: 'empty'` all were empty at `sinceMs`. */
  restart(sinceMs: number): void {
    this.#buckets.clear()
    this.#emptyAtMs = sinceMs
  }

  /**
   * Takes `count` tokens and answers 0, or takes nothing and answers in how many ms they will be there, which is never when they
   * are more than `burst`. `rate` > 0, in tokens a second.
   */
  take(key: K, rate: number, burst: number, nowMs: number, count = 1): number {
    const bucket = this.#filled(key, rate, burst, nowMs)
    if (bucket.level < count - TOLERANCE) return ((count - bucket.level) / rate) * MS_PER_SECOND
    bucket.level -= count
    return 0
  }

  /** Tokens for `waiting` requests of another node and, when there are plenty, up to `extra` for those that will follow. */
  grant(
    key: K,
    want: { readonly waiting: number; readonly extra: number },
    rate: number,
    burst: number,
    nowMs: number,
  ): Granted {
    const bucket = this.#filled(key, rate, burst, nowMs)
    const there = Math.max(0, Math.floor(bucket.level + TOLERANCE))
    const granted = Math.min(want.waiting, there)
    bucket.level -= granted
    if (granted < want.waiting) return { granted, waitMs: ((1 - bucket.level) / rate) * MS_PER_SECOND }
    const prefetchable = burst * PREFETCHED_SHARE_MAX - bucket.prefetched - bucket.prefetchedBefore
    const extra = Math.max(0, Math.floor(Math.min(want.extra, prefetchable, there - granted)))
    bucket.level -= extra
    if (extra > 0 && bucket.prefetched === 0) bucket.prefetchedSinceMs = nowMs
    bucket.prefetched += extra
    return { granted: granted + extra, waitMs: 0 }
  }

  #filled(key: K, rate: number, burst: number, nowMs: number): Bucket {
    const bucket = this.#buckets.get(key)
    if (bucket === undefined) return this.#create(key, rate, burst, nowMs)
    const elapsedMs = nowMs - bucket.updatedMs
    if (elapsedMs >= this.#options.idleMsMax) bucket.level = burst
    if (bucket.prefetched !== 0 || bucket.prefetchedBefore !== 0) this.#agePrefetched(bucket, nowMs)
    // What other nodes hold counts towards the burst, or it could be used on top of a full bucket.
    const levelMax = burst - bucket.prefetched - bucket.prefetchedBefore
    // A rate that was changed since counts as if it had been so all along: it holds at once.
    bucket.level = Math.min(levelMax, bucket.level + (elapsedMs * rate) / MS_PER_SECOND)
    bucket.updatedMs = nowMs
    bucket.rate = rate
    bucket.burst = burst
    return bucket
  }

  #agePrefetched(bucket: Bucket, nowMs: number): void {
    const { prefetchMs } = this.#options
    const ageMs = nowMs - bucket.prefetchedSinceMs
    if (ageMs < prefetchMs) return
    bucket.prefetchedBefore = ageMs < 2 * prefetchMs ? bucket.prefetched : 0
    bucket.prefetched = 0
    bucket.prefetchedSinceMs = nowMs
  }

  #create(key: K, rate: number, burst: number, nowMs: number): Bucket {
    if (this.#buckets.size >= this.#options.entriesMax) this.#makeRoom(nowMs)
    const sinceEmptyMs = this.#options.unknown === 'full' ? Number.POSITIVE_INFINITY : nowMs - this.#emptyAtMs
    const bucket: Bucket = {
      rate,
      burst,
      level: Math.min(burst, (sinceEmptyMs * rate) / MS_PER_SECOND),
      updatedMs: nowMs,
      prefetched: 0,
      prefetchedBefore: 0,
      prefetchedSinceMs: nowMs,
    }
    this.#buckets.set(key, bucket)
    return bucket
  }

  /** Forgets the buckets that are full again, and the older half of all when that is not enough. */
  #makeRoom(nowMs: number): void {
    const { entriesMax, idleMsMax } = this.#options
    for (const [key, { level, rate, burst, updatedMs }] of this.#buckets) {
      const elapsedMs = nowMs - updatedMs
      if (elapsedMs >= idleMsMax || level + (elapsedMs * rate) / MS_PER_SECOND >= burst) this.#buckets.delete(key)
    }
    let excess = this.#buckets.size - Math.floor(entriesMax / 2)
    if (excess <= 0) return
    this.#emptyAtMs = nowMs
    for (const key of this.#buckets.keys()) {
      this.#buckets.delete(key)
      excess -= 1
      if (excess === 0) return
    }
  }
}
