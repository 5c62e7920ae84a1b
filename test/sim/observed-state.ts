// The state machine of a simulated node: its work takes virtual time, and every effect is reported to the checkers.
import type { Entry, LogIndex, SnapshotMeta, Term } from '../../src/raft/types.ts'
import type {
  IncomingSnapshot,
  OutgoingSnapshot,
  StateMachine as StateMachinePort,
} from '../../src/replication/ports.ts'
import { APPLIED_KEY } from '../../src/state/applied-point.ts'
import type { StateMachine } from '../../src/state/state-machine.ts'
import type { StateReader } from '../../src/state/state-reader.ts'
import type { ReplaceableStore } from '../../src/storage/ordered-store.ts'
import type { CommittedLog } from './committed-log.ts'

/** Replacing a database takes longer than a batch. */
const COMMIT_CALLS = 10

export class ObservedState implements StateMachinePort {
  readonly inner: StateMachine
  readonly #stores: ReplaceableStore
  readonly #nodeId: string
  readonly #committed: CommittedLog
  readonly #work: () => Promise<void>
  readonly #onInstalling: () => void
  readonly #seen: (entries: readonly Entry[]) => readonly Entry[]
  #applyingThrough: LogIndex = 0

  /** `work` takes the time of one call into the database. */
  constructor(
    inner: StateMachine,
    stores: ReplaceableStore,
    surroundings: {
      readonly nodeId: string
      readonly committed: CommittedLog
      readonly work: () => Promise<void>
      /** A snapshot is about to replace the state. */
      readonly onInstalling: () => void
      /** A planted fault: what the state machine gets to see of the entries. */
      readonly seen: (entries: readonly Entry[]) => readonly Entry[]
    },
  ) {
    this.inner = inner
    this.#stores = stores
    this.#nodeId = surroundings.nodeId
    this.#committed = surroundings.committed
    this.#work = surroundings.work
    this.#onInstalling = surroundings.onInstalling
    this.#seen = surroundings.seen
  }

  get appliedIndex(): LogIndex {
    return this.inner.appliedIndex
  }

  get appliedTerm(): Term {
    return this.inner.appliedTerm
  }

  get installedSnapshot(): SnapshotMeta | null {
    return this.inner.installedSnapshot
  }

  get reader(): StateReader {
    return this.inner.reader
  }

  /** The last entry of the batch that is being written, or that was last. */
  get applyingThrough(): LogIndex {
    return Math.max(this.#applyingThrough, this.appliedIndex)
  }

  async apply(entries: readonly Entry[]): Promise<readonly unknown[]> {
    this.#applyingThrough = entries.at(-1)?.index ?? 0
    const results = await this.inner.apply(this.#seen(entries))
    this.#committed.applied(this.#nodeId, entries, results)
    this.#reportState()
    if (this.#committed.isComparisonDue(this.appliedIndex)) await this.compare()
    return results
  }

  /** Compares all that is stored with the model, if nothing newer is committed. */
  compare(): Promise<void> {
    return this.#committed.compareState(this.#nodeId, this.appliedIndex, this.#stores.current(), this.inner.reader)
  }

  hashAt(index: LogIndex): number | undefined {
    return this.inner.hashAt(index)
  }

  sync(): Promise<LogIndex> {
    return this.inner.sync()
  }

  openSnapshot(): Promise<OutgoingSnapshot> {
    return this.inner.openSnapshot()
  }

  async beginInstall(): Promise<IncomingSnapshot> {
    const incoming = await this.inner.beginInstall()
    return {
      write: (chunk) => incoming.write(chunk),
      verify: () => incoming.verify(),
      abort: () => incoming.abort(),
      commit: async (meta) => {
        this.#onInstalling()
        for (let call = 0; call < COMMIT_CALLS; call++) await this.#work()
        await incoming.commit(meta)
        this.#committed.installed(this.#nodeId, meta)
        this.#reportState()
        await this.compare()
      },
    }
  }

  close(): Promise<void> {
    return this.inner.close()
  }

  #reportState(): void {
    const record = this.#stores.current().get(APPLIED_KEY)
    if (record !== undefined) this.#committed.state(this.#nodeId, this.inner.appliedIndex, record)
  }
}
