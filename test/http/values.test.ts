import { HttpNode, ROOT_KEY } from '../support/http-node.ts'
import type { Answer, CallOptions } from '../support/http-node.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

let node: HttpNode
let token: string
beforeAll(async () => {
  node = await HttpNode.start()
})
afterAll(() => node.stop())
beforeEach(async () => {
  token = await node.createKey()
})

const call = (path: string, options: CallOptions = {}): Promise<Answer> =>
  node.call('public', `/db/api/v1/${path}`, { token, ...options })
const post = (path: string, body: unknown): Promise<Answer> => call(path, { body })
const data = (answer: Answer): unknown => (answer.json() as { readonly data: unknown }).data

describe.each(['', 'cache/'])('keys and values under %j', (space) => {
  test('a value that was set is read by GET and by POST', async () => {
    const set = await post(`${space}set`, { key: 'user', value: 'Alice' })
    expect([set.status, set.text, set.headers['content-type']]).toEqual([200, '', undefined])
    const read = await call(`${space}get?key=user`)
    expect([read.status, read.text]).toEqual([200, '{"data":"Alice"}\n'])
    expect(read.headers['content-type']).toBe('application/json')
    expect(data(await post(`${space}get`, { key: 'user' }))).toBe('Alice')
  })

  test('keys and values are any text, the empty value included', async () => {
    for (const text of ['', 'ü€𝄞', '"quoted"\\', 'a\tb\nc', '<&>', 'x'.repeat(100_000)]) {
      await post(`${space}set`, { key: `key ${text.slice(0, 50)}`, value: text })
      const read = await call(`${space}get?key=${encodeURIComponent(`key ${text.slice(0, 50)}`)}`)
      expect(data(read)).toBe(text)
    }
  })

  test('a missing key is a 404, and deleting it succeeds', async () => {
    const read = await call(`${space}get?key=nothing`)
    expect([read.status, (read.json() as { readonly error_type: string }).error_type]).toEqual([404, 'KEY_NOT_FOUND'])
    expect((await post(`${space}delete`, { key: 'nothing' })).status).toBe(200)
  })

  test('delete removes', async () => {
    await post(`${space}set`, { key: 'a', value: '1' })
    expect((await post(`${space}delete`, { key: 'a' })).status).toBe(200)
    expect((await call(`${space}get?key=a`)).status).toBe(404)
  })

  test('setnx creates once and names the key, not the scope, in the conflict', async () => {
    expect((await post(`${space}setnx`, { key: 'a', value: '1' })).status).toBe(200)
    const again = await post(`${space}setnx`, { key: 'a', value: '2' })
    expect([again.status, (again.json() as { readonly message: string }).message]).toEqual([
      409,
      "key 'a' already exists",
    ])
    expect(data(await call(`${space}get?key=a`))).toBe('1')
  })

  test('cas replaces the known value only', async () => {
    const missing = await post(`${space}cas`, { key: 'a', old_value: '', new_value: '1' })
    expect([missing.status, missing.text]).toEqual([412, expect.stringContaining('key does not exist')])
    await post(`${space}set`, { key: 'a', value: '1' })
    const changed = await post(`${space}cas`, { key: 'a', old_value: '0', new_value: '2' })
    expect([changed.status, changed.text]).toEqual([409, expect.stringContaining('conflict: value has changed')])
    expect((await post(`${space}cas`, { key: 'a', old_value: '1', new_value: '2' })).status).toBe(200)
    expect(data(await call(`${space}get?key=a`))).toBe('2')
  })

  test('iterate lists keys in byte order by prefix, offset and limit', async () => {
    for (const key of ['b2', 'a', 'b1', 'b10', 'ü', 'c']) await post(`${space}set`, { key, value: 'x' })
    const keysOf = (answer: Answer): unknown => (space === '' ? data(answer) : answer.json())
    expect(keysOf(await call(`${space}iterate/prefix`))).toEqual(['a', 'b1', 'b10', 'b2', 'c', 'ü'])
    expect(keysOf(await call(`${space}iterate/prefix?prefix=b`))).toEqual(['b1', 'b10', 'b2'])
    expect(keysOf(await call(`${space}iterate/prefix?prefix=b*`))).toEqual(['b1', 'b10', 'b2'])
    expect(keysOf(await call(`${space}iterate/prefix?prefix=b&offset=1&limit=1`))).toEqual(['b10'])
    expect(keysOf(await call(`${space}iterate/prefix?limit=0`))).toHaveLength(6)
    expect(keysOf(await post(`${space}iterate/prefix`, { prefix: 'b', offset: 2, limit: 5 }))).toEqual(['b2'])
    expect(keysOf(await call(`${space}iterate/prefix?prefix=z`))).toBeNull()
  })

  test('two tenants do not see each other', async () => {
    await post(`${space}set`, { key: 'a', value: 'mine' })
    const other = await node.createKey()
    expect((await call(`${space}get?key=a`, { token: other })).status).toBe(404)
    await node.call('public', `/db/api/v1/${space}set`, { token: other, body: { key: 'a', value: 'theirs' } })
    expect(data(await call(`${space}get?key=a`))).toBe('mine')
    expect((await call(`${space}get?key=a`, { token: ROOT_KEY })).status).toBe(404)
  })
})

