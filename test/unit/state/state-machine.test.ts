import type { StateMachine as StateMachinePort } from '../../../src/replication/ports.ts'
import { STATE_HASH_INTERVAL } from '../../../src/state/state-hash.ts'
import { StateMachine } from '../../../src/state/state-machine.ts'
import { VALUE_PREFIX, dataKey, usageKey } from '../../../src/storage/keyspace.ts'
import { ReplaceableLevelStore } from '../../../src/storage/replaceable-level-store.ts'
import { ReplaceableMemoryStore } from '../../../src/storage/replaceable-memory-store.ts'
import {
  StateDriver,
  bump,
  createEntity,
  dumpOf,
  entriesOf,
  recountUsage,
  set,
  temporaryDirectory,
} from './state-fixtures.ts'

describe('applying', () => {
  test('the machine is what replication asks for', async () => {
    const port: StateMachinePort = (await StateDriver.open()).machine
    expect(await port.apply([{ index: 1, term: 1, kind: 'noop', data: new Uint8Array() }])).toEqual([undefined])
    expect(await port.sync()).toBe(1)
  })

  test('entries are applied once and in order', async () => {
    const state = await StateDriver.open()
    await state.applyAll(set('a', '1'), set('b', '1'))
    const gap = entriesOf([set('c', '1')], 4)
    const again = entriesOf([set('c', '1')], 2)
    for (const entries of [gap, again]) {
      const machine = await StateMachine.open(state.stores)
      await expect(machine.apply(entries)).rejects.toThrow('once and in order')
    }
  })

  test('no entries are no work', async () => {
    const state = await StateDriver.open()
    expect(await state.machine.apply([])).toEqual([])
    expect(state.machine.appliedIndex).toBe(0)
  })

  test('index and term of the last entry are those of the state, also after a restart', async () => {
    const state = await StateDriver.open()
    await state.machine.apply([
      { index: 1, term: 3, kind: 'noop', data: new Uint8Array() },
      { index: 2, term: 5, kind: 'noop', data: new Uint8Array() },
    ])
    const reopened = await StateMachine.open(state.stores)
    expect([reopened.appliedIndex, reopened.appliedTerm, reopened.installedSnapshot]).toEqual([2, 5, null])
  })

  test('readers see the effects when apply resolves, and not before', async () => {
    const state = await StateDriver.open()
    const applying = state.machine.apply(entriesOf([createEntity('u1'), set('k', 'v', { entityId: 1 })], 1))
    expect(state.reader.entity(1)).toBeUndefined()
    expect(state.reader.usage(1).diskBytes).toBe(0)
    expect(state.reader.appliedIndex).toBe(0)
    await applying
    expect(state.reader.entity(1)).toBeDefined()
    expect(state.reader.usage(1).diskBytes).toBe(2)
    expect(state.reader.appliedIndex).toBe(2)
  })

  test('damage that a command meets stops the machine for good', async () => {
    const state = await StateDriver.open()
    await state.apply(set('k', 'v'))
    const key = dataKey(VALUE_PREFIX, 0, Buffer.from('k'))
    await state.stores.current().batch([{ type: 'put', key, value: Buffer.alloc(30) }], { sync: false })
    const corrupt = expect.objectContaining({ code: 'RECORD_CORRUPT' })
    await expect(state.apply(bump('k', 1n))).rejects.toEqual(corrupt)
    await expect(state.apply(set('other', 'v'))).rejects.toEqual(corrupt)
    expect(state.machine.appliedIndex).toBe(1)
  })

  test('a failed store stops the machine for good', async () => {
    const state = await StateDriver.open()
    await state.stores.current().close()
    const closed = expect.objectContaining({ code: 'STORAGE_CLOSED' })
    await expect(state.apply(set('k', 'v'))).rejects.toEqual(closed)
    await expect(state.apply(set('k', 'v'))).rejects.toEqual(closed)
  })
})

