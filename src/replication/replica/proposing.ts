// Takes proposals to whoever leads: to the core of this node, or to the leader's node; and takes in what other nodes hand over.
import type { Raft } from '../../raft/raft.ts'
import type { MemberId } from '../../raft/types.ts'
import type { Clock } from '../../base/clock.ts'
import { FIRST_COMMAND_VERSION, upgradePending, versionOfCommand } from '../membership/command-versions.ts'
import type { CommandVersions } from '../membership/command-versions.ts'
import type { PeerMessage, ProposeRequest, ProposeResponse } from '../peer-messages.ts'
import type { PeerIdentity } from '../ports.ts'
import { noLeader, overloaded } from '../proposals.ts'
import type { Proposal, Proposals } from '../proposals.ts'
import { ForwardedBatch, Forwarder, refusal } from './forwarding.ts'
import type { ReplicaObserver } from '../replica-observer.ts'
import type { ReplicaOptions } from '../replica-options.ts'
import type { AddressBook } from '../membership/peers.ts'
import type { WritePhases } from '../write-phases.ts'

/** Proposals in one call of the core. */
const BATCH_ENTRIES_MAX = 1_024

export interface ProposingDeps {
  readonly raft: Raft
  readonly proposals: Proposals
  readonly phases: WritePhases
  readonly addresses: AddressBook
  readonly versions: CommandVersions
  readonly clock: Clock
  readonly observer: ReplicaObserver
  readonly options: ReplicaOptions
  readonly self: MemberId
  readonly firstRequestId: number
  readonly send: (raftAddress: string, message: PeerMessage) => boolean
  readonly requestTurn: () => void
}

export class Proposing {
  readonly #deps: ProposingDeps
  readonly #forwarder: Forwarder

  constructor(deps: ProposingDeps) {
    this.#deps = deps
    const { firstRequestId, observer, options, proposals, send } = deps
    const { electionTimeoutMs, heartbeatMs: refusalPauseMs, messageSizeBytesMax, proposalTimeoutMs } = options
    const onForwarded = (proposalCount: number): void => observer.onForwarded(proposalCount)
    const waits = { proposalTimeoutMs, refusalPauseMs, lostLeaderMs: electionTimeoutMs }
    const forwarding = { messageSizeBytesMax, ...waits, send, onForwarded }
    this.#forwarder = new Forwarder(proposals, forwarding, firstRequestId)
  }

  /** Hands queued proposals on. Called once a turn. */
  submit(nowMs: number): void {
    const { addresses, proposals, raft } = this.#deps
    if (!proposals.hasQueued) return
    if (raft.role === 'leader') {
      this.#proposeQueued(nowMs)
      return
    }
    proposals.isHeldBack = false
    const { leader } = raft
    const raftAddress = leader === null ? undefined : addresses.addressOf(leader)
    if (raftAddress !== undefined) this.#forwarder.forward(raftAddress, nowMs)
  }

  /** A follower hands commands over. Refused at once by a node that does not lead: the follower knows better soon. */
  onRequest(from: PeerIdentity, request: ProposeRequest): void {
    const { clock, proposals, raft, requestTurn, send } = this.#deps
    const { commands, requestId } = request
    const respond = (response: PeerMessage): void => void send(from.raftAddress, response)
    const sizeBytes = commands.reduce((sum, command) => sum + command.length, 0)
    if (raft.role !== 'leader') respond(refusal(requestId, noLeader()))
    else if (!proposals.hasRoom(commands.length, sizeBytes)) respond(refusal(requestId, overloaded()))
    // The answer is one for all commands: the follower repeats those that are not too new.
    else if (commands.some((command) => !this.#isUnderstood(command))) respond(refusal(requestId, upgradePending()))
    else if (commands.length > 0) {
      const batch = new ForwardedBatch(request, respond)
      const nowMs = clock.monotonicMs()
      const trace = request.traced ? batch : null
      commands.forEach((command, slot) => proposals.submit(command, batch, slot, 'peer', nowMs, trace))
      requestTurn()
    }
  }

  onResponse(response: ProposeResponse): void {
    this.#forwarder.onResponse(response, this.#deps.clock.monotonicMs())
    this.#deps.requestTurn()
  }

  onDisconnect(raftAddress: string): void {
    this.#forwarder.onDisconnect(raftAddress)
  }

  tick(nowMs: number): void {
    const { addresses, options, raft, self } = this.#deps
    const { leader } = raft
    const raftAddress =
      leader === self ? options.raftAddress : leader === null ? undefined : addresses.addressOf(leader)
    if (raftAddress !== undefined) this.#forwarder.noteLeader(raftAddress, nowMs)
    this.#forwarder.expire(nowMs)
  }

  /** Every member can apply it. */
  #isUnderstood(command: Uint8Array): boolean {
    const version = versionOfCommand(command)
    if (version === FIRST_COMMAND_VERSION) return true
    const { options, raft, self, versions } = this.#deps
    const others = raft.status().membership.members.flatMap(({ id }) => (id === self ? [] : [id]))
    return version <= Math.min(options.commandVersion, versions.lowestOf(others))
  }

  /** Rejects what is too new for a member. */
  #withoutNewer(taken: readonly Proposal[]): readonly Proposal[] {
    if (taken.every(({ command }) => this.#isUnderstood(command))) return taken
    return taken.filter((proposal) => {
      const isUnderstood = this.#isUnderstood(proposal.command)
      if (!isUnderstood) this.#deps.proposals.reject(proposal, upgradePending())
      return isUnderstood
    })
  }

  #proposeQueued(nowMs: number): void {
    const { observer, options, phases, proposals, raft } = this.#deps
    while (proposals.hasQueued) {
      const taken = proposals.take(BATCH_ENTRIES_MAX, options.messageSizeBytesMax)
      if (taken.length === 0) return
      const batch = this.#withoutNewer(taken)
      if (batch.length === 0) continue
      const commands = batch.map((proposal) => proposal.command)
      const result = raft.propose(commands)
      proposals.isHeldBack = !result.ok && result.reason === 'overloaded'
      if (!result.ok) {
        proposals.putBack(batch)
        return
      }
      const sizeBytes = commands.reduce((sum, command) => sum + command.length, 0)
      observer.onProposalBatch({ entryCount: batch.length, sizeBytes })
      proposals.logged(batch, result.index - batch.length + 1, result.term)
      phases.logged(batch, result.index, nowMs)
    }
  }
}
