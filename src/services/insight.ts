// What root sees of the entities: keys, aliases, usage and limits.
import { insiError } from '../contract/errors.ts'
import { ENTITIES_PER_PAGE_MAX } from '../contract/limits.ts'
import type { Consistency } from '../contract/route.ts'
import type { EntityLimits } from '../state/commands.ts'
import type { EntityRecord, EntityUsage, StateReader } from '../state/state-reader.ts'
import { aliasTokens } from './aliases.ts'
import type { Caller } from './caller.ts'
import type { KeyService } from './keys.ts'
import type { ReadGate } from './read-gate.ts'
import type { TokenCodec } from './authorization/tokens.ts'

export interface InsightServiceDeps {
  readonly reader: StateReader
  readonly readGate: ReadGate
  readonly tokens: TokenCodec
  readonly keys: KeyService
}

export interface EntityInsight {
  readonly token: string
  readonly aliases: readonly string[]
  readonly scopeUuid: string
  readonly keyUuid: string
  /** While it is being deleted, `usage` is what is left to remove. */
  readonly status: EntityRecord['status']
  readonly usage: EntityUsage
  readonly limits: EntityLimits
}

export class InsightService {
  readonly #deps: InsightServiceDeps

  constructor(deps: InsightServiceDeps) {
    this.#deps = deps
  }

  /** Rejects with INVALID_TARGET_KEY, API_KEY_NOT_FOUND or KEY_IS_ALIAS. */
  async entity(caller: Caller, token: string, consistency: Consistency): Promise<EntityInsight> {
    await this.#deps.readGate.enter(caller, consistency)
    const { key, entity } = this.#deps.keys.resolve(token)
    if (key.alias) throw insiError('KEY_IS_ALIAS')
    return this.#insightOf(entity)
  }

  /** Rejects with INVALID_TARGET_KEY, API_KEY_NOT_FOUND or, for a token that is no alias, ALIAS_NOT_FOUND. */
  async entityByAlias(caller: Caller, token: string, consistency: Consistency): Promise<EntityInsight> {
    await this.#deps.readGate.enter(caller, consistency)
    const { key, entity } = this.#deps.keys.resolve(token)
    if (!key.alias) throw insiError('ALIAS_NOT_FOUND', 'alias not found')
    return this.#insightOf(entity)
  }

  /** Entities by key UUID; `limit` 0 means as many as a page may have. */
  async entities(
    caller: Caller,
    page: { readonly offset: number; readonly limit: number },
    consistency: Consistency,
  ): Promise<EntityInsight[]> {
    await this.#deps.readGate.enter(caller, consistency)
    const limit = page.limit === 0 ? ENTITIES_PER_PAGE_MAX : Math.min(page.limit, ENTITIES_PER_PAGE_MAX)
    return this.#deps.reader.listEntities(page.offset, limit).map((entity) => this.#insightOf(entity))
  }

  #insightOf({ entityId, keyUuid, scopeUuid, status, aliasKeyUuids, limits }: EntityRecord): EntityInsight {
    return {
      token: this.#deps.tokens.make({ kind: 'entity', keyUuid }),
      aliases: aliasTokens(this.#deps.tokens, aliasKeyUuids),
      scopeUuid,
      keyUuid,
      status,
      usage: this.#deps.reader.usage(entityId),
      limits,
    }
  }
}
