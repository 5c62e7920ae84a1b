import { decodeCommand } from '../../src/state/command-codec.ts'
import { HttpNode, ROOT_KEY } from '../support/http-node.ts'
import type { Answer } from '../support/http-node.ts'
import { eventually } from '../support/eventually.ts'

interface Entity {
  readonly root_api_key: string
  readonly aliases: readonly string[]
  readonly key_uuid: string
  readonly data_scope_uuid: string
  readonly usage: { readonly usage: Record<string, number>; readonly max_limits: Record<string, number> }
}

let node: HttpNode
beforeAll(async () => {
  node = await HttpNode.start()
  node.services.purgeDriver.start()
})
afterAll(() => node.stop())

const admin = (path: string, body: unknown, token = ROOT_KEY): Promise<Answer> =>
  node.call('private', `/db/api/v1/admin/${path}`, { token, body })
const tenant = (path: string, token: string, body?: unknown): Promise<Answer> =>
  node.call('public', `/db/api/v1/${path}`, { token, ...(body === undefined ? {} : { body }) })
const codeOf = (answer: Answer): unknown => [
  answer.status,
  (answer.json() as { readonly error_type: string }).error_type,
]
const aliasOf = async (token: string): Promise<string> =>
  ((await tenant('alias/set', token)).json() as { readonly alias: string }).alias

describe('creating a key', () => {
  test('answers the name as given and a token that works at once', async () => {
    const answer = await admin('api/create', { key_name: ' My Key-1 ' })
    const created = answer.json() as { readonly key_name: string; readonly key: string }
    expect(created).toEqual({ key_name: ' My Key-1 ', key: expect.stringMatching(/^insi_[A-Za-z0-9_-]+$/) })
    expect((await tenant('ping', created.key)).json()).toEqual({
      entity: 'my_key_1',
      leader: '127.0.0.1:7000',
      'node-badge-id': '6f0fd7a4-3b0a-4b43-9d5c-0f3a2f6c8c11',
      status: 'ok',
      uptime: expect.stringMatching(/s$/),
    })
  })

  test.each(['', '   ', 'x'.repeat(129), 'a\u0000b', '\ud800'])('refuses the name %j', async (name) => {
    expect(codeOf(await admin('api/create', { key_name: name }))).toEqual([400, 'INVALID_NAME'])
  })

  test('is for root on the private listener only', async () => {
    const token = await node.createKey()
    const answer = await admin('api/create', { key_name: 'x' }, token)
    expect([codeOf(answer), answer.text]).toEqual([[401, 'ROOT_REQUIRED'], expect.stringContaining('Unauthorized')])
    const onPublic = await node.call('public', '/db/api/v1/admin/api/create', {
      token: ROOT_KEY,
      body: { key_name: 'x' },
    })
    expect([onPublic.status, onPublic.text]).toEqual([404, expect.stringContaining('404 page not found')])
  })
})

describe('authentication', () => {
  test('takes the token raw or after "Bearer ", in exactly this spelling', async () => {
    const token = await node.createKey()
    const ping = async (authorization: string): Promise<number> =>
      (await node.call('public', '/db/api/v1/ping', { headers: { Authorization: authorization } })).status
    expect(await ping(token)).toBe(200)
    expect(await ping(`Bearer ${token}`)).toBe(200)
    expect(await ping(ROOT_KEY)).toBe(200)
    expect(await ping(`bearer ${token}`)).toBe(401)
    expect(await ping(`Basic ${token}`)).toBe(401)
    expect(await ping(token.slice('insi_'.length))).toBe(401)
  })

  test('says on ping what clients look for, and Unauthorized elsewhere', async () => {
    const ping = await node.call('public', '/db/api/v1/ping')
    expect(ping.json()).toMatchObject({
      error_type: 'AUTHENTICATION_FAILED',
      message: 'Authentication failed. Invalid or missing API key.',
    })
    expect(ping.headers['www-authenticate']).toBe('Bearer')
    expect((await node.call('public', '/db/api/v1/get?key=a')).text).toContain('Unauthorized')
  })

  test('root is a tenant of its own, apart from key records', async () => {
    await tenant('set', ROOT_KEY, { key: 'mine', value: '1' })
    expect((await tenant('iterate/prefix', ROOT_KEY)).json()).toEqual({ data: ['mine'] })
    expect((await tenant('limits', ROOT_KEY)).json()).toEqual({
      usage: { bytes_on_disk: 5, bytes_in_memory: 0, events_emitted: 0, subscribers: 0 },
      max_limits: {},
    })
  })
})

