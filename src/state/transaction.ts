// What evaluating commands works on: the pending writes and the tables in memory, as the entries before have left them.
import type { ChangeCollector } from './change-collector.ts'
import type { PendingWrites } from './pending-writes.ts'
import type { Tables } from './tables.ts'

export interface Transaction {
  readonly writes: PendingWrites
  readonly tables: Tables
  readonly changes: ChangeCollector
  /** Log index of the entry that is being applied; the revision of what it writes. */
  readonly index: number
  /** The state's own time: the newest time of any command up to this one. */
  readonly timeMs: number
  nextEntityId: number
  /** Events that the entry has published so far. */
  eventCount: number
  /** Cache entries that the log entry has evicted so far. */
  evictionCount: number
}
