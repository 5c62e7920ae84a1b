// Limits on requests a second of each client address, by category, on this node alone: they protect the node, not a quota.
// A client is an IPv4 address, or the 64-bit network of an IPv6 one: whoever has one has all addresses in it.
import type { Clock } from '../../base/clock.ts'
import type { Config } from '../../config/config.ts'
import { TokenBuckets } from './buckets.ts'
import { ADDRESS_IDLE_MS, ADDRESSES_MAX } from './limits.ts'
import type { RateObserver, RateVerdict } from './limiter.ts'

export type AddressCategory = 'values' | 'cache' | 'events' | 'system'

const IPV6_WORDS = 8
const NETWORK_WORDS = 4

interface Category {
  readonly limit: number
  readonly burst: number
  readonly buckets: TokenBuckets<string>
}

export class AddressLimiter {
  readonly #clock: Clock
  readonly #observer: RateObserver
  readonly #categories = new Map<AddressCategory, Category>()

  constructor(deps: { readonly clock: Clock; readonly observer: RateObserver }, config: Config['rateLimiters']) {
    this.#clock = deps.clock
    this.#observer = deps.observer
    for (const category of ['values', 'cache', 'events', 'system'] as const) {
      const rate = config[category]
      if (rate === null) continue
      const buckets = new TokenBuckets<string>({
        entriesMax: ADDRESSES_MAX,
        unknown: 'full',
        idleMsMax: ADDRESS_IDLE_MS,
        prefetchMs: 0,
      })
      this.#categories.set(category, { ...rate, buckets })
    }
  }

  get isOff(): boolean {
    return this.#categories.size === 0
  }

  limits(category: AddressCategory): boolean {
    return this.#categories.has(category)
  }

  /** Whether a client at `address` may make one more request of the category now. */
  admit(address: string, category: AddressCategory): RateVerdict {
    const found = this.#categories.get(category)
    if (found === undefined) return null
    const { limit, burst, buckets } = found
    const waitMs = buckets.take(clientOf(address), limit, burst, this.#clock.monotonicMs())
    if (waitMs === 0) return null
    this.#observer.onLimited('address', category)
    return { limit, burst, retryAfterMs: waitMs }
  }
}

/** An IPv4 address as it is, of an IPv6 address its first 64 bits. */
function clientOf(address: string): string {
  if (!address.includes(':')) return address
  const [text = ''] = address.split('%')
  const [head = '', tail] = text.split('::')
  const left = wordsOf(head)
  const right = wordsOf(tail ?? '')
  const gap = tail === undefined ? [] : Array<string>(Math.max(0, IPV6_WORDS - left.length - right.length)).fill('0')
  const network = [...left, ...gap, ...right].slice(0, NETWORK_WORDS)
  return `${network.map((word) => Number.parseInt(word, 16).toString(16)).join(':')}::/64`
}

/** Sixteen bits each; a dotted end is two of them, which the network does not reach. */
function wordsOf(text: string): string[] {
  return text === '' ? [] : text.split(':').flatMap((word) => (word.includes('.') ? ['0', '0'] : [word]))
}
