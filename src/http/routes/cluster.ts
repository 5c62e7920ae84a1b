// The routes by which root looks at the cluster and changes its membership.
import type { Quorum, StepOutcome } from '../../contract/membership-plan.ts'
import type { ClusterMember, ClusterStep } from '../../services/cluster-admin.ts'
import type { ClusterService, ClusterStatusView } from '../../services/cluster.ts'
import type { TopologyService } from '../../services/cluster-topology.ts'
import { sendEmpty, sendJson } from '../answers.ts'
import { addressField, leaveTimeoutField, memberField, optionalMemberField, topologyField } from '../cluster-fields.ts'
import type { Handler } from '../context.ts'
import type { Handlers } from '../endpoints.ts'
import { flagField } from '../field-types.ts'
import { bodyFields, readFields } from '../fields.ts'
import type { Fields, FieldWords } from '../fields.ts'
import { REQUEST_WORDS } from './words.ts'

export interface ClusterRouteDeps {
  readonly cluster: ClusterService
  readonly topology: TopologyService
}

const JOIN_WORDS: FieldWords = { ...REQUEST_WORDS, missing: () => 'Missing followerId or followerAddr parameters' }

export function clusterHandlers({ cluster, topology }: ClusterRouteDeps): Handlers {
  const step =
    (read: (fields: Fields) => ClusterStep): Handler =>
    async (ctx) => {
      const fields = bodyFields(ctx, REQUEST_WORDS)
      sendJson(ctx, JSON.stringify(outcomeMembers(await cluster.step(read(fields), flagField(fields, 'plan')))))
    }
  return {
    'cluster.status': async (ctx) => {
      sendJson(ctx, JSON.stringify(clusterMembers(await cluster.status())))
    },
    'cluster.members': async (ctx) => {
      const { members } = await cluster.status()
      sendJson(ctx, JSON.stringify({ members: members.map(memberMembers) }))
    },
    'cluster.transfer': step((fields) => ({ type: 'transfer', target: optionalMemberField(fields, 'target') })),
    'cluster.add': step((fields) => ({
      type: 'add',
      nodeId: memberField(fields, 'node_id'),
      memberId: optionalMemberField(fields, 'member_id'),
      raftAddress: addressField(fields, 'raft_address'),
    })),
    'cluster.promote': step((fields) => ({ type: 'promote', ...whichMember(fields) })),
    'cluster.demote': step((fields) => ({ type: 'demote', ...whichMember(fields) })),
    'cluster.remove': step((fields) => ({
      type: 'remove',
      ...whichMember(fields),
      force: flagField(fields, 'force'),
    })),
    'cluster.leaveGate': async (ctx) => {
      const fields = bodyFields(ctx, REQUEST_WORDS)
      const { safe, leader, reason } = await cluster.leaveGate(leaveTimeoutField(fields, 'timeout_ms'))
      sendJson(ctx, JSON.stringify({ safe, leader, reason }))
    },
    'cluster.topology': (ctx) => {
      const { mark, nodes, source } = topology.state
      const { nodeId } = ctx.state.node
      const { generation, hash } = mark ?? { generation: 0, hash: null }
      sendJson(ctx, JSON.stringify({ node_id: nodeId, generation, hash, source, nodes }))
    },
    'cluster.topologyPush': async (ctx) => {
      const fields = bodyFields(ctx, REQUEST_WORDS)
      const file = topologyField(fields)
      const changed = await topology.push(file)
      const { generation, hash } = file
      sendJson(ctx, JSON.stringify({ node_id: ctx.state.node.nodeId, changed, generation, hash }))
    },
    join: async (ctx) => {
      const fields = readFields(ctx, JOIN_WORDS)
      await cluster.join(memberField(fields, 'followerId'), addressField(fields, 'followerAddr'))
      sendEmpty(ctx)
    },
  }
}

function whichMember(fields: Fields): { nodeId: string; incarnation: string | null } {
  return { nodeId: memberField(fields, 'node_id'), incarnation: optionalMemberField(fields, 'incarnation') }
}

export function clusterMembers(view: ClusterStatusView) {
  const { mark, nodeId } = view.topology
  return {
    state: view.state,
    cluster_id: view.clusterId,
    leader: view.leader,
    term: view.term,
    commit_index: view.commitIndex,
    membership_index: view.membershipIndex,
    settled: view.settled,
    quorum: quorumMembers(view.quorum),
    members: view.members.map(memberMembers),
    topology: { node_id: nodeId, generation: mark?.generation ?? 0, hash: mark?.hash ?? null },
  }
}

function memberMembers(member: ClusterMember) {
  return {
    member_id: member.memberId,
    node_id: member.nodeId,
    incarnation: member.incarnation,
    role: member.role,
    demoted: member.demoted,
    raft_address: member.raftAddress,
    leader: member.isLeader,
    lag_entries: member.lagEntries,
    active: member.active,
  }
}

function quorumMembers({ voters, size, active, margin }: Quorum) {
  return { voters, size, active, margin }
}

function outcomeMembers({ changed, plan }: StepOutcome) {
  return {
    changed,
    plan: {
      action: plan.action,
      member_id: plan.memberId,
      verdict: plan.verdict,
      code: plan.code,
      reason: plan.reason,
      warnings: plan.warnings,
      voters_before: plan.votersBefore,
      voters_after: plan.votersAfter,
      quorum_before: quorumMembers(plan.quorumBefore),
      quorum_after: quorumMembers(plan.quorumAfter),
    },
  }
}
