import type { SnapshotMeta } from '../../../src/raft/types.ts'
import type { StateMachine } from '../../../src/state/state-machine.ts'
import { VALUE_PREFIX, dataKey } from '../../../src/storage/keyspace.ts'
import { ReplaceableLevelStore } from '../../../src/storage/replaceable-level-store.ts'
import { ReplaceableMemoryStore } from '../../../src/storage/replaceable-memory-store.ts'
import { StateDriver, acquire, createAlias, createEntity, dumpOf, entriesOf } from './state-fixtures.ts'
import { publish, release, set, shake, temporaryDirectory } from './state-fixtures.ts'

const CHUNK_SIZE_BYTES = 2_000
const corrupt = expect.objectContaining({ code: 'SNAPSHOT_CORRUPT' })

const metaOf = (machine: StateMachine): SnapshotMeta => ({
  index: machine.appliedIndex,
  term: machine.appliedTerm,
  membership: {
    members: [
      { id: 'node0/a', role: 'voter', raftAddress: '127.0.0.1:7000' },
      { id: 'node1/a', role: 'learner', raftAddress: '127.0.0.1:7001' },
      { id: 'node2/a', role: 'learner', raftAddress: '127.0.0.1:7002', demoted: true },
    ],
  },
})

async function filled(): Promise<StateDriver> {
  const state = await StateDriver.open()
  await state.applyAll(createEntity('u1', { diskBytes: 1_000_000 }), createAlias(1, 'a'))
  for (let at = 0; at < 50; at += 1) {
    await state.applyAll(
      set(`k${String(at)}`, 'v'.repeat(at * 7), { entityId: 1 }),
      set(`c${String(at)}`, 'w'.repeat(at), { entityId: 1, space: 'cache', expiresAtMs: 50_000 + at }),
    )
  }
  return state
}

async function chunksOf(machine: StateMachine, chunkSizeBytes = CHUNK_SIZE_BYTES): Promise<Uint8Array[]> {
  const snapshot = await machine.openSnapshot()
  const chunks: Uint8Array[] = []
  for await (const chunk of snapshot.chunks(chunkSizeBytes)) chunks.push(chunk)
  await snapshot.close()
  return chunks
}

async function receive(machine: StateMachine, chunks: readonly Uint8Array[]) {
  const incoming = await machine.beginInstall()
  for (const chunk of chunks) await incoming.write(chunk)
  await incoming.verify()
  return incoming
}

describe.each(['memory', 'LevelDB'])('a snapshot installed on %s', (medium) => {
  let target: StateDriver
  let source: StateDriver
  let directory: Awaited<ReturnType<typeof temporaryDirectory>>
  beforeEach(async () => {
    directory = await temporaryDirectory()
    source = await filled()
    target = await StateDriver.open(
      medium === 'memory' ? new ReplaceableMemoryStore() : await ReplaceableLevelStore.open(directory.path),
    )
    await target.applyAll(createEntity('old'), set('stale', 'v'), set('k1', 'old', { entityId: 1 }))
  })
  afterEach(async () => {
    await target.machine.close()
    await directory.remove()
  })

  test('it replaces everything that was there', async () => {
    const incoming = await receive(target.machine, await chunksOf(source.machine))
    expect(target.value('stale')).toBe('v')
    await incoming.commit(metaOf(source.machine))
    expect(target.machine.appliedIndex).toBe(source.machine.appliedIndex)
    expect(target.machine.installedSnapshot).toEqual(metaOf(source.machine))
    expect(target.value('stale')).toBeUndefined()
    expect(target.reader.key('old')).toBeUndefined()
    expect(target.reader.key('a')).toEqual(source.reader.key('a'))
    expect(target.value('k3', 1)).toBe('v'.repeat(21))
    expect(target.reader.usage(1)).toEqual(source.reader.usage(1))
    const installed = (await dumpOf(target.stores.current())).filter((line) => !line.startsWith('01696e7374616c6c6564'))
    expect(installed).toEqual(await dumpOf(source.stores.current()))
  })

  test('both go on with equal results and hashes', async () => {
    const incoming = await receive(target.machine, await chunksOf(source.machine))
    await incoming.commit(metaOf(source.machine))
    const commands = Array.from({ length: 400 }, (_, at) => set(`k${String(at)}`, 'x', { entityId: 1, timeMs: 60_000 }))
    const entries = entriesOf(commands, source.machine.appliedIndex + 1)
    expect(await target.machine.apply(entries)).toEqual(await source.machine.apply(entries))
    expect(source.machine.hashAt(256)).toEqual(expect.any(Number))
    expect(target.machine.hashAt(256)).toBe(source.machine.hashAt(256))
  })

  test('an abort leaves everything as it was, and another install can follow', async () => {
    const chunks = await chunksOf(source.machine)
    await (await receive(target.machine, chunks)).abort()
    expect(target.value('stale')).toBe('v')
    expect(await target.apply(set('more', 'v'))).toEqual({ ok: true, revision: 4 })
    await (await receive(target.machine, chunks)).commit(metaOf(source.machine))
    expect(target.value('stale')).toBeUndefined()
  })

  test('the installed state is there after a restart', async () => {
    await (await receive(target.machine, await chunksOf(source.machine))).commit(metaOf(source.machine))
    let stores
    if (medium === 'memory') stores = (target.stores as ReplaceableMemoryStore).crash(0)
    else {
      await target.machine.close()
      stores = await ReplaceableLevelStore.open(directory.path)
    }
    target = await StateDriver.open(stores)
    expect(target.machine.appliedIndex).toBe(source.machine.appliedIndex)
    expect(target.machine.installedSnapshot).toEqual(metaOf(source.machine))
    expect(target.value('k3', 1)).toBe('v'.repeat(21))
  })
})

