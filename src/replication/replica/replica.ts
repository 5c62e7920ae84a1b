// The replica of one node: the port that services use (propose, readBarrier, status) and the life of the node in its cluster,
// from a fresh data directory over joining or bootstrapping to an orderly stop.
import { asError, InsiError, messageOf } from '../../base/errors.ts'
import { delay } from '../../base/clock.ts'
import type { Timer } from '../../base/clock.ts'
import type { MemberId, MembershipChange, MembershipResult, RaftStatus } from '../../raft/types.ts'
import { ClusterAdmin } from '../membership/cluster-admin.ts'
import { CommandVersions } from '../membership/command-versions.ts'
import { alignLogWithState, assertFresh } from '../membership/bootstrap.ts'
import type { PeerMessage, ProbeResponse } from '../peer-messages.ts'
import type { PeerIdentity } from '../ports.ts'
import { callerSink } from '../proposal-outcome.ts'
import { overloaded, Proposals } from '../proposals.ts'
import { ReadBarriers } from '../reads.ts'
import { Joining } from './joining.ts'
import { ReplicaMember } from './member.ts'
import { tickTiming } from '../replica-options.ts'
import type { ConfiguredPeer, ReplicaDeps, ReplicaOptions } from '../replica-options.ts'
import { AddressBook, nodeIdOf } from '../membership/peers.ts'
import type { ReplicaLoad, ReplicaState } from './state.ts'
import { PeerRequests } from '../peer-requests.ts'
import { isServiceMessage, ServiceChannel } from './services.ts'
import { tracedWrite } from '../write-phases.ts'

/** On stop: how long leadership may take to change hands, and proposals under way to end. */
const STOP_TRANSFER_ELECTIONS = 3
const STOP_DRAIN_MS = 1_000
/** For which a leader that handed over still refuses what followers sent before they knew: silence would leave its fate open. */
const STOP_LINGER_HEARTBEATS = 2

const FIRST_ID_MAX = 2 ** 31

const QUARANTINE_REMEDY = 'stop the node, remove its data directory and start it again: it joins as a new member'

export class Replica {
  /** What services of different nodes say to each other. */
  readonly channel: ServiceChannel
  /** What operators ask and change, through any node. */
  readonly admin: ClusterAdmin
  readonly #deps: ReplicaDeps
  readonly #fatal: (error: Error) => void
  readonly #options: ReplicaOptions
  readonly #proposals: Proposals
  readonly #reads: ReadBarriers
  readonly #addresses: AddressBook
  #peers: readonly ConfiguredPeer[]
  readonly #versions = new CommandVersions()
  readonly #requests: PeerRequests
  readonly #stopSignal = new AbortController()
  #member: ReplicaMember | null = null
  #ticker: Timer | null = null
  readonly #joining: Joining
  /** Ends when the node is a member, has failed or stops. */
  #joined: Promise<void> = Promise.resolve()
  /** Why new work is refused; null while the node serves. */
  #refusal: InsiError | null = null
  #quarantined: string | null = null
  /** Ends when the quarantine is durable and the node takes no part in the cluster any more. */
  #isolated: Promise<void> = Promise.resolve()
  #hasFailed = false
  #stopping: Promise<void> | null = null

