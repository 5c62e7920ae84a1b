// The cluster for administrators: who its members are, and one change of them at a time. Every call needs the root key.
import type { Readable } from 'node:stream'
import type { Quorum, StepOutcome, StepPlan } from '../contract/membership-plan.ts'
import type { TopologyFile } from '../contract/topology.ts'
import { routeNamed } from './http.ts'
import type { Fields, HttpClient } from './http.ts'
import { TIMEOUT_MS_DEFAULT } from './options.ts'
import type { CallOptions, ReadOptions } from './options.ts'
import { asList, asNumber, asObject, asText, asTexts } from './parse.ts'

export interface ClusterMember {
  /** `<node>/<incarnation>`. */
  readonly memberId: string
  readonly nodeId: string
  readonly incarnation: string
  readonly role: 'voter' | 'learner'
  /** A learner that stays one until it is promoted on purpose. */
  readonly demoted: boolean
  readonly raftAddress: string
  readonly leader: boolean
  /** Entries that the member lacks; null when there is no leader. */
  readonly lagEntries: number | null
  /** Whether the leader hears from it; null when there is no leader. */
  readonly active: boolean | null
}

export interface ClusterStatus {
  /** `degraded`: it works, and a voter is away. `no_quorum`: nothing can be written. */
  readonly state: 'ok' | 'degraded' | 'no_quorum'
  readonly clusterId: string | null
  readonly leader: string | null
  readonly term: number
  readonly commitIndex: number
  /** False while a change of the membership is under way. */
  readonly settled: boolean
  readonly quorum: Quorum
  readonly members: readonly ClusterMember[]
  /** Of the node that answered; null when it is of a release that has none. */
  readonly topology: NodeTopologyMark | null
}

interface NodeTopologyMark {
  readonly nodeId: string
  /** 0 when there is none. */
  readonly generation: number
  readonly hash: string | null
}

/** Which cluster.yaml a node goes by when it looks for its peers. */
export interface NodeTopology extends NodeTopologyMark {
  readonly source: 'file' | 'push'
  readonly nodes: readonly string[]
}

/** One change. `incarnation` is needed when a node has several; a transfer without `nodeId` goes to the best voter. */
export type ClusterStep =
  | { readonly action: 'add'; readonly nodeId: string; readonly raftAddress: string; readonly memberId?: string }
  | { readonly action: 'promote' | 'demote'; readonly nodeId: string; readonly incarnation?: string }
  | { readonly action: 'remove'; readonly nodeId: string; readonly incarnation?: string; readonly force?: boolean }
  | { readonly action: 'transfer'; readonly nodeId?: string }

export interface LeaveOutcome {
  /** The quorum survives the exit of the node. */
  readonly safe: boolean
  readonly leader: string | null
  readonly reason: string
}

export class Cluster {
  readonly #http: HttpClient

  constructor(http: HttpClient) {
    this.#http = http
  }