test('bump counts exactly, floors at 0 unless told otherwise, and answers the new value', async () => {
  const bump = async (body: unknown): Promise<unknown> => data(await post('bump', body))
  expect(await bump({ key: 'n', value: '5' })).toBe('5')
  expect(await bump({ key: 'n', value: '-7' })).toBe('0')
  expect(await bump({ key: 'n', value: '-7', min: null })).toBe('-7')
  expect(await bump({ key: 'n', value: '-1', min: -10 })).toBe('-8')
  expect(await bump({ key: 'n', value: '-9', min: '-10' })).toBe('-10')
  expect(await bump({ key: 'big', value: '9223372036854775807' })).toBe('9223372036854775807')
  const overflow = await post('bump', { key: 'big', value: '+1' })
  expect([overflow.status, (overflow.json() as { readonly error_type: string }).error_type]).toEqual([
    400,
    'INTEGER_OVERFLOW',
  ])
  expect(data(await call('get?key=big'))).toBe('9223372036854775807')
})

test('bump refuses what is no integer with the words of the contract', async () => {
  await post('set', { key: 'text', value: 'abc' })
  const existing = await post('bump', { key: 'text', value: '1' })
  expect([existing.status, existing.text]).toEqual([
    400,
    expect.stringContaining('The existing value is not a valid integer, cannot bump.'),
  ])
  for (const value of [' 7', '1.0', '', 'x', '9223372036854775808', '--1']) {
    const answer = await post('bump', { key: 'n', value })
    expect([answer.status, answer.text]).toEqual([
      400,
      expect.stringContaining('The value to bump by must be a valid integer.'),
    ])
  }
})

test('a quota that is exceeded is refused with usage and limit in the headers, and a shrinking write is not', async () => {
  const setLimits = (limits: unknown): Promise<Answer> =>
    node.call('private', '/db/api/v1/admin/limits/set', { token: ROOT_KEY, body: { api_key: token, limits } })
  await post('set', { key: 'a', value: 'x'.repeat(100) })
  await post('cache/set', { key: 'a', value: 'x'.repeat(100) })
  await setLimits({ bytes_on_disk: 50, bytes_in_memory: 60 })
  const disk = await post('set', { key: 'b', value: 'y' })
  expect([disk.status, disk.headers['x-current-disk-usage'], disk.headers['x-disk-usage-limit']]).toEqual([
    400,
    '101',
    '50',
  ])
  expect(disk.json()).toMatchObject({ error_type: 'DISK_LIMIT_EXCEEDED', message: 'Disk usage limit exceeded' })
  expect(disk.headers['x-current-memory-usage']).toBeUndefined()
  const memory = await post('cache/set', { key: 'b', value: 'y' })
  expect([memory.status, memory.headers['x-current-memory-usage'], memory.headers['x-memory-usage-limit']]).toEqual([
    400,
    '101',
    '60',
  ])
  expect(memory.json()).toMatchObject({ error_type: 'MEMORY_LIMIT_EXCEEDED', message: 'Memory usage limit exceeded' })
  expect((await post('set', { key: 'a', value: 'x'.repeat(90) })).status).toBe(200)
})

