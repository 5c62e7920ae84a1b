// OrderedStore in memory, for tests and the simulation. It knows which batches were synced, so that a crash can lose the rest.
import { assert, must } from '../base/assert.ts'
import { InsiError } from '../base/errors.ts'
import { STORE_PREFIX } from './keyspace.ts'
import type { OrderedStore, RangeOptions, StoreEntry, StoreIterator, StoreSnapshot, WriteOp } from './ordered-store.ts'

/** What a batch replaced, newest last; undefined where the key was missing. */
type Undo = readonly (readonly [key: string, previous: Buffer | undefined])[]

/** Sorted keys (one character a byte, so that string order is byte order) and their values. Not changed while it has readers. */
interface View {
  readonly keys: string[]
  readonly values: Map<string, Buffer>
  readerCount: number
}

const EMPTY_VALUE = Buffer.alloc(0)

export class MemoryStore implements OrderedStore {
  #view: View
  #unsynced: Undo[] = []
  #closed = false

  constructor() {
    this.#view = { keys: [], values: new Map(), readerCount: 0 }
  }

  get(key: Uint8Array): Buffer | undefined {
    this.#assertOpen()
    return this.#view.values.get(textOf(key))
  }

  iterate(range: RangeOptions): StoreIterator {
    this.#assertOpen()
    return new MemoryIterator(this.#view, range, () => this.#assertOpen())
  }

  async batch(ops: readonly WriteOp[], options: { readonly sync: boolean }): Promise<void> {
    this.#assertOpen()
    const view = this.#writableView()
    const undo: [string, Buffer | undefined][] = []
    for (const op of ops) {
      assert(op.key.length > 0 && op.key[0] !== STORE_PREFIX, 'the key is in the range of the store')
      const key = textOf(op.key)
      undo.push([key, view.values.get(key)])
      write(view, key, op.type === 'put' ? bufferOf(op.value) : undefined)
    }
    if (options.sync) this.#unsynced = []
    else this.#unsynced.push(undo)
  }

  snapshot(): StoreSnapshot {
    this.#assertOpen()
    const view = this.#view
    view.readerCount += 1
    let closed = false
    const assertOpen = (): void => {
      this.#assertOpen()
      if (closed) throw closedError()
    }
    return {
      get: (key) => {
        assertOpen()
        return view.values.get(textOf(key))
      },
      iterate: (range) => {
        assertOpen()
        return new MemoryIterator(view, range, () => this.#assertOpen())
      },
      close: async () => {
        if (!closed) view.readerCount -= 1
        closed = true
      },
    }
  }

  figures(): null {
    return null
  }

  async approximateSizeBytes(range: RangeOptions): Promise<number> {
    this.#assertOpen()
    const { keys, values } = this.#view
    let sizeBytes = 0
    for (let at = lowerBound(keys, textOf(range.start)); at < lowerBound(keys, textOf(range.end)); at += 1) {
      const key = must(keys[at], 'key in range')
      sizeBytes += key.length + must(values.get(key), 'value of key').length
    }
    return sizeBytes
  }

  async close(): Promise<void> {
    this.#closed = true
  }

  /** Batches that are not durable. */
  get unsyncedBatchCount(): number {
    return this.#unsynced.length
  }

  /**
   * The end of the process or of the power: this store is closed, and the returned one holds what a restart finds. The first
   * `keepUnsyncedPrefix` unsynced batches survive, all of them when it is Infinity (only the process died).
   */
  crash(keepUnsyncedPrefix: number): MemoryStore {
    this.#closed = true
    const survivor = new MemoryStore()
    survivor.#view = this.#writableView()
    const lost = this.#unsynced.slice(Math.min(keepUnsyncedPrefix, this.#unsynced.length))
    for (const undo of lost.toReversed()) {
      for (const [key, previous] of undo.toReversed()) write(survivor.#view, key, previous)
    }
    survivor.#unsynced = this.#unsynced.slice(0, this.#unsynced.length - lost.length)
    return survivor
  }

  #writableView(): View {
    if (this.#view.readerCount > 0) {
      this.#view = { keys: [...this.#view.keys], values: new Map(this.#view.values), readerCount: 0 }
    }
    return this.#view
  }

  #assertOpen(): void {
    if (this.#closed) throw closedError()
  }
}

class MemoryIterator implements StoreIterator {
  readonly #view: View
  readonly #keysOnly: boolean
  readonly #step: 1 | -1
  readonly #assertStoreOpen: () => void
  #at: number
  #remaining: number
  #closed = false

  constructor(view: View, range: RangeOptions, assertStoreOpen: () => void) {
    view.readerCount += 1
    this.#view = view
    this.#keysOnly = range.keysOnly === true
    this.#assertStoreOpen = assertStoreOpen
    const first = lowerBound(view.keys, textOf(range.start))
    const end = Math.max(first, lowerBound(view.keys, textOf(range.end)))
    this.#step = range.reverse === true ? -1 : 1
    this.#at = range.reverse === true ? end - 1 : first
    this.#remaining = end - first
  }

  async next(countMax: number, sizeBytesMax = Number.POSITIVE_INFINITY): Promise<StoreEntry[]> {
    this.#assertStoreOpen()
    if (this.#closed) throw closedError()
    const entries: StoreEntry[] = []
    let sizeBytes = 0
    while (this.#remaining > 0 && entries.length < countMax && sizeBytes < sizeBytesMax) {
      const text = must(this.#view.keys[this.#at], 'key in range')
      const value = this.#keysOnly ? EMPTY_VALUE : must(this.#view.values.get(text), 'value of key')
      entries.push({ key: Buffer.from(text, 'latin1'), value })
      sizeBytes += text.length + value.length
      this.#at += this.#step
      this.#remaining -= 1
    }
    return entries
  }

  async close(): Promise<void> {
    if (!this.#closed) this.#view.readerCount -= 1
    this.#closed = true
  }
}

function write(view: View, key: string, value: Buffer | undefined): void {
  const known = view.values.has(key)
  if (value !== undefined) {
    if (!known) view.keys.splice(lowerBound(view.keys, key), 0, key)
    view.values.set(key, value)
  } else if (known) {
    view.keys.splice(lowerBound(view.keys, key), 1)
    view.values.delete(key)
  }
}

/** Position of the first key that is not less than `key`. */
function lowerBound(keys: readonly string[], key: string): number {
  let low = 0
  let high = keys.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (must(keys[middle], 'key in bounds') < key) low = middle + 1
    else high = middle
  }
  return low
}

function textOf(bytes: Uint8Array): string {
  return bufferOf(bytes).toString('latin1')
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function closedError(): InsiError {
  return new InsiError('STORAGE_CLOSED', 'The store is closed.')
}