  constructor(deps: ReplicaDeps, options: ReplicaOptions) {
    const { clock, observer, random, transport } = deps
    this.#deps = { ...deps, onFatal: (error) => this.#fail(error) }
    this.#options = options
    this.#fatal = deps.onFatal
    this.#peers = options.peers
    this.#addresses = new AddressBook(options.peers)
    this.#proposals = new Proposals(options)
    this.#reads = new ReadBarriers({
      readTimeoutMs: options.readTimeoutMs,
      roundTimeoutMs: options.electionTimeoutMs,
      onRound: (round) => observer.onReadRound(round),
    })
    const send = (raftAddress: string, message: PeerMessage): boolean => transport.send(raftAddress, message)
    this.#requests = new PeerRequests(clock, send, 1 + random.int(FIRST_ID_MAX))
    const signal = this.#stopSignal.signal
    this.#joining = new Joining({ ...deps, options, requests: this.#requests, peers: () => this.#peers, signal })
    this.admin = this.#makeAdmin()
    this.channel = new ServiceChannel({
      memberId: () => deps.identity.memberId,
      member: () => (this.#refusal === null ? this.#member : null),
      addressOf: (member) => this.#addressOf(member),
      isMember: (member) => this.#addresses.isMember(member),
      send,
      schedule: deps.schedule,
    })
  }

  /**
   * Listens for peers and takes up work. Resolves without waiting for a cluster: until the node is a member its role is
   * `joining`. Rejects when log and state do not belong together or the transport cannot listen.
   */
  async start(): Promise<void> {
    const { clock, identity, log, state, transport } = this.#deps
    await this.#joining.checkMarker()
    if (identity.quarantined !== null) this.#serveNothing(identity.quarantined)
    else if (identity.clusterId === null) assertFresh(log, state)
    else await alignLogWithState(log, state)
    await transport.start({
      onMessage: (from, message) => this.#onMessage(from, message),
      onDisconnect: (raftAddress) => this.#onDisconnect(raftAddress),
    })
    if (identity.clusterId !== null) this.#becomeMember(identity.clusterId)
    else this.#joined = this.#findCluster()
    this.#ticker = clock.every(tickTiming(this.#options).tickMs, () => this.#tick())
  }

  /**
   * Replicates an encoded command and resolves with its apply result once it is committed and applied on the leader.
   * Rejects with InsiError: NO_LEADER, OVERLOADED, NODE_STOPPING, NODE_QUARANTINED (certainly not applied, safe to retry) or
   * OUTCOME_UNKNOWN (it may have been or may yet be applied).
   */
  propose(command: Uint8Array): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const { clock, observer } = this.#deps
      const sink = callerSink(observer, resolve, reject)
      if (this.#refusal !== null) sink.failed(0, this.#refusal)
      else if (!this.#proposals.hasRoom(1, command.length)) sink.failed(0, overloaded())
      else {
        this.#proposals.submit(command, sink, 0, 'local', clock.monotonicMs(), tracedWrite())
        this.#member?.requestTurn()
      }
    })
  }

  /**
   * Resolves once this node's state contains every write acknowledged before the call. Rejects with InsiError NO_LEADER,
   * READ_TIMEOUT, OVERLOADED, NODE_STOPPING or NODE_QUARANTINED.
   */
  readBarrier(): Promise<void> {
    if (this.#refusal !== null) return Promise.reject(this.#refusal)
    const passed = this.#reads.barrier(this.#deps.clock.monotonicMs())
    this.#member?.requestTurn()
    return passed
  }

  /** The durable term: for every answer, where status() would cost too much. */
  get term(): number {
    return this.#deps.log.hardState.term
  }

  status(): ReplicaState {
    const { identity, log, state } = this.#deps
    const raft = this.#member?.status()
    const { clusterId, memberId, nodeId } = identity
    return {
      nodeId,
      memberId,
      clusterId,
      role: raft?.role ?? 'joining',
      term: raft?.term ?? log.hardState.term,
      leader: raft === undefined ? null : this.#leaderOf(raft),
      commitIndex: raft?.commitIndex ?? 0,
      clusterCommitIndex: raft?.clusterCommitIndex ?? 0,
      appliedIndex: state.appliedIndex,
      lastIndex: log.lastIndex,
      quarantined: this.#quarantined,
      obstacle: this.#joining.obstacle,
      isBootstrapRefused: this.#joining.isBootstrapRefused,
      diskBusySinceMs: this.#member?.diskBusySinceMs ?? null,
    }
  }

  /** Proposes a change of the membership, as the leader; `ok` says that it stands in the log, not that it is committed. */
  changeMembership(change: MembershipChange): MembershipResult {
    if (this.#refusal !== null || this.#member === null) return { ok: false, reason: 'not_leader' }
    return this.#member.changeMembership(change)
  }

  /** Starts to hand leadership over, to `target` or to the most caught-up voter; false when that is not possible. */
  transferLeadership(target?: MemberId): boolean {
    return this.#refusal === null && this.#member?.transferLeadership(target) === true
  }

  /** The configuration names other peers, or the same at other addresses. Changes no membership. */
  setPeers(peers: readonly ConfiguredPeer[]): void {
    this.#peers = peers
    this.#addresses.setConfigured(peers)
  }

  /** What waits on this node, and how much its log holds. */
  load(): ReplicaLoad {
    const { firstIndex, lastIndex, sizeBytes } = this.#deps.log
    const { pendingCount: pendingProposalCount } = this.#proposals
    const { waiterCount: pendingReadCount } = this.#reads
    return {
      pendingProposalCount,
      pendingReadCount,
      logEntryCount: lastIndex - firstIndex + 1,
      logSizeBytes: sizeBytes,
    }
  }

  /** What the core knows of itself and, on a leader, of each other member; undefined while joining. */
  raftStatus(): RaftStatus | undefined {
    return this.#member?.status()
  }

  /**
   * Refuses new work, hands leadership over, waits (bounded) for proposals under way, and closes transport, log and state.
   * Never rejects: what cannot be closed in order is logged.
   */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async #stop(): Promise<void> {
    const { log, logger, state, transport } = this.#deps
    this.#refuse(new InsiError('NODE_STOPPING', 'the node is stopping'))
    this.#stopSignal.abort(this.#refusal)
    this.#requests.stop()
    await this.#joined
    await this.#isolated
    if (!this.#hasFailed) await this.#handOver()
    this.#ticker?.cancel()
    this.#rejectWaiting()
    for (const [part, close] of [
      ['member', () => this.#member?.stop()],
      ['transport', () => transport.close()],
      ['log', () => log.close()],
      ['state', () => state.close()],
    ] as const) {
      try {
        await close()
      } catch (error) {
        logger.error({ part, reason: messageOf(error) }, 'could not be closed in order')
      }
    }
  }

  /** Lets another member lead, and what is under way end. */
  async #handOver(): Promise<void> {
    const member = this.#member
    if (member === null || this.#quarantined !== null) return
    const hasLed = member.raft.role === 'leader'
    // Asked again and again: who was to take over may not have managed to, and another one can.
    await this.#waitUntil(
      () => member.raft.role !== 'leader' || !member.transferLeadership(),
      STOP_TRANSFER_ELECTIONS * this.#options.electionTimeoutMs,
    )
    if (hasLed && member.raft.role !== 'leader') {
      await this.#waitUntil(() => member.raft.leader !== null, this.#options.electionTimeoutMs)
      await delay(this.#deps.clock, STOP_LINGER_HEARTBEATS * this.#options.heartbeatMs)
    }
    await this.#waitUntil(() => this.#proposals.pendingCount === 0, STOP_DRAIN_MS)
  }

  async #waitUntil(isDone: () => boolean, timeoutMs: number): Promise<void> {
    const { clock } = this.#deps
    const { tickMs } = tickTiming(this.#options)
    const deadlineMs = clock.monotonicMs() + timeoutMs
    while (!isDone() && !this.#hasFailed && clock.monotonicMs() < deadlineMs) await delay(clock, tickMs)
  }

  /** Never rejects. */
  async #findCluster(): Promise<void> {
    try {
      this.#becomeMember(await this.#joining.run())
    } catch (error) {
      if (this.#stopSignal.signal.aborted) return
      this.#fail(asError(error))
    }
  }

  #becomeMember(clusterId: string): void {
    if (this.#stopSignal.signal.aborted || this.#quarantined !== null) return
    this.#member = new ReplicaMember({
      ...this.#deps,
      options: this.#options,
      clusterId,
      proposals: this.#proposals,
      reads: this.#reads,
      addresses: this.#addresses,
      versions: this.#versions,
      onDivergence: (reason) => this.#quarantine(reason),
    })
    this.#member.start()
  }

  #tick(): void {
    const nowMs = this.#deps.clock.monotonicMs()
    this.#proposals.expire(nowMs)
    this.#reads.expire(nowMs, (this.#member?.raft.leader ?? null) !== null)
    if (this.#quarantined === null) this.#member?.tick(nowMs)
  }

  #onMessage(from: PeerIdentity, message: PeerMessage): void {
    if (this.#hasFailed) return
    this.#addresses.heard(from)
    this.#versions.heard(from)
    switch (message.type) {
      case 'ProbeRequest':
        this.#deps.transport.send(from.raftAddress, this.#probeResponse(message.requestId))
        break
      case 'AdminRequest':
        this.admin.onRequest(from, message)
        break
      case 'ProbeResponse':
      case 'AdminResponse':
        this.#requests.onAnswer(message)
        break
      case 'JoinResponse':
        if (message.requestId !== 0) this.#requests.onAnswer(message)
        else if (!message.accepted && message.reason === 'removed') this.#member?.onRemovedNotice(from)
        break
      default:
        if (isServiceMessage(message)) this.channel.deliver(from, message)
        else if (this.#quarantined === null) this.#member?.onMessage(from, message)
    }
  }

  #makeAdmin(): ClusterAdmin {
    const { clock, identity, log, logger, transport } = this.#deps
    return new ClusterAdmin({
      clock,
      logger,
      identity,
      log,
      options: this.#options,
      requests: this.#requests,
      addresses: this.#addresses,
      raft: () => this.raftStatus(),
      addressOf: (member) => this.#addressOf(member),
      changeMembership: (change) => this.changeMembership(change),
      transferLeadership: (target) => this.transferLeadership(target),
      respond: (to, response) => void transport.send(to.raftAddress, response),
      refusal: () => this.#refusal,
    })
  }

  #onDisconnect(raftAddress: string): void {
    this.#requests.onDisconnect(raftAddress)
    this.#member?.onDisconnect(raftAddress)
  }

  #probeResponse(requestId: number): ProbeResponse {
    const { identity } = this.#deps
    const leaderId = this.#member?.raft.leader ?? null
    const raftAddress = leaderId === null ? undefined : this.#addressOf(leaderId)
    const leader = leaderId === null || raftAddress === undefined ? null : { memberId: leaderId, raftAddress }
    return { type: 'ProbeResponse', requestId, nodeId: identity.nodeId, clusterId: identity.clusterId, leader }
  }

  #leaderOf(raft: RaftStatus): ReplicaState['leader'] {
    if (raft.leader === null) return null
    return { nodeId: nodeIdOf(raft.leader), raftAddress: this.#addressOf(raft.leader) ?? '' }
  }

  #addressOf(memberId: string): string | undefined {
    if (memberId === this.#deps.identity.memberId) return this.#options.raftAddress
    return this.#addresses.addressOf(memberId)
  }

  /** The node's data cannot be trusted, now or after a restart. A leader lets another one take over first. */
  #quarantine(reason: string): void {
    if (this.#quarantined !== null) return
    this.#member?.transferLeadership()
    this.#serveNothing(reason)
    this.#isolated = this.#isolate(reason).catch((error: unknown) => this.#fail(asError(error)))
  }

  #serveNothing(reason: string): void {
    this.#quarantined = `${reason}; ${QUARANTINE_REMEDY}`
    this.#deps.logger.error({ reason, remedy: QUARANTINE_REMEDY }, 'this node is quarantined')
    this.#refuse(new InsiError('NODE_QUARANTINED', `the node is quarantined: ${reason}`))
    this.#rejectWaiting()
  }

  async #isolate(reason: string): Promise<void> {
    await this.#deps.identity.quarantine(reason)
    const member = this.#member
    this.#member = null
    await member?.stop()
  }

  #fail(error: Error): void {
    if (this.#hasFailed) return
    this.#hasFailed = true
    this.#deps.logger.error({ reason: error.message }, 'the node cannot go on')
    this.#refuse(new InsiError('NODE_STOPPING', 'the node has failed and stops'))
    this.#ticker?.cancel()
    this.#rejectWaiting()
    this.#fatal(error)
  }

  #refuse(error: InsiError): void {
    this.#refusal ??= error
  }

  #rejectWaiting(): void {
    const error = this.#refusal ?? new InsiError('NODE_STOPPING', 'the node is stopping')
    this.#proposals.rejectAll(error)
    this.#reads.rejectAll(error)
  }
}
