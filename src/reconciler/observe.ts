// One look at everything: the StatefulSet, its pods, the ConfigMaps and the cluster. Nothing is taken from a cache.
import type { Clock } from '../base/clock.ts'
import type { ConfigMapView, Kube } from './kube.ts'
import type { Names } from './names.ts'
import type { RaftAccess } from './raft-access.ts'
import type { Rendering } from './render.ts'
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
}

/** Rejects with KubeFailure. */
export async function observe(kube: Kube, raft: RaftAccess, names: Names, clock: Clock): Promise<Observation> {
  const [set, topology, status, identity] = await Promise.all([
    kube.readSet(names.set),
    kube.readConfigMap(names.topology),
    kube.readConfigMap(names.status),
    kube.readConfigMap(names.identity),
  ])
  const pods = set === null ? [] : await kube.listPods(names.set, set.selector)
  const view = await raft.view(pods)
  const marked = identity?.data[CLUSTER_ID_KEY]?.trim() ?? ''
  const snapshot = {
    takenAtMs: clock.monotonicMs(),
    set: set?.view ?? null,
    pods,
    raft: view,
    markedClusterId: marked === '' ? null : marked,
  }
  return { snapshot, topology, status, identity }
}

/** What was rendered last; null when nothing was, or nobody remembers it. */
export function renderingOf(topology: ConfigMapView): Rendering | null {
  const generation = Number(topology.annotations[GENERATION_ANNOTATION] ?? '')
  const hash = topology.annotations[HASH_ANNOTATION] ?? ''
  return Number.isSafeInteger(generation) && generation > 0 && hash !== '' ? { generation, hash } : null
}
