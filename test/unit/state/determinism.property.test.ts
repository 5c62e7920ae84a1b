// Replicas batch differently, restart at different moments and keep their state in different stores. None of it may show.
import * as fc from 'fast-check'
import type { Entry } from '../../../src/raft/types.ts'
import { COMMAND_VERSION, encodeCommand } from '../../../src/state/command-codec.ts'
import type { Command, DirectCommand, OperationCommand } from '../../../src/state/commands.ts'
import { ContentAudit } from '../../../src/state/content-audit.ts'
import { STATE_HASH_INTERVAL } from '../../../src/state/state-hash.ts'
import { StateMachine } from '../../../src/state/state-machine.ts'
import { APPLIED_KEY, decodeAppliedPoint } from '../../../src/state/applied-point.ts'
import {
  CACHE_PREFIX,
  EVENT_PREFIX,
  EVICTION_PREFIX,
  EXPIRY_PREFIX,
  VALUE_PREFIX,
  entityIdOfKey,
  evictionKey,
  expiryKey,
  storeKeyOfEviction,
} from '../../../src/storage/keyspace.ts'
import { decodeRecord } from '../../../src/storage/record.ts'
import type { ReplaceableStore } from '../../../src/storage/ordered-store.ts'
import { ReplaceableLevelStore } from '../../../src/storage/replaceable-level-store.ts'
import { ReplaceableMemoryStore } from '../../../src/storage/replaceable-memory-store.ts'
import { eventually } from '../../support/eventually.ts'
import { UNLIMITED, contentOf, dumpOf, recountUsage, reopenLevel, temporaryDirectory } from './state-fixtures.ts'

const ENTITY_ID_MAX = 4
/** Batches between two recounts. */
const CONSISTENCY_CHECK_INTERVAL = 10
const entityId = fc.integer({ min: 0, max: ENTITY_ID_MAX })
const keyUuid = fc.constantFrom('u1', 'u2', 'u3', 'u4', 'u5')
const key = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'longer-key', '').map((text) => Buffer.from(text))
const value = fc
  .constantFrom('', '1', '12', '-7', 'text', '9223372036854775807', 'x'.repeat(40))
  .map((text) => Buffer.from(text))
/** Relative to the time of the entry, see numbered(). */
const timeMs = fc.integer({ min: 0, max: 20 })
const expiresAtMs = fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 150 }))
const space = fc.constantFrom('value' as const, 'cache' as const)
const limit = fc.option(fc.integer({ min: 0, max: 120 }), { nil: null })
const target = { timeMs, space, entityId, key }

const evict = fc.boolean()
const publish = fc.record({
  type: fc.constant('event.publish' as const),
  timeMs,
  entityId,
  topic: fc.constantFrom('', 't', 'topic'),
  data: fc.constantFrom('1', 'x'.repeat(300)).map((text) => Buffer.from(text)),
  retainMs: fc.integer({ min: 0, max: 300 }),
  retainSizeBytes: fc.integer({ min: 0, max: 2000 }),
})
const operation: fc.Arbitrary<OperationCommand> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ type: fc.constant('kv.set' as const), ...target, value, expiresAtMs, evict }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('kv.setnx' as const), ...target, value, expiresAtMs, evict }) },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('kv.cas-revision' as const),
      ...target,
      revision: fc.constantFrom(0, 0, 1, 5),
      newValue: value,
      expiresAtMs,
      evict,
    }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('kv.delete' as const), ...target }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('kv.expire' as const), ...target, expiresAtMs }) },
  { weight: 2, arbitrary: publish },
)
const compare = fc.oneof(
  fc.record({ type: fc.constant('value' as const), space, key, value }),
  fc.record({ type: fc.constantFrom('exists' as const, 'missing' as const), space, key }),
  fc.record({ type: fc.constant('revision' as const), space, key, revision: fc.nat({ max: 100 }) }),
)
const operations = fc.array(operation, { maxLength: 4 })
const memberId = fc.constantFrom('n1', 'n2', 'n3')

