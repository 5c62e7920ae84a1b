// The commands on values and on the cache.
import type { Argument, Command } from '../command.ts'
import type { FlagSpec } from '../flags.ts'
import { manyKeysCommands, ttlFlagSpec } from './many-keys.ts'

const KEY: Argument = { name: 'key', meaning: 'The key: 1 byte to 32 KiB of text.' }
const VALUE: Argument = { name: 'value', meaning: 'The value, which may be empty.' }
const OLD: Argument = { name: 'old', meaning: 'What the key must hold now.' }
const NEW: Argument = { name: 'new', meaning: 'What it shall hold.' }
const PAGE: readonly Argument[] = [
  { name: 'prefix', meaning: "What the keys begin with. One trailing * is ignored, so '*' lists all." },
  { name: 'offset', meaning: 'How many to skip (default 0).', optional: true },
  { name: 'limit', meaning: 'The most to list (default 100, at most 10000).', optional: true },
]

const BY_REVISION: FlagSpec = {
  name: 'by-revision',
  type: 'boolean',
  meaning: 'old is the revision that the key must have, 0: it must not exist.',
}
const VALUE_TTL = ttlFlagSpec('it never expires')
const CACHE_TTL = ttlFlagSpec('after the standard time to live')

export const VALUE_COMMANDS: readonly Command[] = [
  {
    path: ['get'],
    summary: 'Print the value of a key.',
    args: [KEY],
    access: 'key',
    failure: 'Get failed',
    examples: [
      { line: 'insic get user', meaning: 'prints the value and nothing else' },
      { line: 'insic --consistency local get user', meaning: 'reads what the node has, which may be stale' },
    ],
    load: async () => (await import('../values.ts')).get,
  },
  {
    path: ['set'],
    summary: 'Create or replace a value.',
    args: [KEY, VALUE],
    flags: [VALUE_TTL],
    flagsAround: true,
    access: 'key',
    failure: 'Set failed',
    examples: [
      { line: 'insic set user Alice', meaning: 'prints OK once a majority has it on disk' },
      { line: 'insic set session:abc user:123 --ttl 30m', meaning: 'gone in half an hour' },
    ],
    load: async () => (await import('../values.ts')).set,
  },
  {
    path: ['setnx'],
    summary: 'Create a value unless the key exists.',
    args: [KEY, VALUE],
    flags: [VALUE_TTL],
    flagsAround: true,
    access: 'key',
    failure: 'SetNX failed',
    examples: [
      { line: 'insic setnx lock:deploy "$HOSTNAME"', meaning: 'exits 1 with Conflict when someone was first' },
    ],
    load: async () => (await import('../values.ts')).setnx,
  },
  {
    path: ['cas'],
    summary: 'Replace a value if it still is what you think (compare and swap).',
    args: [KEY, OLD, NEW],
    flags: [VALUE_TTL, BY_REVISION],
    flagsAround: true,
    access: 'key',
    failure: 'CAS failed',
    examples: [
      { line: 'insic cas user Alice Bob', meaning: 'exits 1 with Conflict unless user holds Alice' },
      { line: 'insic cas user 812 Bob --by-revision', meaning: 'unless nobody has written it since revision 812' },
    ],
    load: async () => (await import('../values.ts')).cas,
  },
  {
    path: ['bump'],
    summary: 'Add to a number. A missing key counts as 0, a negative result becomes 0.',
    args: [KEY, { name: 'int', meaning: 'What to add: a 64-bit integer, which may be negative.' }],
    access: 'key',
    failure: 'Bump failed',
    examples: [
      { line: 'insic bump visits 1', meaning: 'adds one' },
      { line: 'insic bump visits -10', meaning: 'takes ten away' },
      { line: 'insic -o json bump visits 1', meaning: 'prints the new number as well' },
    ],
    load: async () => (await import('../values.ts')).bump,
  },
  {
    path: ['delete'],
    summary: 'Remove a key. Succeeds when there is none.',
    args: [KEY],
    access: 'key',
    failure: 'Delete failed',
    examples: [{ line: 'insic delete user', meaning: 'prints OK' }],
    load: async () => (await import('../values.ts')).remove,
  },
  {
    path: ['iterate', 'prefix'],
    summary: 'List keys in byte order, one a line.',
    args: PAGE,
    access: 'key',
    failure: 'Iterate failed',
    examples: [
      { line: 'insic iterate prefix user:', meaning: 'the first 100' },
      { line: 'insic iterate prefix user: 100 1000', meaning: 'the next 1000' },
      {
        line: "insic iterate prefix '*' 0 1000000",
        meaning: 'the first million, page after page; -o json prints a line a page',
      },
    ],
    load: async () => (await import('../values.ts')).iterate,
  },
  ...manyKeysCommands({ path: [], title: 'Value', load: () => import('../values.ts') }),
]

export const CACHE_COMMANDS: readonly Command[] = [
  {
    path: ['cache', 'get'],
    summary: 'Print a cache entry.',
    args: [KEY],
    access: 'key',
    failure: 'Cache get failed',
    examples: [{ line: 'insic cache get session:abc', meaning: 'prints the value and nothing else' }],
    load: async () => (await import('../cache.ts')).get,
  },
  {
    path: ['cache', 'set'],
    summary: 'Create or replace a cache entry. It expires after the standard time to live, or --ttl.',
    args: [KEY, VALUE],
    flags: [CACHE_TTL],
    flagsAround: true,
    access: 'key',
    failure: 'Cache set failed',
    examples: [
      { line: 'insic cache set session:abc user:123', meaning: 'prints OK' },
      { line: 'insic cache set session:abc user:123 --ttl 30m', meaning: 'gone in half an hour' },
    ],
    load: async () => (await import('../cache.ts')).set,
  },
  {
    path: ['cache', 'delete'],
    summary: 'Remove a cache entry. Succeeds when there is none.',
    args: [KEY],
    access: 'key',
    failure: 'Cache delete failed',
    examples: [{ line: 'insic cache delete session:abc', meaning: 'prints OK' }],
    load: async () => (await import('../cache.ts')).remove,
  },
  {
    path: ['cache', 'setnx'],
    summary: 'Create a cache entry unless the key exists.',
    args: [KEY, VALUE],
    flags: [CACHE_TTL],
    flagsAround: true,
    access: 'key',
    failure: 'Cache setnx failed',
    examples: [{ line: 'insic cache setnx lease:job1 worker7', meaning: 'exits 1 with Conflict when it exists' }],
    load: async () => (await import('../cache.ts')).setnx,
  },
  {
    path: ['cache', 'cas'],
    summary: 'Replace a cache entry if it still is what you think.',
    args: [KEY, OLD, NEW],
    flags: [CACHE_TTL, BY_REVISION],
    flagsAround: true,
    access: 'key',
    failure: 'Cache cas failed',
    examples: [
      { line: 'insic cache cas lease:job1 worker7 worker8', meaning: 'exits 1 with Precondition Failed otherwise' },
    ],
    load: async () => (await import('../cache.ts')).cas,
  },
  {
    path: ['cache', 'iterate', 'prefix'],
    summary: 'List cache keys in byte order, one a line.',
    args: PAGE,
    access: 'key',
    failure: 'Cache iterate failed',
    examples: [{ line: 'insic cache iterate prefix session:', meaning: 'the first 100' }],
    load: async () => (await import('../cache.ts')).iterate,
  },
  ...manyKeysCommands({ path: ['cache'], title: 'Cache', load: () => import('../cache.ts') }),
]
