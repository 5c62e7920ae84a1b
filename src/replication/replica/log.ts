// The durable log as one replica uses it: what the Raft core changes is noted here, so that the loop knows whether anything
// has to be flushed and how much of the present log, not of an earlier one, is durable.
import type { Entry, HardState, LogIndex, RaftLog, SnapshotMeta, Term } from '../../raft/types.ts'
import type { DurableLog } from '../ports.ts'

export class ReplicaLog implements RaftLog {
  readonly #log: DurableLog
  #isDirty = false
  #durableIndex: LogIndex
  /** Lowest index that was replaced since the flush under way began: what that flush reports from here on is of the past. */
  #replacedFrom: LogIndex = Number.POSITIVE_INFINITY

  constructor(log: DurableLog) {
    this.#log = log
    this.#durableIndex = log.durable.index
  }

  get firstIndex(): LogIndex {
    return this.#log.firstIndex
  }

  get lastIndex(): LogIndex {
    return this.#log.lastIndex
  }

  get base(): SnapshotMeta {
    return this.#log.base
  }

  get sizeBytes(): number {
    return this.#log.sizeBytes
  }

  /** Something changed since the newest flush began. */
  get isDirty(): boolean {
    return this.#isDirty
  }

  /** The log as it is now is durable up to here; 0 while a reset is not durable. */
  get durableIndex(): LogIndex {
    return this.#durableIndex
  }

  termAt(index: LogIndex): Term | undefined {
    return this.#log.termAt(index)
  }

  entries(from: LogIndex, to: LogIndex, sizeBytesMax: number): Entry[] | undefined {
    return this.#log.entries(from, to, sizeBytesMax)
  }

  append(entries: readonly Entry[]): void {
    this.#isDirty = true
    this.#log.append(entries)
  }

  truncateFrom(from: LogIndex): void {
    this.#noteReplacedFrom(from)
    this.#log.truncateFrom(from)
  }

  resetTo(meta: SnapshotMeta): void {
    this.#noteReplacedFrom(0)
    this.#log.resetTo(meta)
  }

  /** Makes every change so far, and `hardState` when given, durable. One call at a time; a rejection is final. */
  async flush(hardState: HardState | null): Promise<void> {
    this.#isDirty = false
    this.#replacedFrom = Number.POSITIVE_INFINITY
    const durable = await this.#log.flush(hardState)
    this.#durableIndex = Math.max(0, Math.min(durable.index, this.#replacedFrom - 1))
  }

  cutTo(base: SnapshotMeta): Promise<void> {
    return this.#log.cutTo(base)
  }

  close(): Promise<void> {
    return this.#log.close()
  }

  #noteReplacedFrom(from: LogIndex): void {
    this.#isDirty = true
    this.#durableIndex = Math.max(0, Math.min(this.#durableIndex, from - 1))
    this.#replacedFrom = Math.min(this.#replacedFrom, from)
  }
}