test('values have a limit in bytes and keys one of 32 KiB, both named in the message', async () => {
  expect((await post('set', { key: 'k', value: 'x'.repeat(1024 * 1024) })).status).toBe(200)
  const value = await post('set', { key: 'k', value: 'x'.repeat(1024 * 1024 + 1) })
  expect([value.status, value.json()]).toEqual([
    400,
    expect.objectContaining({
      error_type: 'VALUE_TOO_LARGE',
      message: 'Value is too large: 1048577 bytes, the limit is 1048576 bytes',
    }),
  ])
  const longest = 'ü'.repeat(16 * 1024)
  expect((await post('set', { key: longest, value: 'v' })).status).toBe(200)
  expect(data(await call(`get?key=${encodeURIComponent(longest)}`))).toBe('v')
  const key = await call(`get?key=${encodeURIComponent(`${longest}x`)}`)
  expect([key.status, key.json()]).toEqual([
    400,
    expect.objectContaining({ message: 'Key is too large: 32769 bytes, the limit is 32768 bytes' }),
  ])
})

test('a value of one megabyte of characters that JSON escapes six-fold is accepted', async () => {
  const body = `{"key":"escaped","value":"${'\\u0001'.repeat(1024 * 1024)}"}`
  expect((await post('set', body)).status).toBe(200)
  expect(data(await call('get?key=escaped'))).toBe('\u0001'.repeat(1024 * 1024))
})

test('member names match in any case, and an exact match wins', async () => {
  expect((await post('set', { KEY: 'a', Value: '1', other: true })).status).toBe(200)
  expect((await post('set', { KEY: 'b', key: 'c', value: '2' })).status).toBe(200)
  expect(data(await call('get?key=a'))).toBe('1')
  expect(data(await call('get?key=c'))).toBe('2')
})

test('JSON is taken under the content types that clients send without being asked', async () => {
  const types = [
    'application/json; charset=utf-8',
    'application/x-www-form-urlencoded',
    'text/plain;charset=UTF-8',
    'application/merge-patch+json',
  ]
  for (const type of types) {
    const answer = await call('set', { body: { key: 'a', value: type }, headers: { 'Content-Type': type } })
    expect([type, answer.status]).toEqual([type, 200])
  }
})

test('a body that says it is compressed is refused as such, not as JSON that is damaged', async () => {
  const compressed = await call('set', { body: { key: 'a', value: 'b' }, headers: { 'Content-Encoding': 'gzip' } })
  expect(compressed.status).toBe(415)
  expect(compressed.json()).toMatchObject({ message: 'Unsupported content encoding: gzip' })
  const plain = await call('set', { body: { key: 'a', value: 'b' }, headers: { 'Content-Encoding': 'identity' } })
  expect(plain.status).toBe(200)
})

test('cache entries expire after the standard time to live, values never', async () => {
  const clock = new VirtualClock()
  const other = await HttpNode.start({ clock, config: 'cache: { standard-ttl: 1m }' })
  const key = await other.createKey()
  const on = (path: string, body?: unknown): Promise<Answer> =>
    other.call('public', `/db/api/v1/${path}`, { token: key, ...(body === undefined ? {} : { body }) })
  for (const space of ['', 'cache/']) await on(`${space}set`, { key: 'a', value: '1' })
  clock.advance(59_000)
  expect((await on('cache/get?key=a')).status).toBe(200)
  clock.advance(2_000)
  expect((await on('cache/get?key=a')).status).toBe(404)
  expect((await on('cache/iterate/prefix')).json()).toBeNull()
  expect((await on('get?key=a')).status).toBe(200)
  expect((await on('cache/setnx', { key: 'a', value: '2' })).status).toBe(200)
  await other.stop()
})
