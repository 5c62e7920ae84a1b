// An entity as applications use it: its key, its stores with scopes of their own, its usage.
import type { Aliases } from './aliases.ts'
import type { InsiClient } from './client.ts'
import type { Events } from './events.ts'
import type { UsageAndLimits } from './limits.ts'
import type { CallOptions } from './options.ts'
import { ScopedStore } from './scoped-store.ts'

/** How the entity manager remembers an entity, as JSON in a value of root. */
export interface EntityRecord {
  /** Of the record. */
  readonly uuid: string
  readonly name: string
  readonly key: string
}

export class Entity {
  readonly name: string
  readonly uuid: string
  readonly #key: string
  readonly #client: InsiClient

  constructor(record: EntityRecord, client: InsiClient) {
    this.name = record.name
    this.uuid = record.uuid
    this.#key = record.key
    this.#client = client
  }

  /** The entity's key. Private, so that printing an entity does not print it. */
  get key(): string {
    return this.#key
  }

  get aliases(): Aliases {
    return this.#client.aliases
  }

  get events(): Events {
    return this.#client.events
  }

  /** A new view of the durable values, without scopes. */
  valueStore(): ScopedStore {
    return new ScopedStore(this.#client.values)
  }

  /** A new view of the cache, without scopes. */
  cacheStore(): ScopedStore {
    return new ScopedStore(this.#client.cache)
  }

  /** Adds to a number among the durable values; returns the sum. */
  async bump(key: string, by: bigint | number, options?: CallOptions): Promise<bigint> {
    return this.#client.values.bump(key, by, options)
  }

  async usage(options?: CallOptions): Promise<UsageAndLimits> {
    return this.#client.limits.own(options)
  }
}
