// From a plan to what is written: cluster.yaml, the identity marker, the status, Events, and one step of the membership. What is
// as it should be is not written.
import { messageOf } from '../base/errors.ts'
import type { Clock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import type { Random } from '../base/random.ts'
import type { ReconcilerMetrics } from '../metrics/reconciler-metrics.ts'
import type { Denials } from './denials.ts'
import type { EventNote, Kube } from './kube.ts'
import type { Names } from './names.ts'
import { BASE_FILE_KEY, CLUSTER_FILE_KEY, CLUSTER_ID_KEY, GENERATION_ANNOTATION, HASH_ANNOTATION } from './observe.ts'
import { renderingOf } from './observe.ts'
import type { Observation } from './observe.ts'
import type { Action, Plan } from './plan.ts'
import type { NodeTopologies } from './node-topology.ts'
import type { RaftAccess } from './raft-access.ts'
import { RepeatedFailure } from './repeated-failure.ts'
import { nodesIn, nodesOf, render } from './render.ts'
import type { Addressing, RenderedFile } from './render.ts'
import { freezeOf } from './snapshot.ts'
import type { SetView } from './snapshot.ts'
import { deniedStatusData, statusData } from './status.ts'

/** The same Event is not told again within this time. */
const EVENT_REPEAT_MS = 600_000
const EVENTS_MAX = 200

const EVENT_REASONS: Readonly<Record<Action['type'], string>> = {
  add: 'MemberAdded',
  promote: 'MemberPromoted',
  transfer: 'LeadershipMoved',
  remove: 'MemberRemoved',
}

export interface ApplyDeps {
  readonly kube: Kube
  readonly raft: RaftAccess
  readonly nodes: NodeTopologies
  readonly denials: Denials
  /** Null: no slice is to follow the leader. */
  readonly leaderSlice: string | null
  /** Null: no job makes backups. */
  readonly backupCronJob: string | null
  readonly names: Names
  readonly addressing: Addressing
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly metrics: ReconcilerMetrics
  /** Who reports Events. */
  readonly self: string
}

/** cluster.yaml as it should be; null while nothing may change. Throws when base.yaml cannot be used. */
export function renderedFor(
  { nodeTopologies, snapshot, topology }: Observation,
  addressing: Addressing,
): RenderedFile | null {
  const { raft, set } = snapshot
  const base = topology?.data[BASE_FILE_KEY]
  // Without the chart's options a file could be rendered that no node takes.
  if (set === null || topology === null || base === undefined || freezeOf(set) !== null) return null
  const named = nodesIn(topology.data[CLUSTER_FILE_KEY] ?? '')
  const nodes = nodesOf(set, raft, named)
  const written = renderingOf(topology)
  return render(base, nodes, addressing, [...(written === null ? [] : [written]), ...nodeTopologies.values()])
}

export class Applier {
  readonly #deps: ApplyDeps
  /** When each Event was told last. */
  readonly #told = new Map<string, number>()
  #generation: number | null = null
  #set: SetView | null = null
  #isBehind = false
  readonly #untold: RepeatedFailure

  constructor(deps: ApplyDeps) {
    this.#deps = deps
    this.#untold = new RepeatedFailure(deps, 'an Event could not be written')
  }

  /** Whether a node has not taken the newest cluster.yaml yet. */
  get isBehind(): boolean {
    return this.#isBehind
  }

  /**
   * Everything that `plan` and the rendering ask for. What cannot be written hinders nothing else: pods that wait for their
   * removal must not wait for a ConfigMap. Rejects in the end with the first failure; a step that failed is only logged.
   */
  async apply(observed: Observation, plan: Plan): Promise<void> {
    this.#set = observed.snapshot.set
    const parts = [
      () => this.#applyIdentity(observed),
      () => this.#applyTopology(observed),
      () => this.#act(observed, plan),
      () => this.#tellDenials(),
      () => this.#applyStatus(observed, plan),
      () => this.#push(observed),
    ]
    const failures: unknown[] = []
    for (const part of parts) await part().catch((error: unknown) => failures.push(error))
    if (failures.length > 0) throw failures[0]
  }

  /** After a pass that failed: says what the Role lacks, as far as we are allowed to. Rejects with KubeFailure. */
  async reportDenials(): Promise<void> {
    const { clock, denials, kube, names } = this.#deps
    const denied = denials.requests
    if (denied.length === 0) return
    await this.#tellDenials()
    const status = await kube.readConfigMap(names.status)
    if (status === null) return
    const now = new Date(clock.nowMs()).toISOString()
    const data = deniedStatusData({ generation: this.#generation, denied, previous: status.data, now })
    if (!isIn(status.data, data)) await kube.applyConfigMap(names.status, { data })
  }

  async #tellDenials(): Promise<void> {
    const denied = this.#deps.denials.requests
    if (denied.length === 0 || this.#set === null) return
    await this.#tell(this.#set, {
      reason: 'RBACDenied',
      note: `the Role does not allow: ${denied.join(', ')}`,
      isWarning: true,
    })
  }

  async #act(observed: Observation, plan: Plan): Promise<void> {
    const { set } = observed.snapshot
    if (plan.action !== null) await this.#perform(observed, plan.action, plan.reason)
    for (const { guard, reason } of plan.refusals) {
      this.#deps.metrics.count('insi_reconciler_refusals_total', { guard })
      if (guard !== 'first_sight') await this.#tell(set, { reason: 'GuardRefused', note: reason, isWarning: true })
    }
    if (plan.state === 'foreign') {
      await this.#tell(set, { reason: 'ForeignCluster', note: plan.reason, isWarning: true })
    }
  }

  /** Written once: from then on nobody founds another cluster for this release. */
  async #applyIdentity({ identity, snapshot }: Observation): Promise<void> {
    const { clock, kube, log, names } = this.#deps
    const { markedClusterId, raft } = snapshot
    if (raft === null || markedClusterId !== null || identity === null) return
    const bootstrappedAt = new Date(clock.nowMs()).toISOString()
    await kube.applyConfigMap(names.identity, { data: { [CLUSTER_ID_KEY]: raft.clusterId, bootstrappedAt } })
    log.info({ clusterId: raft.clusterId }, 'identity marker written')
  }

  async #applyTopology(observed: Observation): Promise<void> {
    const { addressing, kube, log, metrics, names } = this.#deps
    const rendered = renderedFor(observed, addressing)
    if (rendered === null || observed.topology === null) return
    const { generation, hash, text } = rendered
    this.#generation = generation
    metrics.set('insi_reconciler_topology_generation', generation)
    const { annotations, data } = observed.topology
    const isSame =
      data[CLUSTER_FILE_KEY] === text &&
      annotations[GENERATION_ANNOTATION] === String(generation) &&
      annotations[HASH_ANNOTATION] === hash
    if (isSame) return
    await kube.applyConfigMap(names.topology, {
      data: { [CLUSTER_FILE_KEY]: text },
      annotations: { [GENERATION_ANNOTATION]: String(generation), [HASH_ANNOTATION]: hash },
    })
    log.info({ generation, hash }, 'cluster.yaml written')
  }

  async #perform(observed: Observation, action: Action, why: string): Promise<void> {
    const { log, metrics, raft } = this.#deps
    const nodeId = 'member' in action ? action.member.memberId : action.nodeId
    const { type } = action
    try {
      const outcome = await raft.perform(action, observed.snapshot.pods)
      const result = outcome?.changed === true ? 'done' : 'nothing'
      metrics.count('insi_reconciler_actions_total', { action: type, result })
      log.info({ action: type, nodeId, why, result }, 'step of the membership')
      if (outcome?.changed !== true) return
      const note = `${type} ${nodeId}: ${why}`
      await this.#tell(observed.snapshot.set, { reason: EVENT_REASONS[type], note, isWarning: false })
    } catch (error) {
      metrics.count('insi_reconciler_actions_total', { action: type, result: 'failed' })
      log.warn({ action: type, nodeId, why, reason: messageOf(error) }, 'step of the membership failed')
    }
  }

  async #applyStatus(observed: Observation, plan: Plan): Promise<void> {
    const { clock, denials, kube, names } = this.#deps
    const { snapshot, status } = observed
    if (status === null) return
    const data = statusData(snapshot, plan, {
      generation: this.#generation,
      denied: denials.requests,
      previous: status.data,
      now: new Date(clock.nowMs()).toISOString(),
    })
    if (!isIn(status.data, data)) await kube.applyConfigMap(names.status, { data })
  }

  /** To every node that is named in the file and has an older one. */
  async #push(observed: Observation): Promise<void> {
    const rendered = renderedFor(observed, this.#deps.addressing)
    if (rendered === null) return
    const named = nodesIn(rendered.text)
    const behind = [...observed.nodeTopologies].filter(
      ([nodeId, { generation }]) => generation < rendered.generation && named.includes(nodeId),
    )
    const pushed = await this.#deps.nodes.push(
      behind.map(([nodeId]) => nodeId),
      rendered,
    )
    this.#isBehind = pushed < behind.length
  }

  /** An Event that cannot be written must not hinder what it is about. */
  async #tell(set: SetView | null, note: EventNote): Promise<void> {
    const { clock, kube, random, self } = this.#deps
    if (set === null) return
    const nowMs = clock.monotonicMs()
    const key = `${note.reason} ${note.note}`
    if (nowMs - (this.#told.get(key) ?? Number.NEGATIVE_INFINITY) < EVENT_REPEAT_MS) return
    const at = new Date(clock.nowMs()).toISOString()
    try {
      await kube.createEvent(`${set.name}.${random.uuid()}`, set, self, at, note)
      if (this.#told.size >= EVENTS_MAX) this.#told.clear()
      this.#told.set(key, nowMs)
      this.#untold.succeeded()
    } catch (error) {
      this.#untold.failed(messageOf(error), { event: note.reason })
    }
  }
}

/** Whether all of `data` is there. */
function isIn(there: Readonly<Record<string, string>>, data: Readonly<Record<string, string>>): boolean {
  return Object.entries(data).every(([key, value]) => there[key] === value)
}
