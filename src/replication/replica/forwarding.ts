// Proposals on their way between a follower and its leader: the follower hands over what its callers proposed in batches, the
// leader answers with the results of applying them.
import { InsiError } from '../../base/errors.ts'
import { FIRST_COMMAND_VERSION, versionOfCommand } from '../membership/command-versions.ts'
import type { ApplyResult } from '../ports.ts'
import type { PeerMessage, ProposeRequest, ProposeResponse } from '../peer-messages.ts'
import { noLeader, outcomeUnknown } from '../proposals.ts'
import type { Proposal, Proposals, ProposalSink } from '../proposals.ts'
import { WRITE_PHASES } from '../write-phases.ts'
import type { TracedWrite, WritePhase } from '../write-phases.ts'

/** Commands in one ProposeRequest. */
const FORWARD_BATCH_ENTRIES_MAX = 1_024
/** Requests to one leader that may be unanswered; what is proposed meanwhile shares the next one. */
const REQUESTS_PER_LEADER_MAX = 16

/** Refusals that prove that nothing was applied and that another leader, or the same one a little later, may accept. */
const RETRYABLE = new Set(['NO_LEADER', 'NODE_STOPPING'])

interface Request {
  readonly raftAddress: string
  readonly batch: readonly Proposal[]
  readonly sentMs: number
}

export interface ForwarderOptions {
  readonly messageSizeBytesMax: number
  readonly proposalTimeoutMs: number
  /** Pause after a refusal, for this node to learn of the new leader. */
  readonly refusalPauseMs: number
  /** How long an earlier leader may still answer once another one is known. */
  readonly lostLeaderMs: number
  /** Sends to a peer; false when the message certainly did not leave. */
  readonly send: (raftAddress: string, message: PeerMessage) => boolean
  /** So many proposals were handed over. */
  readonly onForwarded: (proposalCount: number) => void
}

/** The follower's side. */
export class Forwarder {
  readonly #proposals: Proposals
  readonly #options: ForwarderOptions
  /** Unanswered requests, oldest first. */
  readonly #requests = new Map<number, Request>()
  #nextRequestId: number
  #pausedUntilMs = 0
  /** The leader known last. */
  #leader = { raftAddress: '', sinceMs: 0 }

  constructor(proposals: Proposals, options: ForwarderOptions, firstRequestId: number) {
    this.#proposals = proposals
    this.#options = options
    this.#nextRequestId = firstRequestId
  }

  /** Hands queued proposals over to the leader at `raftAddress`. Commands of other nodes go back to them instead. */
  forward(raftAddress: string, nowMs: number): void {
    this.noteLeader(raftAddress, nowMs)
    // Requests that an earlier leader took with it do not count.
    let unansweredCount = this.#unansweredCount(raftAddress)
    while (this.#proposals.hasQueued && unansweredCount < REQUESTS_PER_LEADER_MAX && nowMs >= this.#pausedUntilMs) {
      const taken = this.#proposals.take(FORWARD_BATCH_ENTRIES_MAX, this.#options.messageSizeBytesMax)
      const batch = taken.filter((proposal) => proposal.origin === 'local')
      for (const proposal of taken) if (proposal.origin === 'peer') this.#proposals.reject(proposal, noLeader())
      if (batch.length === 0) continue
      const requestId = this.#nextRequestId++
      const commands = batch.map((proposal) => proposal.command)
      const traced = batch.some((proposal) => proposal.trace !== null)
      if (!this.#options.send(raftAddress, { type: 'ProposeRequest', requestId, commands, traced })) {
        this.#proposals.putBack(batch)
        this.#pausedUntilMs = nowMs + this.#options.refusalPauseMs
        return
      }
      for (const proposal of batch) {
        proposal.state = 'sent'
        proposal.trace?.onPhase('queue', nowMs - proposal.submittedMs)
      }
      this.#options.onForwarded(batch.length)
      this.#requests.set(requestId, { raftAddress, batch, sentMs: nowMs })
      unansweredCount++
    }
  }

  onResponse(response: ProposeResponse, nowMs: number): void {
    const request = this.#requests.get(response.requestId)
    if (request === undefined) return
    this.#requests.delete(response.requestId)
    if ('results' in response) {
      const { phasesMs, results } = response
      request.batch.forEach((proposal, slot) => {
        proposal.trace?.onHop(nowMs - request.sentMs, phasesMs)
        if (slot < results.length) this.#proposals.resolve(proposal, results[slot])
        else this.#proposals.reject(proposal, outcomeUnknown('the leader left a result out'))
      })
      return
    }
    const { code, message, outcomeUnknown: isUnknown } = response.error
    if (!isUnknown && RETRYABLE.has(code)) {
      this.#pausedUntilMs = nowMs + this.#options.refusalPauseMs
      this.#proposals.putBack(request.batch.filter((proposal) => proposal.state === 'sent'))
      return
    }
    if (code === 'UPGRADE_PENDING') {
      this.#rejectNewer(request.batch, new InsiError(code, message))
      return
    }
    for (const proposal of request.batch) {
      this.#proposals.reject(proposal, isUnknown ? outcomeUnknown(message) : new InsiError(code, message))
    }
  }

