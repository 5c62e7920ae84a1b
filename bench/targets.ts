// What is measured: a bare node:http server, Insi with one node and with three, and a three-node etcd where its binary is found.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'

export interface Target {
  readonly name: string
  /** Where the leader serves. */
  readonly url: string
  /** Its listener for administrators; absent: the same, or there is none. */
  readonly privateUrl?: string
  readonly token: string
  readonly pids: readonly number[]
  stop(): Promise<void>
}

const ROOT = path.resolve(import.meta.dirname, '..')
const START_TIMEOUT_MS = 30_000

async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise<ReturnType<typeof createServer>>((resolve) => {
          const server = createServer().listen(0, '127.0.0.1', () => resolve(server))
        }),
    ),
  )
  const ports = servers.map((server) => (server.address() as { port: number }).port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

async function until(what: string, check: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + START_TIMEOUT_MS
  for (;;) {
    if (await check().catch(() => false)) return
    if (performance.now() > end) throw new Error(`${what} did not come up within ${START_TIMEOUT_MS} ms`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

async function stopAll(children: readonly ChildProcess[], folder: string | null): Promise<void> {
  await Promise.all(
    children.map(
      (child) =>
        new Promise<void>((resolve) => {
          if (child.exitCode !== null || child.signalCode !== null) return resolve()
          child.once('exit', () => resolve())
          child.kill('SIGTERM')
          setTimeout(() => child.kill('SIGKILL'), 10_000).unref()
        }),
    ),
  )
  if (folder !== null) rmSync(folder, { recursive: true, force: true })
}

function pidsOf(children: readonly ChildProcess[]): number[] {
  return children.flatMap((child) => (child.pid === undefined ? [] : [child.pid]))
}

/** The floor: node:http with exact paths, a Map and no durability. */
export async function startBare(): Promise<Target> {
  const [port] = await freePorts(1)
  const child = spawn(process.execPath, [path.join(ROOT, 'bench/bare-server.ts'), String(port)], { stdio: 'inherit' })
  const url = `http://127.0.0.1:${port}`
  await until('the bare server', async () => (await fetch(`${url}/db/api/v1/ping`)).ok)
  return { name: 'bare node:http', url, token: 'none', pids: pidsOf([child]), stop: () => stopAll([child], null) }
}

const SECRET = 'benchmark-7f3a9c51d24e4b0e8a66'

export function rootKey(secret: string): string {
  return Buffer.from(createHash('sha256').update(secret).digest('hex')).toString('base64')
}

/** Insi with `count` nodes, each its own process, on files in a temporary directory. */
export async function startInsi(
  count: number,
  folder = mkdtempSync(path.join(tmpdir(), 'insi-bench-')),
  keep = false,
): Promise<Target> {
  const ports = await freePorts(count * 3)
  const nodes = Array.from(
    { length: count },
    (_, at) =>
      `  node${at}:\n    publicBinding: "127.0.0.1:${ports[at * 3]}"\n    privateBinding: "127.0.0.1:${ports[at * 3 + 1]}"\n    raftBinding: "127.0.0.1:${ports[at * 3 + 2]}"\n`,
  )
  const file = path.join(folder, 'cluster.yaml')
  writeFileSync(
    file,
    `instanceSecret: ${SECRET}\ndefaultLeader: node0\ninsiHome: ${folder}/data\nlogging: { level: error }\nrateLimiters: {}\nnodes:\n${nodes.join('')}`,
  )
  const children = Array.from({ length: count }, (_, at) =>
    spawn(process.execPath, [path.join(ROOT, 'src/bin/insid.ts'), '--as', `node${at}`, '--config', file], {
      stdio: ['ignore', 'ignore', 'inherit'],
    }),
  )
  const token = rootKey(SECRET)
  const headers = { authorization: token }
  const publicUrls = Array.from({ length: count }, (_, at) => `http://127.0.0.1:${ports[at * 3]}`)
  let leader = 0
  await until(`insi with ${count} nodes`, async () => {
    for (const url of publicUrls) {
      const answer = await fetch(`${url}/db/api/v1/set`, {
        method: 'POST',
        headers,
        body: JSON.stringify({ key: 'ready', value: url }),
      })
      if (!answer.ok) return false
      const ping = (await (await fetch(`${url}/db/api/v1/ping`, { headers })).json()) as { leader: string }
      leader = Array.from({ length: count }, (_, at) => `127.0.0.1:${ports[at * 3 + 2]}`).indexOf(ping.leader)
      if (leader < 0) return false
    }
    return true
  })
  return {
    name: `insi, ${count} node${count > 1 ? 's' : ''}`,
    url: publicUrls[leader] ?? '',
    privateUrl: `http://127.0.0.1:${ports[leader * 3 + 1]}`,
    token,
    pids: pidsOf(children),
    stop: () => stopAll(children, keep ? null : folder),
  }
}

/** The etcd binary on PATH or in $KUBEBENCH/bin, or null. */
export function findEtcd(): string | null {
  const kubebench = path.join(process.env['KUBEBENCH'] ?? '/var/lib/kubebench', 'bin/etcd')
  if (spawnSync('etcd', ['--version']).error === undefined) return 'etcd'
  return existsSync(kubebench) ? kubebench : null
}

/** Three etcd members with default durability; the URL is its leader's HTTP/JSON gateway. */
export async function startEtcd(binary: string): Promise<Target> {
  const folder = mkdtempSync(path.join(tmpdir(), 'etcd-bench-'))
  const ports = await freePorts(6)
  const cluster = [0, 1, 2].map((at) => `m${at}=http://127.0.0.1:${ports[at * 2 + 1]}`).join(',')
  const children = [0, 1, 2].map((at) => {
    const client = `http://127.0.0.1:${ports[at * 2]}`
    const peer = `http://127.0.0.1:${ports[at * 2 + 1]}`
    return spawn(
      binary,
      [
        '--name',
        `m${at}`,
        '--data-dir',
        `${folder}/m${at}`,
        '--listen-client-urls',
        client,
        '--advertise-client-urls',
        client,
        '--listen-peer-urls',
        peer,
        '--initial-advertise-peer-urls',
        peer,
        '--initial-cluster',
        cluster,
        '--log-level',
        'error',
      ],
      { stdio: ['ignore', 'ignore', 'ignore'] },
    )
  })
  let leaderUrl = ''
  await until('etcd', async () => {
    for (const at of [0, 1, 2]) {
      const url = `http://127.0.0.1:${ports[at * 2]}`
      const status = (await (await fetch(`${url}/v3/maintenance/status`, { method: 'POST', body: '{}' })).json()) as {
        leader?: string
        header: { member_id: string }
      }
      if (status.leader === undefined || status.leader === '0') return false
      if (status.leader === status.header.member_id) leaderUrl = url
    }
    return leaderUrl !== ''
  })
  return {
    name: 'etcd, 3 nodes',
    url: leaderUrl,
    token: '',
    pids: pidsOf(children),
    stop: () => stopAll(children, folder),
  }
}
