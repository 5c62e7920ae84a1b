// A cluster in one process without time or I/O: a network that loses, cuts and delays, and the nodes of cluster-node.ts.
// Everything is moved by hand or by stabilize(); see ClusterOptions for the defaults.
import { must } from '../../src/base/assert.ts'
import type { Raft } from '../../src/raft/raft.ts'
import { ClusterNode, termOn, TEST_RAFT_OPTIONS, type Snapshot, type Write } from './cluster-node.ts'
import type {
  Entry,
  HardState,
  LogIndex,
  MemberId,
  Membership,
  Message,
  RaftOptions,
  ReadState,
  SnapshotMeta,
} from '../../src/raft/types.ts'

export interface ClusterOptions {
  /** Ids of the first members; default none. */
  readonly voters?: readonly MemberId[]
  readonly learners?: readonly MemberId[]
  readonly raft?: Partial<RaftOptions>
  /** Whether a node's writes become durable as soon as they are taken; default true. Otherwise by persist(). */
  readonly autoPersist?: (id: MemberId) => boolean
  /** Draw of one node's election timeout; default its place among the nodes, so that node 1 is always first. */
  readonly randomInt?: (id: MemberId, exclusiveMax: number) => number
  /** Called for everything that happens, with one line. */
  readonly trace?: (event: TraceEvent) => void
}

export type TraceEvent =
  | { readonly type: 'sent' | 'delivered' | 'dropped'; readonly message: Message }
  | { readonly type: 'persisted'; readonly id: MemberId; readonly index: LogIndex; readonly hardState: HardState }
  | { readonly type: 'applied'; readonly id: MemberId; readonly entry: Entry }
  | { readonly type: 'installed'; readonly id: MemberId; readonly meta: SnapshotMeta }
  | { readonly type: 'read'; readonly id: MemberId; readonly state: ReadState }

/** Rounds after which stabilize() says that the cluster does not come to rest. */
const STABILIZE_ROUNDS_MAX = 10_000

export class Cluster {
  readonly nodes = new Map<MemberId, ClusterNode>()
  /** Messages on their way, oldest first. */
  network: Message[] = []
  readonly #options: ClusterOptions
  readonly #crashed = new Set<MemberId>()
  /** The data that travels with each InstallSnapshot. */
  readonly #payloads = new WeakMap<Message, Snapshot>()
  /** Directed links, `from>to`, that lose everything. */
  readonly #cut = new Set<string>()

  constructor(options: ClusterOptions = {}) {
    this.#options = options
    const { voters = [], learners = [] } = options
    const membership: Membership = {
      members: [
        ...voters.map((id) => ({ id, role: 'voter', raftAddress: `${id}:7000` }) as const),
        ...learners.map((id) => ({ id, role: 'learner', raftAddress: `${id}:7000` }) as const),
      ].sort((a, b) => (a.id < b.id ? -1 : 1)),
    }
    for (const { id } of membership.members) this.add(id, membership)
  }

