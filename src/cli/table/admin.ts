// The commands on keys, aliases, limits and insight.
import type { Argument, Command } from '../command.ts'
import type { FlagSpec } from '../flags.ts'

const NAME: Argument = { name: 'name', meaning: '1 to 128 characters; need not be unique.' }
const KEY: Argument = { name: 'key', meaning: 'An API key, insi_...' }
const ALIAS: Argument = { name: 'alias', meaning: 'An alias token, insi_...' }

const UNCHANGED = '-1'
const LIMIT_FLAGS: readonly FlagSpec[] = [
  { name: 'disk', type: 'integer', defaultText: UNCHANGED, meaning: 'Bytes of values.' },
  { name: 'mem', type: 'integer', defaultText: UNCHANGED, meaning: 'Bytes of cache entries.' },
  { name: 'events', type: 'integer', defaultText: UNCHANGED, meaning: 'Events within 24 hours.' },
  { name: 'subs', type: 'integer', defaultText: UNCHANGED, meaning: 'Open subscriptions on all nodes.' },
  { name: 'rps-data', type: 'integer', defaultText: UNCHANGED, meaning: 'Requests a second on values and cache.' },
  { name: 'rps-event', type: 'integer', defaultText: UNCHANGED, meaning: 'Requests a second on events.' },
]

export const KEY_COMMANDS: readonly Command[] = [
  {
    path: ['api', 'add'],
    summary: 'Create an entity and print its API key.',
    args: [NAME],
    access: 'root',
    failure: 'API key creation failed',
    examples: [{ line: 'insic --root api add myapp', meaning: 'the key is shown this once' }],
    load: async () => (await import('../keys.ts')).add,
  },
  {
    path: ['api', 'delete'],
    summary: 'Delete an entity with its data, or an alias alone.',
    args: [KEY],
    access: 'root',
    failure: 'API key deletion failed',
    examples: [{ line: 'insic --root api delete insi_...', meaning: 'stops the key and its aliases on every node' }],
    load: async () => (await import('../keys.ts')).remove,
  },
  {
    path: ['api', 'verify'],
    summary: 'Check whether a key works.',
    args: [KEY],
    access: 'configuration',
    failure: 'API key verification failed',
    examples: [{ line: 'insic api verify insi_...', meaning: 'needs no other key' }],
    load: async () => (await import('../keys.ts')).verify,
  },
  {
    path: ['api', 'limits'],
    summary: 'Show limits and usage: your own, or with --root those of any key.',
    args: [{ ...KEY, meaning: 'Whose (needs --root); without it your own.', optional: true }],
    access: 'key',
    failure: 'Getting limits failed',
    examples: [
      { line: 'insic api limits', meaning: 'your own' },
      { line: 'insic --root api limits insi_...', meaning: "another key's" },
    ],
    load: async () => (await import('../limits.ts')).show,
  },
  {
    path: ['api', 'set-limits'],
    summary: 'Change the limits of a key. They hold at once.',
    args: [KEY],
    flags: LIMIT_FLAGS,
    access: 'root',
    failure: 'Setting limits failed',
    examples: [
      { line: 'insic --root api set-limits insi_... --disk 1073741824 --rps-data 500', meaning: 'the others stay' },
    ],
    load: async () => (await import('../limits.ts')).set,
  },
]

export const ALIAS_COMMANDS: readonly Command[] = [
  {
    path: ['alias', 'add'],
    summary: 'Make a further key of your entity: it shares data and limits.',
    args: [],
    access: 'key',
    failure: 'Alias creation failed',
    examples: [{ line: 'insic alias add', meaning: 'prints the key' }],
    load: async () => (await import('../aliases.ts')).add,
  },
  {
    path: ['alias', 'delete'],
    summary: 'Take an alias back.',
    args: [ALIAS],
    access: 'key',
    failure: 'Alias deletion failed',
    examples: [{ line: 'insic alias delete insi_...', meaning: 'needs the key that it belongs to' }],
    load: async () => (await import('../aliases.ts')).remove,
  },
  {
    path: ['alias', 'list'],
    summary: 'List the aliases of your entity.',
    args: [],
    access: 'key',
    failure: 'Listing aliases failed',
    examples: [{ line: 'insic alias list', meaning: 'their tokens' }],
    load: async () => (await import('../aliases.ts')).list,
  },
]

export const ADMIN_COMMANDS: readonly Command[] = [
  {
    path: ['admin', 'create-key'],
    summary: 'Create an entity and print its API key, as api add does, with the root key of the configuration.',
    details:
      'Needs no --root: it uses the instance secret of the configuration, or INSI_INSTANCE_SECRET. In direct mode without that secret INSI_API_KEY must hold the root key.',
    args: [NAME],
    access: 'implied-root',
    failure: 'API key creation failed',
    examples: [{ line: 'insic admin create-key myapp', meaning: 'with ./cluster.yaml' }],
    load: async () => (await import('../keys.ts')).add,
  },
  {
    path: ['admin', 'ops'],
    summary: 'Show operations per second.',
    args: [],
    access: 'root',
    failure: 'Getting operations per second failed',
    examples: [{ line: 'insic --root admin ops', meaning: 'over the last second or so' }],
    load: async () => (await import('../insight.ts')).operations,
  },
  {
    path: ['admin', 'insight', 'entity'],
    summary: 'Show the entity of a key.',
    args: [KEY],
    access: 'root',
    rootName: 'admin insight',
    failure: 'Getting the entity failed',
    examples: [{ line: 'insic --root admin insight entity insi_...', meaning: 'aliases, limits, usage' }],
    load: async () => (await import('../insight.ts')).entity,
  },
  {
    path: ['admin', 'insight', 'entities'],
    summary: 'Show entities by key UUID.',
    args: [
      { name: 'offset', meaning: 'How many to skip (default 0).', optional: true },
      { name: 'limit', meaning: 'The most to show (default 10).', optional: true },
    ],
    access: 'root',
    rootName: 'admin insight',
    failure: 'Getting entities failed',
    examples: [{ line: 'insic --root admin insight entities 0 100', meaning: 'the first hundred' }],
    load: async () => (await import('../insight.ts')).entities,
  },
  {
    path: ['admin', 'insight', 'entity-by-alias'],
    summary: 'Show the entity that an alias belongs to.',
    args: [ALIAS],
    access: 'root',
    rootName: 'admin insight',
    failure: 'Getting the entity failed',
    examples: [{ line: 'insic --root admin insight entity-by-alias insi_...', meaning: 'its parent' }],
    load: async () => (await import('../insight.ts')).entityByAlias,
  },
]
