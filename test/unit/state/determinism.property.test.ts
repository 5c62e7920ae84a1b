// Replicas batch differently, restart at different moments and keep their state in different stores. None of it may show.
import * as fc from 'fast-check'
import type { Entry } from '../../../src/raft/types.ts'
import { encodeCommand } from '../../../src/state/command-codec.ts'
import type { Command } from '../../../src/state/commands.ts'
import { ContentAudit } from '../../../src/state/content-audit.ts'
import { STATE_HASH_INTERVAL } from '../../../src/state/state-hash.ts'
import { StateMachine } from '../../../src/state/state-machine.ts'
import { APPLIED_KEY, decodeAppliedPoint } from '../../../src/state/applied-point.ts'
import type { ReplaceableStore } from '../../../src/storage/ordered-store.ts'
import { ReplaceableLevelStore } from '../../../src/storage/replaceable-level-store.ts'
import { ReplaceableMemoryStore } from '../../../src/storage/replaceable-memory-store.ts'
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

const command: fc.Arbitrary<Command> = fc.oneof(
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

type Content = { readonly command: Command } | Pick<Entry, 'kind' | 'data'>
const content: fc.Arbitrary<Content> = fc.oneof(
  { weight: 30, arbitrary: command.map((one): Content => ({ command: one })) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 40 }).map((data): Content => ({ kind: 'command', data })) },
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

/** Usage equals a recount, and the content sum equals a scan. */
async function assertConsistent(machine: StateMachine, stores: ReplaceableStore): Promise<void> {
  const recount = await recountUsage(stores.current())
  for (let id = 0; id <= ENTITY_ID_MAX + 5; id += 1) {
    const { diskBytes, memoryBytes } = machine.reader.usage(id)
    expect([id, diskBytes, memoryBytes]).toEqual([id, ...(recount.get(id) ?? [0, 0])])
  }
  const audit = new ContentAudit()
  for (const record of await contentOf(stores.current())) audit.add(record)
  expect(audit.sum).toBe(decodeAppliedPoint(stores.current().get(APPLIED_KEY)!).contentSum)
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
  const timed = { ...command, timeMs: command.timeMs + nowMs }
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
