// The state machine of a simulated node: its work takes virtual time, and every effect is reported to the checkers.
import type { Entry, LogIndex, SnapshotMeta, Term } from '../../src/raft/types.ts'
import type {
  IncomingSnapshot,
  OutgoingSnapshot,
  StateMachine as StateMachinePort,
} from '../../src/replication/ports.ts'
import { APPLIED_KEY } from '../../src/state/applied-point.ts'
import type { StateMachine } from '../../src/state/state-machine.ts'
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
    },
  ) {
    this.inner = inner
    this.#stores = stores
    this.#nodeId = surroundings.nodeId
    this.#committed = surroundings.committed
    this.#work = surroundings.work
    this.#onInstalling = surroundings.onInstalling
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

  async apply(entries: readonly Entry[]): Promise<readonly unknown[]> {
    await this.#work()
    const results = await this.inner.apply(entries)
    this.#committed.applied(this.#nodeId, entries, results)
    this.#reportState()
    return results
  }

  hashAt(index: LogIndex): number | undefined {
    return this.inner.hashAt(index)
  }

  async sync(): Promise<LogIndex> {
    await this.#work()
    return this.inner.sync()
  }

  openSnapshot(): Promise<OutgoingSnapshot> {
    return this.inner.openSnapshot()
  }

  async beginInstall(): Promise<IncomingSnapshot> {
    const incoming = await this.inner.beginInstall()
    return {
      write: async (chunk) => {
        await this.#work()
        await incoming.write(chunk)
      },
      verify: () => incoming.verify(),
      abort: () => incoming.abort(),
      commit: async (meta) => {
        this.#onInstalling()
        for (let call = 0; call < COMMIT_CALLS; call++) await this.#work()
        await incoming.commit(meta)
        this.#committed.installed(this.#nodeId, meta)
        this.#reportState()
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
