// The status ConfigMap: flat keys that `kubectl wait --for=jsonpath` can wait for, and the same as conditions. Pure.
import { isWanted, ordinalOf } from './snapshot.ts'
import type { Snapshot } from './snapshot.ts'
import type { Plan } from './plan.ts'

const CONDITION_TYPES = ['Available', 'Progressing', 'Degraded', 'QuorumAtRisk'] as const
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

/** The data of the ConfigMap. `previous` is its data now: times of transitions stay while nothing changed. */
export function statusData(
  snapshot: Snapshot,
  plan: Plan,
  generation: number | null,
  previous: Readonly<Record<string, string>>,
  now: string,
): Record<string, string> {
  const { raft, set } = snapshot
  const findings = findingsOf(snapshot, plan)
  const earlier = conditionsIn(previous['conditions.json'] ?? '')
  const conditions = CONDITION_TYPES.map((type): Condition => {
    const finding = findings[type]
    const before = earlier.find((condition) => condition.type === type)
    const lastTransitionTime = before?.status === finding.status ? before.lastTransitionTime : now
    return { type, ...finding, lastTransitionTime }
  })
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

function findingsOf(snapshot: Snapshot, plan: Plan): Record<ConditionType, Finding> {
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
function withoutLeader({ pods, set }: Snapshot, plan: Plan): Record<ConditionType, Finding> {
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
