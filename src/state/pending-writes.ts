// The writes of one apply() before they reach the store: later entries read what earlier ones wrote.
import { crc32 } from 'node:zlib'
import { assert } from '../base/assert.ts'
import { mix } from '../base/hash-mix.ts'
import type { KeyRange } from '../storage/keyspace.ts'
import type { OrderedStore, WriteOp } from '../storage/ordered-store.ts'
import { recordChecksum } from '../storage/record.ts'
import { addToSum, markerChecksum, takeFromSum } from './state-hash.ts'

/** Tells a deletion from a put in the rolling hash. */
const DELETE_TAG = 0x64_65_6c_00
const NO_VALUE = Buffer.alloc(0)

export class PendingWrites {
  readonly #store: OrderedStore
  /** The last operation on each key. Text of a key: one character a byte. */
  readonly #ops = new Map<string, WriteOp>()
  #hash: number
  #contentSum: number
  /** How to take back what was done since begin(), newest last; null: nobody will. */
  #undos: (() => void)[] | null = null

  constructor(store: OrderedStore, hash: number, contentSum: number) {
    this.#store = store
    this.#hash = hash
    this.#contentSum = contentSum
  }

  /** Rolling hash and content sum with everything so far; see state-hash.ts. */
  get hash(): number {
    return this.#hash
  }

  get contentSum(): number {
    return this.#contentSum
  }

  /** Whether what is done now may be taken back. */
  get isTentative(): boolean {
    return this.#undos !== null
  }

  /** Everything from here on is kept or rolled back as a whole. */
  begin(): void {
    assert(this.#undos === null, 'there is one savepoint at a time')
    const hash = this.#hash
    const contentSum = this.#contentSum
    this.#undos = [
      () => {
        this.#hash = hash
        this.#contentSum = contentSum
      },
    ]
  }

  /** While tentative: `undo` takes back a change that is made elsewhere along with the writes. */
  onRollback(undo: () => void): void {
    this.#undos?.push(undo)
  }

  keep(): void {
    this.#undos = null
  }

  rollback(): void {
    const undos = this.#undos ?? []
    this.#undos = null
    for (const undo of undos.reverse()) undo()
  }

  get(key: Buffer): Buffer | undefined {
    const op = this.#ops.get(textOf(key))
    if (op === undefined) return this.#store.get(key)
    return op.type === 'put' ? (op.value as Buffer) : undefined
  }

  /** Writes an encoded record over `previous`, what get(key) answers now. */
  put(key: Buffer, record: Buffer, previous: Buffer | undefined): void {
    const checksum = recordChecksum(record)
    this.fold(checksum)
    if (previous !== undefined) this.#contentSum = takeFromSum(this.#contentSum, recordChecksum(previous))
    this.#contentSum = addToSum(this.#contentSum, checksum)
    this.#stage(textOf(key), { type: 'put', key, value: record })
  }

  /** Removes the record `previous`, what get(key) answers now. */
  delete(key: Buffer, previous: Buffer): void {
    this.fold(crc32(key) ^ DELETE_TAG)
    this.#contentSum = takeFromSum(this.#contentSum, recordChecksum(previous))
    this.#stage(textOf(key), { type: 'del', key })
  }

  /** Writes a key without a value; it is not there yet. */
  putMarker(key: Buffer): void {
    const checksum = markerChecksum(key)
    this.fold(checksum)
    this.#contentSum = addToSum(this.#contentSum, checksum)
    this.#stage(textOf(key), { type: 'put', key, value: NO_VALUE })
  }

  /** Removes a key without a value; it is there. */
  deleteMarker(key: Buffer): void {
    const checksum = markerChecksum(key)
    this.fold(checksum ^ DELETE_TAG)
    this.#contentSum = takeFromSum(this.#contentSum, checksum)
    this.#stage(textOf(key), { type: 'del', key })
  }

  /** Like put(), outside of hash and sum of the entries: for a record that is written once a batch. */
  putOncePerBatch(key: Buffer, record: Buffer, previousChecksum: number | undefined): void {
    if (previousChecksum !== undefined) this.#contentSum = takeFromSum(this.#contentSum, previousChecksum)
    this.#contentSum = addToSum(this.#contentSum, recordChecksum(record))
    this.#stage(textOf(key), { type: 'put', key, value: record })
  }

  /** Removes what putOncePerBatch() wrote, in this batch or in an earlier one (then `previousChecksum` is its checksum). */
  deleteOncePerBatch(key: Buffer, previousChecksum: number | undefined): void {
    if (previousChecksum !== undefined) this.#contentSum = takeFromSum(this.#contentSum, previousChecksum)
    this.#stage(textOf(key), { type: 'del', key })
  }

  /** Folds a number into the rolling hash. */
  fold(value: number): void {
    this.#hash = mix(this.#hash, value)
  }

  /** The first keys of `range`, at most `countMax`, with the pending writes applied. */
  async keysIn(range: KeyRange, countMax: number): Promise<Buffer[]> {
    const start = textOf(range.start)
    const end = textOf(range.end)
    const keys: Buffer[] = []
    for (const [text, op] of this.#ops) {
      if (op.type === 'put' && text >= start && text < end) keys.push(op.key as Buffer)
    }
    const iterator = this.#store.iterate({ ...range, keysOnly: true })
    try {
      for (let found = 0; found < countMax;) {
        const entries = await iterator.next(countMax)
        if (entries.length === 0) break
        for (const { key } of entries) {
          if (this.#ops.has(textOf(key))) continue
          keys.push(key)
          found += 1
        }
      }
    } finally {
      await iterator.close()
    }
    return keys.sort((left, right) => left.compare(right)).slice(0, countMax)
  }

  #stage(text: string, op: WriteOp): void {
    if (this.#undos !== null) {
      const previous = this.#ops.get(text)
      this.#undos.push(() => {
        if (previous === undefined) this.#ops.delete(text)
        else this.#ops.set(text, previous)
      })
    }
    this.#ops.set(text, op)
  }

  /** The operations of the batch. */
  ops(): WriteOp[] {
    return [...this.#ops.values()]
  }
}

function textOf(key: Buffer): string {
  return key.toString('latin1')
}
