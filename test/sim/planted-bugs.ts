// Classic mistakes, planted into the program from outside, to prove that the simulation finds them.
import { Leadership } from '../../src/raft/leadership.ts'
import type { Entry, HardState, LogIndex, SnapshotMeta, Term } from '../../src/raft/types.ts'
import type { DurableLog } from '../../src/replication/ports.ts'
import type { PlantedBug } from './sim-node.ts'

/** The leader counts only itself. */
const COMMIT_WITHOUT_MAJORITY: PlantedBug = {
  name: 'commit without majority',
  activate: () => {
    const original = Leadership.prototype.quorumMatchIndex
    Leadership.prototype.quorumMatchIndex = (durableIndex) => durableIndex
    return () => {
      Leadership.prototype.quorumMatchIndex = original
    }
  },
}

/** Passes everything on; the planted faults change flush(). */
class PassingLog implements DurableLog {
  protected readonly inner: DurableLog

  constructor(inner: DurableLog) {
    this.inner = inner
  }

  get firstIndex(): LogIndex {
    return this.inner.firstIndex
  }

  get lastIndex(): LogIndex {
    return this.inner.lastIndex
  }

  get hardState(): HardState {
    return this.inner.hardState
  }

  get base(): SnapshotMeta {
    return this.inner.base
  }

  get durable(): { readonly index: LogIndex; readonly term: Term } {
    return this.inner.durable
  }

  get sizeBytes(): number {
    return this.inner.sizeBytes
  }

  termAt(index: LogIndex): Term | undefined {
    return this.inner.termAt(index)
  }

  entries(from: LogIndex, to: LogIndex, sizeBytesMax: number): Entry[] | undefined {
    return this.inner.entries(from, to, sizeBytesMax)
  }

  append(entries: readonly Entry[]): void {
    this.inner.append(entries)
  }

  truncateFrom(from: LogIndex): void {
    this.inner.truncateFrom(from)
  }

  resetTo(meta: SnapshotMeta): void {
    this.inner.resetTo(meta)
  }

  flush(hardState: HardState | null): Promise<{ index: LogIndex; term: Term }> {
    return this.inner.flush(hardState)
  }

  cutTo(base: SnapshotMeta): Promise<void> {
    return this.inner.cutTo(base)
  }

  close(): Promise<void> {
    return this.inner.close()
  }
}

/** Says "durable" while the disk still works. */
class HastyLog extends PassingLog {
  override async flush(hardState: HardState | null): Promise<{ index: LogIndex; term: Term }> {
    // A rejection is the end of a process that is dead or stops.
    this.inner.flush(hardState).catch(() => undefined)
    return { index: this.lastIndex, term: this.termAt(this.lastIndex) ?? 0 }
  }
}

const ACK_BEFORE_FSYNC: PlantedBug = { name: 'acknowledge before fsync', wrapLog: (log) => new HastyLog(log) }

/** Keeps entries but no term and no vote. */
class ForgetfulLog extends PassingLog {
  override flush(): Promise<{ index: LogIndex; term: Term }> {
    return this.inner.flush(null)
  }
}

const VOTE_NOT_PERSISTED: PlantedBug = { name: 'vote not persisted', wrapLog: (log) => new ForgetfulLog(log) }

export const PLANTED_BUGS: readonly PlantedBug[] = [COMMIT_WITHOUT_MAJORITY, ACK_BEFORE_FSYNC, VOTE_NOT_PERSISTED]
