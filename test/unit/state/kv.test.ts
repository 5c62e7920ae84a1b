import { StateDriver, bump, cas, createEntity, del, deleteEntity, set, setLimits, setnx } from './state-fixtures.ts'

const ok = expect.objectContaining({ ok: true })
const rejection = (code: string, details?: Record<string, number>) =>
  details === undefined ? { ok: false, code } : { ok: false, code, details }
const INT64_MAX = 2n ** 63n - 1n
const INT64_MIN = -(2n ** 63n)

let state: StateDriver
beforeEach(async () => {
  state = await StateDriver.open()
})

describe('set, get and delete', () => {
  test('set creates and replaces; the revision is the log index', async () => {
    expect(await state.apply(set('k', 'one'))).toEqual({ ok: true, revision: 1 })
    expect(await state.apply(set('k', 'two'))).toEqual({ ok: true, revision: 2 })
    expect(state.reader.get('value', 0, Buffer.from('k'), 0)).toEqual({
      value: Buffer.from('two'),
      revision: 2,
      expiresAtMs: 0,
    })
  })

  test('an empty value is a value', async () => {
    await state.apply(set('k', ''))
    expect(state.value('k')).toBe('')
    expect(await state.apply(setnx('k', 'x'))).toEqual(rejection('KEY_EXISTS'))
    expect(await state.apply(cas('k', '', 'x'))).toEqual(ok)
  })

  test('delete removes, and succeeds when there is nothing', async () => {
    await state.apply(set('k', 'one'))
    expect(await state.apply(del('k'))).toEqual({ ok: true, revision: 2 })
    expect(state.value('k')).toBeUndefined()
    expect(await state.apply(del('k'))).toEqual({ ok: true, revision: 3 })
  })

  test('values, cache and entities do not see each other', async () => {
    const { entityId } = (await state.apply(createEntity('u1'))) as { entityId: number }
    await state.applyAll(set('k', 'root'), set('k', 'cached', { space: 'cache' }), set('k', 'tenant', { entityId }))
    expect(state.value('k')).toBe('root')
    expect(state.value('k', entityId)).toBe('tenant')
    expect(state.reader.get('cache', 0, Buffer.from('k'), 0)?.value.toString()).toBe('cached')
    expect(state.reader.get('cache', entityId, Buffer.from('k'), 0)).toBeUndefined()
  })

  test('every command on an unknown or deleted entity is ENTITY_NOT_FOUND', async () => {
    await state.applyAll(createEntity('u1'), deleteEntity('u1'))
    for (const entityId of [1, 99]) {
      const options = { entityId }
      const commands = [
        set('k', 'v', options),
        setnx('k', 'v', options),
        cas('k', 'v', 'w', options),
        bump('k', 1n, 0n, options),
        del('k', options),
      ]
      for (const result of await state.applyAll(...commands)) expect(result).toEqual(rejection('ENTITY_NOT_FOUND'))
    }
  })

  test('later commands of one batch see earlier ones', async () => {
    expect(await state.applyAll(setnx('k', '1'), setnx('k', '2'), cas('k', '1', '3'), bump('k', 4n), del('k'))).toEqual(
      [ok, rejection('KEY_EXISTS'), ok, { ok: true, revision: 4, value: '7' }, ok],
    )
    expect(state.value('k')).toBeUndefined()
    expect(state.reader.usage(0).diskBytes).toBe(0)
  })
})

describe('cas', () => {
  test('a missing key is CAS_KEY_MISSING, another value CAS_MISMATCH, and nothing changes', async () => {
    expect(await state.apply(cas('k', '', 'x'))).toEqual(rejection('CAS_KEY_MISSING'))
    await state.apply(set('k', 'one'))
    expect(await state.apply(cas('k', 'One', 'x'))).toEqual(rejection('CAS_MISMATCH'))
    expect(await state.apply(cas('k', 'on', 'x'))).toEqual(rejection('CAS_MISMATCH'))
    expect(state.value('k')).toBe('one')
    expect(await state.apply(cas('k', 'one', 'x'))).toEqual(ok)
    expect(state.value('k')).toBe('x')
  })
})

