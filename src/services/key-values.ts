// What the value store and the cache have in common: reads and writes of one space. values.ts and cache.ts name them.
import type { Clock } from '../base/clock.ts'
import { InsiError } from '../base/errors.ts'
import { errorEntry, insiError, isErrorCode } from '../contract/errors.ts'
import {
  DELETE_RANGE_KEYS_PER_STEP,
  DELETE_RANGE_STEPS_MAX,
  ENTRIES_PAGE_BYTES_MAX,
  ITERATE_PAGE_BYTES_MAX,
} from '../contract/limits.ts'
import type { Consistency } from '../contract/route.ts'
import type { Command, CommandResult, RejectionCode, Space } from '../state/commands.ts'
import type { ListPage, StateReader, StoredRecord } from '../state/state-reader.ts'
import type { Caller } from './caller.ts'
import type { AppliedResult, Proposer } from './proposer.ts'
import { KEY_DELETED } from './read-gate.ts'
import type { ReadGate } from './read-gate.ts'

type KeyValueCommand = Extract<Command, { readonly key: Uint8Array }>

/** Characters of a key that a message repeats. */
const KEY_CHARS_SHOWN_MAX = 200

export interface KeyValueDeps {
  readonly clock: Clock
  readonly reader: StateReader
  readonly readGate: ReadGate
  readonly proposer: Proposer
}

export interface KeyValueOptions {
  readonly space: Space
  /** Time to live of an entry written without one; 0: it never expires. */
  readonly standardTtlMs: number
  /** At the quota, what was written longest ago makes room. */
  readonly evict: boolean
}

export interface KeyRequest {
  readonly key: Buffer
}

export interface SetRequest extends KeyRequest {
  readonly value: Buffer
  /** Absent: the standard time to live of the space. */
  readonly ttlMs?: number | undefined
}

export interface CasRequest extends KeyRequest {
  /** What the key must hold, or which revision it must have (0: it must not exist). */
  readonly expected: { readonly value: Buffer } | { readonly revision: number }
  readonly newValue: Buffer
  readonly ttlMs?: number | undefined
}

export interface ExpireRequest extends KeyRequest {
  /** From now; null: never. */
  readonly ttlMs: number | null
}

export interface ListRequest {
  readonly prefix: Buffer
  readonly offset: number
  readonly limit: number
}

export interface KeyPage {
  readonly keys: readonly Buffer[]
  /** Where to go on when the page ended because of its size; null when it did not. */
  readonly nextOffset: number | null
}

export interface EntriesRequest {
  readonly prefix: Buffer
  /** A key with the prefix, which the page begins behind (before when reverse). */
  readonly after: Buffer | undefined
  readonly limit: number
  readonly reverse: boolean
}

export interface EntriesPage extends ListPage {
  /** The page holds every write up to this index. */
  readonly asOf: number
}

export interface RangeRemoval {
  readonly removedCount: number
  /** False when keys may be left, since one request removes only so many. */
  readonly done: boolean
}

/** Keys and values are UTF-8 bytes whose lengths the edge has checked. Writes resolve with the new revision. */
export class KeyValueService {
  /** Reads of single keys since the process began. */
  readonly reads = { hits: 0, misses: 0 }
  protected readonly deps: KeyValueDeps
  protected readonly options: KeyValueOptions

  constructor(deps: KeyValueDeps, options: KeyValueOptions) {
    this.deps = deps
    this.options = options
  }

  /** The value with its revision and expiry. Rejects with KEY_NOT_FOUND when there is none. */
  async get(caller: Caller, { key }: KeyRequest, consistency: Consistency): Promise<StoredRecord> {
    await this.deps.readGate.enter(caller, consistency)
    const record = this.deps.reader.get(this.options.space, caller.entityId, key, this.deps.clock.nowMs())
    if (record === undefined) {
      this.reads.misses += 1
      throw insiError('KEY_NOT_FOUND')
    }
    this.reads.hits += 1
    return record
  }

  /** Keys in byte order, without the scope. */
  async list(caller: Caller, request: ListRequest, consistency: Consistency): Promise<KeyPage> {
    await this.deps.readGate.enter(caller, consistency)
    const bounds = { space: this.options.space, entityId: caller.entityId, sizeBytesMax: ITERATE_PAGE_BYTES_MAX }
    const keys = await this.deps.reader.listKeys({ ...bounds, ...request }, this.deps.clock.nowMs())
    const sizeBytes = keys.reduce((sum, key) => sum + key.length, 0)
    const isCut = sizeBytes >= ITERATE_PAGE_BYTES_MAX && keys.length < request.limit
    return { keys, nextOffset: isCut ? request.offset + keys.length : null }
  }

  /** Keys with their values, revisions and expiries. */
  async entries(caller: Caller, request: EntriesRequest, consistency: Consistency): Promise<EntriesPage> {
    await this.deps.readGate.enter(caller, consistency)
    const asOf = this.deps.reader.appliedIndex
    const { prefix, after, limit, reverse } = request
    const options = { space: this.options.space, entityId: caller.entityId, prefix, limit, reverse }
    const page = { ...options, sizeBytesMax: ENTRIES_PAGE_BYTES_MAX, ...(after === undefined ? {} : { after }) }
    return { ...(await this.deps.reader.list(page, this.deps.clock.nowMs())), asOf }
  }

