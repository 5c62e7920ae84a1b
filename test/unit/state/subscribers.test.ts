import type { ReplaceableMemoryStore } from '../../../src/storage/replaceable-memory-store.ts'
import {
  StateDriver,
  acquire,
  createEntity,
  deleteEntity,
  purge,
  release,
  report,
  setLimits,
  shake,
} from './state-fixtures.ts'

let state: StateDriver
beforeEach(async () => {
  state = await StateDriver.open()
})

const countsOf = (entityId = 0) => {
  const { total, byMember } = state.reader.subscriberCounts(entityId)
  return { total, ...Object.fromEntries(byMember) }
}

describe('subscription slots', () => {
  test('are counted over all members and refused at the limit', async () => {
    await state.apply(setLimits(0, { subscribers: 3 }))
    const results = await state.applyAll(acquire('a'), acquire('b'), acquire('a'), acquire('c'))
    expect(results.map(({ ok }) => ok)).toEqual([true, true, true, false])
    expect(results[0]).toMatchObject({ epoch: 0 })
    expect(results[3]).toEqual({ ok: false, code: 'SUBSCRIBER_LIMIT_EXCEEDED', details: { current: 3, limit: 3 } })
    expect(countsOf()).toEqual({ total: 3, a: 2, b: 1 })
    expect(state.reader.usage(0).subscribers).toBe(3)
  })

  test('are given back, never below zero', async () => {
    await state.applyAll(acquire('a'), acquire('a'), acquire('b'), release('a'), release('b', 5), release('c'))
    expect(countsOf()).toEqual({ total: 1, a: 1 })
  })

  test('a report sets what a member holds, of all entities', async () => {
    await state.applyAll(createEntity('u1'), createEntity('u2'), acquire('a', 1), acquire('a', 2), acquire('b', 2))
    await state.apply(
      report('a', [
        [2, 7],
        [0, 1],
        [99, 4],
      ]),
    )
    expect([countsOf(0), countsOf(1), countsOf(2)]).toEqual([
      { total: 1, a: 1 },
      { total: 0 },
      { total: 8, a: 7, b: 1 },
    ])
    expect(state.reader.membersWithSubscribers()).toEqual(['a', 'b'])
    await state.apply(report('a', []))
    expect([countsOf(0), countsOf(1), countsOf(2)]).toEqual([{ total: 0 }, { total: 0 }, { total: 1, b: 1 }])
    expect(state.reader.membersWithSubscribers()).toEqual(['b'])
  })

  test('a shake takes them all away, and what an older epoch gives back is void', async () => {
    await state.applyAll(acquire('a'), acquire('b'))
    expect(await state.apply(shake())).toMatchObject({ ok: true, removedCount: 2, epoch: 1 })
    expect(countsOf()).toEqual({ total: 0 })
    expect(await state.apply(acquire('a'))).toMatchObject({ epoch: 1 })
    await state.apply(release('a', 1, 0))
    expect(countsOf()).toEqual({ total: 1, a: 1 })
    await state.apply(release('a', 1, 1))
    expect(countsOf()).toEqual({ total: 0 })
    expect(state.reader.subscriptionEpoch(0)).toBe(1)
  })

  test('survive a restart and go with their entity', async () => {
    await state.applyAll(createEntity('u1'), acquire('b', 1), acquire('a', 1), shake(0))
    state = await StateDriver.open((state.stores as ReplaceableMemoryStore).crash(Number.POSITIVE_INFINITY))
    expect(countsOf(1)).toEqual({ total: 2, a: 1, b: 1 })
    expect(state.reader.subscriptionEpoch(0)).toBe(1)
    await state.apply(deleteEntity('u1'))
    expect(await state.apply(acquire('a', 1))).toEqual({ ok: false, code: 'ENTITY_NOT_FOUND' })
    await state.apply(purge(1, 10))
    expect(countsOf(1)).toEqual({ total: 0 })
    expect(await state.apply(release('a', 1, 0, 1))).toEqual({ ok: false, code: 'ENTITY_NOT_FOUND' })
  })
})
