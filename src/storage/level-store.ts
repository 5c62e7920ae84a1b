// OrderedStore on LevelDB. What it adds to LevelDB: batches that are truly durable with `sync`, and a check at open that no
// batch is missing before a later one.
import { Level } from 'level'
import { assert } from '../base/assert.ts'
import { InsiError, messageOf } from '../base/errors.ts'
import { levelFigures } from './level-figures.ts'
import { BatchLinks } from './level-batch-links.ts'
import { STORE_PREFIX } from './keyspace.ts'
import type {
  OrderedStore,
  RangeOptions,
  StoreEntry,
  StoreFigures,
  StoreIterator,
  StoreSnapshot,
  WriteOp,
} from './ordered-store.ts'

/** Uncompressed blocks that LevelDB caches. */
const CACHE_SIZE_BYTES = 16 * 1024 * 1024
/** Size of a memtable and of its log. Two may be in memory; replaying one is the work of an open after a crash. */
const WRITE_BUFFER_SIZE_BYTES = 16 * 1024 * 1024
/** Tables stay mapped into memory while open, so this bounds the resident size: count times table size. */
const OPEN_FILE_COUNT_MAX = 128
const TABLE_SIZE_BYTES = 4 * 1024 * 1024
/** How much one step of an iterator reads ahead of what was asked for. */
const ITERATOR_READ_AHEAD_BYTES = 256 * 1024

const EMPTY_VALUE = Buffer.alloc(0)
/** Less than every key: no table overlaps it, so compacting it only writes the memtable out. */
const BEFORE_ALL_KEYS = Buffer.alloc(0)

type LevelSnapshot = ReturnType<NodeLevel['snapshot']>

/** The class that `level` exports in Node; the types of `level` leave out what browsers cannot do. */
type NodeLevel = Level<Buffer, Buffer> & {
  compactRange(start: Buffer, end: Buffer): Promise<void>
  approximateSize(start: Buffer, end: Buffer): Promise<number>
  getProperty(property: string): string
}

export class LevelStore implements OrderedStore {
  readonly #db: NodeLevel
  readonly #links: BatchLinks
  /** The first failed write; every later one fails the same way. */
  #failure: InsiError | null = null
  #tail: Promise<void> = Promise.resolve()
  #flush: Promise<void> | null = null

  private constructor(db: NodeLevel, links: BatchLinks) {
    this.#db = db
    this.#links = links
  }

  /** Opens or creates the store in `directory`. Throws InsiError STORAGE_FAILED, or STATE_CORRUPT when batches are missing. */
  static async open(directory: string): Promise<LevelStore> {
    const db = new Level<Buffer, Buffer>(directory, {
      keyEncoding: 'buffer',
      valueEncoding: 'buffer',
      cacheSize: CACHE_SIZE_BYTES,
      writeBufferSize: WRITE_BUFFER_SIZE_BYTES,
      maxOpenFiles: OPEN_FILE_COUNT_MAX,
      maxFileSize: TABLE_SIZE_BYTES,
    }) as NodeLevel
    try {
      await db.open()
      const links = BatchLinks.read(await db.iterator(BatchLinks.range).all())
      return new LevelStore(db, links)
    } catch (error) {
      await db.close()
      throw storageError(error)
    }
  }