describe('aliases', () => {
  test('share the data and the limits of their parent under a name of their own', async () => {
    const parent = await node.createKey('Parent')
    const alias = await aliasOf(parent)
    await tenant('set', parent, { key: 'a', value: '1' })
    expect((await tenant('get?key=a', alias)).json()).toEqual({ data: '1' })
    expect((await tenant('ping', alias)).json()).toMatchObject({ entity: 'alias_for_parent' })
    expect((await tenant('limits', alias)).json()).toEqual((await tenant('limits', parent)).json())
  })

  test('are listed in byte order, also to an alias, and null when there is none', async () => {
    const parent = await node.createKey()
    expect((await tenant('alias/list', parent)).json()).toEqual({ aliases: null })
    const aliases = [await aliasOf(parent), await aliasOf(parent), await aliasOf(parent)]
    expect((await tenant('alias/list', parent)).json()).toEqual({ aliases: aliases.toSorted() })
    expect((await tenant('alias/list', aliases[0] ?? '')).json()).toEqual({ aliases: aliases.toSorted() })
    expect((await tenant('alias/list', ROOT_KEY)).json()).toEqual({ aliases: null })
  })

  test('end when they are deleted, and only then', async () => {
    const parent = await node.createKey()
    const [one, two] = [await aliasOf(parent), await aliasOf(parent)]
    const answer = await tenant('alias/delete', parent, { alias: one })
    expect([answer.status, answer.json()]).toEqual([200, { status: 'ok' }])
    expect((await tenant('ping', one)).status).toBe(401)
    expect((await tenant('ping', two)).status).toBe(200)
    expect(codeOf(await tenant('alias/delete', parent, { alias: one }))).toEqual([404, 'ALIAS_NOT_FOUND'])
  })

  test('are at most 16', async () => {
    const parent = await node.createKey()
    for (let count = 0; count < 16; count += 1) await aliasOf(parent)
    const answer = await tenant('alias/set', parent)
    expect([answer.status, answer.text]).toEqual([400, expect.stringContaining('Alias limit of 16 reached')])
  })

  test('are refused with the words that callers search for', async () => {
    const parent = await node.createKey()
    const alias = await aliasOf(parent)
    const other = await node.createKey()
    const cases: readonly (readonly [Promise<Answer>, number, string])[] = [
      [tenant('alias/set', ROOT_KEY), 400, 'Cannot set alias for root key'],
      [tenant('alias/set', alias), 400, 'Cannot create an alias from an alias key'],
      [tenant('alias/delete', alias, { alias }), 403, 'an alias key cannot be used to delete an alias'],
      [tenant('alias/delete', other, { alias }), 403, 'you can only delete aliases belonging to the authenticated key'],
      [tenant('alias/delete', ROOT_KEY, { alias }), 403, 'you can only delete aliases belonging'],
      [tenant('alias/delete', parent, { alias: 'insi_x' }), 404, 'Alias not found'],
      [tenant('alias/delete', parent, { alias: parent }), 404, 'Alias not found'],
    ]
    for (const [answer, status, words] of cases) {
      const { status: actual, text } = await answer
      expect([actual, text]).toEqual([status, expect.stringContaining(words)])
    }
  })
})