  /** The leader took nothing of `batch`, because some of it is too new for a member. */
  #rejectNewer(batch: readonly Proposal[], error: InsiError): void {
    const sent = batch.filter((proposal) => proposal.state === 'sent')
    const isNewer = ({ command }: Proposal): boolean => versionOfCommand(command) > FIRST_COMMAND_VERSION
    this.#proposals.putBack(sent.filter((proposal) => !isNewer(proposal)))
    for (const proposal of sent) if (isNewer(proposal)) this.#proposals.reject(proposal, error)
  }

  /** The connection to `raftAddress` is gone: whether its requests arrived is unknown. */
  onDisconnect(raftAddress: string): void {
    for (const [requestId, request] of this.#requests) {
      if (request.raftAddress !== raftAddress) continue
      this.#requests.delete(requestId)
      for (const proposal of request.batch) {
        this.#proposals.reject(proposal, outcomeUnknown('the connection to the leader was lost'))
      }
    }
  }

  #unansweredCount(raftAddress: string): number {
    let count = 0
    for (const request of this.#requests.values()) if (request.raftAddress === raftAddress) count++
    return count
  }

  /** The node at `raftAddress`, this one perhaps, leads. */
  noteLeader(raftAddress: string, nowMs: number): void {
    if (raftAddress !== this.#leader.raftAddress) this.#leader = { raftAddress, sinceMs: nowMs }
  }

  /**
   * Gives up requests that took too long, so that lost ones do not occupy a place for ever, and those to an earlier leader that
   * is silent: whoever wrote shall not wait until its connection is found dead.
   */
  expire(nowMs: number): void {
    const { lostLeaderMs, proposalTimeoutMs } = this.#options
    for (const [requestId, { batch, raftAddress, sentMs }] of this.#requests) {
      const isLost =
        raftAddress !== this.#leader.raftAddress && nowMs - Math.max(sentMs, this.#leader.sinceMs) >= lostLeaderMs
      if (!isLost && nowMs - sentMs < proposalTimeoutMs) continue
      this.#requests.delete(requestId)
      for (const proposal of batch) this.#proposals.reject(proposal, outcomeUnknown('the leader did not answer'))
    }
  }
}

/** The leader's side of one request: collects the fates of its commands and answers once all are known. */
export class ForwardedBatch implements ProposalSink, TracedWrite {
  readonly #requestId: number
  readonly #respond: (response: ProposeResponse) => void
  readonly #results: ApplyResult[]
  readonly #phasesMs: number[] = []
  #openCount: number
  #appliedCount = 0
  #failure: InsiError | null = null
  #isUnknown = false

  constructor(request: ProposeRequest, respond: (response: ProposeResponse) => void) {
    this.#requestId = request.requestId
    this.#respond = respond
    this.#openCount = request.commands.length
    this.#results = Array.from<ApplyResult>({ length: request.commands.length })
  }

  applied(slot: number, result: ApplyResult): void {
    this.#results[slot] = result
    this.#appliedCount++
    this.#close()
  }

  failed(_slot: number, error: InsiError): void {
    this.#failure ??= error
    if (error.code === 'OUTCOME_UNKNOWN') this.#isUnknown = true
    this.#close()
  }

  /** Of the slowest command: all of them wait for it. */
  onPhase(phase: WritePhase, durationMs: number): void {
    WRITE_PHASES.forEach((name, at) => {
      this.#phasesMs[at] = Math.max(this.#phasesMs[at] ?? 0, name === phase ? durationMs : 0)
    })
  }

  /** Who leads hands nothing over. */
  onHop(): void {}

  #close(): void {
    this.#openCount--
    if (this.#openCount > 0) return
    if (this.#failure === null) {
      const requestId = this.#requestId
      this.#respond({ type: 'ProposeResponse', requestId, results: this.#results, phasesMs: this.#phasesMs })
      return
    }
    // The answer is one for all commands: when some were applied, "failed" would be wrong for those.
    this.#respond(refusal(this.#requestId, this.#failure, this.#isUnknown || this.#appliedCount > 0))
  }
}

/** Refuses a whole request. */
export function refusal(requestId: number, error: InsiError, isUnknown = false): ProposeResponse {
  const { code, message } = error
  return { type: 'ProposeResponse', requestId, error: { code, message, outcomeUnknown: isUnknown } }
}