  /** A new node with an empty log; without a membership it waits to be added by the leader of a cluster. */
  add(id: MemberId, membership: Membership = { members: [] }, raft: Partial<RaftOptions> = {}): ClusterNode {
    const place = this.nodes.size
    const randomInt = (exclusiveMax: number): number =>
      this.#options.randomInt?.(id, exclusiveMax) ?? Math.min(place, exclusiveMax - 1)
    const options: RaftOptions = { ...TEST_RAFT_OPTIONS, ...this.#options.raft, ...raft, id, randomInt }
    const node = new ClusterNode(options, { index: 0, term: 0, membership })
    this.nodes.set(id, node)
    return node
  }

  node(id: MemberId): ClusterNode {
    return must(this.nodes.get(id), `there is no node ${id}`)
  }

  raft(id: MemberId): Raft {
    return this.node(id).raft
  }

  /** Lets `id` win an election against nodes that hear no leader. */
  elect(id: MemberId): void {
    for (const node of this.nodes.values()) {
      // Nobody believes in a leader any more once the minimum election timeout has passed.
      if (node.raft.role === 'leader' || node.id === id) continue
      for (let i = 0; i < node.options.electionTicks && node.raft.role !== 'preCandidate'; i++) node.raft.tick()
    }
    this.network = []
    this.raft(id).campaign()
    this.stabilize()
  }

  propose(id: MemberId, ...commands: string[]): ReturnType<Raft['propose']> {
    return this.raft(id).propose(commands.map((command) => new TextEncoder().encode(command)))
  }

  /** Ticks every node (or `ids`) `count` times, with everything delivered after each tick. */
  tick(count = 1, ids: readonly MemberId[] = [...this.nodes.keys()]): void {
    for (let i = 0; i < count; i++) {
      for (const id of ids) if (!this.#crashed.has(id)) this.raft(id).tick()
      this.stabilize()
    }
  }

  /** Carries out what `id` wants done: sends, starts writes, applies. */
  process(id: MemberId): void {
    if (this.#crashed.has(id)) return
    const node = this.node(id)
    const { raft } = node
    if (!raft.hasEffects() && !this.#hasNewLog(node)) {
      this.#apply(node)
      return
    }
    const effects = raft.takeEffects()
    const newest = node.writes.at(-1)?.disk ?? node.disk
    const install =
      effects.installSnapshot === null ? null : must(node.staged.get(effects.installSnapshot.index), 'staged')
    const write: Write = {
      disk: {
        hardState: effects.hardState ?? newest.hardState,
        base: install?.meta ?? (node.log.firstIndex - 1 > newest.base.index ? this.#baseOf(node) : newest.base),
        entries: node.log.all(),
      },
      messages: effects.durableMessages,
      install,
    }
    node.writes.push(write)
    for (const message of effects.messages) this.#send(message)
    for (const state of effects.readStates) {
      node.readStates.push(state)
      this.#options.trace?.({ type: 'read', id, state })
    }
    if (this.#options.autoPersist?.(id) !== false) this.persist(id)
    for (const member of effects.snapshotsToSend) this.#streamSnapshot(node, member)
    this.#apply(node)
  }

  /** Makes the oldest `count` writes of `id` durable; default all. */
  persist(id: MemberId, count = Number.POSITIVE_INFINITY): void {
    const node = this.node(id)
    for (let i = 0; i < count; i++) {
      const write = node.writes.shift()
      if (write === undefined) return
      const { hardState, base, entries } = write.disk
      node.disk = { hardState, base, entries, state: write.install?.state ?? node.disk.state }
      if (write.install !== null) {
        node.snapshot = write.install
        this.#options.trace?.({ type: 'installed', id, meta: write.install.meta })
      }
      const last = entries.at(-1) ?? base
      this.#options.trace?.({ type: 'persisted', id, index: last.index, hardState })
      node.raft.persisted(last.index, last.term)
      for (const message of write.messages) this.#send(message)
      this.#apply(node)
    }
  }

  /** Delivers the messages on their way between two nodes, or all; returns how many. */
  deliver(from?: MemberId, to?: MemberId): number {
    const isMeant = (message: Message): boolean =>
      (from === undefined || message.from === from) && (to === undefined || message.to === to)
    const due = this.network.filter(isMeant)
    this.network = this.network.filter((message) => !isMeant(message))
    for (const message of due) this.#deliver(message)
    return due.length
  }

  /** Loses the messages on their way between two nodes, or all. */
  drop(from?: MemberId, to?: MemberId): void {
    this.network = this.network.filter((message) => {
      const isMeant = (from === undefined || message.from === from) && (to === undefined || message.to === to)
      if (isMeant) this.#lose(message)
      return !isMeant
    })
  }

  /** Delivers and carries out everything until nothing moves any more (among `ids`, if given). */
  stabilize(ids?: readonly MemberId[]): void {
    const isIncluded = (id: MemberId): boolean => ids === undefined || ids.includes(id)
    for (let round = 0; round < STABILIZE_ROUNDS_MAX; round++) {
      for (const id of this.nodes.keys()) if (isIncluded(id)) this.process(id)
      const due = this.network.filter((message) => isIncluded(message.from) && isIncluded(message.to))
      if (due.length === 0) return
      this.network = this.network.filter((message) => !due.includes(message))
      for (const message of due) this.#deliver(message)
    }
    throw new Error('the cluster does not come to rest')
  }

  /** Cuts `ids` off from all others, in both directions. */
  isolate(...ids: MemberId[]): void {
    for (const id of ids) {
      for (const other of this.nodes.keys()) {
        if (ids.includes(other)) continue
        this.#cut.add(`${id}>${other}`)
        this.#cut.add(`${other}>${id}`)
      }
    }
  }

  /** Cuts one direction only. */
  cut(from: MemberId, to: MemberId): void {
    this.#cut.add(`${from}>${to}`)
  }

  /** Restores every link. */
  heal(): void {
    this.#cut.clear()
  }

  /** Stops a node; what was not durable is lost. */
  crash(id: MemberId): void {
    this.#crashed.add(id)
    this.network = this.network.filter((message) => message.from !== id)
  }

  restart(id: MemberId): void {
    this.#crashed.delete(id)
    this.node(id).restart()
  }

  /** Takes a snapshot of what `id` applied and cuts its log there. */
  compact(id: MemberId): void {
    const node = this.node(id)
    const { state } = node.disk
    const meta: SnapshotMeta = {
      index: state.index,
      term: must(node.log.termAt(state.index), 'applied entries are in the log'),
      membership: node.raft.membershipAt(state.index),
    }
    node.snapshot = { meta, state }
    node.log.compactThrough(meta.index)
  }

  isCrashed(id: MemberId): boolean {
    return this.#crashed.has(id)
  }

  /** The only leader of the highest term, or undefined. */
  get leader(): MemberId | undefined {
    const leaders = [...this.nodes.values()].filter(({ id, raft }) => raft.role === 'leader' && !this.#crashed.has(id))
    return leaders.sort((a, b) => b.raft.term - a.raft.term)[0]?.id
  }

  #hasNewLog(node: ClusterNode): boolean {
    const newest = node.writes.at(-1)?.disk ?? node.disk
    const last = newest.entries.at(-1) ?? newest.base
    return last.index !== node.log.lastIndex || last.term !== node.log.termAt(node.log.lastIndex)
  }

  #baseOf(node: ClusterNode): SnapshotMeta {
    const index = node.log.firstIndex - 1
    return { index, term: must(node.log.termAt(index), 'base'), membership: node.raft.membershipAt(index) }
  }

  #send(message: Message): void {
    this.#options.trace?.({ type: 'sent', message })
    this.network.push(message)
  }

  #deliver(message: Message): void {
    const node = this.nodes.get(message.to)
    if (node === undefined || this.#crashed.has(message.to) || this.#cut.has(`${message.from}>${message.to}`)) {
      this.#lose(message)
      return
    }
    this.#options.trace?.({ type: 'delivered', message })
    if (message.type === 'InstallSnapshot') {
      node.staged.set(message.snapshot.index, must(this.#payloads.get(message), 'a snapshot has data'))
    }
    node.raft.step(message)
    if (message.type === 'InstallSnapshot') this.raft(message.from).snapshotFinished(message.to, true)
  }

  #lose(message: Message): void {
    this.#options.trace?.({ type: 'dropped', message })
    if (message.type === 'InstallSnapshot') this.raft(message.from).snapshotFinished(message.to, false)
  }

  #streamSnapshot(node: ClusterNode, to: MemberId): void {
    const snapshot = must(node.snapshot, `${node.id} has no snapshot to stream`)
    const { term } = node.raft
    const message: Message = { type: 'InstallSnapshot', from: node.id, to, term, snapshot: snapshot.meta }
    this.#payloads.set(message, snapshot)
    this.#send(message)
  }

  /** Applies what is committed and durable here, like the owner does. */
  #apply(node: ClusterNode): void {
    const { index, commands } = node.disk.state
    // An entry counts as durable only when no write on its way replaces it, not even by its like: a crash in between would
    // leave a state that is ahead of the log.
    const stages = [node.disk, ...node.writes.map((write) => write.disk)]
    let through = node.raft.commitIndex
    while (through > index && !stages.every((disk) => termOn(disk, through) === node.log.termAt(through))) through--
    // The second condition holds while an accepted snapshot is not installed yet.
    if (through <= index || node.log.firstIndex > index + 1) return
    const entries = must(
      node.log.entries(index + 1, through + 1, Number.POSITIVE_INFINITY),
      'unapplied entries are held',
    )
    const added: string[] = []
    for (const entry of entries) {
      if (entry.kind === 'command') added.push(new TextDecoder().decode(entry.data))
      this.#options.trace?.({ type: 'applied', id: node.id, entry })
    }
    node.disk = { ...node.disk, state: { index: through, commands: [...commands, ...added] } }
    node.raft.applied(through)
  }
}
