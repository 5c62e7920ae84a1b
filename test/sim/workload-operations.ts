// Operations on one entity, by seed: what single commands, txn and batch consist of.
import type { Compare, EntityId, OperationCommand, Space } from '../../src/state/commands.ts'
import type { SimRandom } from './sim-random.ts'

const KEYS = ['a', 'b', 'c', 'd', 'p/1', 'p/2'] as const
const COUNTERS = ['n', 'm'] as const
export const TOPICS = ['t.a', 't.b', 'u'] as const
/** One in so many values is large, so that bytes and not only counts are at work. */
const LARGE_VALUE_ODDS = 16
const LARGE_VALUE_BYTES = 2_000
const TTL_RATE = 0.4
const EXPIRY_STEP_MS = 1_000
const TTL_MS_MIN = 30
const TTL_MS_MAX = 2_500

/** What a client has last seen at a key. */
export interface Seen {
  readonly revision: number
  readonly value: string | null
}

/** Where operations are drawn for. */
export interface Target {
  readonly entityId: EntityId
  readonly timeMs: number
}

export interface Retention {
  readonly retainMs: number
  readonly retainSizeBytes: number
}

export class OperationSource {
  readonly #random: SimRandom
  readonly #retention: Retention
  /** By `space entityId key`. */
  readonly #seen = new Map<string, Seen>()
  #nextValue = 1

  constructor(random: SimRandom) {
    this.#random = random
    this.#retention = {
      retainMs: random.pick([400, 3_000, 60_000]),
      retainSizeBytes: random.pick([900, 3_000, 50_000]),
    }
  }

  saw(space: Space, entityId: EntityId, key: string, seen: Seen): void {
    this.#seen.set(`${space} ${entityId} ${key}`, seen)
  }

  space(): Space {
    return this.#random.chance(0.4) ? 'cache' : 'value'
  }

  key(): string {
    return this.#random.chance(0.2) ? this.#random.pick(COUNTERS) : this.#random.pick(KEYS)
  }

  /** A value that no other operation writes. */
  value(): Buffer {
    const text = `v${this.#nextValue++}`
    const isLarge = this.#random.int(LARGE_VALUE_ODDS) === 0
    return Buffer.from(isLarge ? text.padEnd(LARGE_VALUE_BYTES, '.') : text)
  }

  operation(target: Target): OperationCommand {
    const draw = this.#random.int(100)
    const space = this.space()
    const key = this.#random.pick(KEYS)
    if (draw < 28) return this.#set('kv.set', target, space, key)
    if (draw < 42) return this.#bump(target, space)
    if (draw < 54) return this.#cas(target, space, key)
    if (draw < 61) return this.#set('kv.setnx', target, space, key)
    if (draw < 68) return { type: 'kv.delete', ...on(target, space, key) }
    if (draw < 76) return { type: 'kv.expire', ...on(target, space, key), expiresAtMs: this.#expiry(target, 0.7) }
    return this.publish(target)
  }

  set(target: Target, space: Space, key: string): OperationCommand {
    return this.#set('kv.set', target, space, key)
  }

  publish({ entityId, timeMs }: Target): OperationCommand {
    const padding = this.#random.chance(0.2) ? '.'.repeat(400) : ''
    const data = Buffer.from(JSON.stringify(`e${this.#nextValue++}${padding}`))
    return { type: 'event.publish', timeMs, entityId, topic: this.#random.pick(TOPICS), data, ...this.#retention }
  }

  compare({ entityId }: Target): Compare {
    const space = this.space()
    const name = this.#random.pick(KEYS)
    const key = Buffer.from(name)
    const seen = this.#seen.get(`${space} ${entityId} ${name}`)
    const draw = this.#random.int(4)
    if (draw === 0 || seen === undefined) return { type: 'missing', space, key }
    if (draw === 1) return { type: 'exists', space, key }
    if (draw === 2) return { type: 'revision', space, key, revision: seen.revision }
    return { type: 'value', space, key, value: Buffer.from(seen.value ?? 'none', 'latin1') }
  }

  list(target: Target, countMin: number, countMax: number): OperationCommand[] {
    return Array.from({ length: this.#random.between(countMin, countMax) }, () => this.operation(target))
  }

  #set(type: 'kv.set' | 'kv.setnx', target: Target, space: Space, key: string): OperationCommand {
    return { type, ...this.#written(target, space, key), value: this.value() }
  }

  #bump(target: Target, space: Space): OperationCommand {
    // Now and then of something that is no number.
    const key = this.#random.chance(0.1) ? this.#random.pick(KEYS) : this.#random.pick(COUNTERS)
    const delta = BigInt(this.#random.between(-3, 9))
    const min = this.#random.chance(0.5) ? 0n : null
    return { type: 'kv.bump', ...on(target, space, key), ...this.#room(space), delta, min }
  }

  /** Expects what was there some time ago: succeeds now and then. */
  #cas(target: Target, space: Space, key: string): OperationCommand {
    const seen = this.#seen.get(`${space} ${target.entityId} ${key}`)
    const command = { ...this.#written(target, space, key), newValue: this.value() }
    if (this.#random.chance(0.5)) return { type: 'kv.cas-revision', ...command, revision: seen?.revision ?? 0 }
    return { type: 'kv.cas', ...command, oldValue: Buffer.from(seen?.value ?? 'none', 'latin1') }
  }

  #written(target: Target, space: Space, key: string) {
    return { ...on(target, space, key), ...this.#room(space), expiresAtMs: this.#expiry(target, TTL_RATE) }
  }

  #room(space: Space): { evict?: boolean } {
    return space === 'cache' && this.#random.chance(0.8) ? { evict: true } : {}
  }

  /** Much expires at the same moment. */
  #expiry({ timeMs }: Target, rate: number): number {
    if (!this.#random.chance(rate)) return 0
    const atMs = timeMs + this.#random.between(TTL_MS_MIN, TTL_MS_MAX)
    return atMs - (atMs % EXPIRY_STEP_MS) + EXPIRY_STEP_MS
  }
}

function on({ entityId, timeMs }: Target, space: Space, key: string) {
  return { space, entityId, timeMs, key: Buffer.from(key) }
}
