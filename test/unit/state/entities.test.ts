import { ALIASES_PER_ENTITY_MAX } from '../../../src/contract/limits.ts'
import {
  StateDriver,
  UNLIMITED,
  asAlias,
  contentOf,
  createAlias,
  createEntity,
  deleteAlias,
  deleteEntity,
  dumpOf,
  publish,
  purge,
  set,
  setLimits,
} from './state-fixtures.ts'
import { APPLIED_KEY } from '../../../src/state/applied-point.ts'

const ok = expect.objectContaining({ ok: true })
const rejection = (code: string) => ({ ok: false, code })

let state: StateDriver
beforeEach(async () => {
  state = await StateDriver.open()
})

describe('root', () => {
  test('it is always there, unlimited, and not listed', () => {
    expect(state.reader.entity(0)).toEqual(expect.objectContaining({ status: 'active', limits: UNLIMITED }))
    expect(state.reader.listEntities(0, 10)).toEqual([])
    expect(state.reader.usage(0)).toEqual({ diskBytes: 0, memoryBytes: 0, events: 0, subscribers: 0, evictions: 0 })
  })

  test('its limits can be set and survive a restart', async () => {
    await state.apply(setLimits(0, { diskBytes: 7 }))
    const reopened = await StateDriver.open(state.stores)
    expect(reopened.reader.entity(0)?.limits).toEqual({ ...UNLIMITED, diskBytes: 7 })
  })

  test('it cannot be purged', async () => {
    expect(await state.apply(purge(0, 10))).toEqual(rejection('ENTITY_NOT_FOUND'))
  })
})

describe('entities', () => {
  test('creation makes an entity and its key, with ids that go up', async () => {
    expect(await state.apply(createEntity('u1', { diskBytes: 5 }))).toEqual({ ok: true, revision: 1, entityId: 1 })
    expect(await state.apply(createEntity('u2'))).toEqual({ ok: true, revision: 2, entityId: 2 })
    expect(state.reader.entity(1)).toEqual({
      entityId: 1,
      name: 'name-of-u1',
      keyUuid: 'u1',
      scopeUuid: 'scope-of-u1',
      status: 'active',
      limits: { ...UNLIMITED, diskBytes: 5 },
      createdAtMs: 1000,
      aliasKeyUuids: [],
    })
    expect(state.reader.key('u1')).toEqual({
      keyUuid: 'u1',
      entityId: 1,
      alias: false,
      tokenDigest: Buffer.from('digest-of-u1'),
    })
    expect(state.reader.key('unknown')).toBeUndefined()
  })

  test('repeating a creation answers the same entity; the same key for another scope does not', async () => {
    await state.apply(createEntity('u1'))
    expect(await state.apply(createEntity('u1'))).toEqual({ ok: true, revision: 2, entityId: 1 })
    expect(await state.apply({ ...createEntity('u1'), scopeUuid: 'other' } as never)).toEqual(rejection('KEY_EXISTS'))
    expect(await state.apply(createEntity('u2'))).toEqual(expect.objectContaining({ entityId: 2 }))
  })

  test('they are listed by key UUID, in pages', async () => {
    await state.applyAll(createEntity('c'), createEntity('a'), createEntity('b'))
    expect(state.reader.listEntities(0, 10).map((entity) => entity.keyUuid)).toEqual(['a', 'b', 'c'])
    expect(state.reader.listEntities(1, 1).map((entity) => entity.keyUuid)).toEqual(['b'])
    await state.apply(createEntity('aa'))
    expect(state.reader.listEntities(0, 2).map((entity) => entity.keyUuid)).toEqual(['a', 'aa'])
  })

  test('limits.set changes the given members only', async () => {
    await state.applyAll(
      createEntity('u1', { diskBytes: 5, subscribers: 6 }),
      setLimits(1, { diskBytes: null, memoryBytes: -1 }),
    )
    expect(state.reader.entity(1)?.limits).toEqual({ ...UNLIMITED, subscribers: 6, memoryBytes: -1 })
    expect(await state.apply(setLimits(1, {}))).toEqual(ok)
    expect(await state.apply(setLimits(9, {}))).toEqual(rejection('ENTITY_NOT_FOUND'))
  })

  test('everything survives a restart', async () => {
    await state.applyAll(createEntity('u1'), createAlias(1, 'x1'), set('k', 'v', { entityId: 1 }), deleteEntity('u1'))
    await state.applyAll(createEntity('u2', { diskBytes: 3 }), createAlias(2, 'x2'))
    const reopened = await StateDriver.open(state.stores)
    for (const entityId of [0, 1, 2]) {
      expect(reopened.reader.entity(entityId)).toEqual(state.reader.entity(entityId))
      expect(reopened.reader.usage(entityId)).toEqual(state.reader.usage(entityId))
    }
    expect(reopened.reader.key('x2')).toEqual(state.reader.key('x2'))
    expect(await reopened.apply(createEntity('u3'))).toEqual(expect.objectContaining({ entityId: 3 }))
  })
})

