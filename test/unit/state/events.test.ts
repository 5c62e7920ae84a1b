import { EVENT_QUOTA_WINDOW_MS } from '../../../src/state/event-windows.ts'
import { StateDriver, contentOf, createEntity, deleteEntity, publish, purge, set, setLimits } from './state-fixtures.ts'
import { eventRange } from '../../../src/storage/keyspace.ts'
import { ReplaceableMemoryStore } from '../../../src/storage/replaceable-memory-store.ts'
import { SlowStores } from '../../sim/sim-store.ts'
import { eventually } from '../../support/eventually.ts'

const limitExceeded = (current: number, limit: number) => ({
  ok: false,
  code: 'EVENTS_LIMIT_EXCEEDED',
  details: { current, limit },
})

let state: StateDriver
beforeEach(async () => {
  state = await StateDriver.open()
})

const topicsAfter = (eventId: number, countMax = 100, sizeBytesMax?: number): string[] =>
  state.reader.events(0, eventId, countMax, sizeBytesMax).map(({ topic }) => topic)

describe('publishing', () => {
  test('ids order the events of the cluster, and the window gives them back', async () => {
    const { entityId } = (await state.apply(createEntity('u1'))) as { entityId: number }
    const results = await state.applyAll(publish('a', '1'), publish('b', '{}', { entityId }), publish('c', 'null'))
    expect(results.map((result) => result.ok && result.eventId)).toEqual([2 * 1024, 3 * 1024, 4 * 1024])
    expect(state.reader.events(0, 0, 10)).toEqual([
      { eventId: 2048, topic: 'a', data: Buffer.from('1'), timeMs: 1000 },
      { eventId: 4096, topic: 'c', data: Buffer.from('null'), timeMs: 1000 },
    ])
    expect(state.reader.events(entityId, 0, 10).map(({ topic }) => topic)).toEqual(['b'])
    expect(state.reader.eventWindow(0)).toEqual({ trimmedThrough: 0, lastEventId: 4096 })
    expect(state.reader.eventWindow(7)).toEqual({ trimmedThrough: 0, lastEventId: 0 })
  })

  test('a reader resumes after any id, by count and by size', async () => {
    await state.applyAll(publish('a', '11'), publish('b', '22'), publish('c', '33'), publish('d', '44'))
    expect(topicsAfter(0)).toEqual(['a', 'b', 'c', 'd'])
    expect(topicsAfter(2048)).toEqual(['c', 'd'])
    expect(topicsAfter(2047)).toEqual(['b', 'c', 'd'])
    expect(topicsAfter(2049)).toEqual(['c', 'd'])
    expect(topicsAfter(4096)).toEqual([])
    expect(topicsAfter(1024, 2)).toEqual(['b', 'c'])
    expect(topicsAfter(0, 100, 3)).toEqual(['a', 'b'])
  })

  test('an unknown or deleted entity cannot publish', async () => {
    await state.applyAll(createEntity('u1'), deleteEntity('u1'))
    for (const entityId of [1, 9]) {
      expect(await state.apply(publish('a', '1', { entityId }))).toEqual({ ok: false, code: 'ENTITY_NOT_FOUND' })
    }
  })
})

