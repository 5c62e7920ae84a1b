// A node as a member of its cluster: wires the loop around the core with everything that feeds it and lives on its results.
// Exists from the moment that the node may act as a member until it stops.
import type { Raft } from '../../raft/raft.ts'
import type {
  Entry,
  Member,
  MemberId,
  Membership,
  MembershipChange,
  MembershipResult,
  Message,
  RaftStatus,
  ReadState,
  SnapshotMeta,
  Term,
} from '../../raft/types.ts'
import { AppliedMembership } from '../membership/applied-membership.ts'
import type { CommandVersions } from '../membership/command-versions.ts'
import type { PeerMessage } from '../peer-messages.ts'
import type { ApplyResult, PeerIdentity } from '../ports.ts'
import type { Proposals } from '../proposals.ts'
import { ApplyLoop } from './apply.ts'
import { LogCutter, lowestMatchIndex } from './log-cut.ts'
import { ReplicaLog } from './log.ts'
import { ReplicaLoop } from './loop.ts'
import type { LoopHooks } from './loop.ts'
import { MembershipKeeper } from './membership.ts'
import { raftOptions } from '../replica-options.ts'
import type { ReplicaDeps, ReplicaOptions } from '../replica-options.ts'
import type { AddressBook } from '../membership/peers.ts'
import { nodeIdOf } from '../membership/peers.ts'
import { Leadership } from './leadership.ts'
import { Proposing } from './proposing.ts'
import type { ReadBarriers } from '../reads.ts'
import { SnapshotReceiver } from '../snapshots/snapshot-receiver.ts'
import { SnapshotSender } from '../snapshots/snapshot-sender.ts'
import { StateHashes } from '../state-hash.ts'
import { WritePhases } from '../write-phases.ts'

/** First ids of a run are random, so that an answer to an earlier run's question is not taken for an answer to a new one. */
const FIRST_ID_MAX = 2 ** 31

export interface MemberDeps extends ReplicaDeps {
  readonly options: ReplicaOptions
  readonly clusterId: string
  readonly proposals: Proposals
  readonly reads: ReadBarriers
  readonly addresses: AddressBook
  readonly versions: CommandVersions
  /** The state differs from that of most members: the node must stop serving. */
  readonly onDivergence: (reason: string) => void
}

export class ReplicaMember {
  readonly raft: Raft
  readonly leadership = new Leadership()
  readonly appliedMembership: AppliedMembership
  readonly #deps: MemberDeps
  readonly #log: ReplicaLog
  readonly #loop: ReplicaLoop
  readonly #apply: ApplyLoop
  readonly #proposing: Proposing
  readonly #phases: WritePhases
  readonly #sender: SnapshotSender
  readonly #receiver: SnapshotReceiver
  readonly #hashes: StateHashes
  readonly #cutter: LogCutter
  readonly #keeper: MembershipKeeper
  /** What onRole() was told last. */
  #seen: { role: string; term: Term; leader: MemberId | null } = { role: '', term: 0, leader: null }
  #membership: Membership | null = null