describe('restarting', () => {
  test('a counter that was bumped is exact after each of many crashes', async () => {
    let stores = new ReplaceableMemoryStore()
    let state = await StateDriver.open(stores)
    const commands = Array.from({ length: 300 }, () => bump('n', 1n))
    const entries = entriesOf(commands, 1)
    let crashes = 0
    for (let round = 0; state.machine.appliedIndex < entries.length; round += 1) {
      const from = state.machine.appliedIndex
      await state.machine.apply(entries.slice(from, from + 1 + (round % 7)))
      const synced = round % 3 === 0 ? await state.machine.sync() : 0
      if (round % 2 === 0) {
        crashes += 1
        stores = stores.crash(round % 4)
        state = await StateDriver.open(stores)
        expect(state.machine.appliedIndex).toBeGreaterThanOrEqual(synced)
        // The log repeats what was lost; the applied index says from where.
        expect(state.value('n') ?? '0').toBe(String(state.machine.appliedIndex))
      }
    }
    expect(crashes).toBeGreaterThan(20)
    expect(state.value('n')).toBe('300')
  })

  test('what sync() covered survives the loss of everything unsynced', async () => {
    const state = await StateDriver.open()
    await state.applyAll(set('a', '1'), set('b', '1'))
    expect(await state.machine.sync()).toBe(2)
    await state.apply(set('c', '1'))
    const crashed = (state.stores as ReplaceableMemoryStore).crash(0)
    const reopened = await StateDriver.open(crashed)
    expect(reopened.machine.appliedIndex).toBe(2)
    expect(reopened.value('b')).toBe('1')
    expect(reopened.value('c')).toBeUndefined()
  })

  test('LevelDB closed and opened holds the same', async () => {
    const directory = await temporaryDirectory()
    const state = await StateDriver.open(await ReplaceableLevelStore.open(directory.path))
    await state.applyAll(createEntity('u1'), set('k', 'v', { entityId: 1 }), set('n', '5', { expiresAtMs: 9999 }))
    const dump = await dumpOf(state.stores.current())
    await state.machine.close()
    const reopened = await StateDriver.open(await ReplaceableLevelStore.open(directory.path))
    expect(await dumpOf(reopened.stores.current())).toEqual(dump)
    expect(reopened.value('k', 1)).toBe('v')
    await reopened.machine.close()
    await directory.remove()
  })

  test('content without an applied index is refused', async () => {
    const stores = new ReplaceableMemoryStore()
    await stores.current().batch([{ type: 'put', key: usageKey(1), value: Buffer.alloc(50) }], { sync: false })
    await expect(StateMachine.open(stores)).rejects.toEqual(expect.objectContaining({ code: 'STATE_CORRUPT' }))
  })

  test('usage is counted once, however often the process restarts', async () => {
    let state = await StateDriver.open()
    for (let round = 0; round < 20; round += 1) {
      await state.applyAll(set(`k${String(round % 7)}`, 'v'.repeat(round)), bump('n', 7n))
      state = await StateDriver.open((state.stores as ReplaceableMemoryStore).crash(Number.POSITIVE_INFINITY))
    }
    expect(state.reader.usage(0).diskBytes).toBe((await recountUsage(state.stores.current())).get(0)?.[0])
  })
})

describe('the state hash', () => {
  const noops = (from: number, count: number) =>
    Array.from({ length: count }, (_, at) => ({
      index: from + at,
      term: 1,
      kind: 'noop' as const,
      data: new Uint8Array(),
    }))

  test('it is known at the newest multiples of the interval only', async () => {
    const state = await StateDriver.open()
    await state.machine.apply(noops(1, 2 * STATE_HASH_INTERVAL + 5))
    expect(state.machine.hashAt(STATE_HASH_INTERVAL)).toEqual(expect.any(Number))
    expect(state.machine.hashAt(2 * STATE_HASH_INTERVAL)).toEqual(expect.any(Number))
    expect(state.machine.hashAt(STATE_HASH_INTERVAL + 1)).toBeUndefined()
    expect(state.machine.hashAt(3 * STATE_HASH_INTERVAL)).toBeUndefined()
    await state.machine.apply(noops(2 * STATE_HASH_INTERVAL + 6, 100 * STATE_HASH_INTERVAL))
    expect(state.machine.hashAt(STATE_HASH_INTERVAL)).toBeUndefined()
  })

  test('a restart goes on with it', async () => {
    const state = await StateDriver.open()
    await state.machine.apply(noops(1, STATE_HASH_INTERVAL))
    const reopened = await StateDriver.open(state.stores)
    expect(reopened.machine.hashAt(STATE_HASH_INTERVAL)).toBe(state.machine.hashAt(STATE_HASH_INTERVAL))
  })

  test('one different byte anywhere makes it different for ever', async () => {
    const hashes = new Set<number | undefined>()
    for (const different of [set('k', 'v'), set('k', 'w'), set('l', 'v'), set('k', 'v', { expiresAtMs: 9 })]) {
      const state = await StateDriver.open()
      await state.apply(different)
      await state.apply(set('k', 'same'))
      await state.machine.apply(noops(3, STATE_HASH_INTERVAL))
      hashes.add(state.machine.hashAt(STATE_HASH_INTERVAL))
    }
    expect(hashes.size).toBe(4)
  })
})
