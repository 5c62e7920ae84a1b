// The planner: from one snapshot to at most one change of the membership. Pure. The order of the rules is the order of their
// urgency: a pod that is about to go waits for its removal with a deadline, a pod that comes can wait.
import { Evidence } from './evidence.ts'
import { freezeOf, isWanted, ordinalOf } from './snapshot.ts'
import type { PodView, RaftMember, RaftView, SetView, Snapshot } from './snapshot.ts'

/** A learner, or a target of a transfer, may be this far behind. */
const LAG_ENTRIES_MAX = 1_000
/** A learner that has not become a voter by then is reported. */
const LEARNER_STUCK_MS = 600_000

export type Action =
  | { readonly type: 'add'; readonly nodeId: string }
  | { readonly type: 'promote'; readonly member: RaftMember }
  | { readonly type: 'transfer'; readonly nodeId: string }
  /** `isLeaving`: its pod goes in any case, so the removal may use up the last spare voter. */
  | { readonly type: 'remove'; readonly member: RaftMember; readonly isLeaving: boolean }

/** Rules that refused a change which would otherwise have been due. */
type Guard = 'quorum' | 'no_target' | 'first_sight'

interface Refusal {
  readonly guard: Guard
  readonly reason: string
}

/** `frozen`: nothing may change. `blind`: no leader says what is true. `waiting`: something is under way. */
type PlanState = 'frozen' | 'blind' | 'foreign' | 'waiting' | 'acting' | 'refused' | 'idle'

export interface Plan {
  readonly state: PlanState
  /** One sentence for people. */
  readonly reason: string
  /** Null unless `state` is `acting`. */
  readonly action: Action | null
  readonly refusals: readonly Refusal[]
  /** What the next pass has to know of this one. */
  readonly evidence: Evidence
  readonly stuckLearners: readonly string[]
}

export interface PlanOptions {
  /** A pod that is gone is believed to be gone after this long and in two observations. */
  readonly settleMs: number
  /** The same for a node that does not join by itself: a learner harms nobody, so this may be short. */
  readonly inviteMs: number
}

/** A member of this set, with the pod that it runs in. */
interface Placed {
  readonly member: RaftMember
  readonly ordinal: number
  readonly pod: PodView | undefined
  readonly isCondemned: boolean
}

interface Context {
  readonly set: SetView
  readonly raft: RaftView
  readonly options: PlanOptions
  readonly pods: readonly PodView[]
  readonly placed: readonly Placed[]
  readonly voters: readonly RaftMember[]
  readonly evidence: Evidence
  readonly refusals: Refusal[]
}

/** What a rule decides: an action, a reason to wait, or nothing. */
type Ruling = { readonly action: Action; readonly reason: string } | { readonly wait: string } | null

/** What to do about `snapshot`, given what earlier passes saw. */
export function plan(snapshot: Snapshot, earlier: Evidence, options: PlanOptions): Plan {
  const { raft, set } = snapshot
  const frozen = freezeOf(set)
  if (set === null || frozen !== null) return still('frozen', frozen ?? '')
  if (raft === null) return still('blind', 'no leader answers')
  const { markedClusterId } = snapshot
  if (markedClusterId !== null && markedClusterId !== raft.clusterId) {
    const reason = `the nodes belong to the cluster ${raft.clusterId}, and this release to ${markedClusterId}`
    return still('foreign', reason)
  }
  const context = contextOf(snapshot, set, raft, options, earlier.next(snapshot.takenAtMs))
  // Everything that may be true in two observations is looked at, whatever this pass does.
  const rulings = [learnersToGo, leadershipToGo, votersToGo, learnersToStay, podsToAdd].map((rule) => rule(context))
  const { evidence, refusals } = context
  const common = { refusals, evidence, stuckLearners: evidence.olderThan('learner', LEARNER_STUCK_MS) }
  if (!raft.isSettled) {
    return { ...common, state: 'waiting', reason: 'a change of the membership is under way', action: null }
  }
  const first = rulings.find((ruling) => ruling !== null)
  if (first === undefined || first === null) {
    const [refusal] = refusals
    const reason = refusal?.reason ?? 'the membership is as the StatefulSet wants it'
    return { ...common, state: refusal === undefined ? 'idle' : 'refused', reason, action: null }
  }
  if ('wait' in first) return { ...common, state: 'waiting', reason: first.wait, action: null }
  return { ...common, state: 'acting', reason: first.reason, action: first.action }
}

/** Without authority nothing counts as seen. */
function still(state: PlanState, reason: string): Plan {
  return { state, reason, action: null, refusals: [], evidence: Evidence.none, stuckLearners: [] }
}

function contextOf(
  snapshot: Snapshot,
  set: SetView,
  raft: RaftView,
  options: PlanOptions,
  evidence: Evidence,
): Context {
  const pods = new Map(snapshot.pods.map((pod) => [pod.name, pod]))
  const placed = raft.members.flatMap((member): Placed[] => {
    const ordinal = ordinalOf(set.name, member.nodeId)
    // A member of another name was added by an operator, who alone removes it.
    if (ordinal === null) return []
    return [{ member, ordinal, pod: pods.get(member.nodeId), isCondemned: !isWanted(set, ordinal) }]
  })
  placed.sort((a, b) => b.ordinal - a.ordinal)
  const voters = raft.members.filter((member) => member.role === 'voter')
  return { set, raft, options, pods: snapshot.pods, placed, voters, evidence, refusals: [] }
}