describe('deleting a key', () => {
  test('stops it and its aliases at once, succeeds again while data is removed, and is a 404 in the end', async () => {
    const token = await node.createKey()
    const alias = await aliasOf(token)
    await tenant('set', token, { key: 'a', value: '1' })
    const answer = await admin('api/delete', { key: token })
    expect([answer.status, answer.json()]).toEqual([200, { success: 'true' }])
    expect((await tenant('get?key=a', token)).status).toBe(401)
    expect((await tenant('get?key=a', alias)).status).toBe(401)
    expect((await admin('api/delete', { key: token })).status).toBe(200)
    expect(codeOf(await admin('limits/get', { api_key: token }))).toEqual([404, 'API_KEY_NOT_FOUND'])
    expect(codeOf(await admin('insight/entity', { root_api_key: token }))).toEqual([404, 'API_KEY_NOT_FOUND'])
    await eventually('the entity is gone', async () =>
      (await admin('api/delete', { key: token })).status === 404 ? true : undefined,
    )
  })

  test('removes all data of the scope, however much', async () => {
    const token = await node.createKey()
    const caller = await node.services.keys.authenticate(token)
    const key = (n: number): Buffer => Buffer.from(`k${n}`)
    const value = Buffer.from('v')
    await Promise.all(Array.from({ length: 2_500 }, (_, n) => node.services.values.set(caller, { key: key(n), value })))
    const { entity } = (await admin('insight/entity', { root_api_key: token })).json() as { readonly entity: Entity }
    const entityId = node.state.reader.key(entity.key_uuid)?.entityId ?? -1
    await admin('api/delete', { key: token })
    await eventually('the data is gone', () => (node.state.reader.entity(entityId) === undefined ? true : undefined))
    const left = { space: 'value' as const, entityId, prefix: Buffer.alloc(0), offset: 0, limit: 10 }
    expect(await node.state.reader.listKeys(left, 0)).toEqual([])
  })

  test('of an alias removes that alias alone', async () => {
    const token = await node.createKey()
    const alias = await aliasOf(token)
    await tenant('set', token, { key: 'a', value: '1' })
    expect((await admin('api/delete', { key: alias })).status).toBe(200)
    expect((await tenant('ping', alias)).status).toBe(401)
    expect((await tenant('get?key=a', token)).json()).toEqual({ data: '1' })
    expect(codeOf(await admin('api/delete', { key: alias }))).toEqual([404, 'API_KEY_NOT_FOUND'])
  })

  test('refuses what is no key of a tenant', async () => {
    expect(codeOf(await admin('api/delete', { key: 'nonsense' }))).toEqual([400, 'INVALID_TARGET_KEY'])
    expect(codeOf(await admin('api/delete', { key: ROOT_KEY }))).toEqual([400, 'INVALID_TARGET_KEY'])
    const token = await node.createKey()
    const changed = token.slice(0, -1) + (token.endsWith('A') ? 'Q' : 'A')
    expect([400, 404]).toContain((await admin('api/delete', { key: changed })).status)
    expect((await tenant('ping', token)).status).toBe(200)
  })
})

describe('limits', () => {
  test('of a new key are the configured defaults', async () => {
    const token = await node.createKey()
    const own = await tenant('limits', token)
    expect(own.json()).toEqual({
      usage: { bytes_on_disk: 0, bytes_in_memory: 0, events_emitted: 0, subscribers: 0 },
      max_limits: {
        bytes_on_disk: 1024 ** 3,
        bytes_in_memory: 250 * 1024 ** 2,
        events_emitted: 1_000_000,
        subscribers: 1_000,
        rate_per_second_data_limit: 1_000,
        rate_per_second_event_limit: 500,
      },
    })
    expect(own.text.startsWith('{"usage":{"bytes_on_disk":0,"bytes_in_memory":0,')).toBe(true)
    expect((await admin('limits/get', { api_key: token })).text).toBe(own.text)
  })

  test('may be zero and negative, which admits nothing', async () => {
    const token = await node.createKey()
    await admin('limits/set', { api_key: token, limits: { bytes_on_disk: -1, bytes_in_memory: 0 } })
    expect((await tenant('limits', token)).json()).toMatchObject({
      max_limits: { bytes_on_disk: -1, bytes_in_memory: 0 },
    })
    expect(codeOf(await tenant('set', token, { key: 'a', value: '' }))).toEqual([400, 'DISK_LIMIT_EXCEEDED'])
    expect(codeOf(await tenant('cache/set', token, { key: 'a', value: '' }))).toEqual([400, 'MEMORY_LIMIT_EXCEEDED'])
  })

  test('change in the given members at once, for aliases and root too', async () => {
    const token = await node.createKey()
    const alias = await aliasOf(token)
    const set = await admin('limits/set', {
      api_key: alias,
      limits: { bytes_on_disk: 5, SUBSCRIBERS: 0, events_emitted: null },
    })
    expect([set.status, set.json()]).toEqual([200, { status: 'ok' }])
    const { max_limits } = (await tenant('limits', token)).json() as { readonly max_limits: Record<string, number> }
    expect([max_limits['bytes_on_disk'], max_limits['subscribers'], max_limits['events_emitted']]).toEqual([
      5,
      0,
      undefined,
    ])
    expect((await admin('limits/set', { api_key: token, limits: {} })).status).toBe(200)
    expect((await admin('limits/set', { api_key: ROOT_KEY, limits: { subscribers: 7 } })).status).toBe(200)
    expect((await admin('limits/get', { api_key: ROOT_KEY })).json()).toMatchObject({ max_limits: { subscribers: 7 } })
  })

  test.each([
    [{ limits: {} }, 'MISSING_FIELD', 'api_key is missing from request'],
    [{ api_key: 'insi_x' }, 'MISSING_FIELD', 'limits object is missing from request'],
    [{ api_key: 'x', limits: {} }, 'INVALID_TARGET_KEY', 'Invalid target key'],
    [{ api_key: 'x', limits: { subscribers: '1' } }, 'INVALID_LIMITS', 'subscribers'],
    [{ api_key: 'x', limits: { subscribers: 1.5 } }, 'INVALID_LIMITS', 'subscribers'],
    [{ api_key: 'x', limits: [] }, 'INVALID_FIELD', 'limits'],
  ])('refuse %j', async (body, code, words) => {
    const answer = await admin('limits/set', body)
    expect([codeOf(answer), answer.text]).toEqual([[400, code], expect.stringContaining(words)])
  })
})

