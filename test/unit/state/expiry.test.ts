import { SWEEP_COUNT_MAX } from '../../../src/state/expiry-sweep.ts'
import { CACHE_PREFIX, EXPIRY_PREFIX, VALUE_PREFIX } from '../../../src/storage/keyspace.ts'
import { ReplaceableMemoryStore } from '../../../src/storage/replaceable-memory-store.ts'
import { SlowStores } from '../../sim/sim-store.ts'
import { StateDriver, bump, cas, contentOf, del, recountUsage, set, setLimits, setnx } from './state-fixtures.ts'

/** More than it takes until the state machine waits for the store. */
const TURNS_UNTIL_WRITING = 64

const ok = expect.objectContaining({ ok: true })

let state: StateDriver
beforeEach(async () => {
  state = await StateDriver.open()
})

async function countOf(prefix: number): Promise<number> {
  return (await contentOf(state.stores.current())).filter(({ key }) => key[0] === prefix).length
}

describe('expiry', () => {
  test('a record is gone at its time, for readers and for commands', async () => {
    await state.apply(set('k', 'v', { timeMs: 1000, expiresAtMs: 2000 }))
    expect(state.value('k', 0, 1999)).toBe('v')
    expect(state.value('k', 0, 2000)).toBeUndefined()
    expect(await state.apply(setnx('k', 'w', { timeMs: 1999 }))).toEqual({ ok: false, code: 'KEY_EXISTS' })
    expect(await state.apply(setnx('k', 'w', { timeMs: 2000 }))).toEqual(ok)
    expect(state.value('k', 0, 9999)).toBe('w')
  })

  test('cas and bump treat an expired record as missing', async () => {
    await state.applyAll(
      set('a', '5', { timeMs: 1000, expiresAtMs: 2000 }),
      set('b', '5', { timeMs: 1000, expiresAtMs: 2000 }),
    )
    expect(await state.apply(cas('a', '5', '6', { timeMs: 2000 }))).toEqual({ ok: false, code: 'CAS_KEY_MISSING' })
    expect(await state.apply(bump('b', 1n, 0n, { timeMs: 2000 }))).toEqual(expect.objectContaining({ value: '1' }))
    expect(state.reader.get('value', 0, Buffer.from('b'), 0)?.expiresAtMs).toBe(0)
  })

  test('the time of the state never goes back: what is expired stays expired', async () => {
    await state.applyAll(set('k', 'v', { timeMs: 1000, expiresAtMs: 2000 }), set('x', 'x', { timeMs: 5000 }))
    expect(state.reader.timeMs).toBe(5000)
    expect(state.value('k', 0, 1500)).toBeUndefined()
    expect(await state.apply(setnx('k', 'w', { timeMs: 1500 }))).toEqual(ok)
    expect(state.reader.timeMs).toBe(5000)
  })

  test('an expired record frees its quota before the next command is judged', async () => {
    await state.applyAll(setLimits(0, { diskBytes: 10 }), set('key', '1234567', { timeMs: 1000, expiresAtMs: 2000 }))
    expect(await state.apply(set('new', '1234567', { timeMs: 1999 }))).toEqual(
      expect.objectContaining({ code: 'DISK_LIMIT_EXCEEDED' }),
    )
    expect(await state.apply(set('new', '1234567', { timeMs: 2000 }))).toEqual(ok)
    expect(state.reader.usage(0).diskBytes).toBe(10)
  })

  test('what has expired is not listed while the batch that removes it is being written', async () => {
    let written = Promise.resolve()
    const pace = { work: () => written, isVisibleEarly: () => false }
    const slow = await StateDriver.open(new SlowStores(new ReplaceableMemoryStore(), pace))
    await slow.apply(set('k', 'v', { timeMs: 1000, expiresAtMs: 2000 }))
    const { promise, resolve } = Promise.withResolvers<void>()
    written = promise
    const applying = slow.apply(set('x', 'x', { timeMs: 3000 }))
    const all = { space: 'value', entityId: 0, prefix: Buffer.alloc(0) } as const
    for (let turn = 0; turn < TURNS_UNTIL_WRITING; turn++) await Promise.resolve()
    expect(await slow.reader.listKeys({ ...all, offset: 0, limit: 9 }, 3000)).toEqual([])
    expect(await slow.reader.count('value', 0, all.prefix, 3000)).toBe(0)
    resolve()
    await applying
    expect((await slow.reader.listKeys({ ...all, offset: 0, limit: 9 }, 3000)).map(String)).toEqual(['x'])
  })

  test('changing or removing the expiry keeps one index entry a record that expires', async () => {
    await state.applyAll(set('k', 'v', { expiresAtMs: 5000 }), set('k', 'v', { expiresAtMs: 6000 }))
    expect(await countOf(EXPIRY_PREFIX)).toBe(1)
    await state.apply(set('k', 'v'))
    expect(await countOf(EXPIRY_PREFIX)).toBe(0)
    await state.applyAll(set('k', 'v', { expiresAtMs: 7000 }), del('k'))
    expect(await countOf(EXPIRY_PREFIX)).toBe(0)
  })

  test('each command removes a bounded number of expired records, oldest first', async () => {
    const count = 3 * SWEEP_COUNT_MAX
    for (let at = 0; at < count; at += 1) {
      await state.apply(set(`k${String(at)}`, 'v', { space: 'cache', timeMs: 1000, expiresAtMs: 2000 + at }))
    }
    await state.apply(del('other', { timeMs: 9000 }))
    expect(await countOf(CACHE_PREFIX)).toBe(count - SWEEP_COUNT_MAX)
    const left = (await contentOf(state.stores.current())).filter(({ key }) => key[0] === EXPIRY_PREFIX)
    expect(left[0]?.key.readUIntBE(1, 6)).toBe(2000 + SWEEP_COUNT_MAX)
    await state.applyAll(del('other', { timeMs: 1 }), del('other', { timeMs: 1 }))
    expect(await countOf(CACHE_PREFIX)).toBe(0)
    expect(await countOf(EXPIRY_PREFIX)).toBe(0)
    expect(state.reader.usage(0).memoryBytes).toBe(0)
  })

  test('thousands of records expire over time, whatever their order and the restarts between', async () => {
    const count = 2000
    const commands = Array.from({ length: count }, (_, at) =>
      set(`k${String(at)}`, 'v', { timeMs: 1000, expiresAtMs: 2000 + ((at * 7919) % count) }),
    )
    for (let at = 0; at < count; at += 100) await state.applyAll(...commands.slice(at, at + 100))
    for (let timeMs = 2000; timeMs < 2000 + count; timeMs += 250) {
      state = await StateDriver.open(state.stores)
      await state.applyAll(...Array.from({ length: 20 }, () => del('other', { timeMs })))
      expect(await countOf(VALUE_PREFIX)).toBe(count - (timeMs - 2000) - 1)
      expect([0, state.reader.usage(0).diskBytes]).toEqual([
        0,
        (await recountUsage(state.stores.current())).get(0)?.[0],
      ])
    }
  })

  test('thousands of records expire in order without a restart', async () => {
    const count = 2000
    for (let at = 0; at < count; at += 100) {
      const keys = Array.from({ length: 100 }, (_, within) => at + within)
      await state.applyAll(
        ...keys.map((one) => set(`k${String(one)}`, 'v', { timeMs: 1000, expiresAtMs: 2000 + ((one * 7919) % count) })),
      )
    }
    for (let timeMs = 2000; timeMs < 2000 + count; timeMs += 250) {
      await state.applyAll(...Array.from({ length: 20 }, () => del('other', { timeMs })))
      expect(await countOf(VALUE_PREFIX)).toBe(count - (timeMs - 2000) - 1)
    }
  })

  test('a record that expired and is not removed yet counts as missing, and its usage is released when it is replaced', async () => {
    const names = Array.from({ length: 4 * SWEEP_COUNT_MAX }, (_, at) => `k${String(at).padStart(2, '0')}`)
    for (const [at, name] of names.entries()) {
      await state.apply(set(name, '12345', { timeMs: 1000, expiresAtMs: 2000 + at }))
    }
    const [third, second, last] = [names.at(-3)!, names.at(-2)!, names.at(-1)!]
    const options = { timeMs: 9000 }
    await state.apply(setLimits(0, { diskBytes: names.length * 8 }))
    expect(await state.apply(setnx(last, 'new', options))).toEqual(ok)
    expect(await state.apply(cas(second, '12345', 'new', options))).toEqual({ ok: false, code: 'CAS_KEY_MISSING' })
    expect(await state.apply(bump(third, 1n, 0n, options))).toEqual(expect.objectContaining({ value: '1' }))
    expect(state.reader.usage(0).diskBytes).toBe((await recountUsage(state.stores.current())).get(0)?.[0])
    for (let at = 0; at < 4; at += 1) await state.apply(del('other', options))
    expect(await countOf(VALUE_PREFIX)).toBe(2)
    expect(state.reader.usage(0).diskBytes).toBe(last.length + 3 + third.length + 1)
  })

  test('a record that is written with a time in the past is gone at once and removed later', async () => {
    expect(await state.apply(set('k', 'v', { timeMs: 5000, expiresAtMs: 4000 }))).toEqual(ok)
    expect(state.value('k', 0, 0)).toBeUndefined()
    await state.apply(del('other', { timeMs: 1 }))
    expect(await countOf(VALUE_PREFIX)).toBe(0)
  })
})
