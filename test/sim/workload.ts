// What clients do, by seed: reads and writes of a few keys of root and of tenants that come and go, so that they meet often.
import { ROOT_ENTITY_ID } from '../../src/state/commands.ts'
import type { Command, CommandResult, DirectCommand, EntityId } from '../../src/state/commands.ts'
import type { Caller } from '../../src/services/caller.ts'
import { OperationSource } from './workload-operations.ts'
import type { Target } from './workload-operations.ts'
import type { Observation, ReadRequest } from './sim-reads.ts'
import type { SimRandom } from './sim-random.ts'

/** One thing that a client does; `name` says what, for reports. */
export type Work =
  | { readonly type: 'write'; readonly name: string; readonly command: Command }
  | { readonly type: 'read'; readonly name: string; readonly request: ReadRequest }

interface Tenant {
  readonly entityId: EntityId
  readonly keyUuid: string
  readonly scopeUuid: string
  readonly aliasKeyUuids: string[]
}

const TENANTS_MAX = 3
const TENANT_RATE = 0.4
const PREFIXES = ['', 'p/', 'n'] as const
const ROOT_CALLER: Caller = {
  kind: 'root',
  entityId: ROOT_ENTITY_ID,
  keyUuid: 'root-key',
  presentedKeyUuid: 'root-key',
  scope: 'root',
}

export class Workload {
  readonly #random: SimRandom
  readonly #source: OperationSource
  #tenants: Tenant[] = []
  /** What was deleted lately; it is still used now and then. */
  #deleted: Tenant[] = []
  #deletedAlias: string | undefined

  constructor(random: SimRandom) {
    this.#random = random
    this.#source = new OperationSource(random)
  }

