// Mistakes, planted into the program from outside, to prove that the simulation finds them.
import { Leadership } from '../../src/raft/leadership.ts'
import type { Entry, HardState, LogIndex, SnapshotMeta, Term } from '../../src/raft/types.ts'
import type { DurableLog } from '../../src/replication/ports.ts'
import { noLeader, Proposals } from '../../src/replication/proposals.ts'
import { ReadBarriers } from '../../src/replication/reads.ts'
import { StateMachine } from '../../src/state/state-machine.ts'
import { PLANTED_SERVICE_BUGS } from './planted-service-bugs.ts'
import { replaceMethod } from './replace-method.ts'
import type { PlantedBug } from './sim-node.ts'

/** The leader counts only itself. */
const COMMIT_WITHOUT_MAJORITY: PlantedBug = {
  name: 'commit without majority',
  activate: () => replaceMethod(Leadership.prototype, 'quorumMatchIndex', () => (durableIndex) => durableIndex),
}

const READ_WITHOUT_CONFIRMATION: PlantedBug = {
  name: 'read without confirmation',
  activate: () => replaceMethod(ReadBarriers.prototype, 'barrier', () => () => Promise.resolve()),
}

const UNKNOWN_REPORTED_AS_FAILED: PlantedBug = {
  name: 'unknown reported as failed',
  activate: () =>
    replaceMethod(Proposals.prototype, 'reject', (original) => {
      return function rejectAsFailed(this: Proposals, proposal, error) {
        original.call(this, proposal, error.code === 'OUTCOME_UNKNOWN' ? noLeader() : error)
      }
    }),
}

/** What was forwarded over a connection that broke is sent again, as if it had not arrived. */
const UNKNOWN_TRIED_AGAIN: PlantedBug = {
  name: 'unknown tried again',
  activate: () =>
    replaceMethod(Proposals.prototype, 'reject', (original) => {
      return function retryInstead(this: Proposals, proposal, error) {
        if (proposal.state === 'sent' && error.code === 'OUTCOME_UNKNOWN') this.putBack([proposal])
        else original.call(this, proposal, error)
      }
    }),
}

const CUT_BEFORE_SYNC: PlantedBug = {
  name: 'log cut before the state is synced',
  activate: () =>
    replaceMethod(StateMachine.prototype, 'sync', () => {
      return function pretendToSync(this: StateMachine) {
        return Promise.resolve(this.appliedIndex)
      }
    }),
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

export const PLANTED_BUGS: readonly PlantedBug[] = [
  COMMIT_WITHOUT_MAJORITY,
  ACK_BEFORE_FSYNC,
  VOTE_NOT_PERSISTED,
  READ_WITHOUT_CONFIRMATION,
  UNKNOWN_REPORTED_AS_FAILED,
  UNKNOWN_TRIED_AGAIN,
  CUT_BEFORE_SYNC,
  ...PLANTED_SERVICE_BUGS,
]
