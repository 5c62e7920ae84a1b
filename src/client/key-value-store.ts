// What values and cache have in common: the operations, over routes that differ by their first word.
import { InsiError } from '../base/errors.ts'
import { ITERATE_LIMIT_DEFAULT, ITERATE_LIMIT_MAX, ITERATE_PAGE_BYTES_MAX } from '../contract/limits.ts'
import { requireArgument } from './errors.ts'
import { routeNamed } from './http.ts'
import type { CallRoute, HttpClient } from './http.ts'
import type { CallOptions, PageOptions, ReadOptions } from './options.ts'
import { asList, asNumber, asObject, asText } from './parse.ts'
import { openWatch } from './watch.ts'
import type { Watch, WatchOptions } from './watch.ts'

/** Text values under text keys. Keys are listed in byte order. */
export interface KeyValueStore {
  /** The value, or undefined when the key does not exist. */
  get(key: string, options?: ReadOptions): Promise<string | undefined>
  /** Creates or replaces. */
  set(key: string, value: string, options?: CallOptions): Promise<void>
  /** Creates; KEY_EXISTS when the key exists. */
  setnx(key: string, value: string, options?: CallOptions): Promise<void>
  /** Replaces `oldValue`; CAS_MISMATCH when the key holds something else, CAS_KEY_MISSING when it does not exist. */
  cas(key: string, change: { oldValue: string; newValue: string }, options?: CallOptions): Promise<void>
  /** Removes; succeeds when the key does not exist. */
  delete(key: string, options?: CallOptions): Promise<void>
  /** One page of the keys that begin with `prefix`; empty: of all keys. One trailing `*` is ignored. */
  iterate(prefix: string, page?: PageOptions): Promise<string[]>
  /**
   * The keys that begin with `prefix` from `offset` on, all or at most `limit`, page after page. Each page is a read of its own:
   * a key that is created or deleted meanwhile may shift the next page by one.
   */
  keys(prefix: string, options?: KeysOptions): AsyncGenerator<string, void>
}

/** `limit`: of all pages together; `pageSize`: of one. */
export interface KeysOptions extends PageOptions {
  readonly pageSize?: number
}

/** A key with what it holds. `revision`: the log index of its last write; `expiresAt`: RFC 3339, null for never. */
export interface StoredEntry {
  readonly key: string
  readonly value: string
  readonly revision: number
  readonly expiresAt: string | null
}

/** A key with what it holds. `ttlMs`: what was left of its life when the answer was made; null for ever. */
export interface StoredValue extends StoredEntry {
  readonly ttlMs: number | null
}

/** What a key must hold for a swap: this value, or whatever it got with this revision. */
export type CasChange =
  { readonly oldValue: string; readonly newValue: string } | { readonly revision: number; readonly newValue: string }

/** One page of entries. `next`: the cursor of the next page, null at the end; `asOf`: the revision that the page is as of. */
export interface EntriesPage {
  readonly entries: readonly StoredEntry[]
  readonly next: string | null
  readonly asOf: number
}

/** The routes of one store. */
export interface StoreRoutes {
  readonly get: CallRoute
  readonly set: CallRoute
  readonly setnx: CallRoute
  readonly cas: CallRoute
  readonly delete: CallRoute
  readonly iterate: CallRoute
  readonly entries: CallRoute
  readonly count: CallRoute
  readonly expire: CallRoute
  readonly deleteRange: CallRoute
  readonly watch: CallRoute
}

/** The routes whose names begin with `noun` and a dot. */
export function storeRoutes(noun: 'value' | 'cache'): StoreRoutes {
  const named = (operation: string): CallRoute => routeNamed(`${noun}.${operation}`)
  return {
    get: named('get'),
    set: named('set'),
    setnx: named('setnx'),
    cas: named('cas'),
    delete: named('delete'),
    iterate: named('iterate'),
    entries: named('entries'),
    count: named('count'),
    expire: named('expire'),
    deleteRange: named('deleteRange'),
    watch: named('watch'),
  }
}