  /** How many keys there are with the prefix. */
  async count(caller: Caller, prefix: Buffer, consistency: Consistency): Promise<number> {
    await this.deps.readGate.enter(caller, consistency)
    return await this.deps.reader.count(this.options.space, caller.entityId, prefix, this.deps.clock.nowMs())
  }

  /** Time to live that is left of a record, in ms; null: it never expires. */
  ttlMsOf({ expiresAtMs }: StoredRecord): number | null {
    return expiresAtMs === 0 ? null : Math.max(0, expiresAtMs - this.deps.clock.nowMs())
  }

  async set(caller: Caller, { key, value, ttlMs }: SetRequest): Promise<number> {
    return (await this.apply(caller, { type: 'kv.set', ...this.#written(caller, key, ttlMs), value })).revision
  }

  /** Rejects with KEY_EXISTS. */
  async setnx(caller: Caller, { key, value, ttlMs }: SetRequest): Promise<number> {
    return (await this.apply(caller, { type: 'kv.setnx', ...this.#written(caller, key, ttlMs), value })).revision
  }

  /** Rejects with CAS_MISMATCH or CAS_KEY_MISSING; when a revision is expected, with REVISION_MISMATCH {current}. */
  async cas(caller: Caller, { key, expected, newValue, ttlMs }: CasRequest): Promise<number> {
    const command = { ...this.#written(caller, key, ttlMs), newValue }
    const result =
      'value' in expected
        ? await this.apply(caller, { type: 'kv.cas', ...command, oldValue: expected.value })
        : await this.apply(caller, { type: 'kv.cas-revision', ...command, revision: expected.revision })
    return result.revision
  }

  /** Changes when a key expires. Rejects with KEY_NOT_FOUND. */
  async expire(caller: Caller, { key, ttlMs }: ExpireRequest): Promise<number> {
    const expiresAtMs = ttlMs === null ? 0 : this.expiresAtMs(ttlMs)
    return (await this.apply(caller, { type: 'kv.expire', ...this.target(caller, key), expiresAtMs })).revision
  }

  /** Succeeds when there is nothing to remove. */
  async delete(caller: Caller, { key }: KeyRequest): Promise<number> {
    return (await this.apply(caller, { type: 'kv.delete', ...this.target(caller, key) })).revision
  }

  /** Removes the keys with a prefix in bounded steps, each of which is atomic. What one step removed stays removed. */
  async deleteRange(caller: Caller, prefix: Buffer): Promise<RangeRemoval> {
    let removedCount = 0
    for (let step = 0; step < DELETE_RANGE_STEPS_MAX; step += 1) {
      const result = await this.#removeSome(caller, prefix).catch((error: unknown) => {
        // What earlier steps removed is gone: only the first step may say that nothing was changed.
        if (removedCount > 0 && isCertainlyUnchanged(error)) return null
        throw error
      })
      if (result === null) return { removedCount, done: false }
      if (!result.ok) throw rejectionError(result.code, result.details)
      removedCount += result.removedCount ?? 0
      if (result.done === true) return { removedCount, done: true }
    }
    return { removedCount, done: false }
  }

  #removeSome(caller: Caller, prefix: Buffer): Promise<CommandResult> {
    const { clock, proposer } = this.deps
    return proposer.submitFor(caller, {
      type: 'kv.delete-range',
      timeMs: clock.nowMs(),
      space: this.options.space,
      entityId: caller.entityId,
      prefix,
      countMax: DELETE_RANGE_KEYS_PER_STEP,
    })
  }

  /** When an entry expires that is written now; 0: never. */
  expiresAtMs(ttlMs: number | undefined): number {
    const effectiveMs = ttlMs ?? this.options.standardTtlMs
    return effectiveMs === 0 ? 0 : this.deps.clock.nowMs() + effectiveMs
  }

  protected async apply(caller: Caller, command: KeyValueCommand): Promise<AppliedResult> {
    const result = await this.deps.proposer.submitFor(caller, command)
    if (result.ok) return result
    if (result.code === 'KEY_EXISTS') throw insiError('KEY_EXISTS', `key '${shownKey(command.key)}' already exists`)
    throw rejectionError(result.code, result.details)
  }

  protected target(caller: Caller, key: Buffer) {
    return { timeMs: this.deps.clock.nowMs(), space: this.options.space, entityId: caller.entityId, key }
  }

  #written(caller: Caller, key: Buffer, ttlMs: number | undefined) {
    const command = { ...this.target(caller, key), expiresAtMs: this.expiresAtMs(ttlMs) }
    return this.options.evict ? { ...command, evict: true } : command
  }
}

/** The error of a rejected command of an authenticated caller: its entity existed, so it was deleted meanwhile if it is missing. */
export function rejectionError(code: RejectionCode, details?: Readonly<Record<string, number>>): Error {
  if (code === 'ENTITY_NOT_FOUND') return insiError('AUTHENTICATION_FAILED', KEY_DELETED)
  return insiError(code, undefined, details)
}

function shownKey(key: Uint8Array): string {
  const text = Buffer.from(key).toString('utf8')
  return text.length > KEY_CHARS_SHOWN_MAX ? `${text.slice(0, KEY_CHARS_SHOWN_MAX)}…` : text
}

/** True for errors that say that a step was not carried out, now or later. */
function isCertainlyUnchanged(error: unknown): boolean {
  return error instanceof InsiError && isErrorCode(error.code) && errorEntry(error.code).retryable
}
