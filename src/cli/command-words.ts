// The words after a command's name: its arguments, its own flags, and the few options that are welcome there too.
import type { Command, Format } from './command.ts'
import { UsageFailure, nameOf } from './command.ts'
import { parseInterleaved } from './flags.ts'
import type { FlagSpec, FlagValues } from './flags.ts'
import { GLOBAL_FLAGS } from './global-flags.ts'

export interface CommandWords {
  readonly args: readonly string[]
  readonly flags: FlagValues
  /** Undefined when nothing after the command says so. */
  readonly format: Format | undefined
  readonly isHelp: boolean
}

const OUTPUT_FLAG: FlagSpec = {
  name: 'o',
  type: 'text',
  meaning: 'Output.',
  choices: ['table', 'json'] satisfies Format[],
}

/**
 * Reads what follows the name. `-o json`, `-h` and `--help` are options directly after the name and after the last required
 * argument; in between every word is an argument, so that any text can be a key or a value. `--` ends options.
 * Throws UsageFailure for a wrong number of arguments, FlagFailure for a flag of the command that cannot be read.
 */
export function parseCommandWords(command: Command, words: readonly string[]): CommandWords {
  if (command.flags !== undefined) return parseFlagged(command, words)
  const required = command.args.filter((argument) => argument.optional !== true).length
  const args: string[] = []
  let format: Format | undefined
  let hasEnded = false
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? ''
    const mayBeOption = !hasEnded && (args.length === 0 || args.length >= required)
    if (!mayBeOption) {
      args.push(word)
    } else if (word === '--') {
      hasEnded = true
    } else if (word === '--help' || word === '-help' || word === '-h') {
      return { args, flags: {}, format, isHelp: true }
    } else {
      const option = readOutput(words, at)
      if (option === undefined) args.push(word)
      else {
        format = option.format
        at = option.lastAt
      }
    }
  }
  requireCount(command, args)
  return { args, flags: {}, format, isHelp: false }
}

function parseFlagged(command: Command, words: readonly string[]): CommandWords {
  const { values, rest, isHelp } = parseInterleaved([...(command.flags ?? []), OUTPUT_FLAG], words)
  if (!isHelp) requireCount(command, rest)
  const { o: output, ...flags } = values
  const format = output === undefined ? undefined : output === 'json' ? 'json' : 'table'
  return { args: rest, flags, format, isHelp }
}

function readOutput(words: readonly string[], at: number): { format: Format; lastAt: number } | undefined {
  const word = words[at] ?? ''
  const inline = /^--?o=(table|json)$/.exec(word)?.[1]
  if (inline !== undefined) return { format: inline as Format, lastAt: at }
  const next = words[at + 1]
  if ((word !== '-o' && word !== '--o') || (next !== 'table' && next !== 'json')) return undefined
  return { format: next, lastAt: at + 1 }
}

function requireCount(command: Command, args: readonly string[]): void {
  const required = command.args.filter((argument) => argument.optional !== true).length
  const isRepeated = command.args.some((argument) => argument.isRepeated === true)
  if (args.length >= required && (isRepeated || args.length <= command.args.length)) return
  const name = nameOf(command)
  const wanted =
    command.args.length === 0 ? `${name}: does not take arguments` : `${name}: requires ${argumentsText(command)}`
  const misplaced = args.find((word) =>
    GLOBAL_FLAGS.some((flag) => word === `-${flag.name}` || word === `--${flag.name}`),
  )
  const hint =
    misplaced === undefined ? {} : { hint: `${misplaced} goes before the command: insic ${misplaced} ${name}` }
  throw new UsageFailure(wanted, hint)
}

/** `<key> [offset] [limit]`. */
export function argumentsText(command: Command): string {
  return command.args
    .map(({ name, optional, isRepeated }) => {
      const text = isRepeated === true ? `${name}...` : name
      return optional === true ? `[${text}]` : `<${text}>`
    })
    .join(' ')
}