describe('aliases', () => {
  beforeEach(async () => {
    await state.applyAll(createEntity('u1'), createEntity('u2'))
  })

  test('an alias is a key of its entity', async () => {
    await state.applyAll(createAlias(1, 'b'), createAlias(1, 'a'))
    expect(state.reader.entity(1)?.aliasKeyUuids).toEqual(['a', 'b'])
    expect(state.reader.key('a')).toEqual({
      keyUuid: 'a',
      entityId: 1,
      alias: true,
      tokenDigest: Buffer.from('digest-of-a'),
    })
  })

  test('an entity has a limited number of them', async () => {
    for (let at = 0; at < ALIASES_PER_ENTITY_MAX; at += 1) {
      expect(await state.apply(createAlias(1, `a${String(at)}`))).toEqual(ok)
    }
    expect(await state.apply(createAlias(1, 'more'))).toEqual(rejection('ALIAS_LIMIT_REACHED'))
    expect(await state.apply(createAlias(1, 'a3'))).toEqual(ok)
    expect(await state.apply(createAlias(2, 'more'))).toEqual(ok)
    await state.apply(deleteAlias(1, 'a3'))
    expect(await state.apply(createAlias(1, 'again'))).toEqual(ok)
  })

  test('only an alias of the entity can be deleted, and it alone ends', async () => {
    await state.applyAll(createAlias(1, 'a'), createAlias(1, 'b'))
    expect(await state.apply(deleteAlias(2, 'a'))).toEqual(rejection('ALIAS_NOT_FOUND'))
    expect(await state.apply(deleteAlias(1, 'u1'))).toEqual(rejection('ALIAS_NOT_FOUND'))
    expect(await state.apply(deleteAlias(1, 'a'))).toEqual(ok)
    expect(await state.apply(deleteAlias(1, 'a'))).toEqual(rejection('ALIAS_NOT_FOUND'))
    expect(state.reader.key('a')).toBeUndefined()
    expect(state.reader.key('b')).toBeDefined()
    expect(state.reader.key('u1')).toBeDefined()
  })

  test('a key cannot be an alias twice, nor an entity and an alias', async () => {
    await state.apply(createAlias(1, 'a'))
    expect(await state.apply(createAlias(2, 'a'))).toEqual(rejection('KEY_EXISTS'))
    expect(await state.apply(createAlias(1, 'u2'))).toEqual(rejection('KEY_EXISTS'))
    expect(await state.apply(createEntity('a'))).toEqual(rejection('KEY_EXISTS'))
    expect(await state.apply(createAlias(9, 'x'))).toEqual(rejection('ENTITY_NOT_FOUND'))
  })
})

describe('a command of an alias', () => {
  const write = set('k', 'v', { entityId: 1 })

  test('is carried out while the alias exists, and refused from its deletion on, also in the same batch', async () => {
    await state.applyAll(createEntity('u1'), createAlias(1, 'a'))
    expect(await state.apply(asAlias('a', write))).toEqual({ ok: true, revision: 3 })
    const results = await state.applyAll(
      deleteAlias(1, 'a'),
      asAlias('a', set('late', 'v', { entityId: 1 })),
      asAlias('a', publish('t', 'x', { entityId: 1 })),
    )
    expect(results).toEqual([ok, rejection('ENTITY_NOT_FOUND'), rejection('ENTITY_NOT_FOUND')])
    expect([state.value('k', 1), state.value('late', 1)]).toEqual(['v', undefined])
  })

  test('is refused for a key that never was an alias, and when its entity is being deleted', async () => {
    await state.applyAll(createEntity('u1'), createAlias(1, 'a'))
    expect(await state.apply(asAlias('x', write))).toEqual(rejection('ENTITY_NOT_FOUND'))
    expect(await state.apply(asAlias('u1', write))).toEqual(rejection('ENTITY_NOT_FOUND'))
    await state.apply(deleteEntity('u1'))
    expect(await state.apply(asAlias('a', write))).toEqual(rejection('ENTITY_NOT_FOUND'))
  })
})

