// A release on a simulated StatefulSet: an API server and nodes that answer over real HTTP, and the reconciler as it is, which a
// test may kill after any of its effects.
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { silentLog } from '../../../src/base/log.ts'
import { systemClock } from '../../../src/base/clock.ts'
import type { Clock } from '../../../src/base/clock.ts'
import { systemRandom } from '../../../src/base/random.ts'
import { ReconcilerMetrics } from '../../../src/metrics/reconciler-metrics.ts'
import { Denials } from '../../../src/reconciler/denials.ts'
import { Kube } from '../../../src/reconciler/kube.ts'
import { namesOf } from '../../../src/reconciler/names.ts'
import { NodeTopologies } from '../../../src/reconciler/node-topology.ts'
import type { Action } from '../../../src/reconciler/plan.ts'
import { RaftAccess } from '../../../src/reconciler/raft-access.ts'
import { Reconciler } from '../../../src/reconciler/reconciler.ts'
import { KubeServer } from './kube-server.ts'
import { SimulatedSet } from './simulated-set.ts'

const PREFIX = '/db/api/v1/cluster/'
export const SLICE = 'insi-leader'
const OPTIONS = { settleMs: 30_000, inviteMs: 5_000 }
const ADDRESSING = {
  headlessService: 'insi-headless',
  namespace: 'shop',
  clusterDomain: 'cluster.local',
  ports: { public: 8080, private: 8081, raft: 7000, ops: 9090 },
}

type Fields = Readonly<Record<string, unknown>>
interface Mark {
  generation: number
  hash: string
}

export interface Instance {
  readonly reconciler: Reconciler
  readonly metrics: ReconcilerMetrics
  readonly denials: Denials
  readonly kube: Kube
  close(): void
}

export class ReconciledRelease {
  readonly world = new SimulatedSet()
  readonly kube: KubeServer
  /** What the nodes were told, by node: it is on their disks. */
  readonly marks = new Map<string, Mark>()
  /** Everything that was done, in order: writes to Kubernetes, steps of the membership, pushes. */
  readonly effects: string[] = []
  /** How many more effects the reconciler lives to see; then it is cut off, before it hears how the last one went. */
  #livesFor = Number.POSITIVE_INFINITY
  #isDead = false
  readonly #nodes = createServer((request, response) => void this.#answerAsNode(request, response))

  private constructor(kube: KubeServer) {
    this.kube = kube
    kube.gate = (request, isDone) =>
      request.includes('leases/') ? true : isDone ? this.#happened(request) : !this.#isDead
    kube.pods = () => this.#pods()
    kube.put('statefulsets', 'apps/v1', 'StatefulSet', 'insi')
    kube.put('configmaps', 'v1', 'ConfigMap', 'insi', { data: { 'base.yaml': 'defaultLeader: insi-0\n' } })
    for (const name of ['insi-status', 'insi-identity']) kube.put('configmaps', 'v1', 'ConfigMap', name)
    kube.put('leases', 'coordination.k8s.io/v1', 'Lease', 'insi-reconciler')
    kube.put('endpointslices', 'discovery.k8s.io/v1', 'EndpointSlice', SLICE, { addressType: 'IPv4', endpoints: [] })
    this.#showSet()
  }

  static async start(): Promise<ReconciledRelease> {
    const release = new ReconciledRelease(await KubeServer.start())
    await new Promise<void>((resolve) => release.#nodes.listen(0, '0.0.0.0', resolve))
    return release
  }

  async stop(): Promise<void> {
    await this.kube.stop()
    this.#nodes.closeAllConnections()
    await new Promise((resolve) => this.#nodes.close(resolve))
  }

  /** A reconciler that knows nothing yet. `clock` absent: the time of the world. */
  begin(clock: Clock = this.#clock()): Instance {
    this.#livesFor = Number.POSITIVE_INFINITY
    this.#isDead = false
    const metrics = new ReconcilerMetrics({ version: '1', runtimeVersion: 'v26' })
    const denials = new Denials(clock, (request, isDenied) =>
      metrics.set('insi_reconciler_denied', isDenied ? 1 : 0, { request }),
    )
    const kube = new Kube(this.kube.config, 'shop', {
      onWrite: (object) => metrics.count('insi_reconciler_writes_total', { object }),
      onAnswer: (request, status) => denials.answered(request, status),
    })
    const { port } = this.#nodes.address() as AddressInfo
    const credentials = { apiKey: 'root', skipVerify: false, ca: undefined }
    // Every node has an address of this machine.
    const endpointOf = (nodeId: string) => ({ publicUrl: `http://127.0.0.${10 + Number(nodeId.slice(5))}:${port}` })
    const raft = new RaftAccess({ ...credentials, addressing: ADDRESSING, endpointOf, nodeUrl: undefined })
    const log = silentLog
    const nodes = new NodeTopologies({ ...credentials, clock, log, metrics, endpointOf })
    const names = namesOf('insi')
    const rest = {
      addressing: ADDRESSING,
      random: systemRandom,
      self: systemRandom.uuid(),
      leaderSlice: SLICE,
      backupCronJob: null,
    }
    const deps = { kube, raft, nodes, denials, names, clock, log, metrics, ...rest }
    const close = (): void => {
      raft.close()
      nodes.close()
    }
    return { reconciler: new Reconciler(deps, OPTIONS), metrics, denials, kube, close }
  }

  /** The next reconciler is cut off right after so many effects. */
  killAfter(effects: number): void {
    this.#livesFor = effects
    this.#isDead = effects === 0
  }

  get isDead(): boolean {
    return this.#isDead
  }

  /** Time goes on, and the controllers of Kubernetes do their work. */
  step(replicas: number): void {
    this.world.replicas = replicas
    this.world.step()
    this.#showSet()
  }

  /** The members are those that are wanted, and every node has the newest file. */
  isSettled(): boolean {
    const annotations = this.kube.objects.get('configmaps/insi')?.metadata.annotations
    const generation = Number(annotations?.['insi.io/topology-generation'])
    const running = this.#pods().map(({ metadata }) => metadata.name)
    return (
      this.world.isConverged() &&
      this.kube.data('insi-status')['state'] === 'idle' &&
      running.every((nodeId) => this.marks.get(nodeId)?.generation === generation)
    )
  }

  #clock(): Clock {
    return {
      nowMs: () => this.world.nowMs,
      monotonicMs: () => this.world.nowMs,
      after: (delayMs, callback) => systemClock.after(delayMs, callback),
      every: (intervalMs, callback) => systemClock.every(intervalMs, callback),
    }
  }

  #showSet(): void {
    const set = this.kube.objects.get('statefulsets/insi')
    if (set !== undefined) set['spec'] = { replicas: this.world.replicas, selector: { matchLabels: { app: 'insi' } } }
  }

