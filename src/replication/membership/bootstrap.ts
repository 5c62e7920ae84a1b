// How a node starts that belongs to no cluster yet: it begins one only on positive evidence that there is none, otherwise it asks to
// join. Silence is no evidence: a default leader that lost its disk and hears nobody waits, and finds its cluster once it does.
import { unreachable } from '../../base/assert.ts'
import { delay } from '../../base/clock.ts'
import type { Clock } from '../../base/clock.ts'
import { InsiError, messageOf } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'
import type { Random } from '../../base/random.ts'
import { encodeMembership } from '../../raft/membership.ts'
import type { Entry, HardState } from '../../raft/types.ts'
import { askToJoin, obstacleOf } from './join.ts'
import type { DurableLog, StateMachine } from '../ports.ts'
import type { ProbeResponse } from '../peer-messages.ts'
import type { ConfiguredPeer, ReplicaIdentity, ReplicaOptions } from '../replica-options.ts'
import type { PeerRequests } from '../peer-requests.ts'

const PROBE_TIMEOUT_MS = 500
/** A majority is enough, but a node that starts at the same time and has data gets this long to say so. */
const MAJORITY_PATIENCE_MS = 3_000
/** The others wait for the default leader, which therefore asks more often than they do. */
const BOOTSTRAP_PAUSE_MS_MAX = 1_000
/** A reason to wait that stays the same is logged again after this time. */
const REMINDER_INTERVAL_MS = 10_000

/** What a peer answered, and where. */
export interface PeerAnswer {
  readonly raftAddress: string
  readonly response: ProbeResponse
}

export interface StartSituation {
  /** The default leader. */
  readonly mayBootstrap: boolean
  /** Every other node of the configuration. */
  readonly peers: readonly ConfiguredPeer[]
  /** The cluster that the identity marker names: it exists, whoever answers. Null: there is no marker. */
  readonly markedClusterId: string | null
  /** For how long a majority has said that it belongs to no cluster. */
  readonly majorityForMs: number
}

export type StartDecision =
  /** `silent`: nodes that did not answer, and may have belonged to a cluster for all that is known. */
  | { readonly type: 'bootstrap'; readonly silent: readonly string[] }
  | { readonly type: 'join'; readonly clusterId: string; readonly raftAddresses: readonly string[] }
  /** `reason` also says what would end the wait; `hasMajority`: nothing but a moment's patience. */
  | { readonly type: 'wait'; readonly reason: string; readonly hasMajority: boolean }

/** What to do after a round of questions that gave `answers`. Pure. */
export function decideStart(answers: readonly PeerAnswer[], situation: StartSituation): StartDecision {
  const { markedClusterId } = situation
  const clusterIds = [...new Set(answers.map((answer) => answer.response.clusterId).filter((id) => id !== null))]
  const [clusterId] = clusterIds
  if (clusterIds.length > 1) {
    return wait(
      `the nodes that answer belong to different clusters, ${clusterIds.toSorted().join(' and ')}: stop those that do not belong here, or give them an empty data directory`,
    )
  }
  if (clusterId === undefined) return decideWithoutCluster(answers, situation)
  if (markedClusterId !== null && markedClusterId !== clusterId) {
    return wait(
      `the nodes that answer belong to the cluster ${clusterId}, but the identity marker names ${markedClusterId}: correct the addresses in the configuration, or the marker`,
    )
  }
  const members = answers.filter((answer) => answer.response.clusterId === clusterId)
  const leaders = members
    .map((member) => member.response.leader?.raftAddress)
    .filter((address) => address !== undefined)
  const raftAddresses = [...new Set([...leaders, ...members.map((member) => member.raftAddress)])]
  return { type: 'join', clusterId, raftAddresses }
}

/** Nobody who answers belongs to a cluster. */
function decideWithoutCluster(answers: readonly PeerAnswer[], situation: StartSituation): StartDecision {
  const { majorityForMs, markedClusterId, mayBootstrap, peers } = situation
  if (markedClusterId !== null) {
    return wait(
      `the identity marker says that the cluster ${markedClusterId} exists, and no node that answers belongs to it: start the nodes that hold its data; only if all of it is lost for good, remove the marker`,
    )
  }
  if (!mayBootstrap) {
    return wait('no node that answers belongs to a cluster yet: the default leader begins one once most nodes run')
  }
  // A node that another one answers for, by a mistake in the configuration, says nothing about itself.
  const heard = peers.filter((peer) =>
    answers.some(({ raftAddress, response }) => raftAddress === peer.raftAddress && response.nodeId === peer.nodeId),
  )
  const configuredCount = peers.length + 1
  const neededCount = Math.floor(configuredCount / 2) + 1
  const silent = peers.filter((peer) => !heard.includes(peer)).map(({ nodeId }) => nodeId)
  const hasMajority = heard.length + 1 >= neededCount
  if (silent.length === 0 || (hasMajority && majorityForMs >= MAJORITY_PATIENCE_MS)) {
    return { type: 'bootstrap', silent }
  }
  if (hasMajority) return wait(`most nodes belong to no cluster; ${silent.join(', ')} may still say otherwise`, true)
  return wait(
    `this node has an empty data directory and begins no cluster, because there may be one already: ${neededCount} of the ${configuredCount} configured nodes, itself included, must say that they belong to none, and ${silent.join(', ')} did not answer. Start them, or remove from the configuration what does not exist`,
  )
}