/** A learner without a future goes at once: it has no vote. */
function learnersToGo({ placed }: Context): Ruling {
  const found = placed.find(
    ({ member, isCondemned, pod }) =>
      isCondemned && member.role === 'learner' && (pod === undefined || pod.isTerminating),
  )
  if (found === undefined) return null
  const { member } = found
  return { action: { type: 'remove', member, isLeaving: true }, reason: `${member.nodeId} is a learner and not wanted` }
}

function leadershipToGo({ placed, refusals }: Context): Ruling {
  const leading = placed.find(({ member, isCondemned }) => isCondemned && member.isLeader)
  if (leading === undefined) return null
  const fit = placed.filter(
    ({ member, isCondemned, pod }) =>
      !isCondemned &&
      member.role === 'voter' &&
      member.active &&
      member.lagEntries <= LAG_ENTRIES_MAX &&
      pod?.isRunning === true &&
      !pod.isTerminating,
  )
  const target = fit.at(-1)
  const { nodeId } = leading.member
  if (target !== undefined) {
    const reason = `${nodeId} leads and is not wanted`
    return { action: { type: 'transfer', nodeId: target.member.nodeId }, reason }
  }
  refusals.push({
    guard: 'no_target',
    reason: `${nodeId} leads and is not wanted, and no wanted voter could take over`,
  })
  return null
}

/** The highest first, each only when the rest keeps its quorum. */
function votersToGo({ placed, voters, evidence, options, refusals }: Context): Ruling {
  let ruling: Ruling = null
  for (const { member, isCondemned, pod } of placed) {
    if (!isCondemned || member.role !== 'voter') continue
    const isLeaving = pod?.isTerminating === true
    const isGone = pod === undefined
    if (!isLeaving && !isGone) continue
    const isProven = isGone && evidence.see('gone', member.memberId, options.settleMs)
    if (member.isLeader || ruling !== null) continue
    if (!isLeaving && !isProven) {
      refusals.push({ guard: 'first_sight', reason: `the pod ${member.nodeId} is gone and not wanted: seen once` })
      continue
    }
    const missing = quorumLack(voters, member)
    if (missing === null) {
      const reason = `${member.nodeId} is a voter and not wanted`
      ruling = { action: { type: 'remove', member, isLeaving }, reason }
    } else refusals.push({ guard: 'quorum', reason: missing })
  }
  return ruling
}

/** Leaders promote by themselves; what they leave undone for long is done here. */
function learnersToStay({ placed, evidence, options, voters }: Context): Ruling {
  let ruling: Ruling = null
  for (const { member, isCondemned } of placed) {
    if (isCondemned || member.role !== 'learner' || member.demoted) continue
    const isLong = evidence.see('learner', member.memberId, options.settleMs)
    const isFit = member.active && member.lagEntries <= LAG_ENTRIES_MAX
    const allHealthy = voters.every((voter) => voter.active)
    if (isLong && isFit && allHealthy) {
      ruling = { action: { type: 'promote', member }, reason: `${member.nodeId} is caught up` }
    } else ruling ??= { wait: `${member.nodeId} is catching up` }
  }
  return ruling
}

/** New nodes ask to join by themselves. One that was removed and comes back with its old disk does not: it is invited. */
function podsToAdd({ set, raft, options, pods, evidence, voters }: Context): Ruling {
  const known = new Set(raft.members.map((member) => member.nodeId))
  let ruling: Ruling = null
  for (const pod of pods.toSorted((a, b) => b.ordinal - a.ordinal)) {
    if (known.has(pod.name) || !isWanted(set, pod.ordinal) || !pod.isRunning || pod.isTerminating) continue
    const isLong = evidence.see('absent', pod.name, options.inviteMs)
    const hasQuorumAfter = 1 + voters.filter((voter) => voter.active).length >= majorityOf(voters.length + 1)
    if (isLong && hasQuorumAfter) {
      ruling = { action: { type: 'add', nodeId: pod.name }, reason: `${pod.name} runs and is no member` }
    } else ruling ??= { wait: `${pod.name} is about to join` }
  }
  return ruling
}

/** Why the rest would be no quorum without `target`; null when it is one. */
function quorumLack(voters: readonly RaftMember[], target: RaftMember): string | null {
  const healthy = voters.filter((voter) => voter.active && voter !== target).length
  const needed = majorityOf(voters.length - 1)
  if (voters.length > 1 && healthy >= needed) return null
  return `without ${target.nodeId}, ${healthy} of ${voters.length - 1} voters would answer, and ${needed} must`
}

/** The smallest number of voters that is more than half of `voterCount`. */
function majorityOf(voterCount: number): number {
  return Math.floor(voterCount / 2) + 1
}
