// A point in time of the state on its way to a peer or a backup. What is damaged here is found here and not passed on.
import { must } from '../base/assert.ts'
import { InsiError } from '../base/errors.ts'
import type { LogIndex, Term } from '../raft/types.ts'
import { wholeRange } from '../storage/keyspace.ts'
import type { OrderedStore, StoreSnapshot } from '../storage/ordered-store.ts'
import { APPLIED_KEY, INSTALLED_KEY, decodeAppliedPoint } from './applied-point.ts'
import type { AppliedPoint } from './applied-point.ts'
import { ContentAudit } from './content-audit.ts'
import { FrameEncoder } from './snapshot-format.ts'

/** Records of one chunk, however small they are. */
const CHUNK_COUNT_MAX = 4_096

export class StreamedSnapshot {
  readonly #snapshot: StoreSnapshot
  readonly #applied: AppliedPoint

  private constructor(snapshot: StoreSnapshot, applied: AppliedPoint) {
    this.#snapshot = snapshot
    this.#applied = applied
  }

  /** The state in `store` as it is now; at least one entry must be applied. */
  static open(store: OrderedStore): StreamedSnapshot {
    const snapshot = store.snapshot()
    const record = must(snapshot.get(APPLIED_KEY), 'a snapshot covers at least one entry')
    return new StreamedSnapshot(snapshot, decodeAppliedPoint(record))
  }

  get index(): LogIndex {
    return this.#applied.index
  }

  get term(): Term {
    return this.#applied.term
  }

  /** Throws InsiError RECORD_CORRUPT or STATE_CORRUPT when this node's store is damaged. */
  async *chunks(chunkSizeBytes: number): AsyncGenerator<Uint8Array> {
    const frames = new FrameEncoder()
    const audit = new ContentAudit()
    yield frames.header(this.index, this.term)
    const iterator = this.#snapshot.iterate(wholeRange())
    try {
      for (;;) {
        const entries = await iterator.next(CHUNK_COUNT_MAX, chunkSizeBytes)
        if (entries.length === 0) break
        // Where this node's own state came from is nobody else's business.
        const records = entries.filter(({ key }) => !key.equals(INSTALLED_KEY))
        for (const record of records) audit.add(record)
        if (records.length > 0) yield frames.records(records)
      }
    } finally {
      await iterator.close()
    }
    if (audit.sum !== this.#applied.contentSum) {
      throw new InsiError('STATE_CORRUPT', 'The database does not hold what was written to it.')
    }
    yield frames.trailer()
  }

  close(): Promise<void> {
    return this.#snapshot.close()
  }
}
