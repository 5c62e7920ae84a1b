// Aliases: further keys of an entity that share its data and its limits.
import type { Clock } from '../base/clock.ts'
import { InsiError } from '../base/errors.ts'
import type { Random } from '../base/random.ts'
import { insiError } from '../contract/errors.ts'
import type { Consistency } from '../contract/route.ts'
import type { StateReader } from '../state/state-reader.ts'
import type { Caller } from './caller.ts'
import type { KeyService, ResolvedKey } from './keys.ts'
import type { Proposer } from './proposer.ts'
import type { ReadGate } from './read-gate.ts'
import type { Replicator } from './replicator.ts'
import type { Revocations } from './authorization/revocations.ts'
import { tokenDigest } from './authorization/tokens.ts'
import type { TokenCodec } from './authorization/tokens.ts'

export interface AliasServiceDeps {
  readonly clock: Clock
  readonly random: Random
  readonly reader: StateReader
  readonly readGate: ReadGate
  readonly replicator: Replicator
  readonly proposer: Proposer
  readonly tokens: TokenCodec
  readonly keys: KeyService
  readonly revocations: Revocations
}

export class AliasService {
  readonly #deps: AliasServiceDeps

  constructor(deps: AliasServiceDeps) {
    this.#deps = deps
  }

  /** The token of a new alias. Rejects with ALIAS_OF_ROOT, ALIAS_OF_ALIAS or ALIAS_LIMIT_REACHED. */
  async create(caller: Caller): Promise<string> {
    if (caller.kind === 'root') throw insiError('ALIAS_OF_ROOT')
    if (caller.kind === 'alias') throw insiError('ALIAS_OF_ALIAS')
    const { clock, random, tokens, proposer } = this.#deps
    const keyUuid = random.uuid()
    const token = tokens.make({ kind: 'alias', keyUuid })
    const { entityId } = caller
    await proposer.apply({
      type: 'alias.create',
      timeMs: clock.nowMs(),
      entityId,
      keyUuid,
      tokenDigest: tokenDigest(token),
    })
    return token
  }

  /** Resolves once no node accepts the alias. Rejects with ALIAS_DELETE_BY_ALIAS, ALIAS_NOT_OWNED or ALIAS_NOT_FOUND. */
  async delete(caller: Caller, token: string): Promise<void> {
    if (caller.kind === 'alias') throw insiError('ALIAS_DELETE_BY_ALIAS')
    await this.#deps.replicator.readBarrier()
    const { key } = this.#resolve(token)
    if (key.entityId !== caller.entityId) throw insiError('ALIAS_NOT_OWNED')
    const timeMs = this.#deps.clock.nowMs()
    await this.#deps.proposer.apply({
      type: 'alias.delete',
      timeMs,
      entityId: caller.entityId,
      keyUuid: key.keyUuid,
    })
    await this.#deps.revocations.settle()
  }

  /** Tokens of the caller's entity in byte order; none for root. */
  async list(caller: Caller, consistency: Consistency): Promise<string[]> {
    await this.#deps.readGate.enter(caller, consistency)
    if (caller.kind === 'root') return []
    const keyUuids = this.#deps.reader.entity(caller.entityId)?.aliasKeyUuids ?? []
    return aliasTokens(this.#deps.tokens, keyUuids)
  }

  #resolve(token: string): ResolvedKey {
    try {
      const resolved = this.#deps.keys.resolve(token)
      if (resolved.key.alias) return resolved
    } catch (error) {
      if (!(error instanceof InsiError)) throw error
    }
    throw insiError('ALIAS_NOT_FOUND')
  }
}

/** Tokens of alias keys, in byte order. */
export function aliasTokens(tokens: TokenCodec, keyUuids: readonly string[]): string[] {
  return keyUuids.map((keyUuid) => tokens.make({ kind: 'alias', keyUuid })).sort()
}
