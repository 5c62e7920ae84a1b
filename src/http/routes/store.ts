// The handlers that the value store and the cache have in common.
import type { StoredRecord } from '../../state/state-reader.ts'
import type { EntriesPage, KeyValueService } from '../../services/key-values.ts'
import { sendEmpty, sendJson } from '../answers.ts'
import type { HeaderList } from '../answers.ts'
import type { Handlers } from '../endpoints.ts'
import {
  consistencyOf,
  expectedField,
  expiryField,
  flagField,
  keyField,
  limitField,
  offsetField,
} from '../field-types.ts'
import { optionalKeyField, prefixField, requiredPrefixField } from '../field-types.ts'
import { ttlField, valueField } from '../field-types.ts'
import { bodyFields, invalidField, readFields } from '../fields.ts'
import type { FieldWords, Fields } from '../fields.ts'
import { callerOf } from '../middleware/authenticate.ts'
import { PARAMETER_WORDS } from './words.ts'

/** The words of each write about its fields. */
interface StoreWords {
  readonly set: FieldWords
  readonly setnx: FieldWords
  readonly cas: FieldWords
  readonly expire: FieldWords
  readonly delete: FieldWords
  readonly deleteRange: FieldWords
}

export interface StoreOptions {
  readonly valueSizeBytesMax: number
  /** The answer of iterate/prefix, whose form differs between the two. */
  readonly keyList: (keys: readonly Buffer[]) => string
  readonly words: StoreWords
}

/** Handlers by the last word of the route's name. */
export function storeHandlers(noun: 'value' | 'cache', store: KeyValueService, options: StoreOptions): Handlers {
  const handlers = { ...readHandlers(store, options), ...writeHandlers(store, options) }
  return Object.fromEntries(Object.entries(handlers).map(([operation, handler]) => [`${noun}.${operation}`, handler]))
}

/** The revision of a write. */
export function revisionHeader(revision: number): HeaderList {
  return ['X-Insi-Revision', String(revision)]
}

/** A JSON array of keys; `null` when there is none, as clients of the API expect. */
export function keysJson(keys: readonly Buffer[]): string {
  return keys.length === 0 ? 'null' : JSON.stringify(keys.map((key) => key.toString('utf8')))
}

function readHandlers(store: KeyValueService, { keyList }: StoreOptions): Handlers {
  return {
    get: async (ctx) => {
      const fields = readFields(ctx, PARAMETER_WORDS)
      const key = keyField(fields)
      const isMetaWanted = flagField(fields, 'meta')
      const record = await store.get(callerOf(ctx), { key }, consistencyOf(ctx, fields))
      const value = JSON.stringify(record.value.toString('utf8'))
      sendJson(ctx, isMetaWanted ? `{"data":${value},${metaMembers(store, record)}}` : `{"data":${value}}`)
    },
    iterate: async (ctx) => {
      const fields = readFields(ctx, PARAMETER_WORDS)
      const request = { prefix: prefixField(fields), offset: offsetField(fields), limit: limitField(fields) }
      const { keys, nextOffset } = await store.list(callerOf(ctx), request, consistencyOf(ctx, fields))
      sendJson(ctx, keyList(keys), nextOffset === null ? [] : ['X-Insi-Next-Offset', String(nextOffset)])
    },
    entries: async (ctx) => {
      const fields = readFields(ctx, PARAMETER_WORDS)
      const prefix = prefixField(fields)
      const after = optionalKeyField(fields, 'after')
      if (after !== undefined && !after.subarray(0, prefix.length).equals(prefix)) {
        throw invalidField(fields, 'after', 'must begin with the prefix')
      }
      const request = { prefix, after, limit: limitField(fields), reverse: flagField(fields, 'reverse') }
      sendJson(ctx, entriesJson(await store.entries(callerOf(ctx), request, consistencyOf(ctx, fields))))
    },
    count: async (ctx) => {
      const fields = readFields(ctx, PARAMETER_WORDS)
      const prefix = prefixField(fields)
      sendJson(ctx, `{"count":${await store.count(callerOf(ctx), prefix, consistencyOf(ctx, fields))}}`)
    },
  }
}

function writeHandlers(store: KeyValueService, { words, valueSizeBytesMax }: StoreOptions): Handlers {
  const setRequest = (fields: Fields) => {
    const key = keyField(fields)
    return { key, value: valueField(fields, 'value', valueSizeBytesMax), ttlMs: ttlField(fields) }
  }
  return {
    set: async (ctx) => {
      const request = setRequest(bodyFields(ctx, words.set))
      sendEmpty(ctx, 200, revisionHeader(await store.set(callerOf(ctx), request)))
    },
    setnx: async (ctx) => {
      const request = setRequest(bodyFields(ctx, words.setnx))
      sendEmpty(ctx, 200, revisionHeader(await store.setnx(callerOf(ctx), request)))
    },
    cas: async (ctx) => {
      const fields = bodyFields(ctx, words.cas)
      const key = keyField(fields)
      const newValue = valueField(fields, 'new_value', valueSizeBytesMax)
      const ttlMs = ttlField(fields)
      const request = { key, newValue, ttlMs, expected: expectedField(fields, valueSizeBytesMax) }
      sendEmpty(ctx, 200, revisionHeader(await store.cas(callerOf(ctx), request)))
    },
    expire: async (ctx) => {
      const fields = bodyFields(ctx, words.expire)
      const request = { key: keyField(fields), ttlMs: expiryField(fields) }
      sendEmpty(ctx, 200, revisionHeader(await store.expire(callerOf(ctx), request)))
    },
    delete: async (ctx) => {
      const request = { key: keyField(bodyFields(ctx, words.delete)) }
      sendEmpty(ctx, 200, revisionHeader(await store.delete(callerOf(ctx), request)))
    },
    deleteRange: async (ctx) => {
      const prefix = requiredPrefixField(bodyFields(ctx, words.deleteRange))
      const { removedCount, done } = await store.deleteRange(callerOf(ctx), prefix)
      sendJson(ctx, JSON.stringify({ removed: removedCount, done }))
    },
  }
}

function metaMembers(store: KeyValueService, record: StoredRecord): string {
  const { revision, expiresAtMs } = record
  return `"revision":${revision},"expires_at":${expiryJson(expiresAtMs)},"ttl_ms":${String(store.ttlMsOf(record))}`
}

/** When something expires as RFC 3339 text, or null. */
function expiryJson(expiresAtMs: number): string {
  return expiresAtMs === 0 ? 'null' : `"${new Date(expiresAtMs).toISOString()}"`
}

function entriesJson({ records, hasMore, asOf }: EntriesPage): string {
  const entries = records.map(({ key, value, revision, expiresAtMs }) => {
    const [keyJson, valueJson] = [key, value].map((bytes) => JSON.stringify(bytes.toString('utf8')))
    return `{"key":${keyJson},"value":${valueJson},"revision":${revision},"expires_at":${expiryJson(expiresAtMs)}}`
  })
  const last = records.at(-1)
  const next = hasMore && last !== undefined ? JSON.stringify(last.key.toString('utf8')) : 'null'
  return `{"entries":[${entries.join(',')}],"next":${next},"as_of":${asOf}}`
}
