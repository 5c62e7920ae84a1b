// cluster topology: which cluster.yaml a node looks for its peers by, and a newer one for it.
import { readFile } from 'node:fs/promises'
import { messageOf } from '../base/errors.ts'
import { Cluster } from '../client/cluster.ts'
import type { NodeTopology } from '../client/cluster.ts'
import { readTopology, topologyHash } from '../contract/topology.ts'
import type { TopologyFile } from '../contract/topology.ts'
import { CommandFailure, UsageFailure } from './command.ts'
import type { CommandContext, Line } from './command.ts'
import { OK_LINE } from './console.ts'

const STDIN = '-'
const PUSH = 'push'

export async function topology(context: CommandContext): Promise<void> {
  const [action, path] = context.args
  if (action === undefined) return show(context)
  if (action !== PUSH) throw new UsageFailure('cluster topology: unknown action', { given: action })
  if (path === undefined) throw new UsageFailure('cluster topology push: the file is missing')
  const file = fileOf(await readText(context, path), path, context.flags['generation'])
  const changed = await new Cluster(context.http()).pushTopology(file)
  const { generation, hash } = file
  const text = changed ? `generation ${generation} taken over` : `generation ${generation} was there already`
  context.console.result(context.format, { lines: [{ text }, OK_LINE], json: { changed, generation, hash } })
}

async function show(context: CommandContext): Promise<void> {
  const found = await new Cluster(context.http()).topology()
  const { generation, hash, nodeId, nodes, source } = found
  const json = { node_id: nodeId, generation, hash, source, nodes }
  context.console.result(context.format, { lines: linesOf(found), json })
}

function linesOf({ generation, hash, nodeId, nodes, source }: NodeTopology): Line[] {
  return [
    { text: `Node:       ${nodeId}` },
    { text: `Generation: ${generation === 0 ? 'none' : generation}` },
    { text: `Hash:       ${hash ?? 'none'}` },
    { text: `Source:     ${source === 'push' ? 'pushed' : 'its own file'}` },
    { text: `Nodes:      ${nodes.join(', ')}` },
  ]
}

/** Throws CommandFailure when the file is not what it says, or says nothing and nobody else does. */
function fileOf(text: string, path: string, given: unknown): TopologyFile {
  const { body, mark } = readTopology(text)
  const hash = topologyHash(body)
  if (typeof given === 'number') {
    if (given < 1) throw new UsageFailure('cluster topology push: --generation must be positive')
    return { generation: given, hash, body }
  }
  if (mark === null) {
    throw new CommandFailure([`Error: ${path} does not say which generation it is: add --generation`])
  }
  if (mark.hash !== hash) {
    throw new CommandFailure([
      `Error: ${path} was changed after generation ${mark.generation} was made: give it a higher one with --generation`,
    ])
  }
  return { generation: mark.generation, hash, body }
}

async function readText(context: CommandContext, path: string): Promise<string> {
  if (path === STDIN) return context.input.readText()
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    throw new CommandFailure([`Error: cannot read ${path}: ${messageOf(error)}`])
  }
}
