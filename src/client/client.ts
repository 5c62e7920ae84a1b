// The client of one key: every noun of the API over one set of connections.
import { Aliases } from './aliases.ts'
import { Cache } from './cache.ts'
import { Cluster } from './cluster.ts'
import { Events } from './events.ts'
import { HttpClient } from './http.ts'
import { Insight } from './insight.ts'
import { Keys } from './keys.ts'
import { LimitsClient } from './limits.ts'
import type { CallOptions, ClientOptions, EndpointOptions } from './options.ts'
import { ping } from './ping.ts'
import type { PingAnswer } from './ping.ts'
import { Transactions } from './transactions.ts'
import { Values } from './values.ts'

export class InsiClient {
  readonly values: Values
  readonly cache: Cache
  /** `batch` and `txn`, over values, cache and events. */
  readonly transactions: Transactions
  readonly events: Events
  readonly aliases: Aliases
  readonly limits: LimitsClient
  /** Needs the root key. */
  readonly keys: Keys
  /** Needs the root key. */
  readonly insight: Insight
  /** Needs the root key. */
  readonly cluster: Cluster
  readonly #http: HttpClient

  /** Connects when first used. Throws INVALID_ARGUMENT for options that cannot work. */
  constructor(options: ClientOptions | HttpClient) {
    const http = options instanceof HttpClient ? options : new HttpClient(options)
    this.#http = http
    this.values = new Values(http)
    this.cache = new Cache(http)
    this.transactions = new Transactions(http)
    this.events = new Events(http)
    this.aliases = new Aliases(http)
    this.limits = new LimitsClient(http)
    this.keys = new Keys(http)
    this.insight = new Insight(http)
    this.cluster = new Cluster(http)
  }

  /** Checks the key and says who answers. */
  async ping(options?: CallOptions): Promise<PingAnswer> {
    return ping(this.#http, options)
  }

  /** A client of another key over the same connections; closing either closes both. */
  withKey(apiKey: string): InsiClient {
    return new InsiClient(this.#http.withKey(apiKey))
  }

  /** Ends all connections. Calls under way fail; subscriptions stay until they are closed themselves. */
  close(): void {
    this.#http.close()
  }
}

/** Where to connect: a URL, or the two listeners of a node. */
export type Target = string | EndpointOptions

/**
 * A client for `target`, or for several nodes of one cluster, with `apiKey`. Nothing is sent before the first call.
 * Administrators name both listeners: `connect({ publicUrl, privateUrl }, rootKey)`.
 */
export function connect(
  target: Target | readonly Target[],
  apiKey: string,
  options: Omit<ClientOptions, 'endpoints' | 'apiKey'> = {},
): InsiClient {
  const targets: readonly Target[] = isList(target) ? target : [target]
  const endpoints = targets.map((one) => (typeof one === 'string' ? { publicUrl: one } : one))
  return new InsiClient({ ...options, endpoints, apiKey })
}

function isList(target: Target | readonly Target[]): target is readonly Target[] {
  return Array.isArray(target)
}
