// The deterministic state machine: log entries in, results and one store batch out. It satisfies the port StateMachine of
// replication. Nothing here reads a clock, chance or configuration; replicas that apply the same entries hold the same bytes.
import { assert } from '../base/assert.ts'
import { InsiError } from '../base/errors.ts'
import type { Entry, LogIndex, SnapshotMeta, Term } from '../raft/types.ts'
import type { ReplaceableStore, StoreFigures } from '../storage/ordered-store.ts'
import { APPLIED_KEY, encodeAppliedPoint } from './applied-point.ts'
import { ChangeCollector } from './change-collector.ts'
import type { ChangeListener } from './changes.ts'
import { COMMAND_VERSION, decodeCommand } from './command-codec.ts'
import type { CommandResult } from './commands.ts'
import { evaluate } from './evaluate.ts'
import { isSweepDue, sweepExpired } from './expiry-sweep.ts'
import { InstallingSnapshot } from './installing-snapshot.ts'
import { loadState } from './loaded-state.ts'
import type { LoadedState } from './loaded-state.ts'
import { PendingWrites } from './pending-writes.ts'
import { rejected } from './results.ts'
import { STATE_HASH_INTERVAL } from './state-hash.ts'
import type { StateReader } from './state-reader.ts'
import { StoreStateReader } from './store-state-reader.ts'
import { StreamedSnapshot } from './streamed-snapshot.ts'
import type { Transaction } from './transaction.ts'

type MutableTransaction = { -readonly [Member in keyof Transaction]: Transaction[Member] }

export class StateMachine {
  readonly reader: StateReader
  readonly #stores: ReplaceableStore
  #state: LoadedState
  #listener: ChangeListener | null = null
  #isApplying = false
  /** The first failure; what is staged in memory is void from then on, so everything later fails the same way. */
  #failure: { readonly error: unknown } | null = null

