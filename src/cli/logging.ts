// log level.
import { Logging } from '../client/logging.ts'
import type { CommandContext } from './command.ts'

/** Shows the level of a node, or changes it first. */
export async function logLevel(context: CommandContext): Promise<void> {
  const logging = new Logging(context.http())
  const [wanted] = context.args
  const { level, nodeId } = wanted === undefined ? await logging.level() : await logging.setLevel(wanted)
  context.console.result(context.format, { lines: [{ text: `${nodeId}: ${level}` }], json: { node_id: nodeId, level } })
}
