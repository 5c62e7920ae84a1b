// The client library against the real listeners, services and state of a node.
import { connect } from '../../src/client/client.ts'
import type { InsiClient } from '../../src/client/client.ts'
import { Entities } from '../../src/client/entities.ts'
import { makeCertificate } from '../support/certificates.ts'
import { HttpNode, ROOT_KEY } from '../support/http-node.ts'

let node: HttpNode
let root: InsiClient
let tenant: InsiClient

beforeAll(async () => {
  node = await HttpNode.start()
  root = connect(
    { publicUrl: `http://127.0.0.1:${node.port('public')}`, privateUrl: `http://127.0.0.1:${node.port('private')}` },
    ROOT_KEY,
    { retry: { roundsMax: 1 } },
  )
  tenant = root.withKey((await root.keys.create('tenant')).key)
})
afterAll(async () => {
  root.close()
  await node.stop()
})

describe.each(['values', 'cache'] as const)('%s', (noun) => {
  test('are set, read, created once, swapped, listed and deleted', async () => {
    const store = tenant[noun]
    await store.set('user:1', 'Alice "quoted" <ü>\n')
    expect(await store.get('user:1')).toBe('Alice "quoted" <ü>\n')
    await store.setnx('user:2', '')
    expect(await store.get('user:2')).toBe('')
    await expect(store.setnx('user:2', 'x')).rejects.toMatchObject({ code: 'KEY_EXISTS', facts: { status: 409 } })
    await store.cas('user:2', { oldValue: '', newValue: 'Bob' })
    await expect(store.cas('user:2', { oldValue: '', newValue: 'x' })).rejects.toMatchObject({ code: 'CAS_MISMATCH' })
    await expect(store.cas('none', { oldValue: '', newValue: 'x' })).rejects.toMatchObject({ code: 'CAS_KEY_MISSING' })
    expect(await store.iterate('user:')).toEqual(['user:1', 'user:2'])
    expect(await store.iterate('user:', { offset: 1, limit: 1 })).toEqual(['user:2'])
    expect(await store.iterate('nobody')).toEqual([])
    await store.delete('user:1')
    await store.delete('user:1')
    expect(await store.get('user:1', { consistency: 'local' })).toBeUndefined()
  })

  test('are listed page by page', async () => {
    const store = tenant[noun]
    const expected = Array.from({ length: 25 }, (_, at) => `page:${String(at).padStart(2, '0')}`)
    await Promise.all(expected.map((key) => store.set(key, '')))
    const found: string[] = []
    for await (const key of store.keys('page:', { pageSize: 10 })) found.push(key)
    expect(found).toEqual(expected)
  })

  test('take the longest key, in queries too', async () => {
    const key = 'ü'.repeat(16 * 1024)
    await tenant[noun].set(key, 'long')
    expect(await tenant[noun].get(key)).toBe('long')
    expect(await tenant[noun].iterate(key)).toEqual([key])
  })
})

test('bump counts exactly, with and without a floor', async () => {
  expect(await tenant.values.bump('n', 9_007_199_254_740_993n)).toBe(9_007_199_254_740_993n)
  expect(await tenant.values.bump('n', -9_007_199_254_740_994n)).toBe(0n)
  expect(await tenant.values.bump('n', -5, { floor: null })).toBe(-5n)
  expect(await tenant.values.bump('n', -5, { floor: -7 })).toBe(-7n)
  await tenant.values.set('text', 'x')
  await expect(tenant.values.bump('text', 1)).rejects.toMatchObject({ code: 'NOT_AN_INTEGER' })
})

test('ping says whose key it is', async () => {
  expect(await tenant.ping()).toMatchObject({ entity: 'tenant', status: 'ok' })
  await expect(root.withKey('insi_nonsense').ping()).rejects.toMatchObject({ code: 'AUTHENTICATION_FAILED' })
})

test('aliases share data, and are taken back', async () => {
  const alias = await tenant.aliases.add()
  const other = root.withKey(alias)
  await other.values.set('shared', 'yes')
  expect(await tenant.values.get('shared')).toBe('yes')
  expect(await other.aliases.list()).toEqual([alias])
  expect((await root.insight.entityByAlias(alias)).aliases).toEqual([alias])
  await expect(other.aliases.add()).rejects.toMatchObject({ code: 'ALIAS_OF_ALIAS' })
  await tenant.aliases.delete(alias)
  expect(await tenant.aliases.list()).toEqual([])
})