describe('a snapshot', () => {
  test('it is one point in time while writes go on', async () => {
    const source = await filled()
    const index = source.machine.appliedIndex
    const dump = await dumpOf(source.stores.current())
    const snapshot = await source.machine.openSnapshot()
    const target = await StateDriver.open()
    const incoming = await target.machine.beginInstall()
    let at = 0
    for await (const chunk of snapshot.chunks(CHUNK_SIZE_BYTES)) {
      await incoming.write(chunk)
      await source.apply(set(`k${String(at)}`, 'later', { entityId: 1 }))
      at += 1
    }
    await snapshot.close()
    expect(at).toBeGreaterThan(5)
    expect([snapshot.index, snapshot.term]).toEqual([index, 1])
    await incoming.verify()
    await incoming.commit({ ...metaOf(source.machine), index })
    const installed = (await dumpOf(target.stores.current())).filter((line) => !line.startsWith('01696e7374616c6c6564'))
    expect(installed).toEqual(dump)
  })

  test('chunks may be cut anywhere', async () => {
    const source = await filled()
    const all = Buffer.concat(await chunksOf(source.machine))
    for (const size of [1, 7, 1000, all.length]) {
      const target = await StateDriver.open()
      const pieces = Array.from({ length: Math.ceil(all.length / size) }, (_, at) =>
        all.subarray(at * size, (at + 1) * size),
      )
      await (await receive(target.machine, pieces)).commit(metaOf(source.machine))
      expect(target.reader.usage(1)).toEqual(source.reader.usage(1))
    }
  })

  test('a missing end, a missing chunk, a repeated one and an appended one are SNAPSHOT_CORRUPT', async () => {
    const source = await filled()
    const chunks = await chunksOf(source.machine)
    const last = chunks.length - 1
    const broken = [
      [],
      chunks.slice(0, last),
      chunks.slice(1),
      chunks.filter((_, at) => at !== 3),
      chunks.flatMap((chunk, at) => (at === 3 ? [chunk, chunk] : [chunk])),
      [...chunks, chunks[1]!],
      [...chunks, Buffer.of(0)],
      [...chunks.slice(0, last), chunks[last]!.subarray(0, 5)],
    ]
    for (const pieces of broken) {
      const target = await StateDriver.open()
      await expect(receive(target.machine, pieces)).rejects.toEqual(corrupt)
    }
  })

  test('any flipped bit is SNAPSHOT_CORRUPT', async () => {
    const source = await filled()
    const all = Buffer.concat(await chunksOf(source.machine))
    for (let bit = 3; bit < all.length * 8; bit += 997) {
      const flipped = Buffer.from(all)
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      const target = await StateDriver.open()
      await expect(receive(target.machine, [flipped])).rejects.toEqual(corrupt)
    }
  })

  test('it must cover what was said, and must be verified', async () => {
    const source = await filled()
    const target = await StateDriver.open()
    const incoming = await receive(target.machine, await chunksOf(source.machine))
    await expect(incoming.commit({ ...metaOf(source.machine), index: 7 })).rejects.toEqual(corrupt)
    const unverified = await target.machine.beginInstall()
    await expect(unverified.commit(metaOf(source.machine))).rejects.toThrow('verified')
  })

  test('a source that lost a record notices it instead of passing it on', async () => {
    const source = await filled()
    const key = dataKey(VALUE_PREFIX, 1, Buffer.from('k3'))
    await source.stores.current().batch([{ type: 'del', key }], { sync: false })
    await expect(chunksOf(source.machine)).rejects.toEqual(expect.objectContaining({ code: 'STATE_CORRUPT' }))
  })

  test('a source with a damaged record notices it', async () => {
    const source = await filled()
    const key = dataKey(VALUE_PREFIX, 1, Buffer.from('k3'))
    const value = Buffer.from(source.stores.current().get(key)!)
    value[20] = (value[20] ?? 0) ^ 1
    await source.stores.current().batch([{ type: 'put', key, value }], { sync: false })
    await expect(chunksOf(source.machine)).rejects.toEqual(expect.objectContaining({ code: 'RECORD_CORRUPT' }))
  })
})

