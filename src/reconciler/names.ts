// The objects in Kubernetes that the reconciler works with. The chart makes all of them.

export interface Names {
  readonly set: string
  /** ConfigMap with base.yaml (the chart's) and cluster.yaml (ours). */
  readonly topology: string
  /** ConfigMap for `kubectl wait`. */
  readonly status: string
  /** ConfigMap with the id of the cluster, once it exists. */
  readonly identity: string
  readonly lease: string
}

export function namesOf(set: string): Names {
  return { set, topology: set, status: `${set}-status`, identity: `${set}-identity`, lease: `${set}-reconciler` }
}