test('limits are changed by root alone, and hold at once', async () => {
  const { key } = await root.keys.create('limited')
  const limited = root.withKey(key)
  await expect(limited.limits.set(key, { diskBytes: 1 })).rejects.toMatchObject({ code: 'ROOT_REQUIRED' })
  await root.limits.set(key, { diskBytes: 10, dataRequestsPerSecond: 2 })
  expect((await limited.limits.own()).limits).toMatchObject({ diskBytes: 10, dataRequestsPerSecond: 2 })
  expect((await root.limits.of(key)).usage).toEqual({ diskBytes: 0, memoryBytes: 0, events: 0, subscribers: 0 })
  await expect(limited.values.set('k', '0123456789')).rejects.toMatchObject({
    code: 'DISK_LIMIT_EXCEEDED',
    facts: { quota: { current: 0, limit: 10 } },
  })
})

test('insight lists entities, and a deleted key is gone', async () => {
  const { key } = await root.keys.create('short-lived')
  const found = await root.insight.entity(key)
  expect(found).toMatchObject({ key, aliases: [] })
  expect((await root.insight.entities()).map((entity) => entity.keyUuid)).toContain(found.keyUuid)
  await root.keys.delete(key)
  await expect(root.insight.entity(key)).rejects.toMatchObject({ code: 'API_KEY_NOT_FOUND' })
})

test('an administrative call that goes to the public listener is told so', async () => {
  const misled = connect(`http://127.0.0.1:${node.port('public')}`, ROOT_KEY)
  await expect(misled.keys.create('x')).rejects.toMatchObject({
    code: 'ROUTE_NOT_FOUND',
    facts: { hint: expect.stringContaining('private listener') as unknown },
  })
  misled.close()
})

test('entities are found by name, keep their data apart, and are deleted', async () => {
  const manager = new Entities(root)
  const [left, right] = [
    await manager.create('left'),
    await manager.createOrLoad('right', { diskBytes: 4096, memoryBytes: 1 }),
  ]
  await left.valueStore().pushScope('app').set('k', 'left')
  expect(await right.valueStore().get('app.k')).toBeUndefined()
  expect(await left.bump('hits', 2)).toBe(2n)
  expect((await right.usage()).limits.diskBytes).toBe(4096)
  const again = await new Entities(root).get('left')
  expect(await again.valueStore().get('app.k')).toBe('left')
  await manager.delete('left')
  await manager.delete('right')
  expect(await manager.all()).toEqual([])
})

describe('over TLS', () => {
  const authority = makeCertificate({ commonName: 'authority' })
  const certificate = makeCertificate({ commonName: 'node', hosts: ['127.0.0.1'], issuer: authority })
  let secure: HttpNode
  let url: string

  beforeAll(async () => {
    secure = await HttpNode.start({ tls: certificate })
    url = `https://127.0.0.1:${secure.port('public')}`
  })
  afterAll(async () => secure.stop())

  test('a certificate of a trusted authority is accepted', async () => {
    const client = connect(url, ROOT_KEY, { ca: [authority.cert] })
    await client.values.set('k', 'v')
    expect(await client.values.get('k')).toBe('v')
    client.close()
  })

  test("a node's own certificate can be trusted without that of its issuer, and another one is not", async () => {
    const client = connect(url, ROOT_KEY, { ca: [certificate.cert] })
    expect((await client.ping()).entity).toBe('root')
    client.close()
    const other = makeCertificate({ commonName: 'node', hosts: ['127.0.0.1'], issuer: authority })
    const mistaken = connect(url, ROOT_KEY, { ca: [other.cert], retry: { roundsMax: 1 } })
    await expect(mistaken.values.set('k', 'v')).rejects.toMatchObject({ code: 'UNREACHABLE' })
    mistaken.close()
  })

  test('an unknown certificate is refused before anything is sent, unless verification is off', async () => {
    const strict = connect(url, ROOT_KEY, { retry: { roundsMax: 1 } })
    await expect(strict.values.set('k', 'v')).rejects.toMatchObject({ code: 'UNREACHABLE' })
    strict.close()
    const trusting = connect(url, ROOT_KEY, { skipVerify: true })
    expect((await trusting.ping()).entity).toBe('root')
    trusting.close()
  })

  test('plain HTTP to a TLS port fails, and TLS to a plain port is UNREACHABLE', async () => {
    const plain = connect(url.replace('https', 'http'), ROOT_KEY, { retry: { roundsMax: 1 } })
    await expect(plain.ping()).rejects.toMatchObject({
      code: expect.stringMatching(/CONNECTION_LOST|UNEXPECTED/) as unknown,
    })
    plain.close()
    const tls = connect(`https://127.0.0.1:${node.port('public')}`, ROOT_KEY, { retry: { roundsMax: 1 } })
    await expect(tls.values.set('k', 'v')).rejects.toMatchObject({ code: 'UNREACHABLE' })
    tls.close()
  })
})
