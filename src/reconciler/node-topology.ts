// Which cluster.yaml each node goes by, asked of the nodes one by one, and a newer one for those that lag. A node that does not
// answer is asked less and less often, and hinders nobody.
import { messageOf } from '../base/errors.ts'
import type { Clock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import { Cluster } from '../client/cluster.ts'
import type { HttpClient } from '../client/http.ts'
import type { EndpointOptions } from '../client/options.ts'
import type { TopologyFile, TopologyMark } from '../contract/topology.ts'
import type { ReconcilerMetrics } from '../metrics/reconciler-metrics.ts'
import { nodeClient } from './node-client.ts'
import type { NodeCredentials } from './node-client.ts'
import { RepeatedFailure } from './repeated-failure.ts'
import type { PodView } from './snapshot.ts'

const TIMEOUT_MS = 2_000
const BACKOFF_MIN_MS = 1_000
const BACKOFF_MAX_MS = 60_000

export interface NodeTopologyDeps extends NodeCredentials {
  readonly clock: Clock
  readonly log: Log
  readonly metrics: ReconcilerMetrics
  /** Null: single nodes are not reached from here. */
  readonly endpointOf: ((nodeId: string) => EndpointOptions) | null
}

interface Reached {
  readonly http: HttpClient
  readonly failure: RepeatedFailure
  failures: number
  /** Not asked before. Monotonic. */
  nextMs: number
}

export class NodeTopologies {
  readonly #deps: NodeTopologyDeps
  readonly #nodes = new Map<string, Reached>()

  constructor(deps: NodeTopologyDeps) {
    this.#deps = deps
  }

  /** What each pod that runs and answers has, by node; generation 0 for none. Never rejects. */
  async look(pods: readonly PodView[]): Promise<ReadonlyMap<string, TopologyMark>> {
    const running = pods.filter((pod) => pod.isRunning && !pod.isTerminating).map((pod) => pod.name)
    this.#forget(running)
    const marks = new Map<string, TopologyMark>()
    await Promise.all(
      running.map(async (nodeId) => {
        const found = await this.#ask(nodeId, (cluster) => cluster.topology({ timeoutMs: TIMEOUT_MS }))
        if (found === null) return
        marks.set(nodeId, { generation: found.generation, hash: found.hash ?? '' })
        this.#deps.metrics.set('insi_reconciler_node_observed_generation', found.generation, { node: nodeId })
      }),
    )
    return marks
  }

  /** Hands the file to these nodes. Resolves with how many have it now. Never rejects. */
  async push(nodeIds: readonly string[], file: TopologyFile): Promise<number> {
    const { log, metrics } = this.#deps
    const { generation } = file
    const taken = await Promise.all(
      nodeIds.map(async (nodeId) => {
        const answer = await this.#ask(nodeId, (cluster) => cluster.pushTopology(file, { timeoutMs: TIMEOUT_MS }))
        metrics.count('insi_reconciler_topology_pushes_total', { result: answer === null ? 'failed' : 'done' })
        if (answer === null) return 0
        metrics.set('insi_reconciler_node_observed_generation', generation, { node: nodeId })
        log.info({ nodeId, generation }, 'topology pushed')
        return 1
      }),
    )
    return taken.reduce<number>((sum, one) => sum + one, 0)
  }

  close(): void {
    this.#forget([])
  }

  /** Null when it is not the time, or the node does not do it. */
  async #ask<T>(nodeId: string, request: (cluster: Cluster) => Promise<T>): Promise<T | null> {
    const node = this.#reach(nodeId)
    const { clock } = this.#deps
    if (node === null || clock.monotonicMs() < node.nextMs) return null
    try {
      const answer = await request(new Cluster(node.http))
      node.failures = 0
      node.failure.succeeded()
      return answer
    } catch (error) {
      node.nextMs = clock.monotonicMs() + Math.min(BACKOFF_MAX_MS, BACKOFF_MIN_MS * 2 ** Math.min(node.failures, 10))
      node.failures += 1
      node.failure.failed(messageOf(error), { nodeId })
      return null
    }
  }

  #reach(nodeId: string): Reached | null {
    const { endpointOf } = this.#deps
    const known = this.#nodes.get(nodeId)
    if (known !== undefined || endpointOf === null) return known ?? null
    const http = nodeClient(this.#deps, [endpointOf(nodeId)], TIMEOUT_MS)
    const failure = new RepeatedFailure(this.#deps, 'a node does not take or tell its topology')
    const node = { http, failure, failures: 0, nextMs: Number.NEGATIVE_INFINITY }
    this.#nodes.set(nodeId, node)
    return node
  }

  /** Nodes whose pods do not run any more. */
  #forget(running: readonly string[]): void {
    for (const [nodeId, { http }] of this.#nodes) {
      if (running.includes(nodeId)) continue
      http.close()
      this.#nodes.delete(nodeId)
      this.#deps.metrics.remove('insi_reconciler_node_observed_generation', { node: nodeId })
    }
  }
}
