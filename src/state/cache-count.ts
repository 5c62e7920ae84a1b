// How many entries the cache of this node holds, counted while they come and go: no scrape can wait for a million keys.
import { CACHE_PREFIX, prefixRange } from '../storage/keyspace.ts'
import type { OrderedStore } from '../storage/ordered-store.ts'
import type { Transaction } from './transaction.ts'

const LOAD_COUNT_MAX = 10_000

export class CacheCount {
  #count = 0
  #committedCount = 0

  /** Expired entries count until they are removed. */
  get committed(): number {
    return this.#committedCount
  }

  /** Counts what a store has. */
  async load(store: OrderedStore): Promise<void> {
    const iterator = store.iterate({ ...prefixRange(CACHE_PREFIX), keysOnly: true })
    try {
      for (;;) {
        const entries = await iterator.next(LOAD_COUNT_MAX)
        if (entries.length === 0) break
        this.#count += entries.length
      }
    } finally {
      await iterator.close()
    }
    this.commit()
  }

  change(tx: Transaction, delta: 1 | -1): void {
    this.#count += delta
    if (!tx.writes.isTentative) return
    tx.writes.onRollback(() => {
      this.#count -= delta
    })
  }

  /** The batch is visible to readers. */
  commit(): void {
    this.#committedCount = this.#count
  }
}
