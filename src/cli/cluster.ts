// cluster status, members, the steps and their plans, and join.
import { Cluster } from '../client/cluster.ts'
import type { ClusterMember, ClusterStatus, ClusterStep } from '../client/cluster.ts'
import type { Quorum, StepPlan } from '../contract/membership-plan.ts'
import { CommandFailure, UsageFailure, argument } from './command.ts'
import type { CommandContext, Line, Run } from './command.ts'
import { OK_LINE } from './console.ts'

export const STEP_ACTIONS = ['add', 'promote', 'demote', 'remove', 'transfer'] as const
type Action = (typeof STEP_ACTIONS)[number]

const EXIT_FAILURE = 1
const EXIT_DEGRADED = 3
const EXIT_NO_QUORUM = 4
const EXIT_CODES: Readonly<Record<ClusterStatus['state'], number>> = {
  ok: 0,
  degraded: EXIT_DEGRADED,
  no_quorum: EXIT_NO_QUORUM,
}
const STATE_COLOURS = { ok: 'bright-green', degraded: 'yellow', no_quorum: 'red' } as const
const VERDICT_COLOURS = { allowed: 'bright-green', nothing: 'yellow', refused: 'red' } as const

export async function status(context: CommandContext): Promise<void> {
  const found = await new Cluster(context.http()).status()
  const { clusterId, commitIndex, leader, members, quorum, settled, state, term, topology } = found
  const lines: Line[] = [
    { text: `State:   ${state}`, colour: STATE_COLOURS[state] },
    { text: `Cluster: ${clusterId ?? 'none'}` },
    { text: `Leader:  ${leader ?? 'none'} (term ${term})` },
    { text: `Commit:  ${commitIndex}${settled || leader === null ? '' : ', a change of the membership is under way'}` },
    { text: `Quorum:  ${quorumText(quorum)}` },
    ...(topology === null || topology.generation === 0
      ? []
      : [{ text: `File:    cluster.yaml of generation ${topology.generation} at ${topology.nodeId}` }]),
    { text: '' },
    ...memberLines(members),
  ]
  context.console.result(context.format, { lines, json: statusJson(found) })
  context.exitWith(EXIT_CODES[state])
}

export async function members(context: CommandContext): Promise<void> {
  const found = await new Cluster(context.http()).members()
  context.console.result(context.format, {
    lines: memberLines(found),
    json: { members: found.map(memberJson) },
  })
}

/** The command of one step, which with --plan only says what it would do. */
export function stepCommand(action: Action): Run {
  return async (context) => {
    const step = stepOf(action, context.args, context.flags)
    if (context.flags['plan'] === true) {
      await showPlan(context, step)
      return
    }
    const { changed, plan: done } = await new Cluster(context.http()).step(step)
    if (context.format === 'table') for (const warning of done.warnings) context.console.log('WARN', warning)
    const lines: Line[] = [{ text: `${done.memberId ?? action}: ${done.reason}` }, OK_LINE]
    context.console.result(context.format, { lines, json: { changed, plan: planJson(done) } })
  }
}

export async function plan(context: CommandContext): Promise<void> {
  const word = argument(context, 0)
  const action = STEP_ACTIONS.find((one) => one === word)
  if (action === undefined) throw new UsageFailure('cluster plan: unknown step', { given: word })
  if (action !== 'transfer' && context.args[1] === undefined) throw new UsageFailure('cluster plan: a node is missing')
  await showPlan(context, stepOf(action, context.args.slice(1), context.flags))
}

export async function join(context: CommandContext): Promise<void> {
  const leaderId = argument(context, 0)
  const followerId = argument(context, 1)
  const http = await context.nodeClient(leaderId)
  const raftAddress = await context.raftAddressOf(followerId)
  if (raftAddress === undefined) {
    throw new CommandFailure([`Error: Follower node ID '${followerId}' not found in configuration.`])
  }
  const isTable = context.format === 'table'
  if (isTable) context.console.log('INFO', 'Joining', { leader: leaderId, follower: followerId, address: raftAddress })
  await new Cluster(http).join(followerId, raftAddress)
  if (isTable) context.console.log('INFO', 'The node is a voting member', { follower: followerId })
  context.console.result(context.format, { lines: [OK_LINE], json: { ok: true } })
}