describe('the window', () => {
  test('drops events that are too old and says which are gone', async () => {
    await state.applyAll(publish('a', '1', { timeMs: 1000 }), publish('b', '2', { timeMs: 1050 }))
    await state.apply(publish('c', '3', { timeMs: 1100, retainMs: 100 }))
    expect(topicsAfter(0)).toEqual(['b', 'c'])
    expect(state.reader.eventWindow(0)).toEqual({ trimmedThrough: 1024, lastEventId: 3072 })
    await state.apply(publish('d', '4', { timeMs: 5000, retainMs: 0 }))
    expect(topicsAfter(0)).toEqual([])
    expect(state.reader.eventWindow(0)).toEqual({ trimmedThrough: 4096, lastEventId: 4096 })
    await state.apply(publish('e', '5', { timeMs: 5000 }))
    expect(topicsAfter(0)).toEqual(['e'])
  })

  test('stays within its size once it is full, whatever the sizes of events are', async () => {
    const retainSizeBytes = 20_000
    const commands = Array.from({ length: 400 }, (_, at) =>
      publish('t', 'x'.repeat(at % 7 === 0 ? 9_000 : at % 13), { retainSizeBytes }),
    )
    for (const command of commands) {
      await state.apply(command)
      const sizeBytes = state.reader.events(0, 0, 1000).reduce((sum, { data }) => sum + data.length, 0)
      expect(sizeBytes).toBeLessThanOrEqual(retainSizeBytes)
    }
    const { trimmedThrough, lastEventId } = state.reader.eventWindow(0)
    const kept = state.reader.events(0, 0, 1000)
    expect(kept.at(-1)?.eventId).toBe(lastEventId)
    expect(kept[0]?.eventId).toBe(trimmedThrough + 1024)
    const store = state.stores.current()
    const range = eventRange(0)
    const stored = (await contentOf(store)).filter(({ key }) => key >= range.start && key < range.end)
    expect(stored).toHaveLength(kept.length)
  })

  test('removes a bounded number of old events with each new one', async () => {
    await state.applyAll(...Array.from({ length: 100 }, () => publish('t', '1')))
    await state.apply(publish('t', '1', { timeMs: 9000, retainMs: 10 }))
    const left = state.reader.events(0, 0, 1000).length
    expect(left).toBeGreaterThan(50)
    expect(left).toBeLessThan(100)
  })

  test('says what is gone as soon as the store shows it, before the batch is told of', async () => {
    let written = Promise.resolve()
    const pace = { work: () => written, isVisibleEarly: () => true }
    const slow = await StateDriver.open(new SlowStores(new ReplaceableMemoryStore(), pace))
    await slow.applyAll(publish('a', '1'), publish('b', '2'))
    const { promise, resolve } = Promise.withResolvers<void>()
    written = promise
    const applying = slow.apply(publish('c', '3', { timeMs: 2000, retainMs: 500 }))
    await eventually('the store shows the batch', () => (slow.reader.events(0, 0, 10).length === 0 ? true : undefined))
    expect(slow.reader.eventWindow(0)).toEqual({ trimmedThrough: 2048, lastEventId: 2048 })
    resolve()
    await applying
    expect(slow.reader.eventWindow(0)).toEqual({ trimmedThrough: 2048, lastEventId: 3072 })
  })

  test('survives a restart', async () => {
    await state.applyAll(publish('a', '1'), publish('b', '2', { timeMs: 2000, retainMs: 500 }), publish('c', '3'))
    state = await StateDriver.open((state.stores as ReplaceableMemoryStore).crash(Number.POSITIVE_INFINITY))
    expect(topicsAfter(0)).toEqual(['b', 'c'])
    expect(state.reader.eventWindow(0)).toEqual({ trimmedThrough: 1024, lastEventId: 3072 })
    expect(state.reader.usage(0).events).toBe(3)
    await state.apply(publish('d', '4'))
    expect(topicsAfter(2048)).toEqual(['c', 'd'])
  })

  test('goes with its entity, in bounded steps', async () => {
    await state.apply(createEntity('u1'))
    await state.applyAll(
      set('k', 'v', { entityId: 1 }),
      ...Array.from({ length: 5 }, () => publish('t', '1', { entityId: 1 })),
    )
    await state.apply(deleteEntity('u1'))
    expect(await state.apply(purge(1, 4))).toMatchObject({ removedCount: 4, done: false })
    expect(state.reader.events(1, 0, 10)).toHaveLength(2)
    expect(await state.apply(purge(1, 4))).toMatchObject({ removedCount: 2, done: true })
    const left = (await contentOf(state.stores.current())).map(({ key }) => key.toString('hex'))
    expect(left.filter((key) => !key.startsWith('01'))).toEqual([])
    expect(state.reader.usage(1)).toMatchObject({ events: 0, diskBytes: 0 })
  })
})

describe('the event quota', () => {
  test('counts within 24 hours from the first counted event and then begins anew', async () => {
    await state.apply(setLimits(0, { eventsPerDay: 2 }))
    const at = (timeMs: number) => state.apply(publish('t', '1', { timeMs }))
    expect(await at(1000)).toMatchObject({ ok: true })
    expect(await at(2000)).toMatchObject({ ok: true })
    expect(await at(3000)).toEqual(limitExceeded(2, 2))
    expect(state.reader.usage(0).events).toBe(2)
    expect(await at(999 + EVENT_QUOTA_WINDOW_MS)).toEqual(limitExceeded(2, 2))
    expect(state.reader.usage(0, 1000 + EVENT_QUOTA_WINDOW_MS).events).toBe(0)
    expect(await at(1000 + EVENT_QUOTA_WINDOW_MS)).toMatchObject({ ok: true })
    expect(state.reader.usage(0).events).toBe(1)
  })

  test('a limit of zero refuses everything, and a higher one holds at once', async () => {
    await state.apply(setLimits(0, { eventsPerDay: 0 }))
    expect(await state.apply(publish('t', '1'))).toEqual(limitExceeded(0, 0))
    await state.apply(setLimits(0, { eventsPerDay: 1 }))
    expect(await state.apply(publish('t', '1'))).toMatchObject({ ok: true })
    expect(await state.apply(publish('t', '1'))).toEqual(limitExceeded(1, 1))
  })
})
