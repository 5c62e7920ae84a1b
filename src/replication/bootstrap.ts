// How a node starts that belongs to no cluster yet: it bootstraps one only when it is the default leader and no peer belongs
// to one; otherwise it asks to join. Nobody bootstraps by accident: a wiped default leader finds its cluster and joins it.
import { unreachable } from '../base/assert.ts'
import { delay } from '../base/clock.ts'
import type { Clock } from '../base/clock.ts'
import { InsiError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { Random } from '../base/random.ts'
import { encodeMembership } from '../raft/membership.ts'
import type { Entry, HardState } from '../raft/types.ts'
import { askToJoin } from './join.ts'
import type { DurableLog, StateMachine } from './ports.ts'
import type { ProbeResponse } from './peer-messages.ts'
import type { ConfiguredPeer, ReplicaIdentity, ReplicaOptions } from './replica-options.ts'
import type { PeerRequests } from './replica-requests.ts'

/** Rounds of questions without a peer that belongs to a cluster before the default leader bootstraps. */
const PROBE_ROUNDS = 3
const PROBE_TIMEOUT_MS = 500

/** What a peer answered, and where. */
export interface PeerAnswer {
  readonly raftAddress: string
  readonly response: ProbeResponse
}

export type StartDecision =
  | { readonly type: 'bootstrap' }
  | { readonly type: 'join'; readonly clusterId: string; readonly raftAddresses: readonly string[] }
  | { readonly type: 'wait' }
  /** Peers belong to different clusters: joining either would be a guess. */
  | { readonly type: 'conflict'; readonly clusterIds: readonly string[] }

/** What to do after `roundCount` rounds, of which the newest gave `answers`. Pure. */
export function decideStart(
  answers: readonly PeerAnswer[],
  situation: { readonly mayBootstrap: boolean; readonly peerCount: number; readonly roundCount: number },
): StartDecision {
  const clusterIds = [...new Set(answers.map((answer) => answer.response.clusterId).filter((id) => id !== null))]
  const [clusterId] = clusterIds
  if (clusterIds.length > 1) return { type: 'conflict', clusterIds: clusterIds.toSorted() }
  if (clusterId !== undefined) {
    const members = answers.filter((answer) => answer.response.clusterId === clusterId)
    const leaders = members
      .map((member) => member.response.leader?.raftAddress)
      .filter((address) => address !== undefined)
    const raftAddresses = [...new Set([...leaders, ...members.map((member) => member.raftAddress)])]
    return { type: 'join', clusterId, raftAddresses }
  }
  const everybodyAnswered = answers.length === situation.peerCount
  const isBootstrapDue = everybodyAnswered || situation.roundCount >= PROBE_ROUNDS
  return situation.mayBootstrap && isBootstrapDue ? { type: 'bootstrap' } : { type: 'wait' }
}

export interface StartDeps {
  readonly identity: ReplicaIdentity
  readonly options: ReplicaOptions
  readonly requests: PeerRequests
  readonly clock: Clock
  readonly random: Random
  readonly logger: Log
  /** Aborts the wait for a cluster. */
  readonly signal: AbortSignal
}

export type StartOutcome = { readonly type: 'bootstrapped' | 'joined'; readonly clusterId: string }

/** Asks peers until this node may act as a member. Tries for ever, with back-off; rejects only when `signal` aborts. */
export async function findCluster(deps: StartDeps): Promise<StartOutcome> {
  const { clock, logger, options, random, requests, signal } = deps
  const { mayBootstrap, peers, retryMaxMs, retryMinMs } = options
  let pauseMs = retryMinMs
  for (let roundCount = 1; ; roundCount++) {
    const answers = await probePeers(requests, peers)
    signal.throwIfAborted()
    const decision = decideStart(answers, { mayBootstrap, peerCount: peers.length, roundCount })
    switch (decision.type) {
      case 'bootstrap':
        return { type: 'bootstrapped', clusterId: random.uuid() }
      case 'join': {
        const outcome = await askToJoin(deps, decision)
        if (outcome === 'admitted') return { type: 'joined', clusterId: decision.clusterId }
        if (outcome === 'in_progress') pauseMs = retryMinMs
        break
      }
      case 'conflict':
        logger.error({ clusterIds: decision.clusterIds }, 'peers belong to different clusters; waiting for an operator')
        break
      case 'wait':
        logger.info({ roundCount, answerCount: answers.length }, 'no peer belongs to a cluster yet')
        break
      default:
        unreachable(decision)
    }
    await delay(clock, pauseMs + random.int(Math.ceil(pauseMs / 2) + 1), signal)
    // The default leader asks in quick succession until it knows; everybody else waits for it with growing pauses.
    if (!mayBootstrap || roundCount >= PROBE_ROUNDS) pauseMs = Math.min(retryMaxMs, pauseMs * 2)
  }
}

/** Asks every peer what it belongs to. */
async function probePeers(requests: PeerRequests, peers: readonly ConfiguredPeer[]): Promise<PeerAnswer[]> {
  const answers: PeerAnswer[] = []
  await Promise.all(
    peers.map(async ({ raftAddress }) => {
      const response = await requests.ask(raftAddress, PROBE_TIMEOUT_MS, (requestId) => ({
        type: 'ProbeRequest',
        requestId,
      }))
      if (response?.type === 'ProbeResponse') answers.push({ raftAddress, response })
    }),
  )
  return answers
}

/**
 * Makes the log of a new cluster durable: its first entry is the membership of this node alone, so that every member reads the
 * same history. Repeatable until the identity remembers the cluster.
 */
export async function writeFirstEntry(log: DurableLog, identity: ReplicaIdentity, raftAddress: string): Promise<void> {
  const hardState: HardState = { term: 1, votedFor: null }
  if (log.lastIndex > 0) log.truncateFrom(1)
  const data = encodeMembership({ members: [{ id: identity.memberId, role: 'voter', raftAddress }] })
  const first: Entry = { index: 1, term: 1, kind: 'membership', data }
  log.append([first])
  await log.flush(hardState)
}

/** Clears what an interrupted bootstrap left: a joiner begins with an empty log. */
export async function clearFirstEntry(log: DurableLog): Promise<void> {
  if (log.lastIndex === 0) return
  log.truncateFrom(1)
  await log.flush(null)
}

/** A node without a cluster holds at most the first entry of an interrupted bootstrap. Throws InsiError IDENTITY_CORRUPT. */
export function assertFresh(log: DurableLog, state: StateMachine): void {
  if (log.base.index === 0 && log.lastIndex <= 1 && state.appliedIndex === 0) return
  throw new InsiError(
    'IDENTITY_CORRUPT',
    'the data directory holds data of a cluster, but the identity of the node is missing. Restore identity.json, or start ' +
      'the node with an empty data directory, so that it joins as a new member',
  )
}

/**
 * Brings log and state together after a crash in the middle of a snapshot's installation: the state is replaced first, the log
 * second. Throws InsiError LOG_CORRUPT when they differ in another way: one of them lost what it had made durable.
 */
export async function alignLogWithState(log: DurableLog, state: StateMachine): Promise<void> {
  const snapshot = state.installedSnapshot
  if (snapshot !== null && snapshot.index > log.base.index && log.termAt(snapshot.index) !== snapshot.term) {
    log.resetTo(snapshot)
    await log.flush(null)
  }
  const { appliedIndex } = state
  if (appliedIndex >= log.base.index && appliedIndex <= log.lastIndex) return
  throw new InsiError(
    'LOG_CORRUPT',
    `the log holds entries ${log.base.index + 1} to ${log.lastIndex}, but the state is at ${appliedIndex}: one of them lost ` +
      'data. Start the node with an empty data directory, so that it joins as a new member',
  )
}
