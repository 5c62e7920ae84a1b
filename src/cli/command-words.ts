// The words after a command's name: its arguments, its own flags, and the few options that are welcome there too.
import type { Command, Format } from './command.ts'
import { UsageFailure, nameOf } from './command.ts'
import { parseFlags, parseInterleaved } from './flags.ts'
import type { FlagSpec, FlagValues, ParsedFlags } from './flags.ts'
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

const HELP_WORDS: readonly string[] = ['-h', '-help', '--help']

/**
 * Reads what follows the name. `-o json`, `-h`, `--help` and flags that stand around the arguments are options directly after
 * the name and after the last required argument; in between every word is an argument, so that any text can be a key or a
 * value. `--` ends options.
 * Throws UsageFailure for a wrong number of arguments, FlagFailure for a flag of the command that cannot be read.
 */
export function parseCommandWords(command: Command, words: readonly string[]): CommandWords {
  if (command.flags !== undefined && command.flagsAround !== true) return parseFlagged(command, words)
  const specs = [...(command.flags ?? []), OUTPUT_FLAG]
  const required = command.args.filter((argument) => argument.optional !== true).length
  const args: string[] = []
  let values: FlagValues = {}
  let rest = words
  while (rest.length > 0) {
    const [word = '', ...others] = rest
    const mayBeOption = args.length === 0 || args.length >= required
    if (mayBeOption && word === '--') {
      args.push(...others)
      break
    }
    if (mayBeOption && HELP_WORDS.includes(word)) return { args, flags: {}, format: undefined, isHelp: true }
    const option = mayBeOption ? readOption(specs, rest) : undefined
    if (option === undefined) args.push(word)
    else values = { ...values, ...option.values }
    rest = option?.rest ?? others
  }
  requireCount(command, args)
  return { args, ...splitOutput(values), isHelp: false }
}

function parseFlagged(command: Command, words: readonly string[]): CommandWords {
  const { values, rest, isHelp } = parseInterleaved([...(command.flags ?? []), OUTPUT_FLAG], words)
  if (!isHelp) requireCount(command, rest)
  return { args: rest, ...splitOutput(values), isHelp }
}

/** The option that `words` begin with. A word that only looks like one, such as `-5`, or -o with another word, is none. */
function readOption(specs: readonly FlagSpec[], words: readonly string[]): ParsedFlags | undefined {
  const [word = '', next] = words
  const name = /^--?([^=-][^=]*)/.exec(word)?.[1]
  const spec = specs.find((candidate) => candidate.name === name)
  if (spec === undefined) return undefined
  const takesNext = spec.type !== 'boolean' && !word.includes('=')
  const value = takesNext ? next : word.slice(word.indexOf('=') + 1)
  if (spec === OUTPUT_FLAG && OUTPUT_FLAG.choices?.includes(value ?? '') !== true) return undefined
  const length = takesNext ? 2 : 1
  return { ...parseFlags([spec], words.slice(0, length)), rest: words.slice(length) }
}

function splitOutput({ o: output, ...flags }: FlagValues): Pick<CommandWords, 'flags' | 'format'> {
  return { flags, format: output === undefined ? undefined : output === 'json' ? 'json' : 'table' }
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
