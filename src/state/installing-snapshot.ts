// A state that is being received, written beside the current one and checked before it may take its place.
import { assert, must } from '../base/assert.ts'
import { InsiError } from '../base/errors.ts'
import { snapshotCorrupt } from '../contract/frames.ts'
import type { SnapshotMeta } from '../raft/types.ts'
import { STORE_PREFIX } from '../storage/keyspace.ts'
import type { OrderedStore, WriteOp } from '../storage/ordered-store.ts'
import { APPLIED_KEY, INSTALLED_KEY, decodeAppliedPoint, encodeAppliedPoint, encodeInstalled } from './applied-point.ts'
import { ContentAudit } from './content-audit.ts'
import { FrameDecoder } from './snapshot-format.ts'
import type { SnapshotFrame, SnapshotRecord } from './snapshot-format.ts'

/** What the state machine does at the end. */
export interface InstallOutcome {
  /** Makes the received store the current one. */
  commit(): Promise<void>
  /** Throws the received store away. */
  abort(): Promise<void>
}

type Frame<Type extends SnapshotFrame['type']> = Extract<SnapshotFrame, { type: Type }>

export class InstallingSnapshot {
  readonly #store: OrderedStore
  readonly #outcome: InstallOutcome
  readonly #frames = new FrameDecoder()
  readonly #audit = new ContentAudit()
  #header: Frame<'header'> | null = null
  #trailer: Frame<'trailer'> | null = null
  #recordCount = 0
  #isVerified = false

  constructor(store: OrderedStore, outcome: InstallOutcome) {
    this.#store = store
    this.#outcome = outcome
  }

  async write(chunk: Uint8Array): Promise<void> {
    for (const frame of this.#frames.push(chunk)) {
      if (this.#trailer !== null) throw snapshotCorrupt('it goes on behind its end')
      if ((frame.type === 'header') !== (this.#header === null)) throw snapshotCorrupt('its frames are out of order')
      if (frame.type === 'header') this.#header = frame
      else if (frame.type === 'trailer') this.#trailer = frame
      else await this.#writeRecords(frame.records)
    }
  }

  /** Throws InsiError SNAPSHOT_CORRUPT unless the content is complete and intact. */
  async verify(): Promise<void> {
    if (this.#header === null || this.#trailer === null || this.#frames.pendingSizeBytes > 0) {
      throw snapshotCorrupt('it is not complete')
    }
    const { recordCount, streamHash } = this.#trailer
    if (recordCount !== this.#recordCount || streamHash !== this.#frames.streamHash) {
      throw snapshotCorrupt('frames are missing')
    }
    const record = this.#store.get(APPLIED_KEY)
    if (record === undefined) throw snapshotCorrupt('it does not say what it covers')
    const applied = decodeAppliedPoint(record)
    if (applied.index !== this.#header.index || applied.term !== this.#header.term) {
      throw snapshotCorrupt('its header and its content cover different entries')
    }
    if (applied.contentSum !== this.#audit.sum) throw snapshotCorrupt('records are missing')
    this.#isVerified = true
  }

  /** Replaces the current state by the one that was verified; `meta` is what it covers, with the membership there. */
  async commit(meta: SnapshotMeta): Promise<void> {
    this.#assertVerified()
    if (meta.index !== this.#header?.index || meta.term !== this.#header.term) {
      throw snapshotCorrupt('it covers other entries than was said')
    }
    await this.#commit(meta, [])
  }

  /** The same as the beginning of another log, which goes on behind `meta.index`: that of a new cluster. */
  async commitMoved(meta: SnapshotMeta): Promise<void> {
    this.#assertVerified()
    const { index, term } = must(this.#header, 'a verified snapshot has a header')
    assert(meta.index >= index && meta.term >= term, 'a state never goes back')
    const record = must(this.#store.get(APPLIED_KEY), 'a verified snapshot says what it covers')
    const value = encodeAppliedPoint({ ...decodeAppliedPoint(record), index: meta.index, term: meta.term })
    await this.#commit(meta, [{ type: 'put', key: APPLIED_KEY, value }])
  }

  #assertVerified(): void {
    assert(this.#isVerified, 'only a verified snapshot is installed')
  }

  async #commit(meta: SnapshotMeta, ops: readonly WriteOp[]): Promise<void> {
    const installed: WriteOp = { type: 'put', key: INSTALLED_KEY, value: encodeInstalled(meta) }
    await this.#store.batch([...ops, installed], { sync: true })
    await this.#outcome.commit()
  }

  abort(): Promise<void> {
    return this.#outcome.abort()
  }

  #auditRecord(record: SnapshotRecord): void {
    try {
      this.#audit.add(record)
    } catch (error) {
      // RECORD_CORRUPT would speak of this node's own state.
      if (error instanceof InsiError) throw snapshotCorrupt('a record is damaged')
      throw error
    }
  }

  async #writeRecords(records: readonly SnapshotRecord[]): Promise<void> {
    for (const record of records) {
      if (record.key.length === 0 || record.key[0] === STORE_PREFIX) throw snapshotCorrupt('a key is out of range')
      this.#auditRecord(record)
    }
    this.#recordCount += records.length
    await this.#store.batch(
      records.map(({ key, value }) => ({ type: 'put', key, value })),
      { sync: false },
    )
  }
}