/** The operations over HTTP. The two nouns list their keys in different shapes, so `parseKeys` reads that answer. */
export class HttpStore implements KeyValueStore {
  protected readonly http: HttpClient
  readonly #routes: StoreRoutes
  readonly #parseKeys: (answer: unknown) => string[]

  constructor(http: HttpClient, routes: StoreRoutes, parseKeys: (answer: unknown) => string[]) {
    this.http = http
    this.#routes = routes
    this.#parseKeys = parseKeys
  }

  async get(key: string, options: ReadOptions = {}): Promise<string | undefined> {
    requireKey(key)
    try {
      const answer = await this.http.call(this.#routes.get, { key }, options)
      return asText(asObject(answer, 'the answer').data, 'data')
    } catch (error) {
      if (error instanceof InsiError && error.code === 'KEY_NOT_FOUND') return undefined
      throw error
    }
  }

  /** The value with its revision and expiry, or undefined when the key does not exist. */
  async getEntry(key: string, options: ReadOptions = {}): Promise<StoredValue | undefined> {
    requireKey(key)
    try {
      const answer = asObject(await this.http.call(this.#routes.get, { key, meta: true }, options), 'the answer')
      const ttlMs = answer.ttl_ms === null ? null : asNumber(answer.ttl_ms, 'ttl_ms')
      return { ...asEntry({ ...answer, key, value: answer.data }), ttlMs }
    } catch (error) {
      if (error instanceof InsiError && error.code === 'KEY_NOT_FOUND') return undefined
      throw error
    }
  }

  /** `ttlMs`: how long the key lives; absent: the server's default. */
  async set(key: string, value: string, options: CallOptions & { readonly ttlMs?: number } = {}): Promise<void> {
    requireKey(key)
    const { ttlMs, ...callOptions } = options
    await this.http.call(this.#routes.set, { key, value, ttl_ms: ttlMs }, callOptions)
  }

  async setnx(key: string, value: string, options: CallOptions & { readonly ttlMs?: number } = {}): Promise<void> {
    requireKey(key)
    const { ttlMs, ...callOptions } = options
    await this.http.call(this.#routes.setnx, { key, value, ttl_ms: ttlMs }, callOptions)
  }

  /** Gives a key a new time to live, null for ever; KEY_NOT_FOUND when it does not exist. */
  async expire(key: string, ttlMs: number | null, options: CallOptions = {}): Promise<void> {
    requireKey(key)
    await this.http.call(this.#routes.expire, { key, ttl_ms: ttlMs }, options)
  }

  /** Removes the keys that begin with `prefix`; false: there were too many for one call, so call again. */
  async deleteRange(prefix: string, options: CallOptions = {}): Promise<{ removed: number; done: boolean }> {
    requireArgument(prefix !== '', 'prefix cannot be empty')
    const answer = asObject(await this.http.call(this.#routes.deleteRange, { prefix }, options), 'the answer')
    return { removed: asNumber(answer.removed, 'removed'), done: answer.done === true }
  }

  /** How many keys begin with `prefix`; empty: all keys. */
  async count(prefix: string, options: ReadOptions = {}): Promise<number> {
    const answer = asObject(await this.http.call(this.#routes.count, { prefix }, options), 'the answer')
    return asNumber(answer.count, 'count')
  }

  /** One page of keys with their values, in byte order or against it, after the cursor `after`. */
  async entries(
    prefix: string,
    page: ReadOptions & { readonly after?: string; readonly limit?: number; readonly reverse?: boolean } = {},
  ): Promise<EntriesPage> {
    const { after, limit, reverse, ...options } = page
    const fields = { prefix, after, limit, reverse }
    const answer = asObject(await this.http.call(this.#routes.entries, fields, options), 'the answer')
    return {
      entries: asList(answer.entries, 'entries').map(asEntry),
      next: answer.next === null ? null : asText(answer.next, 'next'),
      asOf: asNumber(answer.as_of, 'as_of'),
    }
  }

  /** As KeyValueStore says; by revision (0: the key must not exist), REVISION_MISMATCH when the key has another one. */
  async cas(key: string, change: CasChange, options: CallOptions & { readonly ttlMs?: number } = {}): Promise<void> {
    requireKey(key)
    const { ttlMs, ...callOptions } = options
    const held = 'revision' in change ? { revision: change.revision } : { old_value: change.oldValue }
    const fields = { key, ...held, new_value: change.newValue, ttl_ms: ttlMs }
    await this.http.call(this.#routes.cas, fields, callOptions)
  }

  /**
   * Follows the keys that begin with `prefix`; empty: all keys. Resolves once a node has accepted it: every change after that is
   * seen. To begin with what there is, list with `entries` and watch `since` the `asOf` of the first page.
   */
  async watch(prefix: string, options: WatchOptions = {}): Promise<Watch> {
    return openWatch(this.http, this.#routes.watch, prefix, options)
  }

  async delete(key: string, options: CallOptions = {}): Promise<void> {
    requireKey(key)
    await this.http.call(this.#routes.delete, { key }, options)
  }

  async iterate(prefix: string, page: PageOptions = {}): Promise<string[]> {
    const fields = { prefix, offset: page.offset, limit: page.limit }
    return this.#parseKeys(await this.http.call(this.#routes.iterate, fields, page))
  }

  async *keys(prefix: string, options: KeysOptions = {}): AsyncGenerator<string, void> {
    const { pageSize = ITERATE_LIMIT_MAX, limit = Number.POSITIVE_INFINITY, offset = 0, ...readOptions } = options
    const isInRange = Number.isInteger(pageSize) && pageSize > 0 && pageSize <= ITERATE_LIMIT_MAX
    requireArgument(isInRange, 'pageSize is out of range')
    for (let count = 0; count < limit;) {
      const asked = Math.min(pageSize, limit - count)
      const page = await this.iterate(prefix, { ...readOptions, offset: offset + count, limit: asked })
      yield* page
      count += page.length
      if (page.length < asked && !isCutBySize(page)) return
    }
  }

  /**
   * What `iterate` gives, and where the server ends a page before `limit` is reached, the pages that follow; at least one. Only
   * one page is held at a time.
   */
  async *pages(prefix: string, page: PageOptions = {}): AsyncGenerator<string[], void> {
    const { limit = 0, offset = 0 } = page
    const wanted = limit > 0 ? limit : ITERATE_LIMIT_DEFAULT
    let count = 0
    for (let next = page; ; next = { ...page, offset: offset + count, limit: wanted - count }) {
      const keys = await this.iterate(prefix, next)
      if (keys.length > 0 || count === 0) yield keys
      const asked = Math.min(wanted - count, ITERATE_LIMIT_MAX)
      count += keys.length
      if (count >= wanted || (keys.length < asked && !isCutBySize(keys))) return
    }
  }
}

/** Whether a page with less than was asked for may have ended because of its size. */
function isCutBySize(page: readonly string[]): boolean {
  return page.reduce((sum, key) => sum + Buffer.byteLength(key), 0) >= ITERATE_PAGE_BYTES_MAX
}

function asEntry(item: unknown): StoredEntry {
  const entry = asObject(item, 'an entry')
  return {
    key: asText(entry.key, 'key'),
    value: asText(entry.value, 'value'),
    revision: asNumber(entry.revision, 'revision'),
    expiresAt: entry.expires_at === null ? null : asText(entry.expires_at, 'expires_at'),
  }
}

/** Throws INVALID_ARGUMENT for an empty key, without asking the server. */
export function requireKey(key: string): void {
  requireArgument(key !== '', 'key cannot be empty')
}
