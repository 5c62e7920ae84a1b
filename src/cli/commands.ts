// The table of all commands, from which usage, help, docs/CLI.md and the completion scripts are made, and the way from words
// to a command.
import { nameOf } from './command.ts'
import type { Command } from './command.ts'
import { ADMIN_COMMANDS, ALIAS_COMMANDS, KEY_COMMANDS } from './table/admin.ts'
import { CLUSTER_COMMANDS } from './table/cluster.ts'
import { CACHE_COMMANDS, VALUE_COMMANDS } from './table/data.ts'
import { EVENT_COMMANDS } from './table/events.ts'
import { OBSERVING_COMMANDS } from './table/observing.ts'
import { SESSION_COMMANDS } from './table/session.ts'
import { TRANSACTION_COMMANDS } from './table/transactions.ts'

export interface CommandGroup {
  readonly title: string
  readonly commands: readonly Command[]
}

export const GROUPS: readonly CommandGroup[] = [
  { title: 'Values', commands: VALUE_COMMANDS },
  { title: 'Cache', commands: CACHE_COMMANDS },
  { title: 'Several operations at once', commands: TRANSACTION_COMMANDS },
  { title: 'Events', commands: EVENT_COMMANDS },
  { title: 'Keys and limits', commands: KEY_COMMANDS },
  { title: 'Aliases', commands: ALIAS_COMMANDS },
  { title: 'Administration', commands: ADMIN_COMMANDS },
  { title: 'Cluster', commands: CLUSTER_COMMANDS },
  { title: 'Observing', commands: OBSERVING_COMMANDS },
  { title: 'Connection and shell', commands: SESSION_COMMANDS },
]

export const COMMANDS: readonly Command[] = GROUPS.flatMap((group) => group.commands)

/** What words stand for: a command with the words after it, the beginning of several, or nothing known. */
export type Found =
  | { readonly type: 'command'; readonly command: Command; readonly rest: readonly string[] }
  | { readonly type: 'group'; readonly path: readonly string[]; readonly rest: readonly string[] }
  | { readonly type: 'unknown' }

/** The command that `words` begin with. */
export function findCommand(words: readonly string[]): Found {
  const command = COMMANDS.find((candidate) => startsWith(words, candidate.path))
  if (command !== undefined) return { type: 'command', command, rest: words.slice(command.path.length) }
  let depth = 0
  while (depth < words.length && COMMANDS.some((candidate) => startsWith(candidate.path, words.slice(0, depth + 1)))) {
    depth++
  }
  if (depth === 0) return { type: 'unknown' }
  return { type: 'group', path: words.slice(0, depth), rest: words.slice(depth) }
}

/** The words that may follow `path` in the names of commands. */
export function wordsAfter(path: readonly string[]): string[] {
  const next = COMMANDS.filter((command) => startsWith(command.path, path)).flatMap(
    (command) => command.path[path.length] ?? [],
  )
  return [...new Set(next)]
}

/** The names of all commands, for suggestions. */
export function commandNames(): string[] {
  return COMMANDS.map(nameOf)
}

function startsWith(words: readonly string[], beginning: readonly string[]): boolean {
  return beginning.every((word, at) => words[at] === word)
}