  /**
   * As the leader sees it. A node that is cut off, or was removed and does not know it, tells of no leader: then the others are
   * asked as well. When none knows one, what the first of them knows.
   */
  async status(options: CallOptions = {}): Promise<ClusterStatus> {
    const knowsLeader = (value: unknown): boolean => parseStatus(value).leader !== null
    return parseStatus(await this.#http.call(routeNamed('cluster.status'), {}, options, knowsLeader))
  }

  async members(options: CallOptions = {}): Promise<ClusterMember[]> {
    const answer = asObject(await this.#http.call(routeNamed('cluster.members'), {}, options), 'the answer')
    return asList(answer.members, 'members').map(parseMember)
  }

  /** Resolves once the change is committed. QUORUM_AT_RISK, CHANGE_PENDING, MEMBER_UNKNOWN, MEMBER_LEADS, MEMBER_NOT_READY … */
  async step(step: ClusterStep, options: CallOptions = {}): Promise<StepOutcome> {
    return this.#step(step, false, options)
  }

  /** What `step` would do; changes nothing. */
  async plan(step: ClusterStep, options: CallOptions = {}): Promise<StepPlan> {
    return (await this.#step(step, true, options)).plan
  }

  /** Resolves once the node is a voting member, adding it when it is none. JOIN_FAILED. */
  async join(nodeId: string, raftAddress: string, options: CallOptions = {}): Promise<void> {
    await this.#http.call(routeNamed('join'), { followerId: nodeId, followerAddr: raftAddress }, options)
  }

  /**
   * About the node that answers: hands its leadership over and waits until the quorum survives its exit, at most `waitMs`.
   * `safe` is false when the time was up first.
   */
  async leave(waitMs: number, options: CallOptions = {}): Promise<LeaveOutcome> {
    const timeoutMs = options.timeoutMs ?? waitMs + TIMEOUT_MS_DEFAULT
    const sent = this.#http.call(routeNamed('cluster.leaveGate'), { timeout_ms: waitMs }, { ...options, timeoutMs })
    const answer = asObject(await sent, 'the answer')
    return {
      safe: answer.safe === true,
      leader: textOrNull(answer.leader, 'leader'),
      reason: asText(answer.reason, 'reason'),
    }
  }

  /** About the node that answers. */
  async topology(options: CallOptions = {}): Promise<NodeTopology> {
    const answer = await this.#http.call(routeNamed('cluster.topology', 'GET'), {}, options)
    const { nodes, source } = asObject(answer, 'the answer')
    return {
      ...parseTopology(answer),
      source: oneOf(source, ['file', 'push'], 'file'),
      nodes: asTexts(nodes, 'nodes'),
    }
  }

  /** Tells the node that answers where its peers are. Resolves with false when it knew. TOPOLOGY_INVALID, TOPOLOGY_CONFLICT. */
  async pushTopology({ body, generation, hash }: TopologyFile, options: CallOptions = {}): Promise<boolean> {
    const sent = this.#http.call(routeNamed('cluster.topologyPush', 'PUT'), { generation, hash, body }, options)
    return asObject(await sent, 'the answer').changed === true
  }

  /**
   * A backup of the whole state with everything that was acknowledged before the call. Resolves with its bytes as they come, to
   * be read to their end or destroyed; they are whole only if BackupReader finds them so. BACKUP_UNDER_WAY.
   */
  async backup(options: ReadOptions = {}): Promise<Readable> {
    return this.#http.open(routeNamed('cluster.backup'), {}, options)
  }

  async #step(step: ClusterStep, planOnly: boolean, options: CallOptions): Promise<StepOutcome> {
    const fields = { ...fieldsOf(step), plan: planOnly }
    const answer = asObject(await this.#http.call(routeNamed(`cluster.${step.action}`), fields, options), 'the answer')
    return { changed: answer.changed === true, plan: parsePlan(answer.plan) }
  }
}

export function parseStatus(value: unknown): ClusterStatus {
  const status = asObject(value, 'the status')
  return {
    state: oneOf(status.state, ['ok', 'degraded', 'no_quorum'], 'no_quorum'),
    clusterId: textOrNull(status.cluster_id, 'cluster_id'),
    leader: textOrNull(status.leader, 'leader'),
    term: asNumber(status.term, 'term'),
    commitIndex: asNumber(status.commit_index, 'commit_index'),
    settled: status.settled === true,
    quorum: parseQuorum(status.quorum),
    members: asList(status.members, 'members').map(parseMember),
    topology: status.topology === undefined ? null : parseTopology(status.topology),
  }
}

function parseTopology(value: unknown): NodeTopologyMark {
  const topology = asObject(value, 'topology')
  return {
    nodeId: asText(topology.node_id, 'node_id'),
    generation: asNumber(topology.generation, 'generation'),
    hash: textOrNull(topology.hash, 'hash'),
  }
}

function fieldsOf(step: ClusterStep): Fields {
  switch (step.action) {
    case 'add':
      return { node_id: step.nodeId, raft_address: step.raftAddress, member_id: step.memberId }
    case 'transfer':
      return { target: step.nodeId }
    case 'remove':
      return { node_id: step.nodeId, incarnation: step.incarnation, force: step.force }
    default:
      return { node_id: step.nodeId, incarnation: step.incarnation }
  }
}

function parseMember(value: unknown): ClusterMember {
  const member = asObject(value, 'member')
  return {
    memberId: asText(member.member_id, 'member_id'),
    nodeId: asText(member.node_id, 'node_id'),
    incarnation: asText(member.incarnation, 'incarnation'),
    role: oneOf(member.role, ['voter', 'learner'], 'learner'),
    demoted: member.demoted === true,
    raftAddress: asText(member.raft_address, 'raft_address'),
    leader: member.leader === true,
    lagEntries: numberOrNull(member.lag_entries, 'lag_entries'),
    active: typeof member.active === 'boolean' ? member.active : null,
  }
}

function parseQuorum(value: unknown): Quorum {
  const quorum = asObject(value, 'quorum')
  return {
    voters: asNumber(quorum.voters, 'voters'),
    size: asNumber(quorum.size, 'size'),
    active: numberOrNull(quorum.active, 'active'),
    margin: numberOrNull(quorum.margin, 'margin'),
  }
}

function parsePlan(value: unknown): StepPlan {
  const plan = asObject(value, 'plan')
  return {
    action: asText(plan.action, 'action'),
    memberId: textOrNull(plan.member_id, 'member_id'),
    verdict: oneOf(plan.verdict, ['allowed', 'nothing', 'refused'], 'refused'),
    code: textOrNull(plan.code, 'code'),
    reason: asText(plan.reason, 'reason'),
    warnings: asTexts(plan.warnings, 'warnings'),
    votersBefore: asTexts(plan.voters_before, 'voters_before'),
    votersAfter: asTexts(plan.voters_after, 'voters_after'),
    quorumBefore: parseQuorum(plan.quorum_before),
    quorumAfter: parseQuorum(plan.quorum_after),
  }
}

function oneOf<T extends string>(value: unknown, known: readonly T[], otherwise: T): T {
  return known.find((one) => one === value) ?? otherwise
}

function textOrNull(value: unknown, what: string): string | null {
  return value === null ? null : asText(value, what)
}

function numberOrNull(value: unknown, what: string): number | null {
  return value === null ? null : asNumber(value, what)
}