const command: fc.Arbitrary<DirectCommand> = fc.oneof(
  { weight: 8, arbitrary: operation },
  {
    weight: 4,
    arbitrary: fc
      .record({
        type: fc.constant('txn' as const),
        timeMs,
        entityId,
        compare: fc.array(compare, { maxLength: 2 }),
        then: operations,
        else: operations,
      })
      .map((txn) => ({ ...txn, then: ofEntity(txn.then, txn.entityId), else: ofEntity(txn.else, txn.entityId) })),
  },
  {
    weight: 2,
    arbitrary: fc
      .record({ type: fc.constant('batch' as const), timeMs, entityId, commands: operations })
      .map((batch) => ({ ...batch, commands: ofEntity(batch.commands, batch.entityId) })),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('kv.delete-range' as const),
      timeMs,
      space,
      entityId,
      prefix: fc.constantFrom('', 'a', 'longer').map((text) => Buffer.from(text)),
      countMax: fc.integer({ min: 1, max: 4 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constant('subscription.acquire' as const), timeMs, entityId, memberId }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('subscription.release' as const),
      timeMs,
      entityId,
      memberId,
      count: fc.integer({ min: 1, max: 2 }),
      epoch: fc.nat({ max: 2 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('subscription.report' as const),
      timeMs,
      memberId,
      counts: fc.array(fc.tuple(entityId, fc.nat({ max: 3 })), { maxLength: 3 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('subscription.shake' as const), timeMs, entityId }) },
  { weight: 6, arbitrary: fc.record({ type: fc.constant('kv.set' as const), ...target, value, expiresAtMs }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('kv.setnx' as const), ...target, value, expiresAtMs }) },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('kv.cas' as const),
      ...target,
      oldValue: value,
      newValue: value,
      expiresAtMs,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('kv.bump' as const),
      ...target,
      delta: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      min: fc.option(fc.constant(0n), { nil: null }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('kv.delete' as const), ...target }) },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('entity.create' as const),
      timeMs,
      keyUuid,
      scopeUuid: keyUuid,
      name: fc.string({ maxLength: 5 }),
      tokenDigest: fc.constant(Buffer.alloc(32, 7)),
      limits: fc.record({
        ...Object.fromEntries(Object.keys(UNLIMITED).map((member) => [member, fc.constant(null)])),
        diskBytes: limit,
        memoryBytes: limit,
        eventsPerDay: limit,
        subscribers: fc.nat({ max: 5 }),
      }) as fc.Arbitrary<typeof UNLIMITED>,
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('entity.delete' as const), timeMs, keyUuid }) },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('entity.purge' as const),
      timeMs,
      entityId,
      countMax: fc.integer({ min: 1, max: 5 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('limits.set' as const),
      timeMs,
      entityId,
      limits: fc.record({ diskBytes: limit, memoryBytes: limit }, { requiredKeys: [] }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('alias.create' as const),
      timeMs,
      entityId,
      keyUuid,
      tokenDigest: fc.constant(Buffer.alloc(32, 9)),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('alias.delete' as const), timeMs, entityId, keyUuid }) },
)

const ofEntity = (all: readonly OperationCommand[], id: number): OperationCommand[] =>
  all.map((one) => ({ ...one, entityId: id }))

const asAliases: fc.Arbitrary<Command> = fc
  .record({ keyUuid, command })
  .map(({ keyUuid: alias, command: one }) => ({ type: 'alias.act', timeMs: one.timeMs, keyUuid: alias, command: one }))

/** Not of a newer release: a machine stops at those. */
const garbage = fc.uint8Array({ maxLength: 40 }).filter(([version = 0]) => version <= COMMAND_VERSION)

type Content = { readonly command: Command } | Pick<Entry, 'kind' | 'data'>
const content: fc.Arbitrary<Content> = fc.oneof(
  { weight: 30, arbitrary: command.map((one): Content => ({ command: one })) },
  { weight: 3, arbitrary: asAliases.map((one): Content => ({ command: one })) },
  { weight: 1, arbitrary: garbage.map((data): Content => ({ kind: 'command', data })) },
  { weight: 1, arbitrary: fc.constant<Content>({ kind: 'noop', data: new Uint8Array() }) },
)

interface Run {
  readonly batchSizes: readonly number[]
  /** The batches after which the process restarts. */
  readonly restarts: readonly boolean[]
  readonly medium: 'memory' | 'level'
}

const run = (medium: Run['medium']): fc.Arbitrary<Run> =>
  fc.record({
    batchSizes: fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 10 }),
    restarts: fc.array(fc.boolean(), { minLength: 1, maxLength: 10 }),
    medium: fc.constant(medium),
  })

interface Outcome {
  readonly results: unknown[]
  readonly hashes: (number | undefined)[]
  readonly dump: string[]
}

async function execute(entries: readonly Entry[], { batchSizes, restarts, medium }: Run): Promise<Outcome> {
  const directory = await temporaryDirectory()
  let stores: ReplaceableStore =
    medium === 'level' ? await ReplaceableLevelStore.open(directory.path) : new ReplaceableMemoryStore()
  let machine = await StateMachine.open(stores)
  const results: unknown[] = []
  const hashes: (number | undefined)[] = []
  for (let at = 0, batch = 0; at < entries.length; batch += 1) {
    const size = batchSizes[batch % batchSizes.length]!
    const batchEntries = entries.slice(at, at + size)
    results.push(...(await machine.apply(batchEntries)))
    at += size
    for (const { index } of batchEntries) {
      if (index % STATE_HASH_INTERVAL === 0) hashes.push(machine.hashAt(index))
    }
    if (batch % CONSISTENCY_CHECK_INTERVAL === 0) await assertConsistent(machine, stores)
    if (restarts[batch % restarts.length]! && medium === 'memory') {
      stores = (stores as ReplaceableMemoryStore).crash(Number.POSITIVE_INFINITY)
      machine = await StateMachine.open(stores)
    } else if (restarts[batch % restarts.length]! && batch % 5 === 0) {
      stores = await reopenLevel(stores, directory.path)
      machine = await StateMachine.open(stores)
    }
  }
  await assertConsistent(machine, stores)
  const dump = await dumpOf(stores.current())
  await machine.close()
  await directory.remove()
  return { results, hashes, dump }
}

