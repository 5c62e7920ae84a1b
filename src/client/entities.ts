// Entities by name, for an application that holds the root key: it finds its tenants again through records in root's values.
import { systemRandom } from '../base/random.ts'
import type { Random } from '../base/random.ts'
import { InsiError } from '../base/errors.ts'
import type { InsiClient } from './client.ts'
import { Entity } from './entity.ts'
import type { EntityRecord } from './entity.ts'
import { ClientError, requireArgument } from './errors.ts'
import type { OperationRates } from './insight.ts'
import type { Limits } from './limits.ts'
import { asObject, asText } from './parse.ts'

const RECORD_PREFIX = 'entity_record:'
const GIB = 1024 ** 3

/** Limits of an entity that is created without any. */
export const ENTITY_LIMITS_DEFAULT: Required<Limits> = {
  memoryBytes: GIB,
  diskBytes: GIB,
  events: 1_000,
  subscribers: 100,
  dataRequestsPerSecond: 25,
  eventRequestsPerSecond: 10,
}

/**
 * Every lookup reads the records of the cluster, so several managers see each other's entities. Names are unique as far as one
 * manager at a time creates them.
 */
export class Entities {
  readonly #root: InsiClient
  readonly #random: Pick<Random, 'uuid'>

  /** `root` is a client with the root key; closing it is the caller's affair. */
  constructor(root: InsiClient, options: { readonly random?: Pick<Random, 'uuid'> } = {}) {
    this.#root = root
    this.#random = options.random ?? systemRandom
  }

  /** Creates an entity. ENTITY_EXISTS. When a step fails its key is deleted again. */
  async create(name: string, limits: Limits = {}): Promise<Entity> {
    const all = { ...ENTITY_LIMITS_DEFAULT, ...limits }
    requireMemoryWithinDisk(all)
    if ((await this.#find(name)) !== undefined) {
      throw new ClientError('ENTITY_EXISTS', `entity with name '${name}' already exists`)
    }
    const { key } = await this.#root.keys.create(name)
    const record: EntityRecord = { uuid: this.#random.uuid(), name, key }
    try {
      await this.#root.limits.set(key, all)
      await this.#root.values.set(RECORD_PREFIX + record.uuid, JSON.stringify(record))
    } catch (error) {
      // The reason to tell is the first failure, whether or not this succeeds.
      await this.#root.keys.delete(key).catch(() => undefined)
      throw error
    }
    return this.#open(record)
  }

  /** The entity of this name, made with `limits` when there is none. */
  async createOrLoad(name: string, limits: Limits = {}): Promise<Entity> {
    const record = await this.#find(name)
    return record === undefined ? this.create(name, limits) : this.#open(record)
  }

  /** ENTITY_UNKNOWN when there is none. */
  async get(name: string): Promise<Entity> {
    return this.#open(await this.#mustFind(name))
  }

  async all(): Promise<Entity[]> {
    const entities: Entity[] = []
    for await (const record of this.#records()) entities.push(this.#open(record))
    return entities
  }

  /** Deletes an entity with its data. ENTITY_UNKNOWN. Can be repeated when it failed half way. */
  async delete(name: string): Promise<void> {
    const record = await this.#mustFind(name)
    try {
      await this.#root.keys.delete(record.key)
    } catch (error) {
      if (!(error instanceof InsiError) || error.code !== 'API_KEY_NOT_FOUND') throw error
    }
    await this.#root.values.delete(RECORD_PREFIX + record.uuid)
  }

  /** Changes the limits that are present. ENTITY_UNKNOWN. */
  async updateLimits(name: string, limits: Limits): Promise<void> {
    const record = await this.#mustFind(name)
    const { limits: current } = await this.#root.limits.of(record.key)
    requireMemoryWithinDisk({ ...current, ...limits })
    await this.#root.limits.set(record.key, limits)
  }

  async operationRates(): Promise<OperationRates> {
    return this.#root.insight.operationRates()
  }

  async #find(name: string): Promise<EntityRecord | undefined> {
    for await (const record of this.#records()) if (record.name === name) return record
    return undefined
  }

  async #mustFind(name: string): Promise<EntityRecord> {
    const record = await this.#find(name)
    if (record === undefined) throw new ClientError('ENTITY_UNKNOWN', `entity not found: ${name}`)
    return record
  }

  async *#records(): AsyncGenerator<EntityRecord, void> {
    for await (const key of this.#root.values.keys(RECORD_PREFIX)) {
      const text = await this.#root.values.get(key)
      if (text !== undefined) yield parseRecord(text)
    }
  }

  #open(record: EntityRecord): Entity {
    return new Entity(record, this.#root.withKey(record.key))
  }
}

function parseRecord(text: string): EntityRecord {
  const record = asObject(JSON.parse(text), 'an entity record')
  return { uuid: asText(record.uuid, 'uuid'), name: asText(record.name, 'name'), key: asText(record.key, 'key') }
}

function requireMemoryWithinDisk(limits: Limits): void {
  const { memoryBytes, diskBytes } = limits
  if (memoryBytes === undefined || diskBytes === undefined) return
  requireArgument(memoryBytes <= diskBytes, 'bytes in memory cannot be greater than bytes on disk')
}
