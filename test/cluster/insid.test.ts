// insid with running nodes: start, health, stop, and what happens when a process dies.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import os from 'node:os'
import path from 'node:path'
import { rootKeyOf } from '../../src/contract/root-key.ts'
import { eventually } from '../support/eventually.ts'
import { freePorts } from '../support/ports.ts'
import { runInsid, startInsid } from './insid-process.ts'
import type { InsidProcess } from './insid-process.ts'

const SECRET = 'Zr7pQ2mTz9LwB4nRj8Yd5HsG1cXf6Ue3'
const START_TIMEOUT_MS = 40_000

let cwd: string
const processes: InsidProcess[] = []
beforeEach(async () => {
  cwd = await mkdtemp(path.join(os.tmpdir(), 'insi-insid-'))
})
afterEach(async () => {
  for (const started of processes.splice(0)) {
    started.kill('SIGKILL')
    await started.ended
  }
  await rm(cwd, { recursive: true, force: true, maxRetries: 5 })
})

/** Writes cluster.yaml for nodes on free ports; answers the private ports. */
async function writeCluster(nodeCount: number): Promise<number[]> {
  const ports = await freePorts(nodeCount * 3)
  const nodes = Array.from({ length: nodeCount }, (_, at) => {
    const [publicPort, privatePort, raftPort] = ports.slice(at * 3)
    return `  node${at}: { public_binding: "127.0.0.1:${publicPort}", private_binding: "127.0.0.1:${privatePort}", raft_binding: "127.0.0.1:${raftPort}" }\n`
  })
  const file = `instance_secret: ${SECRET}\ndefault_leader: node0\nnodes:\n${nodes.join('')}`
  await writeFile(path.join(cwd, 'cluster.yaml'), file)
  return ports.filter((_, at) => at % 3 === 1)
}

function start(...words: string[]): InsidProcess {
  const started = startInsid(words, { cwd })
  processes.push(started)
  return started
}

function statusOf(port: number, route: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path: route, agent: false }, (response) => {
      response.resume()
      resolve(response.statusCode ?? 0)
    })
    asked.on('error', reject)
    asked.end()
  })
}

const ready = (port: number): Promise<boolean> =>
  eventually(`readiness on ${port}`, async () => ((await statusOf(port, '/readyz')) === 200 ? true : undefined), {
    timeoutMs: START_TIMEOUT_MS,
  })

/** Process ids of the nodes that a parent runs, by node. */
async function childPids(parent: InsidProcess): Promise<Map<string, number>> {
  const found = new Map<string, number>()
  const list = await readFile(`/proc/${parent.pid}/task/${parent.pid}/children`, 'utf8')
  for (const pid of list.trim().split(' ').map(Number)) {
    const words = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0')
    expect(words.join(' ')).not.toContain(SECRET)
    found.set(words[words.indexOf('--as') + 1] ?? '', pid)
  }
  return found
}

test('one node says where it listens, answers health checks, and ends with 0 on SIGTERM', async () => {
  const [privatePort = 0] = await writeCluster(1)
  const node = start('--host')
  await ready(privatePort)
  const { stdout } = node.output
  expect(stdout).toContain(`private http://127.0.0.1:${privatePort}`)
  expect(stdout).toContain('admin create-key myapp')
  expect(stdout).toContain(`curl http://127.0.0.1:${privatePort}/readyz`)
  const [live, isReady] = await Promise.all([
    runInsid(['healthcheck'], { cwd }),
    runInsid(['healthcheck', '--ready', '--as', 'node0'], { cwd }),
  ])
  expect(live).toMatchObject({ code: 0, stderr: '' })
  expect(isReady).toMatchObject({ code: 0, stderr: '' })

  node.kill('SIGTERM')
  expect(await node.ended).toEqual({ code: 0, signal: null })
  const printed = node.output.stdout + node.output.stderr
  expect(printed).not.toContain(SECRET)
  expect(printed).not.toContain(rootKeyOf(SECRET))
  for (const line of node.output.stderr.trim().split('\n')) expect(JSON.parse(line)).toHaveProperty('msg')
}, 120_000)

test('a second process on the same data directory is refused, and one after a kill is not', async () => {
  const [privatePort = 0] = await writeCluster(1)
  const node = start('--as', 'node0')
  await ready(privatePort)
  const second = await runInsid(['--as', 'node0'], { cwd })
  expect(second).toMatchObject({ code: 1, stdout: '' })
  expect(second.stderr).toContain(`is in use by node0, process ${node.pid}. Stop that process first`)

  const next = start('--as', 'node0')
  node.kill('SIGKILL')
  await node.ended
  await ready(privatePort)
  next.kill('SIGINT')
  expect(await next.ended).toEqual({ code: 0, signal: null })
}, 120_000)

test('--host runs each node in a process of its own and goes on when one dies', async () => {
  const privatePorts = await writeCluster(3)
  const parent = start('--host', '--log-level', 'warn', '--log-format', 'pretty')
  await Promise.all(privatePorts.map(ready))
  await eventually('the banner', () => (parent.output.stdout.includes('node2  public') ? true : undefined))
  const pids = await childPids(parent)
  expect([...pids.keys()].sort()).toEqual(['node0', 'node1', 'node2'])

  process.kill(pids.get('node1') ?? 0, 'SIGKILL')
  await eventually('the report', () => (parent.output.stderr.includes('a node has ended') ? true : undefined))
  expect(parent.output.stderr).toMatch(/"node":"node1","signal":"SIGKILL","running":2,"restart":"[^"]*--as node1"/)
  await ready(privatePorts[2] ?? 0)

  const restarted = start('--as', 'node1')
  await ready(privatePorts[1] ?? 0)
  restarted.kill('SIGTERM')
  expect(await restarted.ended).toEqual({ code: 0, signal: null })

  parent.kill('SIGTERM')
  expect(await parent.ended).toEqual({ code: 1, signal: null })
}, 120_000)

test('--host ends with 0 when every node did, and takes its nodes with it when it is killed', async () => {
  const privatePorts = await writeCluster(3)
  const killed = start('--host')
  await Promise.all(privatePorts.map(ready))
  const pids = await childPids(killed)
  killed.kill('SIGKILL')
  await killed.ended
  await eventually('the end of every node', async () => {
    const states = await Promise.all(
      [...pids.values()].map((pid) => readFile(`/proc/${pid}/stat`, 'utf8').catch(() => 'gone')),
    )
    return states.every((state) => state === 'gone' || /\) Z /.test(state)) ? true : undefined
  })

  const parent = start('--host')
  await Promise.all(privatePorts.map(ready))
  parent.kill('SIGINT')
  expect(await parent.ended).toEqual({ code: 0, signal: null })
}, 120_000)

test('SIGUSR2 reads the log level again', async () => {
  const [privatePort = 0] = await writeCluster(1)
  const node = start('--host')
  await ready(privatePort)
  const file = path.join(cwd, 'cluster.yaml')
  await writeFile(file, `${await readFile(file, 'utf8')}logging: { level: debug }\n`)
  node.kill('SIGUSR2')
  await eventually('the new level', () =>
    node.output.stderr.includes('"to":"debug","msg":"log level read again"') ? true : undefined,
  )
  node.kill('SIGTERM')
  expect(await node.ended).toEqual({ code: 0, signal: null })
}, 120_000)
