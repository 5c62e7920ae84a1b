// The commands that values and cache have alike: expiry, many keys at once, watching.
import type { Argument, Command } from '../command.ts'
import type { FlagSpec } from '../flags.ts'
import type { StoreCommands } from '../store.ts'

const KEY: Argument = { name: 'key', meaning: 'The key: 1 byte to 32 KiB of text.' }
const PREFIX: Argument = {
  name: 'prefix',
  meaning: "What the keys begin with. One trailing * is ignored, so '*' stands for all.",
}
const DURATION: Argument = { name: 'duration', meaning: 'From now on: 500ms, 30s, 15m, 1h30m.' }

const ENTRY_FLAGS: readonly FlagSpec[] = [
  {
    name: 'after',
    type: 'text',
    placeholder: 'key',
    meaning: 'Begin behind this key; what the page before ended with.',
  },
  { name: 'limit', type: 'integer', defaultText: '100', meaning: 'The most to list on a page, at most 10000.' },
  { name: 'reverse', type: 'boolean', meaning: 'From the last key to the first.' },
  { name: 'all', type: 'boolean', meaning: 'Page after page to the end; with -o json one page a line.' },
]
const YES: FlagSpec = { name: 'yes', type: 'boolean', meaning: 'Do not ask.' }
const SINCE: FlagSpec = {
  name: 'since',
  type: 'integer',
  placeholder: 'revision',
  meaning: 'Begin right after this revision, such as as_of of a list. Without it: with the next change.',
}

/** The flag of commands that write a value. */
export function ttlFlagSpec(without: string): FlagSpec {
  return {
    name: 'ttl',
    type: 'text',
    placeholder: 'duration',
    meaning: `Expire after this, e.g. 30m. Without it: ${without}.`,
  }
}

interface Space {
  /** What the commands begin with. */
  readonly path: readonly string[]
  /** How diagnostics begin. */
  readonly title: string
  readonly load: () => Promise<StoreCommands>
}

/** The commands of one of the two. */
export function manyKeysCommands(space: Space): Command[] {
  return [...expiryCommands(space), ...listCommands(space), watchCommand(space)]
}

function expiryCommands({ path, title, load }: Space): Command[] {
  const insic = ['insic', ...path].join(' ')
  return [
    {
      path: [...path, 'ttl'],
      summary: 'Print how long a key still lives, or never.',
      details: 'With -o json also when it expires, and its revision.',
      args: [KEY],
      access: 'key',
      failure: `${title} ttl failed`,
      examples: [
        { line: `${insic} ttl session:abc`, meaning: '29m3s' },
        { line: `${insic} ttl session:abc -o json`, meaning: 'ttl_ms, expires_at, revision' },
      ],
      load: async () => (await load()).ttl,
    },
    {
      path: [...path, 'expire'],
      summary: 'Set when a key expires, or set it anew.',
      args: [KEY, DURATION],
      access: 'key',
      failure: `${title} expire failed`,
      examples: [{ line: `${insic} expire session:abc 30m`, meaning: 'half an hour from now' }],
      load: async () => (await load()).expire,
    },
    {
      path: [...path, 'persist'],
      summary: 'Let a key live for ever.',
      args: [KEY],
      access: 'key',
      failure: `${title} persist failed`,
      examples: [{ line: `${insic} persist session:abc`, meaning: 'prints OK' }],
      load: async () => (await load()).persist,
    },
  ]
}

function listCommands({ path, title, load }: Space): Command[] {
  const insic = ['insic', ...path].join(' ')
  return [
    {
      path: [...path, 'iterate', 'entries'],
      summary: 'List keys with their values in byte order: key, tab, value.',
      details:
        'A tab, a line end or a backslash within a key or a value is printed as \\t, \\n, \\r or \\\\. With -o json also revision and expiry of each, next (--after of the next page) and as_of (--since of a watch).',
      args: [PREFIX],
      flags: ENTRY_FLAGS,
      flagsAround: true,
      access: 'key',
      failure: `${title} iterate failed`,
      examples: [
        { line: `${insic} iterate entries user:`, meaning: 'the first 100' },
        { line: `${insic} iterate entries user: --after user:42 --limit 10`, meaning: 'ten behind user:42' },
        { line: `${insic} iterate entries '*' --reverse --all`, meaning: 'everything, backwards' },
      ],
      load: async () => (await load()).entries,
    },
    {
      path: [...path, 'count'],
      summary: 'Count keys.',
      args: [PREFIX],
      access: 'key',
      failure: `${title} count failed`,
      examples: [{ line: `${insic} count user:`, meaning: 'prints a number' }],
      load: async () => (await load()).count,
    },
    {
      path: [...path, 'delete-range'],
      summary: 'Remove all keys with a prefix.',
      details:
        'Asks first at a terminal; elsewhere it needs --yes. Removes in steps of 1000 keys: when it fails in between, some are gone.',
      args: [{ ...PREFIX, meaning: 'What the keys begin with; not empty. One trailing * is ignored.' }],
      flags: [YES],
      flagsAround: true,
      access: 'key',
      failure: `${title} delete-range failed`,
      examples: [
        { line: `${insic} delete-range session:`, meaning: 'says how many, and asks' },
        { line: `${insic} delete-range session: --yes`, meaning: 'Removed 12 keys.' },
      ],
      load: async () => (await load()).deleteRange,
    },
  ]
}

function watchCommand({ path, title, load }: Space): Command {
  const insic = ['insic', ...path].join(' ')
  return {
    path: [...path, 'watch'],
    summary: 'Print changes of keys as they come, until interrupted: revision, set or delete, key, value.',
    details:
      'Opens a lost connection again and goes on where it was; what could not be had is told on stderr. An expired or evicted key is a delete. With -o json one line holds all changes of a revision. Fails when changes since --since are not held any more.',
    args: [PREFIX],
    flags: [SINCE],
    flagsAround: true,
    access: 'key',
    failure: `${title} watch failed`,
    examples: [
      { line: `${insic} watch user:`, meaning: 'from now on' },
      { line: `${insic} watch user: --since 812`, meaning: 'what came after revision 812 as well' },
      { line: `${insic} watch user: -o json`, meaning: 'for programs' },
    ],
    load: async () => (await load()).watch,
  }
}