  constructor(deps: MemberDeps) {
    this.#deps = deps
    const { clock, identity, log, observer, options, random, schedule, state } = deps
    const { base, hardState } = log
    const commitIndex = Math.max(base.index, state.appliedIndex)
    this.#log = new ReplicaLog(log)
    this.raft = deps.createRaft(
      raftOptions(options, identity.memberId, random),
      { hardState, base, commitIndex },
      this.#log,
    )
    this.appliedMembership = new AppliedMembership(this.raft, deps)
    this.#loop = new ReplicaLoop({ raft: this.raft, log: this.#log, clock, observer, schedule, hooks: this.#hooks() })
    this.#apply = new ApplyLoop({
      state,
      log: this.#log,
      clock,
      observer,
      batchSizeBytesMax: options.messageSizeBytesMax,
      commitIndex: () => this.raft.commitIndex,
      onApplied: (entries, results) => this.#onApplied(entries, results),
      onFatal: deps.onFatal,
    })
    this.#phases = new WritePhases(deps)
    this.#proposing = this.#makeProposing()
    this.#sender = this.#makeSender()
    this.#receiver = this.#makeReceiver()
    this.#hashes = this.#makeHashes()
    this.#cutter = this.#makeCutter()
    this.#keeper = this.#makeKeeper()
  }

  /** Takes up work. A node that is its own quorum need not wait for anybody. */
  start(): void {
    const { members } = this.raft.status().membership
    const voters = members.filter((member) => member.role === 'voter')
    if (voters.length === 1 && voters[0]?.id === this.#deps.identity.memberId) this.raft.campaign()
    this.#loop.requestTurn()
  }

  tick(nowMs: number): void {
    this.#proposing.tick(nowMs)
    this.#keeper.tick(nowMs)
    if (!this.#keeper.isQuiet(nowMs)) this.#loop.tell((raft) => raft.tick())
  }

  /** Proposals or reads wait. */
  requestTurn(): void {
    this.#loop.requestTurn()
  }

  onMessage(from: PeerIdentity, message: PeerMessage): void {
    switch (message.type) {
      case 'Raft':
        this.#onRaftMessage(from, message.message)
        break
      case 'ProposeRequest':
        this.#proposing.onRequest(from, message)
        break
      case 'ProposeResponse':
        this.#proposing.onResponse(message)
        break
      case 'JoinRequest':
        this.#keeper.onJoinRequest(from, message)
        break
      case 'SnapshotChunk':
        this.#receiver.onChunk(from.memberId, message)
        break
      case 'SnapshotChunkAck':
        this.#sender.onAck(from.memberId, message)
        break
      case 'StateHash':
        this.#hashes.onStateHash(from.memberId, message)
        break
      default:
        break
    }
  }

  /** A leader says that this node is no member any more. */
  onRemovedNotice(from: PeerIdentity): void {
    this.#keeper.onRemovedNotice(from, this.#deps.clock.monotonicMs())
  }

  onDisconnect(raftAddress: string): void {
    this.#proposing.onDisconnect(raftAddress)
    this.#sender.onDisconnect(raftAddress)
  }

  status(): RaftStatus {
    return this.raft.status()
  }

  /** Since when (monotonic) the oldest disk operation is under way; null when none is. */
  get diskBusySinceMs(): number | null {
    const [flush, apply] = [this.#loop.flushingSinceMs, this.#apply.applyingSinceMs]
    return flush === null || apply === null ? (flush ?? apply) : Math.min(flush, apply)
  }

  /** Starts to hand leadership over, to `target` or to whoever is fit; false when nobody is. */
  transferLeadership(target?: MemberId): boolean {
    let isStarted = false
    this.#loop.tell((raft) => {
      isStarted = raft.transferLeadership(target)
    })
    return isStarted
  }

  changeMembership(change: MembershipChange): MembershipResult {
    let result: MembershipResult = { ok: false, reason: 'not_leader' }
    this.#loop.tell((raft) => {
      result = raft.proposeMembership(change)
    })
    return result
  }

  /** Ends all work. Resolves when nothing is read, written or streamed any more. */
  async stop(): Promise<void> {
    await this.#sender.stop()
    await this.#receiver.stop()
    await this.#apply.stop()
    await this.#loop.stop()
  }

  #onRaftMessage(from: PeerIdentity, message: Message): void {
    // InstallSnapshot is made here, from chunks; one from the network would announce data that is not staged.
    if (message.from !== from.memberId || message.type === 'InstallSnapshot') return
    if (message.type === 'AppendEntries') this.#keeper.onAppendEntries()
    else if (!this.#deps.addresses.isMember(from.memberId)) this.#keeper.onStrangersMessage(from)
    this.#loop.receive(message)
  }

  #hooks(): LoopHooks {
    return {
      send: (message) => this.#sendRaft(message),
      beforeEffects: () => {
        const nowMs = this.#deps.clock.monotonicMs()
        this.#proposing.submit(nowMs)
        const { reads } = this.#deps
        if (reads.isRoundDue(nowMs)) this.raft.readIndex(reads.startRound(nowMs))
      },
      onReadStates: (states) => this.#onReadStates(states),
      onSnapshotsToSend: (members) => members.forEach((member) => this.#sender.start(member)),
      onInstallSnapshot: (meta) => this.#installSnapshot(meta),
      afterEffects: () => {
        this.#noteChanges()
        this.#phases.advance(this.raft.role === 'leader', this.#log.durableIndex, this.raft.commitIndex)
        this.#apply.poke()
      },
      onFatal: (error) => this.#deps.onFatal(error),
    }
  }

  #sendRaft(message: Message): void {
    const { addresses, transport } = this.#deps
    const envelope: PeerMessage = { type: 'Raft', message }
    this.#sendTo(message.to, envelope)
    // Whoever it is not meant for drops it.
    const other = addresses.otherAddressOf(message.to)
    if (other !== undefined) transport.send(other, envelope)
  }

  #sendTo(member: MemberId, message: PeerMessage): boolean {
    const raftAddress = this.#deps.addresses.addressOf(member)
    return raftAddress !== undefined && this.#deps.transport.send(raftAddress, message)
  }

  #onReadStates(states: readonly ReadState[]): void {
    const { clock, options, reads, state } = this.#deps
    const nowMs = clock.monotonicMs()
    // Nobody confirms a read during an election: asking again at once would only spin.
    for (const readState of states) reads.onReadState(readState, nowMs, nowMs + options.heartbeatMs)
    reads.onApplied(state.appliedIndex)
    if (reads.isRoundDue(nowMs)) this.#loop.requestTurn()
  }

  #onApplied(entries: readonly Entry[], results: readonly ApplyResult[]): void {
    const { clock, proposals, reads, state } = this.#deps
    this.raft.applied(state.appliedIndex)
    const nowMs = clock.monotonicMs()
    this.appliedMembership.onApplied(entries, nowMs)
    this.#phases.applied(state.appliedIndex, nowMs)
    proposals.onApplied(entries, results, nowMs)
    reads.onApplied(state.appliedIndex)
    this.#hashes.onApplied()
    this.#cutter.onApplied(state.appliedIndex)
    if (proposals.hasQueued || this.raft.hasEffects()) this.#loop.requestTurn()
  }

  /** The state first, the log after it: a crash in between is repaired at start, see alignLogWithState(). */
  #installSnapshot(meta: SnapshotMeta): void {
    const { clock, logger, observer, proposals, reads } = this.#deps
    const incoming = this.#receiver.takeStaged()
    this.#apply.runBetweenBatches(async () => {
      await incoming.commit(meta)
      const received = this.#receiver.installed()
      this.raft.applied(meta.index)
      this.appliedMembership.onInstalled(meta.index, clock.monotonicMs())
      proposals.onInstalled(meta, clock.monotonicMs())
      reads.onApplied(meta.index)
      this.#loop.releaseFlushes()
      observer.onSnapshot({ direction: 'installed', ok: true, ...received })
      logger.info({ index: meta.index, term: meta.term }, 'snapshot installed')
    })
  }

  /** Tells observers and the address book what the turn changed. */
  #noteChanges(): void {
    const { addresses, logger, observer, transport } = this.#deps
    const { leader, role, term } = this.raft
    if (role !== this.#seen.role || term !== this.#seen.term || leader !== this.#seen.leader) {
      this.leadership.note({ role, term, leader }, this.#deps.clock.monotonicMs())
      if (role === 'preCandidate' && this.#seen.role !== role) observer.onElection()
      observer.onRole({ role, term, leader: leader === null ? null : nodeIdOf(leader) })
      logger.info({ role, term, leader }, 'role')
      this.#seen = { role, term, leader }
    }
    const membership = this.raft.membershipAt(this.#log.lastIndex)
    if (membership === this.#membership) return
    this.#membership = membership
    observer.onMembership(membership)
    for (const raftAddress of addresses.setMembership(membership)) transport.disconnect(raftAddress)
  }

  #makeProposing(): Proposing {
    const { addresses, clock, identity, observer, options, proposals, random, transport, versions } = this.#deps
    return new Proposing({
      raft: this.raft,
      self: identity.memberId,
      proposals,
      phases: this.#phases,
      addresses,
      versions,
      clock,
      observer,
      options,
      firstRequestId: random.int(FIRST_ID_MAX),
      send: (raftAddress, message) => transport.send(raftAddress, message),
      requestTurn: () => this.#loop.requestTurn(),
    })
  }

  #makeSender(): SnapshotSender {
    const { addresses, clock, logger, observer, options, random, state } = this.#deps
    return new SnapshotSender({
      state,
      clock,
      logger,
      observer,
      chunkSizeBytes: options.snapshotChunkSizeBytes,
      firstTransferId: random.int(FIRST_ID_MAX),
      send: (to, message) => this.#sendTo(to, message),
      addressOf: (member) => addresses.addressOf(member),
      leaderTerm: () => (this.raft.role === 'leader' ? this.raft.term : null),
      membershipAt: (index) => this.raft.membershipAt(index),
      onFinished: (member, ok) => this.#loop.tell((raft) => raft.snapshotFinished(member, ok)),
    })
  }

  #makeReceiver(): SnapshotReceiver {
    const { identity } = this.#deps
    return new SnapshotReceiver({
      ...this.#deps,
      send: (to, ack) => void this.#sendTo(to, ack),
      offer: (from, term, snapshot) =>
        this.#loop.stepNow({ type: 'InstallSnapshot', from, to: identity.memberId, term, snapshot }),
    })
  }

  #makeHashes(): StateHashes {
    const { identity, logger, onDivergence, options, state } = this.#deps
    return new StateHashes({
      state,
      intervalEntries: options.stateHashIntervalEntries,
      self: identity.memberId,
      leader: () => this.raft.leader,
      isLeader: () => this.raft.role === 'leader',
      voters: () => this.#members().flatMap(({ id, role }) => (role === 'voter' ? [id] : [])),
      send: (to, message) => void this.#sendTo(to, message),
      broadcast: (message) => {
        for (const { id } of this.#members()) if (id !== identity.memberId) this.#sendTo(id, message)
      },
      onDispute: (index) =>
        logger.error(
          { index },
          'the states of members differ, and too few answer to tell which is right: start the others',
        ),
      onMismatch: ({ index, majority, own }) =>
        onDivergence(`its state at index ${index} has the hash ${own}, that of most members ${majority}`),
    })
  }

  #members(): readonly Member[] {
    return this.raft.status().membership.members
  }

  #makeCutter(): LogCutter {
    const { clock, logger, observer, options, state } = this.#deps
    return new LogCutter({
      log: this.#log,
      state,
      clock,
      logger,
      observer,
      limits: options,
      membershipAt: (index) => this.raft.membershipAt(index),
      neededAfter: () => Math.min(lowestMatchIndex(this.raft.status().peers.values()), this.#sender.lowestIndex()),
      runBetweenBatches: (task) => this.#apply.runBetweenBatches(task),
    })
  }

  #makeKeeper(): MembershipKeeper {
    const { addresses, clock, clusterId, identity, logger, options, transport } = this.#deps
    return new MembershipKeeper({
      raft: this.raft,
      clock,
      logger,
      identity,
      options,
      clusterId,
      send: (raftAddress, message) => transport.send(raftAddress, message),
      addressOf: (member) => addresses.addressOf(member),
      requestTurn: () => this.#loop.requestTurn(),
    })
  }
}
