// One look at everything: the StatefulSet, its pods, the ConfigMaps and the cluster. Nothing is taken from a cache.
import type { Clock } from '../base/clock.ts'
import type { TopologyMark } from '../contract/topology.ts'
import { KubeFailure } from './kube.ts'
import type { ConfigMapView, Kube } from './kube.ts'
import type { Names } from './names.ts'
import type { NodeTopologies } from './node-topology.ts'
import type { RaftAccess } from './raft-access.ts'
import type { Snapshot } from './snapshot.ts'

/** Annotations that remember what was rendered last. */
export const GENERATION_ANNOTATION = 'insi.io/topology-generation'
export const HASH_ANNOTATION = 'insi.io/topology-hash'

export const CLUSTER_FILE_KEY = 'cluster.yaml'
export const BASE_FILE_KEY = 'base.yaml'
export const CLUSTER_ID_KEY = 'clusterId'

export interface Observation {
  readonly snapshot: Snapshot
  /** Null when the chart's ConfigMap is gone. */
  readonly topology: ConfigMapView | null
  readonly status: ConfigMapView | null
  readonly identity: ConfigMapView | null
  /** What nodes that answer have, by node. */
  readonly nodeTopologies: ReadonlyMap<string, TopologyMark>
}

export interface ObserveDeps {
  readonly kube: Kube
  readonly raft: RaftAccess
  readonly nodes: NodeTopologies
  readonly names: Names
  readonly clock: Clock
}

/** Rejects with KubeFailure when something is not seen without which nothing may be changed. */
export async function observe({ clock, kube, names, nodes, raft }: ObserveDeps): Promise<Observation> {
  const [set, topology, status, identity] = await Promise.all([
    kube.readSet(names.set),
    unlessDenied(kube.readConfigMap(names.topology)),
    unlessDenied(kube.readConfigMap(names.status)),
    kube.readConfigMap(names.identity),
  ])
  const pods = set === null ? [] : await kube.listPods(names.set, set.selector)
  const [view, nodeTopologies] = await Promise.all([raft.view(pods), nodes.look(pods)])
  const marked = identity?.data[CLUSTER_ID_KEY]?.trim() ?? ''
  const snapshot = {
    takenAtMs: clock.monotonicMs(),
    set: set?.view ?? null,
    pods,
    raft: view,
    markedClusterId: marked === '' ? null : marked,
  }
  return { snapshot, topology, status, identity, nodeTopologies }
}

/** What was rendered last; null when nothing was, or nobody remembers it. */
export function renderingOf(topology: ConfigMapView): TopologyMark | null {
  const generation = Number(topology.annotations[GENERATION_ANNOTATION] ?? '')
  const hash = topology.annotations[HASH_ANNOTATION] ?? ''
  return Number.isSafeInteger(generation) && generation > 0 && hash !== '' ? { generation, hash } : null
}

/** The membership must not wait for a ConfigMap that is only written. */
async function unlessDenied(read: Promise<ConfigMapView | null>): Promise<ConfigMapView | null> {
  try {
    return await read
  } catch (error) {
    if (error instanceof KubeFailure && error.isDenied) return null
    throw error
  }
}