describe('deletion', () => {
  test('keys stop at once, the entity stays listed as deleting, and repeating succeeds', async () => {
    await state.applyAll(createEntity('u1'), createAlias(1, 'a'))
    expect(await state.apply(deleteEntity('u1'))).toEqual({ ok: true, revision: 3, entityId: 1 })
    expect(state.reader.key('u1')).toBeUndefined()
    expect(state.reader.key('a')).toBeUndefined()
    expect(state.reader.listEntities(0, 10)).toEqual([expect.objectContaining({ keyUuid: 'u1', status: 'deleting' })])
    expect(await state.apply(deleteEntity('u1'))).toEqual({ ok: true, revision: 4, entityId: 1 })
    expect(await state.apply(createAlias(1, 'b'))).toEqual(rejection('ENTITY_NOT_FOUND'))
    expect(await state.apply(setLimits(1, {}))).toEqual(rejection('ENTITY_NOT_FOUND'))
  })

  test('an unknown key and an alias are API_KEY_NOT_FOUND', async () => {
    await state.applyAll(createEntity('u1'), createAlias(1, 'a'))
    expect(await state.apply(deleteEntity('nobody'))).toEqual(rejection('API_KEY_NOT_FOUND'))
    expect(await state.apply(deleteEntity('a'))).toEqual(rejection('API_KEY_NOT_FOUND'))
    expect(state.reader.key('a')).toBeDefined()
  })

  test('purge removes at most countMax records a time and at last every trace', async () => {
    await state.apply(createEntity('bystander'))
    await state.apply(set('kept', 'v', { entityId: 1 }))
    const before = (await dumpOf(state.stores.current())).filter(
      (line) => !line.startsWith(APPLIED_KEY.toString('hex')),
    )
    await state.applyAll(createEntity('u1'), createAlias(2, 'a'))
    for (let at = 0; at < 7; at += 1) {
      await state.applyAll(
        set(`v${String(at)}`, 'x', { entityId: 2, expiresAtMs: at % 2 === 0 ? 0 : 99_999 }),
        set(`c${String(at)}`, 'x', { entityId: 2, space: 'cache', expiresAtMs: 88_888 }),
      )
    }
    expect(await state.apply(purge(2, 10))).toEqual(rejection('ENTITY_NOT_FOUND'))
    await state.apply(deleteEntity('u1'))
    expect(await state.apply(purge(2, 10))).toEqual(expect.objectContaining({ removedCount: 10, done: false }))
    expect(state.reader.usage(2)).toEqual(expect.objectContaining({ diskBytes: 0, memoryBytes: 12 }))
    expect(await state.apply(purge(2, 10))).toEqual(expect.objectContaining({ removedCount: 4, done: true }))
    expect(await state.apply(purge(2, 10))).toEqual(expect.objectContaining({ removedCount: 0, done: true }))
    expect(state.reader.entity(2)).toBeUndefined()
    expect(await state.apply(deleteEntity('u1'))).toEqual(rejection('API_KEY_NOT_FOUND'))
    const after = (await dumpOf(state.stores.current())).filter((line) => !line.startsWith(APPLIED_KEY.toString('hex')))
    expect(after).toEqual(before)
  })

  test('purge of more records than one chunk, written in the same batch, removes them all', async () => {
    await state.apply(createEntity('u1'))
    const sets = Array.from({ length: 700 }, (_, at) => set(`k${String(at)}`, 'v', { entityId: 1 }))
    await state.applyAll(...sets.slice(0, 300))
    const results = await state.applyAll(...sets.slice(300), deleteEntity('u1'), purge(1, 650), purge(1, 650))
    expect(results.slice(-2)).toEqual([
      expect.objectContaining({ removedCount: 650, done: false }),
      expect.objectContaining({ removedCount: 50, done: true }),
    ])
    expect((await contentOf(state.stores.current())).map(({ key }) => key)).toEqual([APPLIED_KEY])
  })
})
