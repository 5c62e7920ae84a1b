// One node of the in-process cluster: a Raft with an in-memory log, a model of its disk, and a state machine that lists what it
// applied. What moves it stands in cluster-fixture.ts.
import { MemoryLog } from '../../src/raft/memory-log.ts'
import { Raft } from '../../src/raft/raft.ts'
import type {
  Entry,
  HardState,
  LogIndex,
  MemberId,
  Message,
  RaftOptions,
  ReadState,
  SnapshotMeta,
  Term,
} from '../../src/raft/types.ts'

export const TEST_RAFT_OPTIONS: Omit<RaftOptions, 'id' | 'randomInt'> = {
  heartbeatTicks: 1,
  electionTicks: 10,
  messageSizeBytesMax: 1024,
  inflightMessagesMax: 8,
  inflightSizeBytesMax: 16 * 1024,
  uncommittedSizeBytesMax: 64 * 1024,
  promotionLagEntriesMax: 2,
}

/** What survives a crash. */
export interface Disk {
  readonly hardState: HardState
  readonly base: SnapshotMeta
  readonly entries: readonly Entry[]
  readonly state: State
}

interface State {
  readonly index: LogIndex
  /** Data of the applied commands, in order. */
  readonly commands: readonly string[]
}

export interface Snapshot {
  readonly meta: SnapshotMeta
  readonly state: State
}

/** A write on its way to the disk, with the messages that wait for it. */
export interface Write {
  readonly disk: Omit<Disk, 'state'>
  readonly messages: readonly Message[]
  readonly install: Snapshot | null
}

export class ClusterNode {
  readonly id: MemberId
  raft: Raft
  log: MemoryLog
  disk: Disk
  writes: Write[] = []
  /** The newest snapshot taken or installed. */
  snapshot: Snapshot | null = null
  /** Snapshots received, by index; complete but not necessarily accepted. */
  staged = new Map<LogIndex, Snapshot>()
  readStates: ReadState[] = []
  readonly options: RaftOptions

  constructor(options: RaftOptions, base: SnapshotMeta) {
    this.id = options.id
    this.options = options
    this.disk = {
      hardState: { term: 0, votedFor: null },
      base,
      entries: [],
      state: { index: base.index, commands: [] },
    }
    this.log = new MemoryLog()
    this.raft = this.#boot()
  }

  /** Starts over with a log whose entries have `terms`, as if earlier leaders had left it so; in `term`, at least the last one's. */
  preload(terms: readonly number[], term = terms.at(-1) ?? 0): void {
    const entries = terms.map((entryTerm, i): Entry => {
      const data = new TextEncoder().encode(`x${i + 1}`)
      return { index: i + 1, term: entryTerm, kind: 'command', data }
    })
    this.disk = { ...this.disk, hardState: { term, votedFor: null }, entries }
    this.restart()
  }

  /** Everything that was not durable is gone. */
  restart(): void {
    this.writes = []
    this.staged.clear()
    this.raft = this.#boot()
  }

  /** The commands that the state machine applied. */
  get commands(): readonly string[] {
    return this.disk.state.commands
  }

  #boot(): Raft {
    const { hardState, base, entries, state } = this.disk
    this.log = new MemoryLog(base, entries)
    return new Raft(this.options, { hardState, base, commitIndex: Math.max(base.index, state.index) }, this.log)
  }
}

/** Term of what `disk` holds at `index`; undefined when it holds nothing there. */
export function termOn(disk: Omit<Disk, 'state'>, index: LogIndex): Term | undefined {
  const { base, entries } = disk
  return index === base.index ? base.term : entries[index - base.index - 1]?.term
}
