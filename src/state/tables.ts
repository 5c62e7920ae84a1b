// The part of the state that is kept in memory: entities, keys and usage (few rows each), and the beginning of the expiry index.
import { ENTITY_PREFIX, AUTH_KEY_PREFIX, USAGE_PREFIX, prefixRange } from '../storage/keyspace.ts'
import type { OrderedStore, StoreEntry } from '../storage/ordered-store.ts'
import { EntityTable } from './entity-table.ts'
import { ExpiryIndex } from './expiry-index.ts'
import { UsageTable } from './usage.ts'

const LOAD_COUNT_MAX = 1000

export class Tables {
  readonly entities = new EntityTable()
  readonly usage = new UsageTable()
  readonly expiry = new ExpiryIndex()

  /** Reads the tables of a store. Throws InsiError RECORD_CORRUPT. */
  static async load(store: OrderedStore): Promise<Tables> {
    const tables = new Tables()
    await eachEntry(store, ENTITY_PREFIX, ({ key, value }) => tables.entities.loadEntity(key, value))
    await eachEntry(store, AUTH_KEY_PREFIX, ({ key, value }) => tables.entities.loadKey(key, value))
    await eachEntry(store, USAGE_PREFIX, ({ key, value }) => tables.usage.load(key, value))
    return tables
  }

  /** Shows what a transaction changed to readers. */
  commit(): void {
    this.entities.commit()
    this.usage.commit()
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
