// Backup and restore on real processes: a backup is taken under writes, and a cluster of three begins again with it.
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtemp, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { openSocket } from '../support/event-client.ts'
import { eventually } from '../support/eventually.ts'
import { ProcessCluster } from '../support/process-cluster.ts'
import { runInsid, startInsid } from './insid-process.ts'

const INSIC = path.resolve(import.meta.dirname, '../../src/bin/insic.ts')
const NODES = ['node0', 'node1', 'node2']
const CANARY = 'canary-value-5b1f'

let cluster: ProcessCluster
let backups: string
beforeAll(async () => {
  cluster = await ProcessCluster.running(3)
  backups = await mkdtemp(path.join(tmpdir(), 'insi-backups-'))
}, 60_000)
afterAll(async () => {
  await cluster.destroy()
  await rm(backups, { recursive: true, force: true })
})

interface Outcome {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

function insic(...words: string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [INSIC, '--config', cluster.configPath, ...words],
      { encoding: 'utf8', env: { PATH: process.env['PATH'] } },
      (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code ?? 1), stdout, stderr })
      },
    )
  })
}

const insid = (...words: string[]) => runInsid([...words, '--config', cluster.configPath], { cwd: cluster.layout.home })

const dataOf = (nodeId: string): string => path.join(cluster.layout.home, 'data', nodeId)

/** Sets keys one after the other until it is stopped; resolves with how many were acknowledged. */
function writeKeys(): { acknowledged: () => number; stop: () => Promise<number> } {
  let count = 0
  const stopping = new AbortController()
  const done = (async () => {
    while (!stopping.signal.aborted) {
      const key = `live-${count}`
      if ((await cluster.set('node1', key, `value of ${key}`)).status === 200) count++
    }
    return count
  })()
  return {
    acknowledged: () => count,
    stop: () => {
      stopping.abort()
      return done
    },
  }
}

/** Asks for a backup and reads nothing of it. */
function openBackup(nodeId: string, key: string): Promise<IncomingMessage> {
  const node = cluster.layout.nodes.find(({ id }) => id === nodeId)
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        host: '127.0.0.1',
        port: node?.privatePort,
        path: '/db/api/v1/cluster/backup',
        headers: { authorization: `Bearer ${key}` },
      },
      resolve,
    )
    sent.on('error', reject)
    sent.end()
  })
}

async function statusOf(message: IncomingMessage): Promise<number> {
  message.resume()
  return message.statusCode ?? 0
}

const post = (path: string, body: object, token: string) => cluster.call('node1', `/db/api/v1/${path}`, { body, token })
const subscription = (): string =>
  `${cluster.publicUrl('node2').replace('http:', 'ws:')}/db/api/v1/events/subscribe?topic=t`

/** A tenant with an alias, something that expires soon and something that does not, and its only subscriber connected. */
async function useTenant(tenantKey: string): Promise<{ readonly alias: string }> {
  const limited = { body: { api_key: tenantKey, limits: { subscribers: 1 } }, private: true }
  expect((await cluster.call('node0', '/db/api/v1/admin/limits/set', limited)).status).toBe(200)
  const { alias } = (await post('alias/set', {}, tenantKey)).json() as { alias: string }
  expect((await post('set', { key: 'brief', value: '1', ttl_ms: 2_000 }, tenantKey)).status).toBe(200)
  expect((await post('cache/set', { key: 'lasting', value: '2', ttl_ms: 3_600_000 }, tenantKey)).status).toBe(200)
  await openSocket(subscription(), { headers: { authorization: tenantKey } })
  return { alias }
}

/** Its keys are accepted, what has expired is gone, and a subscriber of the former cluster soon holds no place in the new one. */
async function expectTenantBegins(tenantKey: string, { alias }: { readonly alias: string }): Promise<void> {
  const get = (path: string, token: string) => cluster.call('node0', `/db/api/v1/${path}`, { token })
  for (const token of [tenantKey, alias])
    expect(await get('cache/get?key=lasting', token)).toMatchObject({ status: 200 })
  await eventually('the key has expired', async () =>
    (await get('get?key=brief', tenantKey)).status === 404 ? true : undefined,
  )
  const again = await eventually(
    'the place is free',
    async () => openSocket(subscription(), { headers: { authorization: alias } }).catch(() => undefined),
    { timeoutMs: 20_000 },
  )
  await again.close()
}