  get(key: Uint8Array): Buffer | undefined {
    return guarded(() => this.#db.getSync(bufferOf(key)))
  }

  iterate(range: RangeOptions): StoreIterator {
    return guarded(() => iteratorOf(this.#db, range))
  }

  batch(ops: readonly WriteOp[], options: { readonly sync: boolean }): Promise<void> {
    // One at a time: the links number the batches in the order in which LevelDB gets them.
    const written = this.#tail.then(() => this.#write(ops, options.sync))
    this.#tail = written.catch(() => {})
    return written
  }

  snapshot(): StoreSnapshot {
    const snapshot = guarded(() => this.#db.snapshot())
    return {
      get: (key) => guarded(() => this.#db.getSync<Buffer, Buffer>(bufferOf(key), { snapshot })),
      iterate: (range) => guarded(() => iteratorOf(this.#db, range, snapshot)),
      close: () => snapshot.close(),
    }
  }

  approximateSizeBytes(range: RangeOptions): Promise<number> {
    return guardedAsync(() => this.#db.approximateSize(bufferOf(range.start), bufferOf(range.end)))
  }

  figures(): StoreFigures {
    return levelFigures(guarded(() => this.#db.getProperty('leveldb.stats')))
  }

  async close(): Promise<void> {
    await this.#tail
    await this.#flush?.catch(() => {})
    await this.#db.close()
  }

  async #write(ops: readonly WriteOp[], sync: boolean): Promise<void> {
    if (this.#failure !== null) throw this.#failure
    try {
      await this.#makeRoomForLink()
      await this.#writeLinked(ops, sync)
      if (sync) await this.#flushMemtable()
    } catch (error) {
      const failure = storageError(error)
      if (failure.code !== 'STORAGE_CLOSED') this.#failure = failure
      throw failure
    }
  }

  async #writeLinked(ops: readonly WriteOp[], sync: boolean): Promise<void> {
    const batch = this.#db.batch()
    for (const op of ops) {
      assert(op.key.length > 0 && op.key[0] !== STORE_PREFIX, 'the key is in the range of the store')
      if (op.type === 'put') batch.put(bufferOf(op.key), bufferOf(op.value))
      else batch.del(bufferOf(op.key))
    }
    const link = this.#links.next()
    batch.put(link.key, link.value)
    await batch.write({ sync })
  }

  /** Starts to write the memtable out well before the links run out, and waits for it only when they have. */
  async #makeRoomForLink(): Promise<void> {
    if (this.#links.flushDue && this.#flush === null) {
      this.#flush = this.#flushMemtable().finally(() => {
        this.#flush = null
      })
      this.#flush.catch(() => {})
    }
    if (this.#links.exhausted) await this.#flush
  }

  /**
   * Makes every batch so far durable. LevelDB's own sync covers only its newest log file: after a rotation the tail of the
   * file before may still be unsynced. A memtable that was written out is a synced table, named by a synced manifest.
   */
  async #flushMemtable(): Promise<void> {
    const flushed = this.#links.newest
    await this.#db.compactRange(BEFORE_ALL_KEYS, BEFORE_ALL_KEYS)
    // compactRange() hides its errors, the next write reports them.
    const probe = BatchLinks.probe()
    await this.#db.put(probe.key, probe.value)
    this.#links.flushedTo(flushed)
  }
}

class LevelIterator implements StoreIterator {
  readonly #nextv: (count: number) => Promise<StoreEntry[]>
  readonly #close: () => Promise<void>

  constructor(nextv: (count: number) => Promise<StoreEntry[]>, close: () => Promise<void>) {
    this.#nextv = nextv
    this.#close = close
  }

  async next(countMax: number, sizeBytesMax = Number.POSITIVE_INFINITY): Promise<StoreEntry[]> {
    const entries: StoreEntry[] = []
    let sizeBytes = 0
    while (entries.length < countMax && sizeBytes < sizeBytesMax) {
      const found = await guardedAsync(() => this.#nextv(countMax - entries.length))
      if (found.length === 0) break
      for (const entry of found) {
        entries.push(entry)
        sizeBytes += entry.key.length + entry.value.length
      }
    }
    return entries
  }

  close(): Promise<void> {
    return this.#close()
  }
}

function iteratorOf(db: NodeLevel, range: RangeOptions, snapshot?: LevelSnapshot): StoreIterator {
  const options = {
    gte: bufferOf(range.start[0] === STORE_PREFIX ? Buffer.of(STORE_PREFIX + 1) : range.start),
    lt: bufferOf(range.end),
    reverse: range.reverse === true,
    highWaterMarkBytes: ITERATOR_READ_AHEAD_BYTES,
    ...(snapshot === undefined ? {} : { snapshot }),
  }
  if (range.keysOnly === true) {
    const keys = db.keys<Buffer>(options)
    return new LevelIterator(
      async (count) => (await keys.nextv(count)).map((key) => ({ key, value: EMPTY_VALUE })),
      () => keys.close(),
    )
  }
  const entries = db.iterator<Buffer, Buffer>(options)
  return new LevelIterator(
    async (count) => (await entries.nextv(count)).map(([key, value]) => ({ key, value })),
    () => entries.close(),
  )
}

function guarded<T>(call: () => T): T {
  try {
    return call()
  } catch (error) {
    throw storageError(error)
  }
}

async function guardedAsync<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (error) {
    throw storageError(error)
  }
}

/** Errors of the level family as ours; anything else (ours, a failed assertion) as it is. */
function storageError(error: unknown): InsiError {
  const code = codeOf(error)
  if (!code.startsWith('LEVEL_')) throw error
  const causeCode = codeOf((error as Error).cause)
  if (code === 'LEVEL_CORRUPTION' || causeCode === 'LEVEL_CORRUPTION') {
    return new InsiError('STATE_CORRUPT', 'The database is damaged.', { cause: error })
  }
  if (code.endsWith('_NOT_OPEN') && causeCode === '') return new InsiError('STORAGE_CLOSED', 'The store is closed.')
  // LevelDB names the file and what the system said, such as that no space is left; never a key or a value.
  const reason = messageOf((error as Error).cause ?? error)
  return new InsiError('STORAGE_FAILED', `The database failed: ${reason}`, { cause: error })
}

function codeOf(error: unknown): string {
  const code = (error as { readonly code?: unknown } | undefined)?.code
  return typeof code === 'string' ? code : ''
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
