// Entities with their keys: creation and deletion, by root.
import { must } from '../base/assert.ts'
import type { Clock } from '../base/clock.ts'
import type { Random } from '../base/random.ts'
import { insiError } from '../contract/errors.ts'
import type { EntityLimits } from '../state/commands.ts'
import type { KeyService } from './keys.ts'
import type { Proposer } from './proposer.ts'
import type { Replicator } from './replicator.ts'
import type { Revocations } from './authorization/revocations.ts'
import { tokenDigest } from './authorization/tokens.ts'
import type { TokenCodec } from './authorization/tokens.ts'

export interface EntityServiceDeps {
  readonly clock: Clock
  readonly random: Random
  readonly replicator: Replicator
  readonly proposer: Proposer
  readonly tokens: TokenCodec
  readonly keys: KeyService
  readonly revocations: Revocations
}

export class EntityService {
  readonly #deps: EntityServiceDeps
  readonly #defaultLimits: EntityLimits

  constructor(deps: EntityServiceDeps, options: { readonly defaultLimits: EntityLimits }) {
    this.#deps = deps
    this.#defaultLimits = options.defaultLimits
  }

  /** Creates an entity and returns its token. Names need not be unique. */
  async create(name: string): Promise<string> {
    const { clock, random, proposer, tokens } = this.#deps
    const keyUuid = random.uuid()
    const token = tokens.make({ kind: 'entity', keyUuid })
    const { entityId } = await proposer.apply({
      type: 'entity.create',
      timeMs: clock.nowMs(),
      keyUuid,
      scopeUuid: random.uuid(),
      name,
      tokenDigest: tokenDigest(token),
      limits: this.#defaultLimits,
    })
    must(entityId, 'a created entity has an id')
    return token
  }

  /**
   * Deletes the entity of a token, or the alias alone when it is an alias's; resolves once no node accepts the keys any more.
   * Succeeds again while the removal is under way.
   * Rejects with INVALID_TARGET_KEY or API_KEY_NOT_FOUND.
   */
  async delete(token: string): Promise<void> {
    const { clock, keys, proposer, replicator, revocations } = this.#deps
    if (keys.isRootKey(token))
      throw insiError('INVALID_TARGET_KEY', 'Invalid target key: the root key cannot be deleted')
    await replicator.readBarrier()
    const timeMs = clock.nowMs()
    const { kind, keyUuid } = keys.identify(token)
    const result =
      kind === 'entity'
        ? await proposer.submit({ type: 'entity.delete', timeMs, keyUuid })
        : await proposer.submit({
            type: 'alias.delete',
            timeMs,
            entityId: keys.resolve(token).entity.entityId,
            keyUuid,
          })
    // Also when it is gone already: whoever deleted it may still be waiting for the answer.
    await revocations.settle()
    if (result.ok) return
    if (result.code === 'ALIAS_NOT_FOUND' || result.code === 'ENTITY_NOT_FOUND') throw insiError('API_KEY_NOT_FOUND')
    throw insiError(result.code, undefined, result.details)
  }
}
