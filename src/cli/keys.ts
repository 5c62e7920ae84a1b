// api add, delete and verify, and admin create-key.
import { Keys } from '../client/keys.ts'
import { ping } from '../client/ping.ts'
import { CommandFailure, argument } from './command.ts'
import type { CommandContext, Line } from './command.ts'
import { OK_LINE, abbreviateKey } from './console.ts'
import { errorText } from './error-text.ts'
import { pingLines } from './session.ts'
import { succeed } from './store.ts'

export async function add(context: CommandContext): Promise<void> {
  const { name, key } = await new Keys(context.http()).create(argument(context, 0))
  if (context.format === 'table') {
    context.console.log('INFO', 'API key created successfully', { name, key: abbreviateKey(key) })
  }
  const lines: Line[] = [{ text: `API Key Name: ${name}` }, { text: `API Key:      ${key}`, colour: 'green' }, OK_LINE]
  context.console.result(context.format, { lines, json: { name, key } })
}

export async function remove(context: CommandContext): Promise<void> {
  const key = argument(context, 0)
  await new Keys(context.http()).delete(key)
  if (context.format === 'table') {
    context.console.log('INFO', 'API key deleted successfully', { key: abbreviateKey(key) })
  }
  succeed(context)
}

export async function verify(context: CommandContext): Promise<void> {
  const key = argument(context, 0)
  const isTable = context.format === 'table'
  if (isTable) context.console.log('INFO', 'Verifying API key', { key: abbreviateKey(key) })
  try {
    const answer = await ping(await context.httpWithKey(key))
    if (isTable) context.console.log('INFO', 'API key verified', { entity: answer.entity })
    const lines: Line[] = [{ text: 'API Key Verified Successfully!', colour: 'bright-green' }, ...pingLines(answer)]
    context.console.result(context.format, { lines, json: { valid: true, ping: answer } })
  } catch (error) {
    throw new CommandFailure([`Error: API key verification failed. Ping error: ${errorText(error)}`], {
      log: { level: 'ERROR', message: 'API key verification failed' },
      outputLines: ['Verification FAILED'],
      cause: error,
    })
  }
}
