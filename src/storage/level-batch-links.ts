// Links between the batches of a LevelStore, to notice one that is missing.
//
// After a power failure (or with a damaged log) LevelDB drops what it cannot read and goes on: an unsynced tail of an older log
// file, or records in the middle of one, can be lost while later batches are there. So each batch writes its number into slot
// `number mod SLOT_COUNT` of a ring:
//
//     slot     0       1      ...   6      7      ...  16383
//     number   32768   32769  ...   32774  16391  ...  32767        newest = 32774
//                                   ^ newest ^ oldest = newest - SLOT_COUNT + 1
//
// With the batches [a, b] lost, slot (b mod SLOT_COUNT) holds an older number than it should, unless SLOT_COUNT batches came after
// b. Therefore fewer than SLOT_COUNT batches may be outside of tables at any time: LevelStore flushes in time.
import { InsiError } from '../base/errors.ts'
import { assert } from '../base/assert.ts'
import { STORE_PREFIX } from './keyspace.ts'

export const LINK_SLOT_COUNT = 16 * 1024

const LINK_KIND = 0x01
const PROBE_KIND = 0x02
const LINK_VERSION = 1
const LINK_SIZE_BYTES = 7

export interface Link {
  readonly key: Buffer
  readonly value: Buffer
}

export class BatchLinks {
  /** Where the links stand, as the level family takes a range. */
  static readonly range = { gte: Buffer.of(STORE_PREFIX, LINK_KIND), lt: Buffer.of(STORE_PREFIX, LINK_KIND + 1) }

  #newest: number
  #flushed: number

  private constructor(newest: number) {
    this.#newest = newest
    // What the last process left unflushed is not known: all of the ring, at most.
    this.#flushed = Math.max(0, newest - LINK_SLOT_COUNT / 2)
  }

  /** Checks the links of a store that is being opened. Throws InsiError STATE_CORRUPT when a batch is missing. */
  static read(entries: readonly (readonly [key: Buffer, value: Buffer])[]): BatchLinks {
    let newest = 0
    const slots = new Map<number, number>()
    for (const [key, value] of entries) {
      if (key.length !== 4 || value.length !== LINK_SIZE_BYTES || value[0] !== LINK_VERSION) throw missing(newest)
      const number = value.readUIntBE(1, 6)
      slots.set(key.readUInt16BE(2), number)
      newest = Math.max(newest, number)
    }
    for (let number = newest; number > Math.max(0, newest - LINK_SLOT_COUNT); number -= 1) {
      if (slots.get(number % LINK_SLOT_COUNT) !== number) throw missing(number)
    }
    return new BatchLinks(newest)
  }

  /** Something to write whose success says that the database still takes writes. */
  static probe(): Link {
    return { key: Buffer.of(STORE_PREFIX, PROBE_KIND), value: Buffer.alloc(0) }
  }

  /** Number of the newest batch. */
  get newest(): number {
    return this.#newest
  }

  /** A flush should start. */
  get flushDue(): boolean {
    return this.#newest - this.#flushed >= LINK_SLOT_COUNT * (3 / 4)
  }

  /** One more batch without a flush could make a loss invisible. */
  get exhausted(): boolean {
    return this.#newest - this.#flushed >= LINK_SLOT_COUNT - 1
  }

  /** The link of the next batch. */
  next(): Link {
    assert(!this.exhausted, 'the ring of links would overtake itself')
    this.#newest += 1
    const key = Buffer.allocUnsafe(4)
    key[0] = STORE_PREFIX
    key[1] = LINK_KIND
    key.writeUInt16BE(this.#newest % LINK_SLOT_COUNT, 2)
    const value = Buffer.allocUnsafe(LINK_SIZE_BYTES)
    value[0] = LINK_VERSION
    value.writeUIntBE(this.#newest, 1, 6)
    return { key, value }
  }

  /** All batches up to `number` are in tables. */
  flushedTo(number: number): void {
    this.#flushed = Math.max(this.#flushed, number)
  }
}

function missing(number: number): InsiError {
  return new InsiError('STATE_CORRUPT', 'The database lost a batch before its newest one.', {
    details: { batch: number },
  })
}
