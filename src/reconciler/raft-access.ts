// The cluster as its leader sees it, and steps of its membership: over the same private routes that insic uses.
import { messageOf } from '../base/errors.ts'
import { Cluster } from '../client/cluster.ts'
import type { ClusterStatus, ClusterStep } from '../client/cluster.ts'
import type { StepOutcome } from '../contract/membership-plan.ts'
import type { HttpClient } from '../client/http.ts'
import type { EndpointOptions } from '../client/options.ts'
import { nodeClient } from './node-client.ts'
import type { NodeCredentials } from './node-client.ts'
import { hostOf } from './render.ts'
import type { Addressing } from './render.ts'
import type { Action } from './plan.ts'
import type { PodView, RaftView } from './snapshot.ts'

const STATUS_TIMEOUT_MS = 3_000
/** A change is answered once it is committed. */
const STEP_TIMEOUT_MS = 10_000
const CONNECT_TIMEOUT_MS = 2_000

export interface RaftAccessOptions extends NodeCredentials {
  readonly addressing: Addressing
  readonly endpointOf: (nodeId: string) => EndpointOptions
  /** Ask here instead of the pods, through a port-forward for instance. */
  readonly nodeUrl: string | undefined
}

export class RaftAccess {
  readonly #options: RaftAccessOptions
  #http: HttpClient | null = null
  #endpointNames = ''
  #obstacle: string | null = null

  constructor(options: RaftAccessOptions) {
    this.#options = options
  }

  /** Why the last look saw no leader. */
  get obstacle(): string | null {
    return this.#obstacle
  }

  /** Null when no node that runs knows a leader. Never rejects. */
  async view(pods: readonly PodView[]): Promise<RaftView | null> {
    const http = this.#connect(pods)
    this.#obstacle = 'no pod runs'
    if (http === null) return null
    try {
      const view = raftViewOf(await new Cluster(http).status({ timeoutMs: STATUS_TIMEOUT_MS }))
      this.#obstacle = view === null ? 'the nodes know no leader' : null
      return view
    } catch (error) {
      this.#obstacle = messageOf(error)
      return null
    }
  }

  /** Resolves once the change is committed. Rejects with a ClientError. */
  async perform(action: Action, pods: readonly PodView[]): Promise<StepOutcome | null> {
    const http = this.#connect(pods)
    if (http === null) return null
    return new Cluster(http).step(this.#stepOf(action), { timeoutMs: STEP_TIMEOUT_MS })
  }

  /** One with connections of its own, for another list of pods at the same time. */
  another(): RaftAccess {
    return new RaftAccess(this.#options)
  }

  close(): void {
    this.#http?.close()
    this.#http = null
    this.#endpointNames = ''
  }

  #stepOf(action: Action): ClusterStep {
    switch (action.type) {
      case 'add': {
        const { addressing } = this.#options
        const raftAddress = `${hostOf(action.nodeId, addressing)}:${addressing.ports.raft}`
        return { action: 'add', nodeId: action.nodeId, raftAddress }
      }
      case 'transfer':
        return { action: 'transfer', nodeId: action.nodeId }
      case 'promote':
        return { action: 'promote', nodeId: action.member.nodeId, incarnation: action.member.incarnation }
      case 'remove': {
        const { incarnation, nodeId } = action.member
        return { action: 'remove', nodeId, incarnation, force: action.isLeaving }
      }
    }
  }

  /** Names are looked up only once their pod runs: a name that does not exist yet is remembered as such by resolvers. */
  #connect(pods: readonly PodView[]): HttpClient | null {
    const names = pods.filter((pod) => pod.isRunning).map((pod) => pod.name)
    const endpoints =
      this.#options.nodeUrl === undefined ? names.map((name) => this.#options.endpointOf(name)) : undefined
    const urls = endpoints ?? [{ publicUrl: this.#options.nodeUrl ?? '' }]
    if (urls.length === 0) return null
    const endpointNames = JSON.stringify(urls)
    if (this.#http !== null && endpointNames === this.#endpointNames) return this.#http
    this.close()
    this.#endpointNames = endpointNames
    this.#http = nodeClient(this.#options, urls, CONNECT_TIMEOUT_MS)
    return this.#http
  }
}

/** Null without a leader: what one follower knows authorises nothing. */
function raftViewOf({ clusterId, leader, members, settled }: ClusterStatus): RaftView | null {
  if (leader === null || clusterId === null) return null
  return {
    clusterId,
    leader,
    isSettled: settled,
    members: members.map((member) => ({
      memberId: member.memberId,
      nodeId: member.nodeId,
      incarnation: member.incarnation,
      role: member.role,
      demoted: member.demoted,
      isLeader: member.leader,
      active: member.active === true,
      lagEntries: member.lagEntries ?? Number.MAX_SAFE_INTEGER,
    })),
  }
}
