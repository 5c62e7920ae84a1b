// The state as a sequential store would hold it, built from the committed entries one by one. It shares nothing with the state
// machine but the commands' codec: what both answer and hold after each entry must be the same.
import { must } from '../../src/base/assert.ts'
import { decodeCommand } from '../../src/state/command-codec.ts'
import { ROOT_ENTITY_ID } from '../../src/state/commands.ts'
import type {
  Command,
  CommandResult,
  DirectCommand,
  EntityCreateCommand,
  EntityId,
  Space,
} from '../../src/state/commands.ts'
import { ModelEntity, byText, isOver } from './model-entity.ts'
import type { ModelProfile, ModelStep } from './model-entity.ts'
import { applyBatch, applyTxn, deleteRange, operate, rejection } from './model-operations.ts'

const ALIASES_MAX = 16
/** Expired records that each command removes first. */
const SWEEP_COUNT = 16
const SPACES: readonly Space[] = ['value', 'cache']

const ROOT: ModelProfile = {
  name: 'root',
  keyUuid: '',
  scopeUuid: '',
  status: 'active',
  limits: {
    diskBytes: null,
    memoryBytes: null,
    eventsPerDay: null,
    subscribers: null,
    dataRequestsPerSecond: null,
    eventRequestsPerSecond: null,
  },
  createdAtMs: 0,
  aliasKeyUuids: [],
}

/** What one entry did; `result` is undefined for an entry that is no command. */
export interface ModelOutcome extends ModelStep {
  readonly command: Command | undefined
  readonly result: CommandResult | undefined
}

export class StateModel {
  readonly entities = new Map<EntityId, ModelEntity>([[ROOT_ENTITY_ID, new ModelEntity(ROOT_ENTITY_ID, ROOT)]])
  /** Key UUID → whose it is. */
  readonly keys = new Map<string, { readonly entityId: EntityId; readonly alias: boolean }>()
  timeMs = 0
  #nextEntityId = ROOT_ENTITY_ID + 1

  /** Carries out the entry at `index`; `data` is null when it is no command. */
  apply(index: number, data: Uint8Array | null): ModelOutcome {
    const command = data === null ? undefined : decodeCommand(data)
    if (command !== undefined) this.timeMs = Math.max(this.timeMs, command.timeMs)
    const step: ModelStep = { index, timeMs: this.timeMs, writes: [], events: [], places: [] }
    if (data === null) return { ...step, command, result: undefined }
    if (command === undefined) return { ...step, command, result: rejection('COMMAND_UNKNOWN') }
    this.#sweep(step)
    const result = this.#evaluate(step, command)
    return { ...step, command, result }
  }

