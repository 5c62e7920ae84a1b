// What one pass saw and would do, for people and for programs.
import { stringify } from 'yaml'
import { renderedFor } from '../../reconciler/apply.ts'
import type { Pass } from '../../reconciler/reconciler.ts'
import type { Addressing } from '../../reconciler/render.ts'
import type { Output } from './flags.ts'

/** `text` is itself YAML: the plan as comments, and cluster.yaml. */
export function describePass(pass: Pass, addressing: Addressing, output: Output): string {
  if (output === 'text') return textOf(pass, addressing)
  const members = membersOf(pass, addressing)
  return output === 'json' ? `${JSON.stringify(members, null, 2)}\n` : stringify(members, { lineWidth: 0 })
}

function membersOf({ observed, plan }: Pass, addressing: Addressing) {
  const { raft, set } = observed.snapshot
  const rendered = renderedFor(observed, addressing)
  return {
    replicas: set?.replicas ?? null,
    cluster_id: raft?.clusterId ?? null,
    leader: raft?.leader ?? null,
    members: (raft?.members ?? []).map(({ active, lagEntries, memberId, role }) => ({
      member_id: memberId,
      role,
      active,
      lag_entries: lagEntries,
    })),
    plan: {
      state: plan.state,
      reason: plan.reason,
      action: plan.action?.type ?? null,
      target: targetOf(plan.action),
      refusals: plan.refusals.map(({ guard, reason }) => ({ guard, reason })),
    },
    node_generations: Object.fromEntries(
      [...observed.nodeTopologies].map(([nodeId, { generation }]) => [nodeId, generation]),
    ),
    generation: rendered?.generation ?? null,
    hash: rendered?.hash ?? null,
    cluster_yaml: rendered?.text ?? null,
  }
}

function textOf({ observed, plan }: Pass, addressing: Addressing): string {
  const { raft, set } = observed.snapshot
  const { action } = plan
  const members = raft?.members.map(({ memberId, role }) => `${memberId} (${role})`).join(', ')
  const lines = [
    `wanted:  ${set === null ? 'no StatefulSet' : `${set.replicas} replicas`}`,
    `members: ${members ?? 'no leader answers'}`,
    `plan:    ${action === null ? 'nothing' : `${action.type} ${targetOf(action)}`}`,
    `why:     ${plan.state}: ${plan.reason}`,
    ...plan.refusals.map(({ guard, reason }) => `refused: ${guard}: ${reason}`),
  ]
  const text = renderedFor(observed, addressing)?.text
  return `${lines.map((line) => `# ${line}`).join('\n')}\n${text === undefined ? '' : `---\n${text}`}`
}

function targetOf(action: Pass['plan']['action']): string | null {
  if (action === null) return null
  return 'member' in action ? action.member.memberId : action.nodeId
}
