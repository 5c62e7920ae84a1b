// What evaluating commands works on: the pending writes and the tables in memory, as the entries before have left them.
import type { Tables } from './tables.ts'
import type { PendingWrites } from './pending-writes.ts'

export interface Transaction {
  readonly writes: PendingWrites
  readonly tables: Tables
  /** Log index of the entry that is being applied; the revision of what it writes. */
  readonly index: number
  /** The state's own time: the newest time of any command up to this one. */
  readonly timeMs: number
  nextEntityId: number
}
