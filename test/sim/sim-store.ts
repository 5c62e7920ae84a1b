// A database whose batches take virtual time: readers run while one is written, and see it before or after the writer does.
import type {
  OrderedStore,
  RangeOptions,
  ReplaceableStore,
  StoreIterator,
  StoreSnapshot,
  WriteOp,
  StoreFigures,
} from '../../src/storage/ordered-store.ts'

interface Pace {
  /** Takes the time of one call. */
  readonly work: () => Promise<void>
  /** Whether readers see the next batch before its writer is told. */
  readonly isVisibleEarly: () => boolean
}

class SlowStore implements OrderedStore {
  readonly #inner: OrderedStore
  readonly #pace: Pace

  constructor(inner: OrderedStore, pace: Pace) {
    this.#inner = inner
    this.#pace = pace
  }

  get(key: Uint8Array): Buffer | undefined {
    return this.#inner.get(key)
  }

  iterate(range: RangeOptions): StoreIterator {
    return this.#inner.iterate(range)
  }

  async batch(ops: readonly WriteOp[], options: { readonly sync: boolean }): Promise<void> {
    const isVisibleEarly = this.#pace.isVisibleEarly()
    if (!isVisibleEarly) await this.#pace.work()
    await this.#inner.batch(ops, options)
    if (isVisibleEarly) await this.#pace.work()
  }

  snapshot(): StoreSnapshot {
    return this.#inner.snapshot()
  }

  figures(): StoreFigures | null {
    return this.#inner.figures()
  }

  approximateSizeBytes(range: RangeOptions): Promise<number> {
    return this.#inner.approximateSizeBytes(range)
  }

  close(): Promise<void> {
    return this.#inner.close()
  }
}

export class SlowStores implements ReplaceableStore {
  readonly #inner: ReplaceableStore
  readonly #pace: Pace

  constructor(inner: ReplaceableStore, pace: Pace) {
    this.#inner = inner
    this.#pace = pace
  }

  current(): OrderedStore {
    return new SlowStore(this.#inner.current(), this.#pace)
  }

  async beginReplacement(): Promise<OrderedStore> {
    return new SlowStore(await this.#inner.beginReplacement(), this.#pace)
  }

  commitReplacement(): Promise<void> {
    return this.#inner.commitReplacement()
  }

  abortReplacement(): Promise<void> {
    return this.#inner.abortReplacement()
  }

  close(): Promise<void> {
    return this.#inner.close()
  }
}
