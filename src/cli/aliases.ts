// alias add, delete, list.
import { Aliases } from '../client/aliases.ts'
import { argument } from './command.ts'
import type { CommandContext, Line } from './command.ts'
import { OK_LINE } from './console.ts'
import { succeed } from './store.ts'

export async function add(context: CommandContext): Promise<void> {
  const alias = await new Aliases(context.http()).add()
  const lines: Line[] = [{ text: `Alias Key: ${alias}`, colour: 'green' }, OK_LINE]
  context.console.result(context.format, { lines, json: { alias } })
}

export async function remove(context: CommandContext): Promise<void> {
  await new Aliases(context.http()).delete(argument(context, 0))
  succeed(context)
}

export async function list(context: CommandContext): Promise<void> {
  const aliases = await new Aliases(context.http()).list()
  const none: Line[] = [{ text: 'No aliases found for the current key.', colour: 'yellow' }]
  const some: Line[] = [{ text: 'Aliases:', colour: 'cyan' }, ...aliases.map((alias) => ({ text: `  - ${alias}` }))]
  context.console.result(context.format, { lines: aliases.length === 0 ? none : some, json: { aliases } })
}
