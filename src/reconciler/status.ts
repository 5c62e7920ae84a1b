// The status ConfigMap: flat keys that `kubectl wait --for=jsonpath` can wait for, and the same as conditions. Pure.
import { isWanted, ordinalOf } from './snapshot.ts'
import type { Snapshot } from './snapshot.ts'
import type { Plan } from './plan.ts'

const CONDITION_TYPES = ['Available', 'Progressing', 'Degraded', 'QuorumAtRisk', 'RBACDenied'] as const
type ConditionType = (typeof CONDITION_TYPES)[number]
type Truth = 'True' | 'False' | 'Unknown'

interface Finding {
  readonly status: Truth
  readonly reason: string
  readonly message: string
}

interface Condition extends Finding {
  readonly type: ConditionType
  readonly lastTransitionTime: string
}

/** What the status is about, besides what was seen. */
export interface StatusContext {
  readonly generation: number | null
  /** What Kubernetes does not allow us. */
  readonly denied: readonly string[]
  /** The data of the ConfigMap now: times of transitions stay while nothing changed. */
  readonly previous: Readonly<Record<string, string>>
  /** ISO 8601. */
  readonly now: string
}

/** The data of the ConfigMap. */
export function statusData(snapshot: Snapshot, plan: Plan, context: StatusContext): Record<string, string> {
  const { raft, set } = snapshot
  const { denied, generation } = context
  const findings = { ...findingsOf(snapshot, plan), RBACDenied: denialOf(denied) }
  const earlier = conditionsIn(context.previous['conditions.json'] ?? '')
  const conditions = CONDITION_TYPES.map((type) => conditionOf(type, findings[type], earlier, context.now))
  const named = (role: string): string =>
    (raft?.members ?? [])
      .filter((member) => member.role === role)
      .map((member) => member.nodeId)
      .toSorted((a, b) => rank(a, set?.name) - rank(b, set?.name) || (a < b ? -1 : 1))
      .join(',')
  return {
    ...Object.fromEntries(conditions.map(({ type, status }) => [type, status])),
    clusterId: raft?.clusterId ?? snapshot.markedClusterId ?? '',
    leader: raft?.leader ?? '',
    voters: named('voter'),
    learners: named('learner'),
    replicas: String(set?.replicas ?? 0),
    generation: String(generation ?? 0),
    state: plan.state,
    reason: plan.reason,
    'conditions.json': JSON.stringify(conditions, null, 2),
  }
}

/** The data after a pass that saw too little to judge anything but what it was denied: the rest stays as it was. */
export function deniedStatusData({ denied, now, previous }: StatusContext): Record<string, string> {
  const earlier = conditionsIn(previous['conditions.json'] ?? '')
  const finding = denialOf(denied)
  const condition = conditionOf('RBACDenied', finding, earlier, now)
  const conditions = [...earlier.filter(({ type }) => type !== 'RBACDenied'), condition]
  return { ...previous, RBACDenied: finding.status, 'conditions.json': JSON.stringify(conditions, null, 2) }
}

function conditionOf(type: ConditionType, finding: Finding, earlier: readonly Condition[], now: string): Condition {
  const before = earlier.find((condition) => condition.type === type)
  const lastTransitionTime = before?.status === finding.status ? before.lastTransitionTime : now
  return { type, ...finding, lastTransitionTime }
}

function denialOf(denied: readonly string[]): Finding {
  return denied.length === 0
    ? { status: 'False', reason: 'Allowed', message: 'Kubernetes allows what was asked for' }
    : { status: 'True', reason: 'Forbidden', message: `the Role does not allow: ${denied.join(', ')}` }
}

type MembershipFindings = Record<Exclude<ConditionType, 'RBACDenied'>, Finding>

function findingsOf(snapshot: Snapshot, plan: Plan): MembershipFindings {
  const { raft, set } = snapshot
  if (raft === null) return withoutLeader(snapshot, plan)
  const voters = raft.members.filter((member) => member.role === 'voter')
  const away = voters.filter((voter) => !voter.active).map((voter) => voter.nodeId)
  const margin = voters.length - away.length - (Math.floor(voters.length / 2) + 1)
  const isAsWanted =
    set !== null &&
    voters.length === set.replicas &&
    raft.members.every(({ nodeId, role }) => role === 'voter' && isWanted(set, ordinalOf(set.name, nodeId) ?? -1))
  const refusal = plan.refusals.find(({ guard }) => guard !== 'first_sight')
  const stuck = plan.stuckLearners.length > 0 ? `no voter yet: ${plan.stuckLearners.join(', ')}` : ''
  const isDegraded = away.length > 0 || refusal !== undefined || stuck !== ''
  return {
    Available: { status: 'True', reason: 'LeaderElected', message: `${raft.leader} leads` },
    Progressing: isAsWanted
      ? { status: 'False', reason: 'AsWanted', message: plan.reason }
      : { status: 'True', reason: 'MembershipDiffers', message: plan.reason },
    Degraded: isDegraded
      ? {
          status: 'True',
          reason: refusal === undefined ? (stuck === '' ? 'VoterAway' : 'LearnerStuck') : 'GuardRefused',
          message: [refusal?.reason ?? '', stuck, away.length > 0 ? `away: ${away.join(', ')}` : '']
            .filter((part) => part !== '')
            .join('; '),
        }
      : { status: 'False', reason: 'AllVotersAnswer', message: `${voters.length} voters answer` },
    QuorumAtRisk:
      margin <= 0 && voters.length > 1
        ? { status: 'True', reason: 'NoSpareVoter', message: 'the next voter that is lost ends the writes' }
        : { status: 'False', reason: 'SpareVoters', message: `${Math.max(0, margin)} voters may be lost` },
  }
}

/** Pods that are not wanted may hold the votes that are missing. */
function withoutLeader({ pods, set }: Snapshot, plan: Plan): MembershipFindings {
  const isAsleep = set === null || set.replicas === 0
  const hint =
    isAsleep || pods.every((pod) => !pod.isRunning)
      ? ''
      : '; if pods were taken away, scale up again to get their votes back'
  const reason = isAsleep ? 'Asleep' : 'NoLeader'
  const message = isAsleep ? plan.reason : `no node knows a leader${hint}`
  return {
    Available: { status: 'False', reason, message },
    Progressing: { status: 'Unknown', reason, message },
    Degraded: { status: isAsleep ? 'False' : 'True', reason, message },
    QuorumAtRisk: { status: isAsleep ? 'False' : 'True', reason, message },
  }
}

function conditionsIn(text: string): Condition[] {
  try {
    const parsed: unknown = JSON.parse(text)
    return Array.isArray(parsed) ? (parsed as Condition[]) : []
  } catch {
    return []
  }
}

function rank(nodeId: string, setName: string | undefined): number {
  return ordinalOf(setName ?? '', nodeId) ?? Number.MAX_SAFE_INTEGER
}