describe('bump', () => {
  test('a missing key counts as 0 and the result is floored', async () => {
    expect(await state.apply(bump('k', 5n))).toEqual({ ok: true, revision: 1, value: '5' })
    expect(await state.apply(bump('k', -10n))).toEqual({ ok: true, revision: 2, value: '0' })
    expect(await state.apply(bump('missing', -5n))).toEqual(expect.objectContaining({ value: '0' }))
    expect(await state.apply(bump('k', -10n, null))).toEqual(expect.objectContaining({ value: '-10' }))
    expect(await state.apply(bump('k', 3n, -5n))).toEqual(expect.objectContaining({ value: '-5' }))
    expect(state.value('k')).toBe('-5')
  })

  test('it is exact over all of int64', async () => {
    await state.apply(set('k', '9007199254740993'))
    expect(await state.apply(bump('k', 1n))).toEqual(expect.objectContaining({ value: '9007199254740994' }))
    await state.apply(set('k', (INT64_MAX - 1n).toString()))
    expect(await state.apply(bump('k', 1n))).toEqual(expect.objectContaining({ value: INT64_MAX.toString() }))
    await state.apply(set('k', INT64_MIN.toString()))
    expect(await state.apply(bump('k', 0n, null))).toEqual(expect.objectContaining({ value: INT64_MIN.toString() }))
  })

  test('a result that does not fit is INTEGER_OVERFLOW and changes nothing', async () => {
    await state.apply(set('k', INT64_MAX.toString()))
    expect(await state.apply(bump('k', 1n))).toEqual(rejection('INTEGER_OVERFLOW'))
    expect(state.value('k')).toBe(INT64_MAX.toString())
    await state.apply(set('k', INT64_MIN.toString()))
    expect(await state.apply(bump('k', -1n, null))).toEqual(rejection('INTEGER_OVERFLOW'))
    // With a floor the result fits: it is the floor.
    expect(await state.apply(bump('k', -1n, 0n))).toEqual(expect.objectContaining({ value: '0' }))
  })

  test.each(['', ' 1', '1 ', '1.0', '0x1', '1e3', 'abc', '--1', '9223372036854775808', '1'.repeat(30), '١'])(
    'the value %j is NOT_AN_INTEGER and stays',
    async (text) => {
      await state.apply(set('k', text))
      expect(await state.apply(bump('k', 1n))).toEqual(rejection('NOT_AN_INTEGER'))
      expect(state.value('k')).toBe(text)
    },
  )

  test.each([
    ['+5', '6'],
    ['-0', '1'],
    ['007', '8'],
  ])('the value %j counts as a decimal integer', async (text, result) => {
    await state.apply(set('k', text))
    expect(await state.apply(bump('k', 1n))).toEqual(expect.objectContaining({ value: result }))
  })

  test('it keeps the expiry of the record', async () => {
    await state.applyAll(set('k', '1', { expiresAtMs: 5000 }), bump('k', 1n))
    expect(state.reader.get('value', 0, Buffer.from('k'), 0)?.expiresAtMs).toBe(5000)
    expect(state.value('k', 0, 5000)).toBeUndefined()
  })
})

describe('usage and quota', () => {
  const usage = (): number => state.reader.usage(0).diskBytes

  test('key bytes and value bytes are counted, each space by itself', async () => {
    await state.apply(set('key', 'value'))
    expect(usage()).toBe(8)
    await state.apply(set('key', 'v'))
    expect(usage()).toBe(4)
    await state.apply(set('key', 'cached', { space: 'cache' }))
    expect(state.reader.usage(0)).toEqual({ diskBytes: 4, memoryBytes: 9, events: 0, subscribers: 0, evictions: 0 })
    await state.applyAll(bump('n', 99n), bump('n', 1n), del('key'))
    expect(usage()).toBe(4)
  })

  test('equal to the limit is allowed, one byte more is not and changes nothing', async () => {
    await state.applyAll(setLimits(0, { diskBytes: 10, memoryBytes: 5 }), set('key', '1234567'))
    expect(usage()).toBe(10)
    expect(await state.apply(set('key', '12345678'))).toEqual(
      rejection('DISK_LIMIT_EXCEEDED', { current: 10, limit: 10 }),
    )
    expect(await state.apply(set('k', '', { space: 'cache' }))).toEqual(ok)
    expect(await state.apply(cas('k', '', '12345', { space: 'cache' }))).toEqual(
      rejection('MEMORY_LIMIT_EXCEEDED', { current: 1, limit: 5 }),
    )
    expect(state.value('key')).toBe('1234567')
    expect(usage()).toBe(10)
  })

  test('a write that lowers or keeps usage passes over the limit', async () => {
    await state.applyAll(set('key', '1234567'), setLimits(0, { diskBytes: 5 }))
    expect(await state.apply(set('key', '7654321'))).toEqual(ok)
    expect(await state.apply(cas('key', '7654321', '123456'))).toEqual(ok)
    expect(await state.apply(bump('key', 1n))).toEqual(ok)
    expect(await state.apply(bump('key', 9_999_999n))).toEqual(
      rejection('DISK_LIMIT_EXCEEDED', { current: 9, limit: 5 }),
    )
    expect(await state.apply(del('key'))).toEqual(ok)
    expect(usage()).toBe(0)
  })

  test('conflicts come before the quota', async () => {
    await state.applyAll(set('key', 'v'), setLimits(0, { diskBytes: 0 }))
    expect(await state.apply(setnx('key', 'longer'))).toEqual(rejection('KEY_EXISTS'))
    expect(await state.apply(cas('key', 'x', 'longer'))).toEqual(rejection('CAS_MISMATCH'))
    expect(await state.apply(cas('other', 'x', 'longer'))).toEqual(rejection('CAS_KEY_MISSING'))
    expect(await state.apply(setnx('other', ''))).toEqual(rejection('DISK_LIMIT_EXCEEDED', { current: 4, limit: 0 }))
  })

  test('a key of an empty value costs its bytes', async () => {
    await state.applyAll(setLimits(0, { diskBytes: 3 }), set('abcd', ''))
    expect(usage()).toBe(0)
  })

  test('commands of one batch share one quota', async () => {
    const commands = Array.from({ length: 20 }, (_, at) => set(`k${String(at).padStart(2, '0')}`, '1234567'))
    const results = await state.applyAll(setLimits(0, { diskBytes: 100 }), ...commands)
    expect(results.filter((result) => result.ok).length).toBe(1 + 10)
    expect(usage()).toBe(100)
  })
})
