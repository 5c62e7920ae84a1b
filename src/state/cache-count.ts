// How many entries the cache of this node holds. They are counted once, beside the work of the node, and from then on as they come
// and go: neither a start nor a scrape can wait for a million keys.
import { CACHE_PREFIX, prefixRange } from '../storage/keyspace.ts'
import type { OrderedStore, StoreSnapshot } from '../storage/ordered-store.ts'
import type { Transaction } from './transaction.ts'

/** Few enough that nobody waits for their turn in between. */
const KEYS_A_TURN = 500

export class CacheCount {
  /** Entries when counting began; null until they are counted. */
  #counted: number | null = null
  /** What came and went since then. */
  #change = 0
  #committedChange = 0
  #isStopped = false
  #counting: Promise<void> = Promise.resolve()

  /** Null until the entries are counted. Expired ones count until they are removed. */
  get committed(): number | null {
    return this.#counted === null ? null : this.#counted + this.#committedChange
  }

  /** Begins to count what a store has now. */
  begin(store: OrderedStore): void {
    // Nobody waits for the count; a store that cannot be read fails those who need what is in it.
    this.#counting = this.#count(store.snapshot()).catch(() => undefined)
  }

  /** Resolves when the store is not read any more. */
  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#counting
  }

  change(tx: Transaction, delta: 1 | -1): void {
    this.#change += delta
    if (!tx.writes.isTentative) return
    tx.writes.onRollback(() => {
      this.#change -= delta
    })
  }

  /** The batch is visible to readers. */
  commit(): void {
    this.#committedChange = this.#change
  }

  async #count(snapshot: StoreSnapshot): Promise<void> {
    let count = 0
    try {
      const iterator = snapshot.iterate({ ...prefixRange(CACHE_PREFIX), keysOnly: true })
      try {
        while (!this.#isStopped) {
          const { length } = await iterator.next(KEYS_A_TURN)
          if (length === 0) break
          count += length
        }
      } finally {
        await iterator.close()
      }
    } finally {
      await snapshot.close()
    }
    if (!this.#isStopped) this.#counted = count
  }
}
