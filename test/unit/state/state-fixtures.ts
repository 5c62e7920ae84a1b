// What the tests of the state construct: entries, commands, machines on either store, and a recount of everything stored.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Entry } from '../../../src/raft/types.ts'
import { encodeCommand } from '../../../src/state/command-codec.ts'
import type {
  Command,
  CommandResult,
  Compare,
  DirectCommand,
  EntityLimits,
  OperationCommand as Operation,
} from '../../../src/state/commands.ts'
import { StateMachine } from '../../../src/state/state-machine.ts'
import { CACHE_PREFIX, VALUE_PREFIX, entityIdOfKey, wholeRange } from '../../../src/storage/keyspace.ts'
import type { OrderedStore, ReplaceableStore, StoreEntry } from '../../../src/storage/ordered-store.ts'
import { decodeRecord } from '../../../src/storage/record.ts'
import { ReplaceableLevelStore } from '../../../src/storage/replaceable-level-store.ts'
import { ReplaceableMemoryStore } from '../../../src/storage/replaceable-memory-store.ts'

export const UNLIMITED: EntityLimits = {
  diskBytes: null,
  memoryBytes: null,
  eventsPerDay: null,
  subscribers: null,
  dataRequestsPerSecond: null,
  eventRequestsPerSecond: null,
}

/** A machine whose commands get the next index each. */
export class StateDriver {
  readonly machine: StateMachine
  readonly stores: ReplaceableStore

  private constructor(machine: StateMachine, stores: ReplaceableStore) {
    this.machine = machine
    this.stores = stores
  }

  static async open(stores: ReplaceableStore = new ReplaceableMemoryStore()): Promise<StateDriver> {
    return new StateDriver(await StateMachine.open(stores), stores)
  }

  get reader(): StateMachine['reader'] {
    return this.machine.reader
  }

  /** Applies each command as an entry in one batch. */
  async applyAll(...commands: readonly Command[]): Promise<CommandResult[]> {
    const results = await this.machine.apply(entriesOf(commands, this.machine.appliedIndex + 1))
    return results.map((result) => result ?? { ok: false, code: 'COMMAND_UNKNOWN' })
  }

  async apply(command: Command): Promise<CommandResult> {
    const [result] = await this.applyAll(command)
    return result!
  }

  value(text: string, entityId = 0, nowMs = 0): string | undefined {
    return this.reader.get('value', entityId, Buffer.from(text), nowMs)?.value.toString()
  }
}

export function entriesOf(commands: readonly Command[], firstIndex: number): Entry[] {
  return commands.map((command, at) => ({
    index: firstIndex + at,
    term: 1,
    kind: 'command',
    data: encodeCommand(command),
  }))
}

interface KvOptions {
  readonly space?: 'value' | 'cache'
  readonly entityId?: number
  readonly timeMs?: number
  readonly expiresAtMs?: number
  readonly evict?: boolean
}

const evictOf = ({ evict }: KvOptions) => (evict === undefined ? {} : { evict })

const target = (key: string, { space = 'value', entityId = 0, timeMs = 1000 }: KvOptions) => ({
  space,
  entityId,
  timeMs,
  key: Buffer.from(key),
})

export const set = (key: string, value: string, options: KvOptions = {}): Operation => ({
  type: 'kv.set',
  ...target(key, options),
  value: Buffer.from(value),
  expiresAtMs: options.expiresAtMs ?? 0,
  ...evictOf(options),
})
export const setnx = (key: string, value: string, options: KvOptions = {}): Operation => ({
  type: 'kv.setnx',
  ...target(key, options),
  value: Buffer.from(value),
  expiresAtMs: options.expiresAtMs ?? 0,
  ...evictOf(options),
})
export const cas = (key: string, oldValue: string, newValue: string, options: KvOptions = {}): Operation => ({
  type: 'kv.cas',
  ...target(key, options),
  oldValue: Buffer.from(oldValue),
  newValue: Buffer.from(newValue),
  expiresAtMs: options.expiresAtMs ?? 0,
  ...evictOf(options),
})
export const bump = (key: string, delta: bigint, min: bigint | null = 0n, options: KvOptions = {}): Operation => ({
  type: 'kv.bump',
  ...target(key, options),
  delta,
  min,
  ...evictOf(options),
})
export const del = (key: string, options: KvOptions = {}): Operation => ({ type: 'kv.delete', ...target(key, options) })

export const createEntity = (keyUuid: string, limits: Partial<EntityLimits> = {}): Command => ({
  type: 'entity.create',
  timeMs: 1000,
  keyUuid,
  scopeUuid: `scope-of-${keyUuid}`,
  name: `name-of-${keyUuid}`,
  tokenDigest: Buffer.from(`digest-of-${keyUuid}`),
  limits: { ...UNLIMITED, ...limits },
})
export const deleteEntity = (keyUuid: string): Command => ({ type: 'entity.delete', timeMs: 1000, keyUuid })
export const purge = (entityId: number, countMax: number): Command => ({
  type: 'entity.purge',
  timeMs: 1000,
  entityId,
  countMax,
})
export const setLimits = (entityId: number, limits: Partial<EntityLimits>): Command => ({
  type: 'limits.set',
  timeMs: 1000,
  entityId,
  limits,
})
export const createAlias = (entityId: number, keyUuid: string): Command => ({
  type: 'alias.create',
  timeMs: 1000,
  entityId,
  keyUuid,
  tokenDigest: Buffer.from(`digest-of-${keyUuid}`),
})
export const deleteAlias = (entityId: number, keyUuid: string): Command => ({
  type: 'alias.delete',
  timeMs: 1000,
  entityId,
  keyUuid,
})