test('a backup holds what was acknowledged before it, and three nodes begin again with it', async () => {
  const created = await insic('--root', 'admin', 'create-key', 'tenant', '-o', 'json')
  expect(created).toMatchObject({ code: 0 })
  const tenantKey = /insi_[\w-]+/.exec(created.stdout)?.[0] ?? 'none'
  expect((await cluster.set('node0', 'canary', CANARY)).status).toBe(200)
  const tenant = await useTenant(tenantKey)
  const writer = writeKeys()
  await eventually('some are written', async () => (writer.acknowledged() >= 50 ? true : undefined))

  const before = writer.acknowledged()
  const made = await insic('--root', '-o', 'json', 'cluster', 'backup', `${backups}/`)
  expect(made).toMatchObject({ code: 0, stderr: '' })
  const summary = JSON.parse(made.stdout) as { name: string; sha256: string; cluster_id: string; size_bytes: number }
  const total = await writer.stop()
  expect(total).toBeGreaterThan(before)
  expect(summary.name).toMatch(/^insi-[0-9a-f]{8}-\d{8}T\d{6}Z\.insi$/)
  expect(await readdir(backups)).toEqual([summary.name])
  const file = path.join(backups, summary.name)
  const bytes = await readFile(file)
  expect([bytes.length, createHash('sha256').update(bytes).digest('hex')]).toEqual([summary.size_bytes, summary.sha256])

  const drill = await insid('verify-backup', backups, '--max-age', '1h', '--json')
  expect(drill).toMatchObject({ code: 0, stderr: '' })
  expect(JSON.parse(drill.stdout)).toMatchObject({ name: summary.name, cluster_id: summary.cluster_id, entities: 1 })
  // Everything that was acknowledged, and the canary; writes went on meanwhile.
  expect((JSON.parse(drill.stdout) as { values: number }).values).toBeGreaterThan(before)
  expect(await insid('verify-backup', file, '--max-age', '1ms')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('min old'),
  })

  // Of keys, the state has digests alone, and of the secret nothing.
  const stream = await cluster.call('node2', '/db/api/v1/cluster/backup', { private: true })
  expect(stream.text).toContain(CANARY)
  for (const secret of [tenantKey, tenantKey.slice(5), cluster.layout.secret, cluster.rootKey]) {
    expect(secret.length).toBeGreaterThan(10)
    expect(stream.text).not.toContain(secret)
  }

  expect(await insid('restore', '--as', 'node0', file)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('is in use by node0'),
  })
  for (const nodeId of NODES) await cluster.end(nodeId, 'SIGTERM')
  expect(await insid('restore', '--as', 'node0', file)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('is not empty'),
  })
  for (const nodeId of NODES) await rename(dataOf(nodeId), `${dataOf(nodeId)}.old`)
  const restored = await insid('restore', '--as', 'node0', file)
  expect(restored).toMatchObject({ code: 0, stderr: '' })
  expect(restored.stdout).toContain(`of cluster ${summary.cluster_id}`)

  cluster.startAll()
  await cluster.ready()
  const status = (await cluster.call('node2', '/db/api/v1/cluster/status', { private: true })).json()
  expect(status).toMatchObject({ quorum: { voters: 3 } })
  expect((status as { cluster_id: string }).cluster_id).not.toBe(summary.cluster_id)
  for (const nodeId of NODES) {
    expect(await cluster.get(nodeId, 'canary')).toBe(CANARY)
    for (let at = 0; at < before; at += 7) expect(await cluster.get(nodeId, `live-${at}`)).toBe(`value of live-${at}`)
  }
  await expectTenantBegins(tenantKey, tenant)
  expect((await cluster.set('node2', 'after', 'the restore')).status).toBe(200)
  expect(await cluster.get('node0', 'after')).toBe('the restore')
}, 90_000)

test('what is no whole backup is refused, and no node starts on what it left', async () => {
  const [name = ''] = await readdir(backups)
  const good = await readFile(path.join(backups, name))
  const raw = Buffer.from(good)
  const middle = Math.floor(raw.length / 2)
  raw[middle] = (raw[middle] ?? 0) ^ 1
  const bad = {
    truncated: good.subarray(0, -1),
    damaged: raw,
    longer: Buffer.concat([good, Buffer.from('x')]),
    none: Buffer.from('no'),
    other: Buffer.alloc(4_096, 'another file'),
  }
  await cluster.end('node2', 'SIGTERM')
  await rm(dataOf('node2'), { recursive: true })
  for (const [kind, bytes] of Object.entries(bad)) {
    const file = path.join(cluster.layout.home, `${kind}.insi`)
    await writeFile(file, bytes)
    for (const words of [['restore', '--as', 'node2'], ['verify-backup']]) {
      expect(await insid(...words, file)).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('SNAPSHOT_CORRUPT'),
      })
    }
  }
  expect(await insid('--as', 'node2')).toMatchObject({ code: 1, stderr: expect.stringContaining('RESTORE_UNFINISHED') })
  const file = path.join(backups, name)
  const killed = startInsid(['restore', '--as', 'node2', '--config', cluster.configPath, file], {
    cwd: cluster.layout.home,
  })
  await eventually('it has begun', async () => {
    const found = await readdir(path.join(dataOf('node2'), 'state')).catch(() => [])
    return found.length > 0 || killed.output.stdout !== '' ? true : undefined
  })
  killed.kill('SIGKILL')
  await killed.ended
  if (!killed.output.stdout.includes('only member')) {
    expect(await insid('--as', 'node2')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('RESTORE_UNFINISHED'),
    })
    expect(await insid('restore', '--as', 'node2', file)).toMatchObject({ code: 0 })
  }
  await rm(dataOf('node2'), { recursive: true })
  cluster.start('node2')
  await cluster.ready(['node2'])
}, 60_000)