describe('insight', () => {
  test('shows an entity by its token and by its alias', async () => {
    const token = await node.createKey()
    const alias = await aliasOf(token)
    await tenant('set', token, { key: 'ab', value: 'cde' })
    const { entity } = (await admin('insight/entity', { root_api_key: token })).json() as { readonly entity: Entity }
    expect(entity).toMatchObject({ root_api_key: token, aliases: [alias] })
    expect(entity.usage.usage['bytes_on_disk']).toBe(5)
    expect(Object.keys(entity.usage.max_limits)).toEqual([
      'bytes_on_disk',
      'bytes_in_memory',
      'events_emitted',
      'subscribers',
    ])
    expect((await admin('insight/entity_by_alias', { alias })).json()).toEqual({ entity })
    expect(codeOf(await admin('insight/entity', { root_api_key: alias }))).toEqual([404, 'KEY_IS_ALIAS'])
    expect(codeOf(await admin('insight/entity_by_alias', { alias: token }))).toEqual([404, 'ALIAS_NOT_FOUND'])
  })

  test('lists entities by key UUID in pages', async () => {
    await node.createKey()
    await node.createKey()
    const all = ((await admin('insight/entities', { limit: 0 })).json() as { readonly entities: Entity[] }).entities
    const uuids = all.map((entity) => entity.key_uuid)
    expect(uuids.length).toBeGreaterThanOrEqual(2)
    expect(uuids).toEqual(uuids.toSorted())
    const page = await node.call('private', '/db/api/v1/admin/insight/entities?offset=1&limit=1', { token: ROOT_KEY })
    expect((page.json() as { readonly entities: Entity[] }).entities.map((entity) => entity.key_uuid)).toEqual([
      uuids[1],
    ])
    expect((await admin('insight/entities', { offset: 1_000 })).json()).toEqual({ entities: null })
  })
})

test('an entity is listed as deleting, with what is left of it, while its data is removed', async () => {
  const token = await node.createKey('slowly')
  const operations = Array.from({ length: 1_000 }, (_, n) => ({ op: 'set', key: `k${n}`, value: 'v' }))
  for (let round = 0; round < 3; round += 1) {
    const named = operations.map((one) => ({ ...one, key: `${round}-${one.key}` }))
    expect((await tenant('batch', token, { operations: named })).status).toBe(200)
  }
  const find = async (): Promise<(Entity & { readonly status: string }) | undefined> => {
    const { entities } = (await admin('insight/entities', {})).json() as { readonly entities: Entity[] | null }
    return entities?.find((entity) => entity.root_api_key === token) as
      (Entity & { readonly status: string }) | undefined
  }
  const before = await find()
  expect([before?.status, before?.usage.usage['bytes_on_disk']]).toEqual(['active', 3 * 6_890])
  // Every step of the removal waits until it was looked at.
  const propose = node.replicator.propose.bind(node.replicator)
  const seen: number[] = []
  node.replicator.propose = async (command) => {
    if (decodeCommand(command)?.type === 'entity.purge') {
      const entity = await find()
      expect(entity?.status).toBe('deleting')
      seen.push(entity?.usage.usage['bytes_on_disk'] ?? -1)
    }
    return propose(command)
  }
  expect((await admin('api/delete', { key: token })).status).toBe(200)
  await eventually('the entity is gone', async () => ((await find()) === undefined ? true : undefined))
  node.replicator.propose = propose
  expect(seen.length).toBeGreaterThanOrEqual(3)
  expect(seen[0]).toBe(3 * 6_890)
  expect(seen).toEqual([...new Set(seen)].sort((left, right) => right - left))
})
