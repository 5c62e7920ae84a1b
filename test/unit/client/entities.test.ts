// Scopes, and entities by name, over a server that keeps values in memory.
import { connect } from '../../../src/client/client.ts'
import { Entities } from '../../../src/client/entities.ts'
import { ScopedStore } from '../../../src/client/scoped-store.ts'
import { ScriptedServer, apiError, empty, json } from './scripted-server.ts'
import type { ReceivedRequest, Script } from './scripted-server.ts'

const ROOT = 'root_key'
const API = '/db/api/v1'

/** Values by key and owner, keys, and their limits: as much of the API as entities need. */
class MemoryApi {
  readonly values = new Map<string, Map<string, string>>()
  readonly limits = new Map<string, Record<string, number>>()
  failOn: string | undefined
  #keyCount = 0

  readonly script: Script = (request) => {
    const route = request.path.slice(API.length)
    if (route === this.failOn) return apiError('INTERNAL')
    return this.#admin(route, request) ?? this.#data(route, request) ?? apiError('ROUTE_NOT_FOUND')
  }

  #admin(route: string, { body }: ReceivedRequest): ReturnType<Script> | undefined {
    const fields = (body ?? {}) as Record<string, unknown>
    const named = String(fields.key ?? fields.api_key)
    switch (route) {
      case '/admin/api/create': {
        const key = `insi_${this.#keyCount++}`
        this.limits.set(key, {})
        return json({ key_name: fields.key_name, key })
      }
      case '/admin/api/delete':
        return this.limits.delete(named) ? json({ success: 'true' }) : apiError('API_KEY_NOT_FOUND')
      case '/admin/limits/set':
        Object.assign(this.limits.get(named) ?? {}, fields.limits)
        return json({ status: 'ok' })
      case '/admin/limits/get':
        return json({ usage: {}, max_limits: this.limits.get(named) ?? {} })
      default:
        return undefined
    }
  }

  #data(route: string, request: ReceivedRequest): ReturnType<Script> | undefined {
    const owner = `${request.headers.authorization ?? ''}${route.startsWith('/cache') ? ' cache' : ''}`
    const store = this.values.get(owner) ?? new Map<string, string>()
    this.values.set(owner, store)
    const fields = { ...request.query, ...(request.body as Record<string, string> | undefined) }
    const key = fields.key ?? ''
    switch (route) {
      case '/set':
      case '/cache/set':
        store.set(key, fields.value ?? '')
        return empty()
      case '/get': {
        const value = store.get(key)
        return value === undefined ? apiError('KEY_NOT_FOUND') : json({ data: value })
      }
      case '/delete':
        store.delete(key)
        return empty()
      case '/iterate/prefix':
        return json({ data: [...store.keys()].filter((one) => one.startsWith(fields.prefix ?? '')) })
      default:
        return undefined
    }
  }
}

let server: ScriptedServer
let api: MemoryApi

beforeEach(async () => {
  api = new MemoryApi()
  server = await ScriptedServer.start(api.script)
})
afterEach(async () => server.stop())

describe('scopes', () => {
  test('nest with dots, come back with the keys, and are taken away in turn', async () => {
    const client = connect(server.url, 'insi_a')
    const store = new ScopedStore(client.values)
    await store.set('top', '0')
    store.pushScope('users').pushScope('42')
    await store.set('name', 'Alice')
    expect(await store.iterate('')).toEqual(['users.42.name'])
    expect(await store.get('name')).toBe('Alice')
    store.popScope()
    expect(await store.get('42.name')).toBe('Alice')
    store.popScope().popScope()
    expect(store.scope).toBe('')
    expect(await store.get('top')).toBe('0')
    client.close()
  })

  test('a scope that holds dots is taken back as a whole', () => {
    const client = connect(server.url, 'insi_a')
    const store = new ScopedStore(client.values).pushScope('a').pushScope('b.c').popScope()
    expect(store.scope).toBe('a')
    client.close()
  })

  test('two views do not share their scopes', async () => {
    const root = connect(server.url, ROOT)
    const entity = await new Entities(root).create('app')
    entity.valueStore().pushScope('x')
    await entity.valueStore().set('k', 'plain')
    expect(api.values.get(entity.key)?.get('k')).toBe('plain')
    await entity.cacheStore().pushScope('s').set('k', 'cached')
    expect(api.values.get(`${entity.key} cache`)?.get('s.k')).toBe('cached')
    root.close()
  })
})

describe('entities', () => {
  test('are created with limits, found by another manager, and deleted', async () => {
    const root = connect(server.url, ROOT)
    const created = await new Entities(root).create('app', { diskBytes: 5000, memoryBytes: 4000 })
    expect(api.limits.get(created.key)).toEqual({
      bytes_on_disk: 5000,
      bytes_in_memory: 4000,
      events_emitted: 1000,
      subscribers: 100,
      rate_per_second_data_limit: 25,
      rate_per_second_event_limit: 10,
    })
    const other = new Entities(root)
    const found = await other.createOrLoad('app')
    expect([found.uuid, found.key]).toEqual([created.uuid, created.key])
    expect((await other.all()).map((entity) => entity.name)).toEqual(['app'])
    await other.delete('app')
    expect(api.limits.size).toBe(0)
    await expect(other.get('app')).rejects.toMatchObject({ code: 'ENTITY_UNKNOWN' })
    root.close()
  })

  test('have unique names', async () => {
    const root = connect(server.url, ROOT)
    const manager = new Entities(root)
    await manager.create('app')
    await expect(manager.create('app')).rejects.toThrow("entity with name 'app' already exists")
    root.close()
  })

  test('leave no key behind when a step of their creation fails', async () => {
    const root = connect(server.url, ROOT)
    api.failOn = '/set'
    await expect(new Entities(root).create('app')).rejects.toMatchObject({ code: 'INTERNAL' })
    expect(api.limits.size).toBe(0)
    root.close()
  })

  test('cannot have more memory than disk, also after a change of one of the two', async () => {
    const root = connect(server.url, ROOT)
    const manager = new Entities(root)
    await expect(manager.create('app', { diskBytes: 1, memoryBytes: 2 })).rejects.toThrow(
      'bytes in memory cannot be greater than bytes on disk',
    )
    const { key } = await manager.create('app', { diskBytes: 10, memoryBytes: 5 })
    await expect(manager.updateLimits('app', { memoryBytes: 11 })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    await manager.updateLimits('app', { memoryBytes: 10 })
    expect(api.limits.get(key)).toMatchObject({ bytes_in_memory: 10, bytes_on_disk: 10 })
    root.close()
  })

  test('can be deleted again after a deletion that failed half way', async () => {
    const root = connect(server.url, ROOT)
    const manager = new Entities(root)
    await manager.create('app')
    api.failOn = '/delete'
    await expect(manager.delete('app')).rejects.toMatchObject({ code: 'INTERNAL' })
    api.failOn = undefined
    await manager.delete('app')
    expect(await manager.all()).toEqual([])
    root.close()
  })

  test('do not show their key when they are printed', async () => {
    const root = connect(server.url, ROOT)
    const entity = await new Entities(root).create('app')
    expect(JSON.stringify(entity)).not.toContain(entity.key)
    root.close()
  })
})