async function showPlan(context: CommandContext, step: ClusterStep): Promise<void> {
  const found = await new Cluster(context.http()).plan(step)
  const { votersAfter, votersBefore, warnings } = found
  const lines: Line[] = [
    { text: `Step:    ${found.action} ${found.memberId ?? ''}`.trimEnd() },
    { text: `Verdict: ${found.verdict}${found.code === null ? '' : ` (${found.code})`}`, colour: colourOf(found) },
    { text: `Reason:  ${found.reason}` },
    { text: `Before:  ${quorumText(found.quorumBefore)}` },
    { text: `After:   ${quorumText(found.quorumAfter)}` },
    ...votersBefore.filter((id) => !votersAfter.includes(id)).map((id) => ({ text: `  - ${id}` })),
    ...votersAfter.filter((id) => !votersBefore.includes(id)).map((id) => ({ text: `  + ${id}` })),
    ...warnings.map((warning): Line => ({ text: `Warning: ${warning}`, colour: 'yellow' })),
  ]
  context.console.result(context.format, { lines, json: { changed: false, plan: planJson(found) } })
  if (found.verdict === 'refused') context.exitWith(EXIT_FAILURE)
}

function stepOf(action: Action, args: readonly string[], flags: CommandContext['flags']): ClusterStep {
  const [nodeId, raftAddress] = args
  if (action === 'transfer') return { action, ...(nodeId === undefined ? {} : { nodeId }) }
  if (nodeId === undefined) throw new UsageFailure(`cluster ${action}: a node is missing`)
  if (action === 'add') {
    if (raftAddress === undefined) throw new UsageFailure('cluster add: the Raft address is missing')
    const memberId = flags['member']
    return { action, nodeId, raftAddress, ...(typeof memberId === 'string' ? { memberId } : {}) }
  }
  const incarnation = flags['incarnation']
  const which = { nodeId, ...(typeof incarnation === 'string' ? { incarnation } : {}) }
  return action === 'remove' ? { action, ...which, force: flags['force'] === true } : { action, ...which }
}

function colourOf({ verdict }: StepPlan): (typeof VERDICT_COLOURS)[StepPlan['verdict']] {
  return VERDICT_COLOURS[verdict]
}

function quorumText({ active, margin, size, voters }: Quorum): string {
  const needed = `${size} of ${voters} voters must answer`
  if (active === null || margin === null) return `${needed}, nobody knows how many do`
  if (margin < 0) return `${needed}, ${active} do: NO QUORUM`
  return `${needed}, ${active} do: ${margin} more may be lost`
}

const HEADINGS = ['NODE', 'ROLE', 'STATE', 'LAG', 'ADDRESS', 'INCARNATION']

function memberLines(found: readonly ClusterMember[]): Line[] {
  const rows = [HEADINGS, ...found.map(rowOf)]
  const widths = HEADINGS.map((_heading, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)))
  return rows.map((row, at) => {
    const text = row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')
    return at === 0 ? { text: text.trimEnd(), colour: 'cyan' } : { text: text.trimEnd() }
  })
}

function rowOf({
  active,
  demoted,
  incarnation,
  lagEntries,
  leader,
  nodeId,
  raftAddress,
  role,
}: ClusterMember): string[] {
  return [
    nodeId,
    leader ? 'leader' : demoted ? 'demoted' : role,
    active === null ? 'unknown' : active ? 'up' : 'away',
    lagEntries === null ? '-' : String(lagEntries),
    raftAddress,
    incarnation,
  ]
}

function statusJson(found: ClusterStatus): Record<string, unknown> {
  return {
    state: found.state,
    cluster_id: found.clusterId,
    leader: found.leader,
    term: found.term,
    commit_index: found.commitIndex,
    settled: found.settled,
    quorum: found.quorum,
    members: found.members.map(memberJson),
    ...(found.topology === null ? {} : { topology: markJson(found.topology) }),
  }
}

function markJson({ generation, hash, nodeId }: NonNullable<ClusterStatus['topology']>): Record<string, unknown> {
  return { node_id: nodeId, generation, hash }
}

function memberJson(member: ClusterMember): Record<string, unknown> {
  return {
    member_id: member.memberId,
    node_id: member.nodeId,
    incarnation: member.incarnation,
    role: member.role,
    demoted: member.demoted,
    raft_address: member.raftAddress,
    leader: member.leader,
    lag_entries: member.lagEntries,
    active: member.active,
  }
}

function planJson(of: StepPlan): Record<string, unknown> {
  return {
    action: of.action,
    member_id: of.memberId,
    verdict: of.verdict,
    code: of.code,
    reason: of.reason,
    warnings: of.warnings,
    voters_before: of.votersBefore,
    voters_after: of.votersAfter,
    quorum_before: of.quorumBefore,
    quorum_after: of.quorumAfter,
  }
}
