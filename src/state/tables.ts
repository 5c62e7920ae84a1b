// The part of the state that is kept in memory: entities, keys, and a few small rows of each entity, and the beginning of the expiry index.
import {
  AUTH_KEY_PREFIX,
  ENTITY_PREFIX,
  EVENT_WINDOW_PREFIX,
  SUBSCRIBERS_PREFIX,
  USAGE_PREFIX,
  prefixRange,
} from '../storage/keyspace.ts'
import type { OrderedStore, StoreEntry } from '../storage/ordered-store.ts'
import { CacheCount } from './cache-count.ts'
import type { EntityId } from './commands.ts'
import { EntityTable } from './entity-table.ts'
import { EventWindowTable } from './event-windows.ts'
import { EvictionWindows } from './eviction-index.ts'
import { ExpiryIndex } from './expiry-index.ts'
import type { PendingWrites } from './pending-writes.ts'
import { SubscriberTable } from './subscribers.ts'
import type { Transaction } from './transaction.ts'
import { UsageTable } from './usage.ts'

const LOAD_COUNT_MAX = 1000

export class Tables {
  readonly entities = new EntityTable()
  readonly usage = new UsageTable()
  readonly eventWindows = new EventWindowTable()
  readonly subscribers = new SubscriberTable()
  readonly expiry = new ExpiryIndex()
  readonly evictionWindows = new EvictionWindows()
  readonly cacheCount = new CacheCount()

  /** Reads the tables of a store. Throws InsiError RECORD_CORRUPT. */
  static async load(store: OrderedStore): Promise<Tables> {
    const tables = new Tables()
    await eachEntry(store, ENTITY_PREFIX, ({ key, value }) => tables.entities.loadEntity(key, value))
    await eachEntry(store, AUTH_KEY_PREFIX, ({ key, value }) => tables.entities.loadKey(key, value))
    await eachEntry(store, USAGE_PREFIX, ({ key, value }) => tables.usage.load(key, value))
    await eachEntry(store, EVENT_WINDOW_PREFIX, ({ key, value }) => tables.eventWindows.load(key, value))
    await eachEntry(store, SUBSCRIBERS_PREFIX, ({ key, value }) => tables.subscribers.load(key, value))
    tables.cacheCount.begin(store)
    return tables
  }

  /** Removes the rows of an entity that is gone. */
  removeRows(tx: Transaction, entityId: EntityId): void {
    this.usage.remove(tx, entityId)
    this.evictionWindows.remove(entityId)
    this.eventWindows.remove(tx, entityId)
    this.subscribers.remove(tx, entityId)
  }

  /** Adds the rows that changed to the batch. */
  writeRows(writes: PendingWrites): void {
    this.usage.write(writes)
    this.eventWindows.write(writes)
    this.subscribers.write(writes)
  }

  /** Shows what a transaction changed to readers. */
  commit(): void {
    this.entities.commit()
    this.usage.commit()
    this.eventWindows.commit()
    this.subscribers.commit()
    this.expiry.commit()
    this.cacheCount.commit()
  }
}

async function eachEntry(store: OrderedStore, prefix: number, visit: (entry: StoreEntry) => void): Promise<void> {
  const iterator = store.iterate(prefixRange(prefix))
  try {
    for (;;) {
      const entries = await iterator.next(LOAD_COUNT_MAX)
      if (entries.length === 0) return
      entries.forEach(visit)
    }
  } finally {
    await iterator.close()
  }
}
