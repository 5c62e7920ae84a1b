// Limits and usage: of the caller, and of any key for root.
import type { Clock } from '../base/clock.ts'
import { insiError } from '../contract/errors.ts'
import type { Consistency } from '../contract/route.ts'
import { ROOT_ENTITY_ID } from '../state/commands.ts'
import type { EntityId, EntityLimits } from '../state/commands.ts'
import type { EntityUsage, StateReader } from '../state/state-reader.ts'
import type { Caller } from './caller.ts'
import type { KeyService } from './keys.ts'
import type { Proposer } from './proposer.ts'
import type { ReadGate } from './read-gate.ts'
import type { Replicator } from './replicator.ts'

const UNLIMITED: EntityLimits = {
  diskBytes: null,
  memoryBytes: null,
  eventsPerDay: null,
  subscribers: null,
  dataRequestsPerSecond: null,
  eventRequestsPerSecond: null,
}

export interface LimitsServiceDeps {
  readonly clock: Clock
  readonly reader: StateReader
  readonly readGate: ReadGate
  readonly replicator: Replicator
  readonly proposer: Proposer
  readonly keys: KeyService
}

export interface UsageAndLimits {
  readonly usage: EntityUsage
  readonly limits: EntityLimits
}

export class LimitsService {
  readonly #deps: LimitsServiceDeps

  constructor(deps: LimitsServiceDeps) {
    this.#deps = deps
  }

  /** The caller's own; an alias sees its parent's. */
  async own(caller: Caller, consistency: Consistency): Promise<UsageAndLimits> {
    await this.#deps.readGate.enter(caller, consistency)
    return this.#of(caller.entityId)
  }

  /** Those of the key that `token` names. Rejects with INVALID_TARGET_KEY or API_KEY_NOT_FOUND. */
  async get(caller: Caller, token: string, consistency: Consistency): Promise<UsageAndLimits> {
    await this.#deps.readGate.enter(caller, consistency)
    return this.#of(this.#entityIdOf(token))
  }

  /** Changes the given limits of the key that `token` names. Rejects with INVALID_TARGET_KEY or API_KEY_NOT_FOUND. */
  async set(token: string, limits: Partial<EntityLimits>): Promise<void> {
    await this.#deps.replicator.readBarrier()
    const entityId = this.#entityIdOf(token)
    const timeMs = this.#deps.clock.nowMs()
    const result = await this.#deps.proposer.submit({ type: 'limits.set', timeMs, entityId, limits })
    if (result.ok) return
    if (result.code === 'ENTITY_NOT_FOUND') throw insiError('API_KEY_NOT_FOUND')
    throw insiError(result.code, undefined, result.details)
  }

  #entityIdOf(token: string): EntityId {
    return this.#deps.keys.isRootKey(token) ? ROOT_ENTITY_ID : this.#deps.keys.resolve(token).entity.entityId
  }

  #of(entityId: EntityId): UsageAndLimits {
    const limits = this.#deps.reader.entity(entityId)?.limits ?? UNLIMITED
    return { usage: this.#deps.reader.usage(entityId), limits }
  }
}
