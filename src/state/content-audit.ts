// Adds up what a store holds, to compare it with the content sum that was kept while writing.
import { EVICTION_PREFIX, EXPIRY_PREFIX, META_PREFIX } from '../storage/keyspace.ts'
import { decodeRecord, recordChecksum } from '../storage/record.ts'
import type { SnapshotRecord } from './snapshot-format.ts'
import { addToSum, markerChecksum } from './state-hash.ts'

export class ContentAudit {
  #sum = 0

  get sum(): number {
    return this.#sum
  }

  /** Checks one record and adds it. Throws InsiError RECORD_CORRUPT. */
  add({ key, value }: SnapshotRecord): void {
    if (key[0] === EXPIRY_PREFIX || key[0] === EVICTION_PREFIX) {
      this.#sum = addToSum(this.#sum, markerChecksum(key))
      return
    }
    decodeRecord(key, value)
    if (key[0] !== META_PREFIX) this.#sum = addToSum(this.#sum, recordChecksum(value))
  }
}