  /** `timeMs`: of a command; no two commands of a run have the same one, which makes each of them unique. */
  next(timeMs: number): Work {
    const draw = this.#random.int(1_000)
    const target = { entityId: this.#entityId(), timeMs }
    if (draw < 390) return this.#read(target.entityId, draw < 290)
    const command = this.#asAlias(this.#command(draw, target))
    const key = 'key' in command ? ` ${Buffer.from(command.key).toString()}` : ''
    const of = 'entityId' in command ? ` of ${command.entityId}` : ''
    return { type: 'write', name: `${command.type}${key}${of}`, command }
  }

  set(key: string, timeMs: number): Work {
    const command = this.#source.set({ entityId: ROOT_ENTITY_ID, timeMs }, 'value', key)
    return { type: 'write', name: `kv.set ${key}`, command }
  }

  get(key: string): Work {
    return named({ type: 'get', space: 'value', entityId: ROOT_ENTITY_ID, key })
  }

  /** Someone who may subscribe and watch. */
  caller(): Caller {
    const tenant = this.#random.chance(0.5) ? this.#pick(this.#tenants) : undefined
    if (tenant === undefined) return ROOT_CALLER
    const { entityId, keyUuid, scopeUuid: scope } = tenant
    const alias = this.#random.chance(0.4) ? this.#pick(tenant.aliasKeyUuids) : undefined
    if (alias === undefined) return { kind: 'entity', entityId, keyUuid, presentedKeyUuid: keyUuid, scope }
    return { kind: 'alias', entityId, keyUuid, presentedKeyUuid: alias, scope }
  }

  /** A write was acknowledged. */
  acknowledged(written: Command, result: CommandResult): void {
    if (!result.ok) return
    const command = written.type === 'alias.act' ? written.command : written
    const { revision } = result
    if (command.type === 'entity.create') {
      const { keyUuid, scopeUuid } = command
      this.#tenants.push({ entityId: result.entityId ?? 0, keyUuid, scopeUuid, aliasKeyUuids: [] })
    } else if (command.type === 'alias.create') {
      this.#tenants.find(({ entityId }) => entityId === command.entityId)?.aliasKeyUuids.push(command.keyUuid)
    } else if (command.type === 'alias.delete') {
      const aliases = this.#tenants.find(({ entityId }) => entityId === command.entityId)?.aliasKeyUuids ?? []
      if (aliases.includes(command.keyUuid)) aliases.splice(aliases.indexOf(command.keyUuid), 1)
      this.#deletedAlias = command.keyUuid
    } else if ('key' in command) {
      const value = 'value' in command ? command.value : 'newValue' in command ? command.newValue : null
      const text = value === null ? (result.value ?? null) : Buffer.from(value).toString('latin1')
      const key = Buffer.from(command.key).toString('latin1')
      this.#source.saw(command.space, command.entityId, key, { revision, value: text })
    }
  }

  observed({ type, space, entityId, key }: ReadRequest, { text }: Observation): void {
    const found = /^[^=]+=(.*)@(\d+)!\d+$/s.exec(text)
    if (type !== 'get' || found === null) return
    this.#source.saw(space, entityId, key, { revision: Number(found[2]), value: found[1] ?? '' })
  }

  /** Tenants use their aliases too, and now and then one that is gone. */
  #asAlias(command: DirectCommand): Command {
    const entityId = 'entityId' in command ? command.entityId : ROOT_ENTITY_ID
    const aliases = this.#tenants.find((tenant) => tenant.entityId === entityId)?.aliasKeyUuids ?? []
    const keyUuid = this.#random.chance(0.1) ? this.#deletedAlias : this.#pick(aliases)
    if (keyUuid === undefined || entityId === ROOT_ENTITY_ID || this.#random.chance(0.5)) return command
    return { type: 'alias.act', timeMs: command.timeMs, keyUuid, command }
  }

  #read(entityId: EntityId, ofOneKey: boolean): Work {
    const on = { space: this.#source.space(), entityId }
    if (ofOneKey) return named({ type: 'get', ...on, key: this.#source.key() })
    const many = { ...on, key: this.#random.pick(PREFIXES) }
    const limit = this.#random.between(1, 8)
    const draw = this.#random.int(4)
    if (draw === 0) return named({ type: 'count', ...many })
    if (draw === 1) return named({ type: 'keys', ...many, offset: this.#random.int(3), limit })
    const after = many.key === 'p/' && this.#random.chance(0.5) ? 'p/1' : null
    return named({ type: 'entries', ...many, after, reverse: this.#random.chance(0.5), limit })
  }

  #command(draw: number, target: Target): DirectCommand {
    if (draw < 860) return this.#source.operation(target)
    const { entityId, timeMs } = target
    if (draw < 925) {
      const compare = Array.from({ length: this.#random.int(3) }, () => this.#source.compare(target))
      const branches = { then: this.#source.list(target, 1, 3), else: this.#source.list(target, 0, 2) }
      return { type: 'txn', ...target, compare, ...branches }
    }
    if (draw < 955) return { type: 'batch', ...target, commands: this.#source.list(target, 1, 5) }
    if (draw < 970) {
      const prefix = Buffer.from(this.#random.pick(PREFIXES))
      const countMax = this.#random.chance(0.3) ? 2 : 1_000
      return { type: 'kv.delete-range', timeMs, space: this.#source.space(), entityId, prefix, countMax }
    }
    return this.#tenancy(timeMs)
  }

  /** Tenants come and go, with their keys and limits. */
  #tenancy(timeMs: number): DirectCommand {
    const tenant = this.#pick(this.#tenants)
    if (tenant === undefined || (this.#tenants.length < TENANTS_MAX && this.#random.chance(0.5))) {
      return this.#createTenant(timeMs)
    }
    const { entityId, keyUuid } = tenant
    const draw = this.#random.int(10)
    if (draw < 4) {
      const aliasKeyUuid = this.#random.uuid()
      return { type: 'alias.create', timeMs, entityId, keyUuid: aliasKeyUuid, tokenDigest: Buffer.from(aliasKeyUuid) }
    }
    if (draw < 6) {
      return { type: 'alias.delete', timeMs, entityId, keyUuid: this.#pick(tenant.aliasKeyUuids) ?? keyUuid }
    }
    if (draw < 7)
      return { type: 'limits.set', timeMs, entityId, limits: { diskBytes: this.#random.pick([200, 5_000]) } }
    if (draw < 8) return { type: 'subscription.shake', timeMs, entityId }
    this.#tenants = this.#tenants.filter((one) => one !== tenant)
    this.#deleted = [...this.#deleted, tenant].slice(-2)
    return { type: 'entity.delete', timeMs, keyUuid }
  }

  #createTenant(timeMs: number): DirectCommand {
    const [keyUuid, scopeUuid] = [this.#random.uuid(), this.#random.uuid()]
    const limits = {
      diskBytes: this.#random.pick([null, 60, 3_000]),
      memoryBytes: this.#random.pick([null, 10, 20]),
      eventsPerDay: this.#random.pick([null, 10]),
      subscribers: this.#random.pick([null, 1, 3]),
      dataRequestsPerSecond: null,
      eventRequestsPerSecond: null,
    }
    return {
      type: 'entity.create',
      timeMs,
      keyUuid,
      scopeUuid,
      name: 'tenant',
      tokenDigest: Buffer.from(keyUuid),
      limits,
    }
  }

  #entityId(): EntityId {
    if (!this.#random.chance(TENANT_RATE)) return ROOT_ENTITY_ID
    const deleted = this.#random.chance(0.1) ? this.#pick(this.#deleted) : undefined
    return (deleted ?? this.#pick(this.#tenants))?.entityId ?? ROOT_ENTITY_ID
  }

  #pick<T>(items: readonly T[]): T | undefined {
    return items.length === 0 ? undefined : this.#random.pick(items)
  }
}

function named(request: ReadRequest): Work {
  return { type: 'read', name: `${request.type} ${request.space} ${request.key} of ${request.entityId}`, request }
}
