// A small row for each entity, kept in memory and written once a batch however often it changes.
import { assert } from '../base/assert.ts'
import { entityIdOfKey } from '../storage/keyspace.ts'
import { decodeRecord, encodeRecord, recordChecksum } from '../storage/record.ts'
import type { EntityId } from './commands.ts'
import { ByteReader, ByteWriter } from './byte-codec.ts'
import type { PendingWrites } from './pending-writes.ts'
import { StagedMap } from './staged-map.ts'
import type { Transaction } from './transaction.ts'

const ROW_VERSION = 1
const ROW_SIZE_BYTES_EXPECTED = 64

export interface RowFormat<Row> {
  readonly keyOf: (entityId: EntityId) => Buffer
  /** What an entity has before its row was ever set. */
  readonly empty: Row
  readonly write: (writer: ByteWriter, row: Row) => void
  readonly read: (reader: ByteReader) => Row
}

interface StoredRow<Row> {
  readonly row: Row
  /** Log index of the entry that changed it last. */
  readonly revision: number
  /** Of the stored record; undefined when it was not stored yet. */
  readonly checksum: number | undefined
}

export class RowTable<Row> {
  readonly #format: RowFormat<Row>
  readonly #rows = new StagedMap<EntityId, StoredRow<Row>>()

  constructor(format: RowFormat<Row>) {
    this.#format = format
  }

  /** Takes a row from the store, at open. Throws InsiError RECORD_CORRUPT. */
  load(key: Buffer, value: Buffer): void {
    const { revision, payload } = decodeRecord(key, value)
    const reader = new ByteReader(payload)
    assert(reader.uint8() === ROW_VERSION, 'the version of a row is known')
    this.#rows.set(entityIdOfKey(key), { row: this.#format.read(reader), revision, checksum: recordChecksum(value) })
    this.#rows.commit()
  }

  /** As the transaction sees it. */
  get(entityId: EntityId): Row {
    return this.#rows.get(entityId)?.row ?? this.#format.empty
  }

  /** As readers see it. */
  committed(entityId: EntityId): Row {
    return this.#rows.getCommitted(entityId)?.row ?? this.#format.empty
  }

  /** As readers see them. */
  *committedRows(): Generator<Row> {
    for (const { row } of this.#rows.committedValues()) yield row
  }

  /** The entities that have a row, ascending, as the transaction sees them. */
  entityIds(): EntityId[] {
    const entityIds = new Set<EntityId>()
    for (const [entityId] of this.#rows.committedEntries()) entityIds.add(entityId)
    for (const entityId of this.#rows.staged().keys()) entityIds.add(entityId)
    return [...entityIds].filter((entityId) => this.#rows.get(entityId) !== undefined).sort((a, b) => a - b)
  }

  /** The change reaches the store with write(), so whoever sets a row folds what is new in it into the rolling hash. */
  set(tx: Transaction, entityId: EntityId, row: Row): void {
    if (tx.writes.isTentative) tx.writes.onRollback(this.#rows.undoOf(entityId))
    this.#rows.set(entityId, { row, revision: tx.index, checksum: this.#rows.get(entityId)?.checksum })
  }

  /** Removes the row of an entity that is gone. */
  remove(tx: Transaction, entityId: EntityId): void {
    const checksum = this.#rows.get(entityId)?.checksum
    this.#rows.delete(entityId)
    // Whether it was stored before depends on the batches, so its removal must not reach the rolling hash.
    tx.writes.deleteOncePerBatch(this.#format.keyOf(entityId), checksum)
  }

  /** Adds the rows that changed to the batch. */
  write(writes: PendingWrites): void {
    for (const [entityId, stored] of this.#rows.staged()) {
      if (stored === undefined) continue
      const key = this.#format.keyOf(entityId)
      const writer = new ByteWriter(ROW_SIZE_BYTES_EXPECTED).uint8(ROW_VERSION)
      this.#format.write(writer, stored.row)
      const record = encodeRecord(key, stored.revision, 0, writer.finish())
      writes.putOncePerBatch(key, record, stored.checksum)
      this.#rows.set(entityId, { ...stored, checksum: recordChecksum(record) })
    }
  }

  commit(): void {
    this.#rows.commit()
  }
}
