// Where tokens and secrets must not be: on disk, in what a snapshot streams, in logs, in metrics, in the list of processes.
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { ReplaceableLevelStore } from '../../src/storage/replaceable-level-store.ts'
import { openSocket } from '../support/event-client.ts'
import { ProcessCluster } from '../support/process-cluster.ts'

let cluster: ProcessCluster
let secrets: readonly (readonly [string, string])[]

beforeAll(async () => {
  cluster = await ProcessCluster.create({ nodeCount: 1, extraYaml: 'logging: { level: debug }\n' })
  cluster.startAll()
  await cluster.ready()
  const created = await cluster.call('node0', '/db/api/v1/admin/api/create', {
    private: true,
    body: { key_name: 'canary-name' },
  })
  const { key: token } = created.json() as { key: string }
  const { alias } = (await cluster.call('node0', '/db/api/v1/alias/set', { token, body: {} })).json() as {
    alias: string
  }
  for (const one of [token, alias]) {
    const set = { key: 'canary-key', value: 'canary-value' }
    expect((await cluster.call('node0', '/db/api/v1/set', { token: one, body: set })).status).toBe(200)
    const event = { topic: 'canary', data: 1 }
    expect((await cluster.call('node0', '/db/api/v1/events', { token: one, body: event })).status).toBe(200)
    const subscribe = cluster.publicUrl('node0').replace('http:', 'ws:') + '/db/api/v1/events/subscribe'
    await (await openSocket(`${subscribe}?topic=canary&token=${one}`)).close()
  }
  secrets = Object.entries({ token, alias, rootKey: cluster.rootKey, secret: cluster.layout.secret })
}, 60_000)

afterAll(() => cluster.destroy())

/** The names of the secrets that `bytes` hold. */
function found(bytes: Buffer): string[] {
  return secrets.filter(([, text]) => bytes.includes(text)).map(([name]) => name)
}

test('no log line, metric or command line of a node holds one', async () => {
  const { pid } = cluster.process('node0') ?? {}
  const commandLine = await readFile(`/proc/${pid}/cmdline`)
  expect(commandLine.includes('insid')).toBe(true)
  expect(found(commandLine)).toEqual([])
  expect(cluster.output('node0')).toContain('/db/api/v1/events/subscribe')
  expect(found(Buffer.from(cluster.output('node0')))).toEqual([])
  const metrics = await cluster.call('node0', '/metrics', { private: true, token: null })
  expect(metrics.status).toBe(200)
  expect(found(Buffer.from(metrics.text))).toEqual([])
})

test('no file of the data directory holds one, and no record, which is what a snapshot streams', async () => {
  await cluster.end('node0', 'SIGTERM')
  const home = path.join(cluster.layout.home, 'data')
  const entries = await readdir(home, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => path.join(parentPath, name))
  const contents = await Promise.all(files.map((file) => readFile(file)))
  // What may be there is there, so the search does find.
  expect(contents.some((bytes) => bytes.includes('canary-value'))).toBe(true)
  for (const bytes of contents) expect(found(bytes)).toEqual([])

  const store = await ReplaceableLevelStore.open(path.join(home, 'node0', 'state'))
  try {
    const cursor = store.current().iterate({ start: Buffer.from([1]), end: Buffer.alloc(8, 0xff) })
    const records = await cursor.next(10_000)
    await cursor.close()
    expect(records.some(({ value }) => value.includes('canary-value'))).toBe(true)
    for (const { key, value } of records) expect(found(Buffer.concat([key, value]))).toEqual([])
  } finally {
    await store.close()
  }
})
