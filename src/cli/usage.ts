// Usage and help, made from the command table.
import { argumentsText } from './command-words.ts'
import type { Command } from './command.ts'
import { nameOf } from './command.ts'
import { GROUPS } from './commands.ts'
import { describeFlags } from './flags.ts'
import type { FlagSpec } from './flags.ts'
import { GLOBAL_FLAGS } from './global-flags.ts'

export interface ModeText {
  readonly name: string
  readonly meaning: string
}

export const MODES: readonly ModeText[] = [
  {
    name: 'Config mode',
    meaning:
      'the nodes of --config (./cluster.yaml unless stated): the default leader first, the others when it does not answer; with --target one node only.',
  },
  {
    name: 'Direct mode',
    meaning:
      'one node by --public and --private, or by INSI_PUBLIC_ADDRESS and INSI_PRIVATE_ADDRESS. One address serves for both.',
  },
]

export const SCHEME_RULE =
  'An address may begin with http:// or https://. Without: plain HTTP for a loopback address with a port, unless INSI_SKIP_VERIFY=true; TLS for everything else, on port 443 when none is given.'

export interface VariableText {
  readonly name: string
  readonly meaning: string
}

export const VARIABLES: readonly VariableText[] = [
  { name: 'INSI_API_KEY', meaning: 'Your key, unless --root is given.' },
  { name: 'INSI_PUBLIC_ADDRESS', meaning: 'Public address of a node (direct mode).' },
  { name: 'INSI_PRIVATE_ADDRESS', meaning: 'Private address of a node (direct mode).' },
  {
    name: 'INSI_INSTANCE_SECRET',
    meaning: 'Secret behind the root key: needed for --root in direct mode, goes before the configuration otherwise.',
  },
  { name: 'INSI_SKIP_VERIFY', meaning: 'true accepts any TLS certificate.' },
  { name: 'NO_COLOR', meaning: 'No colours; nor are there any when stdout is no terminal.' },
]

export const EXIT_CODES: readonly (readonly [string, string])[] = [
  ['0', 'Success; also an iteration without keys, and a subscription that the server has ended.'],
  ['1', 'The operation failed, or the command was used wrongly; an operation of `batch` was refused.'],
  ['2', 'A flag could not be read.'],
  ['3', '`txn`: a comparison did not hold, `else` was carried out. `cluster status`: a voter is away.'],
  ['4', '`cluster status`: there is no quorum.'],
]

/** A command with more flags than these is shown without their names. */
const FLAGS_LISTED_MAX = 4

/** The first line of a command's help. */
export function usageLine(command: Command): string {
  const flags = command.flags === undefined ? [] : flagsText(command.flags)
  const flag = command.access === 'root' ? ['--root'] : []
  return ['insic', ...flag, '[flags]', nameOf(command), argumentsText(command), ...flags].filter(Boolean).join(' ')
}

function flagsText(flags: readonly FlagSpec[]): string[] {
  if (flags.length > FLAGS_LISTED_MAX) return ['[--flag n ...]']
  return flags.map(({ name, type, placeholder }) => {
    const value = type === 'boolean' ? '' : ` ${placeholder ?? (type === 'text' ? 'text' : 'n')}`
    return `[--${name}${value}]`
  })
}

/** All of insic, or the commands whose names begin with `path`. */
export function usageText(path: readonly string[] = []): string {
  const groups = GROUPS.map((group) => ({
    ...group,
    commands: group.commands.filter((command) => path.every((word, at) => command.path[at] === word)),
  })).filter((group) => group.commands.length > 0)
  const lines = ['Usage: insic [flags] <command> [args...]', '']
  if (path.length === 0) {
    lines.push(
      'Connection modes:',
      ...MODES.map(({ name, meaning }) => `  ${name}: ${meaning}`),
      `  ${SCHEME_RULE}`,
      '',
    )
    lines.push('Environment:', ...VARIABLES.map(({ name, meaning }) => `  ${name.padEnd(22)}${meaning}`), '')
    lines.push('Flags (before the command):', ...describeFlags(GLOBAL_FLAGS), '')
  }
  for (const group of groups) {
    lines.push(`${group.title}:`)
    for (const command of group.commands) {
      lines.push(`  ${`${nameOf(command)} ${argumentsText(command)}`.trim().padEnd(48)} ${command.summary}`)
    }
    lines.push('')
  }
  lines.push('insic <command> --help explains one command with examples; -o json after any command prints JSON.')
  return lines.join('\n')
}

/** One command with its arguments, flags and examples. */
export function commandHelp(command: Command): string {
  const lines = [`Usage: ${usageLine(command)}`, '', command.summary]
  if (command.details !== undefined) lines.push('', command.details)
  if (command.args.length > 0) {
    lines.push('', 'Arguments:', ...command.args.map(({ name, meaning }) => `  ${name.padEnd(10)} ${meaning}`))
  }
  if (command.flags !== undefined) lines.push('', 'Flags:', ...describeFlags(command.flags))
  lines.push('', 'Examples:', ...command.examples.map(({ line, meaning }) => `  ${line}\n      ${meaning}`))
  return lines.join('\n')
}

/** The list of global flags, for -h and flag errors. */
export function globalFlagList(): string {
  return ['Usage of insic:', ...describeFlags(GLOBAL_FLAGS)].join('\n')
}

/** The list of a command's flags. */
export function commandFlagList(command: Command): string {
  return [`Usage of ${nameOf(command)}:`, ...describeFlags(command.flags ?? [])].join('\n')
}
