// What one step of an operator would do to the cluster, and whether it is safe. Pure, so that a plan and the step itself cannot
// differ; Raft checks again when it takes the change.
import { assert } from '../../base/assert.ts'
import { quorumOf } from './cluster-view.ts'
import type { ClusterView, MemberView, QuorumView } from './cluster-view.ts'
import type { MembershipChange } from '../../raft/types.ts'

export type ClusterStep =
  | { readonly type: 'add'; readonly nodeId: string; readonly memberId: string; readonly raftAddress: string }
  | { readonly type: 'promote' | 'demote'; readonly nodeId: string; readonly incarnation: string | null }
  | {
      readonly type: 'remove'
      readonly nodeId: string
      readonly incarnation: string | null
      /** Also when it takes a healthy voter while another is away. What the rest cannot commit, nothing forces. */
      readonly force: boolean
    }
  /** `target`: a node; null: the voter that answers, is caught up and has the lowest number. */
  | { readonly type: 'transfer'; readonly target: string | null }

/** `nothing`: the cluster is already as the step would leave it. */
type Verdict = 'allowed' | 'nothing' | 'refused'

export interface StepPlan {
  readonly action: ClusterStep['type']
  /** The member that the step is about; null when there is none. */
  readonly memberId: string | null
  readonly verdict: Verdict
  /** For `refused`: the code of the error that the step would end with. */
  readonly code: string | null
  readonly reason: string
  readonly warnings: readonly string[]
  readonly votersBefore: readonly string[]
  readonly votersAfter: readonly string[]
  readonly quorumBefore: QuorumView
  readonly quorumAfter: QuorumView
}

/** A transfer by choice goes to a member that is at most this far behind. */
const TRANSFER_LAG_ENTRIES_MAX = 1_000

type Ruling = Pick<StepPlan, 'verdict' | 'reason'> &
  Partial<Pick<StepPlan, 'memberId' | 'code' | 'warnings'>> & { readonly after?: readonly MemberView[] }

/** What `step` would do to the cluster as its leader sees it. */
export function planStep(view: ClusterView, step: ClusterStep): StepPlan {
  assert(view.leader !== null, 'only a leader plans')
  const ruling = rule(view, step)
  const after = ruling.after ?? view.members
  const isPending = !view.settled && ruling.verdict === 'allowed' && step.type !== 'transfer'
  const pending: Ruling = refused('CHANGE_PENDING', 'another change of the membership is not committed yet')
  return {
    action: step.type,
    memberId: null,
    code: null,
    warnings: [],
    ...withoutAfter(isPending ? { ...pending, memberId: ruling.memberId ?? null } : ruling),
    votersBefore: voterNames(view.members),
    votersAfter: voterNames(after),
    quorumBefore: view.quorum,
    quorumAfter: quorumOf(after),
  }
}

/** The change of the membership that an allowed step makes; null for a transfer. */
export function changeOf(step: ClusterStep, memberId: string): MembershipChange | null {
  if (step.type === 'add') return { type: 'add_learner', member: { id: memberId, raftAddress: step.raftAddress } }
  return step.type === 'transfer' ? null : { type: step.type, id: memberId }
}

function rule(view: ClusterView, step: ClusterStep): Ruling {
  if (step.type === 'add') return ruleAdd(view, step)
  if (step.type === 'transfer') return ruleTransfer(view, step.target)
  const found = view.members.filter(
    (member) => member.nodeId === step.nodeId && (step.incarnation ?? member.incarnation) === member.incarnation,
  )
  const [member] = found
  if (member === undefined) {
    const which = step.incarnation === null ? '' : ` with the incarnation ${step.incarnation}`
    return refused('MEMBER_UNKNOWN', `no member is of the node ${step.nodeId}${which}`)
  }
  if (found.length > 1) {
    const incarnations = found.map((one) => one.incarnation).join(', ')
    return refused('MEMBER_UNKNOWN', `the node ${step.nodeId} has several incarnations, name one: ${incarnations}`)
  }
  const ruling =
    step.type === 'promote'
      ? rulePromote(view, member)
      : ruleLoss(view, member, step.type, step.type === 'remove' && step.force)
  return { memberId: member.memberId, ...ruling }
}

function ruleAdd(view: ClusterView, step: Extract<ClusterStep, { type: 'add' }>): Ruling {
  const { memberId, nodeId, raftAddress } = step
  if (view.members.some((member) => member.memberId === memberId)) {
    return { memberId, verdict: 'nothing', reason: `${memberId} is a member already` }
  }
  const former = view.members.find((member) => member.nodeId === nodeId)
  if (former !== undefined) {
    return refused('MEMBER_EXISTS', `the node ${nodeId} is a member as ${former.memberId}; remove that one first`)
  }
  const learner: MemberView = {
    memberId,
    nodeId,
    incarnation: memberId.slice(nodeId.length + 1),
    role: 'learner',
    demoted: false,
    raftAddress,
    isLeader: false,
    lagEntries: null,
    active: null,
  }
  const later = quorumOf([...view.members, { ...learner, role: 'voter', active: true }])
  return {
    memberId,
    verdict: 'allowed',
    reason: 'it becomes a learner, and a voter by itself once it is caught up',
    warnings: [`as a voter it makes ${later.voters} voters with a quorum of ${later.size}`, ...evenWarning(later)],
    after: [...view.members, learner],
  }
}