test('a snapshot brings slots, events and what may be evicted, and goes on as its source does', async () => {
  const [source, target] = [await StateDriver.open(), await StateDriver.open()]
  const cached = { space: 'cache', evict: true, entityId: 1 } as const
  await source.applyAll(createEntity('u1', { memoryBytes: 6, subscribers: 3 }), set('keeps', '', { space: 'cache' }))
  await source.applyAll(set('b', '1', cached), set('a', '2', cached), set('c', '3', cached))
  await source.applyAll(shake(1), acquire('m2', 1), acquire('m1', 1), acquire('m1', 1))
  await source.applyAll(publish('t', '1', { entityId: 1 }), publish('t', '2', { entityId: 1 }))
  await target.applyAll(createEntity('u9'), acquire('m9'), set('z', '1', { space: 'cache', evict: true }))
  await (await receive(target.machine, await chunksOf(source.machine))).commit(metaOf(source.machine))
  for (const state of [source, target]) {
    expect(state.reader.subscriberCounts(1)).toEqual({
      total: 3,
      byMember: new Map([
        ['m1', 2],
        ['m2', 1],
      ]),
    })
    expect(state.reader.subscriptionEpoch(1)).toBe(1)
    expect(state.reader.membersWithSubscribers()).toEqual(['m1', 'm2'])
    expect(state.reader.events(1, 0, 10).map(({ data }) => data.toString())).toEqual(['1', '2'])
    expect(await state.apply(acquire('m3', 1))).toMatchObject({ code: 'SUBSCRIBER_LIMIT_EXCEEDED' })
    expect(await state.apply(release('m1', 1, 1, 1))).toMatchObject({ ok: true })
    expect(await state.apply(acquire('m3', 1))).toMatchObject({ ok: true, epoch: 1 })
    expect(await state.apply(set('d', '4', cached))).toMatchObject({ ok: true })
    expect(await state.apply(set('e', '123', cached))).toMatchObject({ ok: true })
    const all = { space: 'cache', entityId: 1, prefix: Buffer.alloc(0), offset: 0, limit: 9 } as const
    expect((await state.reader.listKeys(all, 0)).map(String)).toEqual(['d', 'e'])
    expect(state.reader.usage(1)).toMatchObject({ memoryBytes: 6, evictions: 3, subscribers: 3, events: 2 })
  }
  const installed = (await dumpOf(target.stores.current())).filter((line) => !line.startsWith('01696e7374616c6c6564'))
  expect(installed).toEqual(await dumpOf(source.stores.current()))
})
