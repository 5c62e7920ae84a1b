// What the value store and the cache have in common: reads and writes of one space. values.ts and cache.ts name them.
import type { Clock } from '../base/clock.ts'
import { insiError } from '../contract/errors.ts'
import type { Consistency } from '../contract/route.ts'
import type { Command, Space } from '../state/commands.ts'
import type { StateReader } from '../state/state-reader.ts'
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
}

export interface KeyRequest {
  readonly key: Buffer
}

export interface SetRequest extends KeyRequest {
  readonly value: Buffer
}

export interface CasRequest extends KeyRequest {
  readonly oldValue: Buffer
  readonly newValue: Buffer
}

export interface ListRequest {
  readonly prefix: Buffer
  readonly offset: number
  readonly limit: number
}

/** Keys and values are UTF-8 bytes whose lengths the edge has checked. */
export class KeyValueService {
  protected readonly deps: KeyValueDeps
  protected readonly options: KeyValueOptions

  constructor(deps: KeyValueDeps, options: KeyValueOptions) {
    this.deps = deps
    this.options = options
  }

  /** The value. Rejects with KEY_NOT_FOUND when there is none. */
  async get(caller: Caller, { key }: KeyRequest, consistency: Consistency): Promise<Buffer> {
    await this.deps.readGate.enter(caller, consistency)
    const record = this.deps.reader.get(this.options.space, caller.entityId, key, this.#readTimeMs())
    if (record === undefined) throw insiError('KEY_NOT_FOUND')
    return record.value
  }

  /** Keys in byte order, without the scope. */
  async list(caller: Caller, request: ListRequest, consistency: Consistency): Promise<Buffer[]> {
    await this.deps.readGate.enter(caller, consistency)
    const { space } = this.options
    return await this.deps.reader.listKeys({ space, entityId: caller.entityId, ...request }, this.#readTimeMs())
  }

  async set(caller: Caller, { key, value }: SetRequest): Promise<void> {
    await this.apply({ type: 'kv.set', ...this.target(caller, key), value, expiresAtMs: this.#expiresAtMs() })
  }

  /** Rejects with KEY_EXISTS. */
  async setnx(caller: Caller, { key, value }: SetRequest): Promise<void> {
    await this.apply({ type: 'kv.setnx', ...this.target(caller, key), value, expiresAtMs: this.#expiresAtMs() })
  }

  /** Rejects with CAS_MISMATCH or CAS_KEY_MISSING. */
  async cas(caller: Caller, { key, oldValue, newValue }: CasRequest): Promise<void> {
    const command = { ...this.target(caller, key), oldValue, newValue, expiresAtMs: this.#expiresAtMs() }
    await this.apply({ type: 'kv.cas', ...command })
  }

  /** Succeeds when there is nothing to remove. */
  async delete(caller: Caller, { key }: KeyRequest): Promise<void> {
    await this.apply({ type: 'kv.delete', ...this.target(caller, key) })
  }

  protected async apply(command: KeyValueCommand): Promise<AppliedResult> {
    const result = await this.deps.proposer.submit(command)
    if (result.ok) return result
    if (result.code === 'KEY_EXISTS') throw insiError('KEY_EXISTS', `key '${shownKey(command.key)}' already exists`)
    // The caller was authenticated, so its entity existed: it was deleted meanwhile.
    if (result.code === 'ENTITY_NOT_FOUND') throw insiError('AUTHENTICATION_FAILED', KEY_DELETED)
    throw insiError(result.code, undefined, result.details)
  }

  protected target(caller: Caller, key: Buffer) {
    return { timeMs: this.deps.clock.nowMs(), space: this.options.space, entityId: caller.entityId, key }
  }

  #expiresAtMs(): number {
    const { standardTtlMs } = this.options
    return standardTtlMs === 0 ? 0 : this.deps.clock.nowMs() + standardTtlMs
  }

  /** Never behind the time that the state has seen, so that a slow clock does not show what has expired. */
  #readTimeMs(): number {
    return Math.max(this.deps.clock.nowMs(), this.deps.reader.timeMs)
  }
}

function shownKey(key: Uint8Array): string {
  const text = Buffer.from(key).toString('utf8')
  return text.length > KEY_CHARS_SHOWN_MAX ? `${text.slice(0, KEY_CHARS_SHOWN_MAX)}…` : text
}
