// batch and txn: several operations in one request, read from a file or from stdin.
import { readFile } from 'node:fs/promises'
import { messageOf } from '../base/errors.ts'
import { Transactions } from '../client/transactions.ts'
import type { Operation, OperationResult } from '../client/transactions.ts'
import { CommandFailure } from './command.ts'
import type { CommandContext, Line } from './command.ts'
import { parseExactJson } from './exact-json.ts'

const STDIN = '-'
const TXN_MEMBERS: readonly string[] = ['compare', 'then', 'else']
const BATCH_MEMBERS: readonly string[] = ['operations']

/** What the process ends with when an operation of a batch was refused, and when a comparison of a txn did not hold. */
const EXIT_REFUSED = 1
const EXIT_ELSE = 3

type JsonObject = Readonly<Record<string, unknown>>

export async function batch(context: CommandContext): Promise<void> {
  const { text, name } = await readInput(context)
  const parsed = parse(text, name)
  const members = Array.isArray(parsed) ? { operations: parsed } : asMembers(parsed, BATCH_MEMBERS, name)
  const operations = asOperations(members.operations, 'operations', name)
  const results = await new Transactions(context.http()).batch(operations)
  context.console.result(context.format, { lines: resultLines(operations, results), json: { results } })
  if (results.some(({ ok }) => !ok)) context.exitWith(EXIT_REFUSED)
}

export async function txn(context: CommandContext): Promise<void> {
  const { text, name } = await readInput(context)
  const members = asMembers(parse(text, name), TXN_MEMBERS, name)
  // The server checks what is in the lists, and says which item is wrong.
  const outcome = await new Transactions(context.http()).txn(members)
  const { succeeded, revision, results } = outcome
  const branch = succeeded ? 'then' : 'else'
  const operations = asOperations(members[branch] ?? [], branch, name)
  const title: Line = succeeded
    ? { text: 'The comparisons hold: then.', colour: 'bright-green' }
    : { text: 'A comparison does not hold: else.', colour: 'yellow' }
  const lines = [title, ...resultLines(operations, results)]
  context.console.result(context.format, { lines, json: { succeeded, revision, results } })
  if (!succeeded) context.exitWith(EXIT_ELSE)
}

async function readInput(context: CommandContext): Promise<{ text: string; name: string }> {
  const [file = STDIN] = context.args
  if (file === STDIN) {
    if (context.input.isTerminal) context.console.complain('Reading JSON from the terminal; end it with Ctrl-D.')
    return { text: await context.input.readText(), name: 'stdin' }
  }
  try {
    return { text: await readFile(file, 'utf8'), name: file }
  } catch (error) {
    throw new CommandFailure([`Error: cannot read ${file}: ${messageOf(error)}`])
  }
}

function parse(text: string, name: string): unknown {
  try {
    return parseExactJson(text)
  } catch (error) {
    throw new CommandFailure([`Error: ${name} is not JSON: ${messageOf(error)}`])
  }
}

/** An object with no other members: a misspelt `compare` would make a txn unconditional. */
function asMembers(parsed: unknown, known: readonly string[], name: string): JsonObject {
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new CommandFailure([`Error: ${name} holds no object with ${known.join(', ')}`])
  }
  const unknown = Object.keys(parsed).find((member) => !known.includes(member))
  if (unknown !== undefined) {
    throw new CommandFailure([`Error: ${name} has a member '${unknown}'; there are only ${known.join(', ')}`])
  }
  return parsed as JsonObject
}

function asOperations(value: unknown, member: string, name: string): readonly Operation[] {
  if (!Array.isArray(value)) throw new CommandFailure([`Error: ${name} has no list of operations in '${member}'`])
  return value as readonly Operation[]
}

function resultLines(operations: readonly Operation[], results: readonly OperationResult[]): Line[] {
  return results.map((result, at) => {
    const operation = operations[at]
    const target = operation === undefined ? '' : operation.op === 'publish' ? operation.topic : operation.key
    const what = [operation?.op, target].filter(Boolean).join(' ')
    if (!result.ok) {
      return { text: `${String(result.error_type)}  ${what}: ${String(result.message)}`, colour: 'red' }
    }
    const made = result.data ?? result.event_id
    const isShown = typeof made === 'string' || typeof made === 'number'
    return { text: `OK  ${what}${isShown ? `: ${made}` : ''}`, colour: 'bright-green' }
  })
}