function wait(reason: string, hasMajority = false): StartDecision {
  return { type: 'wait', reason, hasMajority }
}

export interface StartDeps {
  readonly identity: ReplicaIdentity
  readonly options: ReplicaOptions
  readonly requests: PeerRequests
  /** Every other node, as the configuration says now. */
  readonly peers: () => readonly ConfiguredPeer[]
  readonly clock: Clock
  readonly random: Random
  readonly logger: Log
  /** See ReplicaDeps. */
  readonly readMarker: () => Promise<string | null>
  /** Why the node is no member yet. */
  readonly onObstacle: (reason: string) => void
  /** Aborts the wait for a cluster. */
  readonly signal: AbortSignal
}

export type StartOutcome = { readonly type: 'bootstrapped' | 'joined'; readonly clusterId: string }

/** Asks peers until this node may act as a member. Tries for ever, with back-off; rejects only when `signal` aborts. */
export async function findCluster(deps: StartDeps): Promise<StartOutcome> {
  const { clock, options, random, requests, signal } = deps
  const { mayBootstrap, retryMinMs } = options
  const pauseMsMax = mayBootstrap ? Math.min(BOOTSTRAP_PAUSE_MS_MAX, options.retryMaxMs) : options.retryMaxMs
  const remind = reminder(deps)
  let pauseMs = retryMinMs
  let majoritySinceMs: number | null = null
  for (;;) {
    const peers = deps.peers()
    const answers = await probePeers(requests, peers)
    signal.throwIfAborted()
    const nowMs = clock.monotonicMs()
    const decision = await decide(deps, peers, answers, majoritySinceMs === null ? 0 : nowMs - majoritySinceMs)
    majoritySinceMs = decision.type === 'wait' && decision.hasMajority ? (majoritySinceMs ?? nowMs) : null
    signal.throwIfAborted()
    switch (decision.type) {
      case 'bootstrap':
        warnOfSilent(deps, decision.silent)
        return { type: 'bootstrapped', clusterId: random.uuid() }
      case 'join': {
        const outcome = await askToJoin(deps, decision)
        if (outcome === 'admitted') return { type: 'joined', clusterId: decision.clusterId }
        if (outcome === 'in_progress') pauseMs = retryMinMs
        const obstacle = obstacleOf(outcome, deps.identity.nodeId, decision.clusterId)
        if (outcome === 'duplicate_node' || outcome === 'no_leader') remind(obstacle)
        else deps.onObstacle(obstacle)
        break
      }
      case 'wait':
        remind(decision.reason)
        break
      default:
        unreachable(decision)
    }
    await delay(clock, pauseMs + random.int(Math.ceil(pauseMs / 2) + 1), signal)
    pauseMs = Math.min(pauseMsMax, pauseMs * 2)
  }
}

async function decide(
  deps: StartDeps,
  peers: readonly ConfiguredPeer[],
  answers: readonly PeerAnswer[],
  majorityForMs: number,
): Promise<StartDecision> {
  const { mayBootstrap } = deps.options
  try {
    return decideStart(answers, { mayBootstrap, peers, majorityForMs, markedClusterId: await deps.readMarker() })
  } catch (error) {
    return wait(`the identity marker cannot be read: ${messageOf(error)}`)
  }
}

/** A majority may have lost its data: then the others hold an older cluster, which this one is about to compete with. */
function warnOfSilent({ logger }: StartDeps, silent: readonly string[]): void {
  if (silent.length === 0) return
  const hint =
    'if they have data, stop this node, empty its data directory and start them; an identity marker prevents this'
  logger.warn({ silent, hint }, 'founding a cluster although some nodes did not answer')
}

/** Tells why the node waits: at once when the reason is new, and again now and then. */
function reminder({ clock, logger, onObstacle }: StartDeps): (reason: string) => void {
  let told = ''
  let nextMs = 0
  return (reason) => {
    onObstacle(reason)
    const nowMs = clock.monotonicMs()
    if (reason === told && nowMs < nextMs) return
    told = reason
    nextMs = nowMs + REMINDER_INTERVAL_MS
    logger.warn({ reason }, 'waiting for a cluster')
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