function rulePromote(view: ClusterView, member: MemberView): Ruling {
  if (member.role === 'voter') return { verdict: 'nothing', reason: `${member.memberId} is a voter already` }
  const after = view.members.map((one): MemberView =>
    one === member ? { ...one, role: 'voter', demoted: false } : one,
  )
  if (member.active !== true) {
    return { ...refused('MEMBER_NOT_READY', `${member.memberId} does not answer`), after }
  }
  const quorum = quorumOf(after)
  if ((quorum.margin ?? 0) < 0) return { ...atRisk(quorum), after }
  return { verdict: 'allowed', reason: 'its vote counts from now on', warnings: evenWarning(quorum), after }
}

function ruleLoss(view: ClusterView, member: MemberView, type: 'demote' | 'remove', isForced: boolean): Ruling {
  if (type === 'demote' && member.role === 'learner' && member.demoted) {
    return { verdict: 'nothing', reason: `${member.memberId} is a learner already` }
  }
  const others = view.members.filter((one) => one !== member)
  const after = type === 'remove' ? others : [...others, { ...member, role: 'learner' as const, demoted: true }]
  const done = type === 'remove' ? 'it is no member any more' : 'it keeps its copy and has no vote'
  if (member.role === 'learner') return { verdict: 'allowed', reason: done, after }
  const quorum = quorumOf(after)
  if (quorum.voters === 0) {
    return { ...refused('QUORUM_AT_RISK', `${member.memberId} is the last voter`), after }
  }
  if (member.isLeader) {
    return { ...refused('MEMBER_LEADS', `${member.memberId} leads the cluster`), after }
  }
  const margin = quorum.margin ?? 0
  if (margin < 0) return { ...atRisk(quorum), after }
  const away = others.filter((one) => one.role === 'voter' && one.active !== true).map((one) => one.memberId)
  const isLastSpare = member.active === true && margin === 0 && away.length > 0 && (view.quorum.margin ?? 0) > 0
  if (isLastSpare && !isForced) {
    const reason = `${member.memberId} answers, ${away.join(', ')} ${away.length === 1 ? 'does' : 'do'} not: without it no voter more may be lost; remove the one that is away instead`
    return { ...refused('QUORUM_AT_RISK', reason), after }
  }
  const alive = member.active === true && type === 'remove' ? [`${member.memberId} still answers`] : []
  return { verdict: 'allowed', reason: done, warnings: [...alive, ...evenWarning(quorum)], after }
}

function ruleTransfer(view: ClusterView, target: string | null): Ruling {
  if (target === null) {
    const fit = view.members
      .filter((member) => member.role === 'voter' && !member.isLeader && member.active === true)
      .filter((member) => (member.lagEntries ?? Number.POSITIVE_INFINITY) <= TRANSFER_LAG_ENTRIES_MAX)
      .toSorted(byNodeNumber)
    const [best] = fit
    if (best === undefined) return refused('MEMBER_NOT_READY', 'no other voter answers and is caught up')
    return { memberId: best.memberId, verdict: 'allowed', reason: `${best.nodeId} campaigns at once` }
  }
  const member = view.members.find((one) => one.nodeId === target && one.role === 'voter')
  if (member === undefined) {
    const learner = view.members.find((one) => one.nodeId === target)
    if (learner === undefined) return refused('MEMBER_UNKNOWN', `no member is of the node ${target}`)
    return { memberId: learner.memberId, ...refused('MEMBER_NOT_READY', `${learner.memberId} is a learner`) }
  }
  const { memberId } = member
  if (member.isLeader) return { memberId, verdict: 'nothing', reason: `${target} leads already` }
  if (member.active !== true) return { memberId, ...refused('MEMBER_NOT_READY', `${memberId} does not answer`) }
  return { memberId, verdict: 'allowed', reason: `${target} campaigns at once` }
}

function refused(code: string, reason: string): Ruling {
  return { verdict: 'refused', code, reason }
}

function atRisk({ active, size, voters }: QuorumView): Ruling {
  return refused('QUORUM_AT_RISK', `of the ${voters} voters after it ${active ?? 0} would answer, and ${size} must`)
}

function evenWarning({ voters }: QuorumView): string[] {
  return voters > 0 && voters % 2 === 0
    ? [`${voters} voters survive no more losses than ${voters - 1}: prefer an odd number`]
    : []
}

function voterNames(members: readonly MemberView[]): string[] {
  return members.filter((member) => member.role === 'voter').map((member) => member.memberId)
}

function withoutAfter(ruling: Ruling): Omit<Ruling, 'after'> {
  const { after: _after, ...rest } = ruling
  return rest
}

/** A StatefulSet replaces the highest number first: the lowest keeps the leadership longest. */
function byNodeNumber(a: MemberView, b: MemberView): number {
  return numberOf(a.nodeId) - numberOf(b.nodeId) || (a.nodeId < b.nodeId ? -1 : 1)
}

function numberOf(nodeId: string): number {
  const digits = /(\d{1,9})$/.exec(nodeId)?.[1]
  return digits === undefined ? Number.MAX_SAFE_INTEGER : Number(digits)
}