test.each(['SIGTERM', 'SIGINT'] as const)(
  'what %s broke off is not taken for done, and a drill leaves nothing behind',
  async (signal) => {
    const [name = ''] = await readdir(backups)
    const scratch = await mkdtemp(path.join(tmpdir(), 'insi-drill-'))
    const half = (await readFile(path.join(backups, name))).subarray(0, -1)
    const start = (...words: string[]) => {
      const started = startInsid([...words, '-'], { cwd: cluster.layout.home, hasStdin: true })
      started.stdin?.on('error', () => {})
      started.stdin?.write(half)
      return started
    }
    const drill = start('verify-backup', '--directory', scratch)
    await eventually('the drill has begun', async () => ((await readdir(scratch)).length > 0 ? true : undefined))
    drill.kill(signal)
    expect(await drill.ended).toEqual({ code: 1, signal: null })
    expect(drill.output).toEqual({ stdout: '', stderr: 'insid: interrupted: nothing was verified\n' })
    expect(await readdir(scratch)).toEqual([])

    const home = path.join(scratch, 'home')
    const restore = start('restore', '--as', 'node0', '--config', cluster.configPath, '--home', home)
    await eventually('the restore has begun', async () => {
      const found = await readdir(path.join(home, 'node0')).catch(() => [])
      return found.length > 0 ? true : undefined
    })
    restore.kill(signal)
    expect(await restore.ended).toEqual({ code: null, signal })
    await rm(scratch, { recursive: true })
  },
  30_000,
)

test('only so many backups of a cluster are kept, and those of others stay', async () => {
  const [foreign = ''] = await readdir(backups)
  const kept: string[] = []
  for (const _ of [1, 2, 3]) {
    const made = await insic('--root', '-o', 'json', 'cluster', 'backup', '--keep', '2', `${backups}/`)
    expect(made).toMatchObject({ code: 0 })
    const { name, removed } = JSON.parse(made.stdout) as { name: string; removed: string[] }
    expect(removed).toEqual(kept.length === 2 ? [kept.shift()] : [])
    kept.push(name)
    // Names have seconds.
    await eventually('a second is over', () => (new Date().toISOString().slice(0, 19) > isoOf(name) ? true : undefined))
  }
  expect((await readdir(backups)).toSorted()).toEqual([foreign, ...kept].toSorted())
  const listed = await insic('-o', 'json', 'cluster', 'backups', backups)
  const names = (JSON.parse(listed.stdout) as { name: string }[]).map(({ name }) => name)
  expect(names).toEqual([foreign, ...kept])
  expect((await insic('cluster', 'backups', backups)).stdout).toContain(`${foreign}  `)
  const prune = ['-o', 'json', 'cluster', 'prune-backups', '--keep', '1']
  const cluster = kept[0]?.slice(5, 13) ?? ''
  expect(await insic(...prune, backups)).toMatchObject({ code: 1, stderr: expect.stringContaining('2 clusters') })
  const pruned = await insic(...prune, '--cluster', cluster, backups)
  expect(JSON.parse(pruned.stdout)).toEqual({ removed: [kept[0]] })
  expect((await readdir(backups)).toSorted()).toEqual([foreign, kept[1] ?? ''].toSorted())
  const ambiguous = await insid('verify-backup', backups)
  expect(ambiguous).toMatchObject({ code: 1, stderr: expect.stringContaining('backups of 2 clusters') })
  const chosen = await insid('verify-backup', backups, '--cluster', foreign.slice(5, 13))
  expect(chosen.stdout).toContain(foreign)
  expect(await insic('--root', 'cluster', 'backup', '--keep', '2', path.join(backups, 'one.insi'))).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('--keep counts the backups of a directory'),
  })
}, 60_000)

/** `2026-11-23T09:15:00` of a name. */
function isoOf(name: string): string {
  const [, date = '', time = ''] = /-(\d{8})T(\d{6})Z/.exec(name) ?? []
  return `${date.replace(/(....)(..)(..)/, '$1-$2-$3')}T${time.replace(/(..)(..)(..)/, '$1:$2:$3')}`
}

test('a backup needs the root key, and a node hands out one at a time', async () => {
  expect(await statusOf(await openBackup('node0', 'insi_nobody'))).toBe(401)
  // Enough that the first one cannot be sent ahead into the buffers of the connection.
  const value = 'x'.repeat(512 * 1024)
  for (let at = 0; at < 24; at++) expect((await cluster.set('node0', `large-${at}`, value)).status).toBe(200)
  const unread = await openBackup('node0', cluster.rootKey)
  expect(unread.statusCode).toBe(200)
  unread.on('error', () => {})
  const second = await openBackup('node0', cluster.rootKey)
  expect(await statusOf(second)).toBe(503)
  unread.destroy()
  await eventually('one that went away is forgotten', async () =>
    (await statusOf(await openBackup('node0', cluster.rootKey))) === 200 ? true : undefined,
  )
}, 30_000)
