// The port of the state's storage: an ordered map of byte keys to byte values. level-store.ts and memory-store.ts implement it.
// Keys are not empty and do not start with the byte 0: that range belongs to the store itself (keyspace.ts).

/** One write of a batch. Keys and values are owned by the store once passed. */
export type WriteOp =
  | { readonly type: 'put'; readonly key: Uint8Array; readonly value: Uint8Array }
  | { readonly type: 'del'; readonly key: Uint8Array }

export interface StoreEntry {
  readonly key: Buffer
  readonly value: Buffer
}

/** Half-open key range [start, end) in byte order; `reverse` walks it from the end; `keysOnly` leaves values empty and unread. */
export interface RangeOptions {
  readonly start: Uint8Array
  readonly end: Uint8Array
  readonly reverse?: boolean
  readonly keysOnly?: boolean
}

/** A point in time of the store that later writes do not change. Must be closed. */
export interface StoreSnapshot {
  get(key: Uint8Array): Buffer | undefined
  iterate(range: RangeOptions): StoreIterator
  close(): Promise<void>
}

/** A cursor over a range, from one consistent point in time. Must be closed. */
export interface StoreIterator {
  /** Up to `countMax` next entries and about `sizeBytesMax` bytes of them; empty at the end. */
  next(countMax: number, sizeBytesMax?: number): Promise<StoreEntry[]>
  close(): Promise<void>
}

/** Files of the store and the work that keeps them in order. Sums are since the store was opened; all in the steps that it counts in. */
export interface StoreFigures {
  readonly tableCount: number
  readonly tablesSizeBytes: number
  readonly compactionSeconds: number
  readonly compactionReadBytes: number
  readonly compactionWrittenBytes: number
}

/**
 * Ordered byte-key store. One writer (the state machine); any number of readers.
 * Every method throws InsiError STORAGE_CLOSED after close(), STORAGE_FAILED when the disk fails (never retried, the node stops)
 * and STATE_CORRUPT when the database itself notices damage.
 */
export interface OrderedStore {
  /** The value of `key`, or undefined. Synchronous on purpose: a hop to another thread costs more than the lookup. */
  get(key: Uint8Array): Buffer | undefined
  /** Entries of `range` at the moment of the call. */
  iterate(range: RangeOptions): StoreIterator
  /** Writes all `ops` or none; in order with other batches. With `sync`, resolves only when this and all earlier batches are durable. */
  batch(ops: readonly WriteOp[], options: { readonly sync: boolean }): Promise<void>
  /** A consistent view for streaming while writes go on. */
  snapshot(): StoreSnapshot
  /** Approximate bytes on disk of `range`. */
  approximateSizeBytes(range: RangeOptions): Promise<number>
  /** Synchronous and cheap; null where there are no files. */
  figures(): StoreFigures | null
  close(): Promise<void>
}

/**
 * Holds the current store and can replace it as a whole (snapshot install): the replacement is filled beside the current
 * one, made durable, and takes its place in one atomic step, so a crash at any moment leaves one complete store.
 */
export interface ReplaceableStore {
  current(): OrderedStore
  /** An empty store beside the current one. An unfinished earlier replacement is discarded. */
  beginReplacement(): Promise<OrderedStore>
  /** Makes the replacement durable, switches to it and removes the old store. */
  commitReplacement(): Promise<void>
  abortReplacement(): Promise<void>
  close(): Promise<void>
}