  #sweep(step: ModelStep): void {
    const expired = [...this.entities.values()].flatMap((entity) =>
      SPACES.flatMap((space) =>
        [...entity.records[space]]
          .filter(([, { expiresAtMs }]) => isOver(expiresAtMs, step.timeMs))
          .map(([key, { expiresAtMs }]) => ({ entity, space, key, expiresAtMs })),
      ),
    )
    expired.sort(
      (one, other) =>
        one.expiresAtMs - other.expiresAtMs ||
        SPACES.indexOf(one.space) - SPACES.indexOf(other.space) ||
        one.entity.entityId - other.entity.entityId ||
        byText(one.key, other.key),
    )
    for (const { entity, space, key } of expired.slice(0, SWEEP_COUNT)) entity.remove(step, space, key)
    if (expired.length > 0) step.places.push('records expired')
    if (new Set(expired.map(({ entity }) => entity)).size > 1) step.places.push('records of several entities expired')
  }

  #evaluate(step: ModelStep, command: Command): CommandResult {
    switch (command.type) {
      case 'alias.act': {
        const isAlias = this.keys.get(command.keyUuid)?.alias === true
        return isAlias ? this.#evaluate(step, command.command) : rejection('ENTITY_NOT_FOUND')
      }
      case 'entity.create':
        return this.#create(step, command)
      case 'entity.delete': {
        const key = this.keys.get(command.keyUuid)
        if (key === undefined || key.alias) return rejection('API_KEY_NOT_FOUND')
        const entity = must(this.entities.get(key.entityId), 'a key has an entity')
        entity.profile = { ...entity.profile, status: 'deleting' }
        return { ok: true, revision: step.index, entityId: entity.entityId }
      }
      case 'subscription.report':
        for (const entity of this.entities.values()) {
          const named = command.counts.findLast(([entityId]) => entityId === entity.entityId)
          if (named === undefined) entity.slots.delete(command.memberId)
          else if (entity.isActive) setSlots(entity, command.memberId, named[1])
        }
        return { ok: true, revision: step.index }
      default: {
        const entity = this.entities.get(command.entityId)
        if (command.type === 'entity.purge') return this.#purge(step, entity, command.countMax)
        if (entity === undefined)
          return rejection(command.type === 'alias.delete' ? 'ALIAS_NOT_FOUND' : 'ENTITY_NOT_FOUND')
        return this.#evaluateIn(entity, step, command)
      }
    }
  }

  #evaluateIn(
    entity: ModelEntity,
    step: ModelStep,
    command: Exclude<
      DirectCommand,
      { type: 'entity.create' | 'entity.delete' | 'entity.purge' | 'subscription.report' }
    >,
  ): CommandResult {
    const { index } = step
    if (command.type === 'subscription.release') {
      const held = entity.slots.get(command.memberId) ?? 0
      if (command.epoch === entity.epoch) setSlots(entity, command.memberId, Math.max(0, held - command.count))
      return { ok: true, revision: index, epoch: entity.epoch }
    }
    if (!entity.isActive) return rejection(command.type === 'alias.delete' ? 'ALIAS_NOT_FOUND' : 'ENTITY_NOT_FOUND')
    switch (command.type) {
      case 'txn':
        return applyTxn(entity, step, command)
      case 'batch':
        return applyBatch(entity, step, command)
      case 'kv.delete-range':
        return deleteRange(entity, step, command)
      case 'limits.set':
        entity.profile = { ...entity.profile, limits: { ...entity.profile.limits, ...command.limits } }
        return { ok: true, revision: index }
      case 'alias.create':
        return this.#createAlias(entity, index, command.keyUuid)
      case 'alias.delete': {
        const { aliasKeyUuids } = entity.profile
        if (!aliasKeyUuids.includes(command.keyUuid)) return rejection('ALIAS_NOT_FOUND')
        const others = aliasKeyUuids.filter((keyUuid) => keyUuid !== command.keyUuid)
        entity.profile = { ...entity.profile, aliasKeyUuids: others }
        this.keys.delete(command.keyUuid)
        return { ok: true, revision: index }
      }
      case 'subscription.acquire': {
        const limit = entity.profile.limits.subscribers
        const current = entity.slotCount
        if (limit !== null && current >= limit) return rejection('SUBSCRIBER_LIMIT_EXCEEDED', { current, limit })
        setSlots(entity, command.memberId, (entity.slots.get(command.memberId) ?? 0) + 1)
        return { ok: true, revision: index, epoch: entity.epoch }
      }
      case 'subscription.shake': {
        const removedCount = entity.slotCount
        entity.slots.clear()
        entity.epoch += 1
        return { ok: true, revision: index, removedCount, epoch: entity.epoch }
      }
      default:
        return operate(entity, step, command)
    }
  }

  #create(step: ModelStep, command: EntityCreateCommand): CommandResult {
    const { keyUuid, scopeUuid, name, limits, timeMs: createdAtMs } = command
    const known = this.keys.get(keyUuid)
    if (known !== undefined) {
      const isSame = !known.alias && this.entities.get(known.entityId)?.profile.scopeUuid === scopeUuid
      return isSame ? { ok: true, revision: step.index, entityId: known.entityId } : rejection('KEY_EXISTS')
    }
    const entityId = this.#nextEntityId++
    const profile = { name, keyUuid, scopeUuid, status: 'active', limits, createdAtMs, aliasKeyUuids: [] } as const
    this.entities.set(entityId, new ModelEntity(entityId, profile))
    this.keys.set(keyUuid, { entityId, alias: false })
    return { ok: true, revision: step.index, entityId }
  }

  #createAlias(entity: ModelEntity, revision: number, keyUuid: string): CommandResult {
    const { aliasKeyUuids } = entity.profile
    if (this.keys.has(keyUuid))
      return aliasKeyUuids.includes(keyUuid) ? { ok: true, revision } : rejection('KEY_EXISTS')
    if (aliasKeyUuids.length >= ALIASES_MAX) return rejection('ALIAS_LIMIT_REACHED')
    entity.profile = { ...entity.profile, aliasKeyUuids: [...aliasKeyUuids, keyUuid].toSorted(byText) }
    this.keys.set(keyUuid, { entityId: entity.entityId, alias: true })
    return { ok: true, revision }
  }

  #purge(step: ModelStep, entity: ModelEntity | undefined, countMax: number): CommandResult {
    if (entity === undefined) return { ok: true, revision: step.index, removedCount: 0, done: true }
    if (entity.isActive) return rejection('ENTITY_NOT_FOUND')
    let removedCount = 0
    for (const space of SPACES) {
      for (const key of entity.keys(space, '').slice(0, countMax - removedCount)) {
        entity.remove(step, space, key)
        removedCount += 1
      }
    }
    removedCount += entity.events.splice(0, countMax - removedCount).length
    if (removedCount === countMax) return { ok: true, revision: step.index, removedCount, done: false }
    step.places.push('entity purged')
    this.entities.delete(entity.entityId)
    for (const [keyUuid, { entityId }] of this.keys) if (entityId === entity.entityId) this.keys.delete(keyUuid)
    return { ok: true, revision: step.index, removedCount, done: true }
  }
}

function setSlots(entity: ModelEntity, memberId: string, count: number): void {
  if (count > 0) entity.slots.set(memberId, count)
  else entity.slots.delete(memberId)
}
