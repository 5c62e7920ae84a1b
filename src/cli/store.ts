// The commands that values and cache have in common; their texts differ.
import { InsiError } from '../base/errors.ts'
import type { HttpClient } from '../client/http.ts'
import type { HttpStore } from '../client/key-value-store.ts'
import { CommandFailure, argument } from './command.ts'
import type { CommandContext, Run } from './command.ts'
import { OK_LINE } from './console.ts'
import { ttlFlag } from './duration-argument.ts'
import { countKeys, deleteRange, listEntries } from './entries.ts'
import { expire, persist, showTtl } from './expiry.ts'
import { parseIntegerArgument, parseRevision } from './page-arguments.ts'
import { watchKeys } from './watch.ts'

export interface StoreTexts {
  readonly open: (http: HttpClient) => HttpStore
  readonly missing: (key: string) => string
  readonly exists: (key: string) => string
  readonly mismatch: (key: string) => string
  /** Log what the line says as well. */
  readonly logsConflicts: boolean
}

export interface StoreCommands {
  readonly get: Run
  readonly set: Run
  readonly setnx: Run
  readonly cas: Run
  readonly remove: Run
  readonly iterate: Run
  readonly ttl: Run
  readonly expire: Run
  readonly persist: Run
  readonly entries: Run
  readonly count: Run
  readonly deleteRange: Run
  readonly watch: Run
}

const CONFLICT_CODES: readonly string[] = ['KEY_EXISTS', 'CAS_MISMATCH', 'CAS_KEY_MISSING', 'REVISION_MISMATCH']

export function storeCommands(texts: StoreTexts): StoreCommands {
  const open = (context: CommandContext): HttpStore => texts.open(context.http())
  return {
    async get(context) {
      const key = argument(context, 0)
      const value = await open(context).get(key)
      if (value === undefined) {
        throw new CommandFailure([texts.missing(key)], { cause: new InsiError('KEY_NOT_FOUND', 'key not found') })
      }
      context.console.result(context.format, { lines: [{ text: value }], json: { key, value } })
    },
    async set(context) {
      await open(context).set(argument(context, 0), argument(context, 1), ttlFlag(context))
      succeed(context)
    },
    async setnx(context) {
      const key = argument(context, 0)
      await orConflict(open(context).setnx(key, argument(context, 1), ttlFlag(context)), texts.exists(key), texts)
      succeed(context)
    },
    async cas(context) {
      const key = argument(context, 0)
      const held = argument(context, 1)
      const newValue = argument(context, 2)
      const isByRevision = context.flags['by-revision'] === true
      const change =
        context.flags['by-revision'] === true
          ? { revision: parseRevision(held), newValue }
          : { oldValue: held, newValue }
      await orConflict(
        open(context).cas(key, change, ttlFlag(context)),
        isByRevision ? revisionText(key, held) : texts.mismatch(key),
        { logsConflicts: false },
      )
      succeed(context)
    },
    async remove(context) {
      await open(context).delete(argument(context, 0))
      succeed(context)
    },
    async iterate(context) {
      const prefix = argument(context, 0)
      if (prefix === '') throw new InsiError('INVALID_ARGUMENT', "prefix cannot be empty: '*' lists all keys")
      const offset = parseIntegerArgument('offset', context.args[1])
      const limit = parseIntegerArgument('limit', context.args[2])
      const page = { ...(offset === undefined ? {} : { offset }), ...(limit === undefined ? {} : { limit }) }
      for await (const keys of open(context).pages(prefix, page)) {
        context.console.result(context.format, { lines: keys.map((text) => ({ text })), json: { keys } })
      }
    },
    ttl: (context) => showTtl(context, { store: open(context), missing: texts.missing }),
    expire: (context) => expire(context, { store: open(context), missing: texts.missing }),
    persist: (context) => persist(context, { store: open(context), missing: texts.missing }),
    entries: (context) => listEntries(context, open(context)),
    count: (context) => countKeys(context, open(context)),
    deleteRange: (context) => deleteRange(context, open(context)),
    watch: (context) => watchKeys(context, open(context)),
  }
}

/** Ends a command that has nothing to show. */
export function succeed(context: CommandContext): void {
  context.console.result(context.format, { lines: [OK_LINE], json: { ok: true } })
}

function revisionText(key: string, revision: string): string {
  return revision === '0'
    ? `Conflict: Key '${key}' exists.`
    : `Conflict: Key '${key}' does not have the revision ${revision} any more.`
}

async function orConflict(call: Promise<void>, line: string, options: { readonly logsConflicts: boolean }) {
  try {
    await call
  } catch (error) {
    if (!(error instanceof InsiError) || !CONFLICT_CODES.includes(error.code)) throw error
    const log = { level: 'WARN', message: 'Key already exists' } as const
    throw new CommandFailure([line], { cause: error, ...(options.logsConflicts ? { log } : {}) })
  }
}
