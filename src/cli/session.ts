// ping, root-key, completion, help, version.
import { readFile } from 'node:fs/promises'
import { ping as sendPing } from '../client/ping.ts'
import type { PingAnswer } from '../client/ping.ts'
import { CommandFailure, SHELLS, argument } from './command.ts'
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
  const shell = argument(context, 0)
  const script = await context.texts.completion(shell)
  if (script === undefined) {
    throw new CommandFailure([`Error: no completion for the shell '${shell}': there is one for ${SHELLS.join(', ')}.`])
  }
  context.console.result(context.format, { lines: [{ text: script.trimEnd() }], json: { shell, script } })
}

export async function help(context: CommandContext): Promise<void> {
  const text = await context.texts.help(context.args)
  if (text === undefined) throw new CommandFailure([`Error: there is no command '${context.args.join(' ')}'.`])
  context.console.result(context.format, { lines: [{ text }], json: { help: text } })
}

export async function version(context: CommandContext): Promise<void> {
  const text = await readFile(new URL('../../package.json', import.meta.url), 'utf8')
  const release = (JSON.parse(text) as { version: string }).version
  const lines = [{ text: `insi ${release} (Node.js ${process.versions.node})` }]
  context.console.result(context.format, { lines, json: { insi: release, node: process.versions.node } })
}