  #pods() {
    return this.world.snapshot(0).pods.map((pod) => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name: pod.name,
        ownerReferences: [{ kind: 'StatefulSet', name: 'insi' }],
        ...(pod.isTerminating ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}),
      },
      status: { phase: pod.isRunning ? 'Running' : 'Pending', podIPs: pod.ips.map((ip) => ({ ip })) },
    }))
  }

  /** Returns whether the reconciler hears of it. */
  #happened(effect: string): boolean {
    this.effects.push(effect)
    this.#livesFor -= 1
    if (this.#livesFor <= 0) this.#isDead = true
    return !this.#isDead
  }

  async #answerAsNode(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const path = (request.url ?? '').slice(PREFIX.length)
    const nodeId = `insi-${Number(request.socket.localAddress?.split('.').at(-1)) - 10}`
    const fields = (chunks.length === 0 ? {} : JSON.parse(Buffer.concat(chunks).toString('utf8'))) as Fields
    const isWrite = request.method !== 'GET'
    const isUp = this.world.snapshot(0).pods.some((pod) => pod.name === nodeId && pod.isRunning)
    if (!isUp || (isWrite && this.#isDead)) {
      request.socket.destroy()
      return
    }
    const { status, body } = this.#answer(nodeId, path, isWrite, fields)
    const effect = path === 'topology' ? `push ${nodeId}` : path
    if (isWrite && status === 200 && !this.#happened(effect)) request.socket.destroy()
    else response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  }

  #answer(nodeId: string, path: string, isWrite: boolean, fields: Fields): { status: number; body: unknown } {
    if (path === 'topology') return this.#topology(nodeId, isWrite, fields)
    if (path === 'status') return { status: 200, body: this.#status(nodeId) }
    const id = String(fields['node_id'])
    const member = { memberId: `${id}/${String(fields['incarnation'])}` }
    const target = String(fields['target'])
    const action = { type: path, nodeId: path === 'transfer' ? target : id, member } as unknown as Action
    const before = this.world.describe()
    this.world.perform(action)
    return { status: 200, body: { changed: this.world.describe() !== before, plan: PLAN } }
  }

  #topology(nodeId: string, isWrite: boolean, { generation, hash }: Fields): { status: number; body: unknown } {
    const mark = this.marks.get(nodeId) ?? { generation: 0, hash: null }
    if (!isWrite) return { status: 200, body: { node_id: nodeId, ...mark, source: 'push', nodes: [] } }
    if (Number(generation) <= mark.generation && hash !== mark.hash) {
      return { status: 409, body: { error_type: 'TOPOLOGY_CONFLICT', message: 'older', hint: '', request_id: '1' } }
    }
    this.marks.set(nodeId, { generation: Number(generation), hash: String(hash) })
    return { status: 200, body: { node_id: nodeId, changed: true, generation, hash } }
  }

  #status(nodeId: string) {
    const raft = this.world.snapshot(0).raft
    const quorum = { voters: 1, size: 1, active: null, margin: null }
    const rest = { term: 1, commit_index: 1, membership_index: 1, quorum }
    const members = (raft?.members ?? []).map((member) => ({
      member_id: member.memberId,
      node_id: member.nodeId,
      incarnation: member.incarnation,
      role: member.role,
      demoted: member.demoted,
      raft_address: `${nodeId}:7000`,
      leader: member.isLeader,
      lag_entries: member.lagEntries,
      active: member.active,
    }))
    const state = raft === null ? 'no_quorum' : 'ok'
    return { state, cluster_id: 'c', leader: raft?.leader ?? null, settled: raft?.isSettled === true, members, ...rest }
  }
}

const QUORUM = { voters: 1, size: 1, active: 1, margin: 0 }
const PLAN = {
  action: 'add',
  member_id: null,
  verdict: 'allowed',
  code: null,
  reason: 'it is',
  warnings: [],
  voters_before: [],
  voters_after: [],
  quorum_before: QUORUM,
  quorum_after: QUORUM,
}