  private constructor(stores: ReplaceableStore, state: LoadedState) {
    this.#stores = stores
    this.#state = state
    this.reader = new StoreStateReader(() => this.#state)
  }

  /** Opens the state in `stores`, which it closes with itself. Throws InsiError RECORD_CORRUPT or STATE_CORRUPT. */
  static async open(stores: ReplaceableStore): Promise<StateMachine> {
    return new StateMachine(stores, await loadState(stores.current()))
  }

  get appliedIndex(): LogIndex {
    return this.#state.applied.index
  }

  get appliedTerm(): Term {
    return this.#state.applied.term
  }

  get installedSnapshot(): SnapshotMeta | null {
    return this.#state.installed
  }

  /** Of the store that holds the state. */
  figures(): StoreFigures | null {
    return this.#state.store.figures()
  }

  /** Who hears what applying changes, from the next batch on; null: nobody. */
  setChangeListener(listener: ChangeListener | null): void {
    this.#listener = listener
  }

  /**
   * See the port. The results of commands are CommandResult; garbage answers COMMAND_UNKNOWN, the same on every replica. Rejects
   * with COMMAND_UNKNOWN, applying nothing, when a command needs a newer release: others that know it would go another way.
   */
  async apply(entries: readonly Entry[]): Promise<readonly (CommandResult | undefined)[]> {
    if (entries.length === 0) return []
    return this.#exclusively(() => this.#applyBatch(entries))
  }

  /** The rolling hash after the entry at `index`, for the newest multiples of STATE_HASH_INTERVAL; else undefined. */
  hashAt(index: LogIndex): number | undefined {
    return this.#state.checkpoints.at(index)
  }

  async sync(): Promise<LogIndex> {
    const { store, applied } = this.#state
    await store.batch([], { sync: true })
    return applied.index
  }

  async openSnapshot(): Promise<StreamedSnapshot> {
    return StreamedSnapshot.open(this.#state.store)
  }

  async beginInstall(): Promise<InstallingSnapshot> {
    const store = await this.#stores.beginReplacement()
    return new InstallingSnapshot(store, {
      commit: () => this.#exclusively(() => this.#adopt(store)),
      abort: () => this.#stores.abortReplacement(),
    })
  }

  async close(): Promise<void> {
    await this.#state.tables.cacheCount.stop()
    await this.#stores.close()
  }

  async #exclusively<Result>(work: () => Promise<Result>): Promise<Result> {
    assert(!this.#isApplying, 'the state machine does one thing at a time')
    if (this.#failure !== null) throw this.#failure.error
    this.#isApplying = true
    try {
      return await work()
    } catch (error) {
      this.#failure = { error }
      throw error
    } finally {
      this.#isApplying = false
    }
  }

  async #applyBatch(entries: readonly Entry[]): Promise<(CommandResult | undefined)[]> {
    const { store, tables, applied, checkpoints } = this.#state
    const writes = new PendingWrites(store, applied.stateHash, applied.contentSum)
    const { index, timeMs, nextEntityId } = applied
    const changes = new ChangeCollector(this.#listener)
    const perEntry = { eventCount: 0, evictionCount: 0 }
    const tx: MutableTransaction = { writes, tables, changes, index, timeMs, nextEntityId, ...perEntry }
    let { term } = applied
    const results: (CommandResult | undefined)[] = []
    const passed: (readonly [index: LogIndex, hash: number])[] = []
    for (const entry of entries) {
      assert(entry.index === tx.index + 1 && entry.term >= term, 'entries are applied once and in order')
      tx.index = entry.index
      Object.assign(tx, perEntry)
      term = entry.term
      writes.fold(entry.index)
      writes.fold(term)
      if (entry.kind === 'command') {
        const result = applyCommand(tx, entry.data)
        results.push(result instanceof Promise ? await result : result)
      } else {
        results.push(undefined)
      }
      if (entry.index % STATE_HASH_INTERVAL === 0) passed.push([entry.index, writes.hash])
    }
    tables.writeRows(writes)
    const point = {
      index: tx.index,
      term,
      stateHash: writes.hash,
      contentSum: writes.contentSum,
      timeMs: tx.timeMs,
      nextEntityId: tx.nextEntityId,
    }
    const ops = writes.ops()
    ops.push({ type: 'put', key: APPLIED_KEY, value: encodeAppliedPoint(point) })
    await store.batch(ops, { sync: false })
    for (const [passedIndex, hash] of passed) checkpoints.record(passedIndex, hash)
    tables.commit()
    this.#state.applied = point
    changes.tell()
    return results
  }

  /** Shows the received state to readers first: its store is complete, and the old one is closed by the switch. */
  async #adopt(store: LoadedState['store']): Promise<void> {
    const before = this.#state
    this.#state = await loadState(store)
    await before.tables.cacheCount.stop()
    await this.#stores.commitReplacement()
    this.#listener?.onApplied([{ type: 'installed', index: this.#state.applied.index }])
  }
}

/** A promise only where the store has to be searched; most commands are done without leaving the event loop's turn. */
function applyCommand(tx: MutableTransaction, data: Uint8Array): CommandResult | Promise<CommandResult> {
  const command = decodeCommand(data)
  if (command === undefined) {
    assertNotNewer(data, tx.index)
    return rejected('COMMAND_UNKNOWN')
  }
  tx.timeMs = Math.max(tx.timeMs, command.timeMs)
  tx.writes.fold(tx.timeMs)
  return isSweepDue(tx) ? sweepExpired(tx).then(() => evaluate(tx, command)) : evaluate(tx, command)
}

function assertNotNewer([version = 0]: Uint8Array, index: LogIndex): void {
  if (version <= COMMAND_VERSION) return
  throw new InsiError(
    'COMMAND_UNKNOWN',
    `the entry ${index} of the log holds a command of version ${version}, and this release knows versions up to ` +
      `${COMMAND_VERSION}. Start the node with the release that the other nodes run`,
  )
}
