// What one pass sees: the StatefulSet (what is wanted), its pods (what runs) and Raft's membership (what is true). The planner
// and the renderer work on these values alone.

/** The StatefulSet. */
export interface SetView {
  readonly name: string
  readonly uid: string
  /** Pods that are wanted; 0 means hibernation, not removal. */
  readonly replicas: number
  /** Number of the first pod. */
  readonly firstOrdinal: number
  readonly isDeleting: boolean
  /** An operator wants the reconciler to keep its hands off. */
  readonly isPaused: boolean
}

export interface PodView {
  /** Also the node's id. */
  readonly name: string
  readonly ordinal: number
  /** Addresses, one of each family; they are new with each pod. */
  readonly ips: readonly string[]
  readonly isRunning: boolean
  readonly isReady: boolean
  /** It was asked to go; its containers may still run. */
  readonly isTerminating: boolean
}

export interface RaftMember {
  /** `<node>/<incarnation>`. */
  readonly memberId: string
  readonly nodeId: string
  readonly incarnation: string
  readonly role: 'voter' | 'learner'
  /** A learner on purpose. */
  readonly demoted: boolean
  readonly isLeader: boolean
  readonly active: boolean
  readonly lagEntries: number
}

/** As the leader sees it; there is none of these without a leader. */
export interface RaftView {
  readonly clusterId: string
  readonly leader: string
  /** False while a change of the membership is under way. */
  readonly isSettled: boolean
  readonly members: readonly RaftMember[]
}

export interface Snapshot {
  /** Monotonic. */
  readonly takenAtMs: number
  /** Null: there is no such StatefulSet. */
  readonly set: SetView | null
  readonly pods: readonly PodView[]
  readonly raft: RaftView | null
  /** The cluster that this release belongs to, once known. */
  readonly markedClusterId: string | null
}

/** The number at the end of a node's name; null for a node that is none of this set. */
export function ordinalOf(setName: string, nodeId: string): number | null {
  const digits = nodeId.startsWith(`${setName}-`) ? nodeId.slice(setName.length + 1) : ''
  return /^(0|[1-9]\d{0,8})$/.test(digits) ? Number(digits) : null
}

/** Whether the set wants a pod of this number. */
export function isWanted(set: SetView, ordinal: number): boolean {
  return ordinal >= set.firstOrdinal && ordinal < set.firstOrdinal + set.replicas
}

/** Why nothing may be changed now; null when changes are allowed. */
export function freezeOf(set: SetView | null): string | null {
  if (set === null) return 'the StatefulSet does not exist'
  if (set.isDeleting) return 'the StatefulSet is being deleted'
  if (set.replicas === 0) return 'replicas is 0: the cluster sleeps'
  return set.isPaused ? 'paused by annotation' : null
}
