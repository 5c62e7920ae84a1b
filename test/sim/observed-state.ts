// The state machine of a simulated node, with every effect reported to the checkers.
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

export class ObservedState implements StateMachinePort {
  readonly inner: StateMachine
  readonly #stores: ReplaceableStore
  readonly #nodeId: string
  readonly #committed: CommittedLog

  constructor(inner: StateMachine, stores: ReplaceableStore, nodeId: string, committed: CommittedLog) {
    this.inner = inner
    this.#stores = stores
    this.#nodeId = nodeId
    this.#committed = committed
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
    const results = await this.inner.apply(entries)
    this.#committed.applied(this.#nodeId, entries, results)
    this.#reportState()
    return results
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