export const asAlias = (keyUuid: string, command: DirectCommand): Command => ({
  type: 'alias.act',
  timeMs: command.timeMs,
  keyUuid,
  command,
})

/** A temporary directory and its removal. */
export async function temporaryDirectory(): Promise<{ path: string; remove: () => Promise<void> }> {
  const directory = await mkdtemp(path.join(tmpdir(), 'insi-state-'))
  return { path: directory, remove: () => rm(directory, { recursive: true, force: true }) }
}

export async function contentOf(store: OrderedStore): Promise<StoreEntry[]> {
  const iterator = store.iterate(wholeRange())
  const all: StoreEntry[] = []
  try {
    for (;;) {
      const entries = await iterator.next(1000)
      if (entries.length === 0) return all
      all.push(...entries)
    }
  } finally {
    await iterator.close()
  }
}

/** Content as text, to compare. */
export async function dumpOf(store: OrderedStore): Promise<string[]> {
  return (await contentOf(store)).map(({ key, value }) => `${key.toString('hex')}=${value.toString('hex')}`)
}

/** Usage counted anew from the records: entity → [diskBytes, memoryBytes]; entities that use nothing are left out. */
export async function recountUsage(store: OrderedStore): Promise<Map<number, [number, number]>> {
  const usage = new Map<number, [number, number]>()
  for (const { key, value } of await contentOf(store)) {
    if (key[0] !== VALUE_PREFIX && key[0] !== CACHE_PREFIX) continue
    const entityId = entityIdOfKey(key)
    const row = usage.get(entityId) ?? [0, 0]
    row[key[0] === VALUE_PREFIX ? 0 : 1] += key.length - 5 + decodeRecord(key, value).payload.length
    usage.set(entityId, row)
  }
  return usage
}

export async function reopenLevel(stores: ReplaceableStore, directory: string): Promise<ReplaceableLevelStore> {
  await stores.close()
  return ReplaceableLevelStore.open(directory)
}

interface PublishOptions {
  readonly entityId?: number
  readonly timeMs?: number
  readonly retainMs?: number
  readonly retainSizeBytes?: number
}

export const publish = (topic: string, data: string, options: PublishOptions = {}): Operation => ({
  type: 'event.publish',
  timeMs: options.timeMs ?? 1000,
  entityId: options.entityId ?? 0,
  topic,
  data: Buffer.from(data),
  retainMs: options.retainMs ?? 1_000_000,
  retainSizeBytes: options.retainSizeBytes ?? 1_000_000,
})
export const acquire = (memberId: string, entityId = 0): Command => ({
  type: 'subscription.acquire',
  timeMs: 1000,
  entityId,
  memberId,
})
export const release = (memberId: string, count = 1, epoch = 0, entityId = 0): Command => ({
  type: 'subscription.release',
  timeMs: 1000,
  entityId,
  memberId,
  count,
  epoch,
})
export const report = (memberId: string, counts: readonly (readonly [number, number])[]): Command => ({
  type: 'subscription.report',
  timeMs: 1000,
  memberId,
  counts,
})
export const shake = (entityId = 0): Command => ({ type: 'subscription.shake', timeMs: 1000, entityId })

export const casRevision = (key: string, revision: number, newValue: string, options: KvOptions = {}): Operation => ({
  type: 'kv.cas-revision',
  ...target(key, options),
  revision,
  newValue: Buffer.from(newValue),
  expiresAtMs: options.expiresAtMs ?? 0,
  ...evictOf(options),
})
export const expire = (key: string, expiresAtMs: number, options: KvOptions = {}): Operation => ({
  type: 'kv.expire',
  ...target(key, options),
  expiresAtMs,
})
export const deleteRange = (prefix: string, countMax: number, options: KvOptions = {}): Command => ({
  type: 'kv.delete-range',
  timeMs: options.timeMs ?? 1000,
  space: options.space ?? 'value',
  entityId: options.entityId ?? 0,
  prefix: Buffer.from(prefix),
  countMax,
})
export const txn = (
  compare: readonly Compare[],
  branches: { then?: readonly Operation[]; else?: readonly Operation[] },
  entityId = 0,
): Command => ({
  type: 'txn',
  timeMs: 1000,
  entityId,
  compare,
  then: branches.then ?? [],
  else: branches.else ?? [],
})
export const batch = (commands: readonly Operation[], entityId = 0): Command => ({
  type: 'batch',
  timeMs: 1000,
  entityId,
  commands,
})