/** Usage and the count of cache entries equal a recount, indexes and windows say what is stored, and the content sum equals a scan. */
async function assertConsistent(machine: StateMachine, stores: ReplaceableStore): Promise<void> {
  const recount = await recountUsage(stores.current())
  for (let id = 0; id <= ENTITY_ID_MAX + 5; id += 1) {
    const { diskBytes, memoryBytes } = machine.reader.usage(id)
    expect([id, diskBytes, memoryBytes]).toEqual([id, ...(recount.get(id) ?? [0, 0])])
  }
  await assertIndexes(machine, stores)
  const audit = new ContentAudit()
  for (const record of await contentOf(stores.current())) audit.add(record)
  expect(audit.sum).toBe(decodeAppliedPoint(stores.current().get(APPLIED_KEY)!).contentSum)
}

async function assertIndexes({ reader }: StateMachine, stores: ReplaceableStore): Promise<void> {
  const content = await contentOf(stores.current())
  const expiring: string[] = []
  const events = new Map<number, number[]>()
  const under = (prefix: number): Buffer[] => content.map((entry) => entry.key).filter((one) => one[0] === prefix)
  for (const { key: storeKey, value: bytes } of content) {
    if (storeKey[0] === VALUE_PREFIX || storeKey[0] === CACHE_PREFIX) {
      const { expiresAtMs: at } = decodeRecord(storeKey, bytes)
      if (at !== 0) expiring.push(expiryKey(at, storeKey).toString('hex'))
    }
    if (storeKey[0] === EVENT_PREFIX) {
      const id = entityIdOfKey(storeKey)
      events.set(id, [...(events.get(id) ?? []), Number(decodeRecord(storeKey, bytes).payload.readBigInt64BE(1))])
    }
  }
  const counted = await eventually('the cache is counted', () => reader.cacheEntryCount ?? undefined)
  expect(counted).toBe(under(CACHE_PREFIX).length)
  expect(under(EXPIRY_PREFIX).map((one) => one.toString('hex'))).toEqual(expiring.sort())
  for (const marker of under(EVICTION_PREFIX)) {
    const storeKey = storeKeyOfEviction(marker)
    const { revision } = decodeRecord(storeKey, stores.current().get(storeKey)!)
    expect(evictionKey(revision, storeKey)).toEqual(marker)
  }
  for (let id = 0; id <= ENTITY_ID_MAX + 5; id += 1) {
    expect(reader.events(id, 0, 10_000).map(({ eventId }) => eventId)).toEqual(events.get(id) ?? [])
    const { total, byMember } = reader.subscriberCounts(id)
    expect([...byMember.values()].reduce((sum, count) => sum + count, 0)).toBe(total)
  }
}

/** Entries in order. Time stands almost still and then jumps, so that many records expire at once. */
function numbered(contents: readonly Content[]): Entry[] {
  return contents.map((one, at) => {
    const place = { index: at + 1, term: 1 + Math.floor(at / 100) }
    return 'kind' in one
      ? { ...one, ...place }
      : { ...place, kind: 'command', data: encodeCommand(atTime(one.command, at)) }
  })
}

function atTime(command: Command, at: number): Command {
  const nowMs = 1000 + Math.floor(at / 64) * 100
  return timedFrom(command, nowMs)
}

function timedFrom<One extends Command>(command: One, nowMs: number): One {
  const timed = { ...command, timeMs: command.timeMs + nowMs }
  const inner = (all: readonly OperationCommand[]) => all.map((one) => timedFrom(one, nowMs))
  if (timed.type === 'txn') return { ...timed, then: inner(timed.then), else: inner(timed.else) }
  if (timed.type === 'batch') return { ...timed, commands: inner(timed.commands) }
  if (!('expiresAtMs' in timed) || timed.expiresAtMs === 0) return timed
  return { ...timed, expiresAtMs: timed.expiresAtMs + nowMs }
}

describe('apply is deterministic', () => {
  test('results, hashes and content do not depend on batching, restarts or the store', async () => {
    let checkpointCount = 0
    await fc.assert(
      fc.asyncProperty(
        fc.array(content, { minLength: 1, maxLength: 600, size: 'max' }),
        run('memory'),
        run('level'),
        async (contents, first, second) => {
          const entries = numbered(contents)
          const single = await execute(entries, { batchSizes: [entries.length], restarts: [false], medium: 'memory' })
          expect(await execute(entries, first)).toEqual(single)
          expect(await execute(entries, second)).toEqual(single)
          checkpointCount += single.hashes.length
        },
      ),
      { numRuns: 25 },
    )
    expect(checkpointCount).toBeGreaterThan(0)
  }, 120_000)
})
