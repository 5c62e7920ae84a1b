// ping, root-key, completion, help, version.
import { readFile } from 'node:fs/promises'
import { ping as sendPing } from '../client/ping.ts'
import type { PingAnswer } from '../client/ping.ts'
import { CommandFailure, argument } from './command.ts'
import type { CommandContext, Line } from './command.ts'

export async function ping(context: CommandContext): Promise<void> {
  const answer = await sendPing(context.http())
  context.console.result(context.format, { lines: pingLines(answer), json: answer })
}

/** A ping's answer for people. */
export function pingLines(answer: PingAnswer): Line[] {
  return [
    { text: 'Ping Response:', colour: 'bright-green' },
    ...Object.entries(answer).map(([name, value]) => ({ text: `  ${name}: ${value}` })),
  ]
}

export async function rootKey(context: CommandContext): Promise<void> {
  const key = await context.rootKey()
  context.console.result(context.format, { lines: [{ text: key }], json: { root_key: key } })
}

export async function completion(context: CommandContext): Promise<void> {
  const { COMPLETIONS } = await import('./completion.ts')
  const shell = argument(context, 0)
  const render = COMPLETIONS.get(shell)
  if (render === undefined) {
    const known = [...COMPLETIONS.keys()].join(', ')
    throw new CommandFailure([`Error: no completion for the shell '${shell}': there is one for ${known}.`])
  }
  const script = render()
  context.console.result(context.format, { lines: [{ text: script.trimEnd() }], json: { shell, script } })
}

export async function help(context: CommandContext): Promise<void> {
  const { commandHelp, usageText } = await import('./usage.ts')
  const { findCommand } = await import('./commands.ts')
  const found = findCommand(context.args)
  if (context.args.length > 0 && found.type === 'unknown') {
    throw new CommandFailure([`Error: there is no command '${context.args.join(' ')}'.`])
  }
  const text =
    found.type === 'command' ? commandHelp(found.command) : usageText(found.type === 'group' ? found.path : [])
  context.console.result(context.format, { lines: [{ text }], json: { help: text } })
}

export async function version(context: CommandContext): Promise<void> {
  const text = await readFile(new URL('../../package.json', import.meta.url), 'utf8')
  const release = (JSON.parse(text) as { version: string }).version
  const lines = [{ text: `insi ${release} (Node.js ${process.versions.node})` }]
  context.console.result(context.format, { lines, json: { insi: release, node: process.versions.node } })
}
