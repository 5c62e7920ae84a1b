// Real faults in a real cluster: each raises its alert and its companions only, and what the runbook says ends it. The rules are
// the chart's, evaluated 20 times as fast, and 60 times where they wait for a quarter of an hour and more: see shortened-rules.ts.
import { type ChildProcess, spawn } from 'node:child_process'
import { cp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { must } from '../../src/base/assert.ts'
import { APPLIED_KEY, decodeAppliedPoint, encodeAppliedPoint } from '../../src/state/applied-point.ts'
import { STATE_HASH_INTERVAL } from '../../src/state/state-hash.ts'
import { ReplaceableLevelStore } from '../../src/storage/replaceable-level-store.ts'
import { FaultCluster, type Fault, type Outcome } from './fault-cluster.ts'
import { requirePrometheus } from './prometheus.ts'
import { shortened } from './shortened-rules.ts'
import { StallableDisk, mayMount } from './stallable-disk.ts'

const ROOT = path.resolve(import.meta.dirname, '../..')
const FACTOR = 20
const SLOW_FACTOR = 60
const START_TIMEOUT_MS = 90_000
const FAULT_TIMEOUT_MS = 180_000
const NEXT_VERSION = '0.1.999'
const QUOTA_BYTES = 100_000

const outcomes: Outcome[] = []
let faults: FaultCluster
let disk: StallableDisk | undefined
let skewed: ChildProcess | undefined

const folderOf = (nodeId: string): string => path.join(faults.cluster.layout.home, 'data', nodeId)

async function restarted(...nodeIds: string[]): Promise<void> {
  for (const nodeId of nodeIds) faults.cluster.start(nodeId)
  await faults.cluster.ready(nodeIds)
}

async function suffer(fault: Fault): Promise<void> {
  await faults.insic('cluster', 'transfer', 'insi-0')
  outcomes.push(await faults.suffer(fault))
}

beforeAll(async () => {
  requirePrometheus()
  faults = await FaultCluster.create()
  if (mayMount) disk = await StallableDisk.mount(path.join(faults.cluster.layout.home, 'disk'), folderOf('insi-2'))
  await faults.start()
  await faults.watch(FACTOR)
}, START_TIMEOUT_MS)

afterAll(async () => {
  skewed?.kill('SIGKILL')
  await disk?.thaw()
  await Promise.all(faults.cluster.nodeIds.map((nodeId) => faults.cluster.kill(nodeId)))
  await disk?.unmount()
  await faults.stop()
  const lines = outcomes.map(
    ({ fault, firedAfter, overAfter }) =>
      `| ${fault} | ${[...firedAfter].map(([name, seconds]) => `${name} ${seconds} s`).join(', ')} | ${overAfter} s |\n`,
  )
  process.stdout.write(`| fault | alerts, after | over, after the cure |\n| --- | --- | --- |\n${lines.join('')}`)
}, START_TIMEOUT_MS)

test('only durations are shortened', () => {
  const rule = '      - alert: InsiA5m\n        expr: rate(a{for="5m"}[5m]) + b[30m:30s] > 300\n        for: 1h\n'
  expect(shortened(rule, FACTOR)).toBe(
    '      - alert: InsiA5m\n        expr: rate(a{for="5m"}[15000ms]) + b[90000ms:1500ms] > 300\n        for: 180000ms\n',
  )
})

test(
  'one node is killed',
  () =>
    suffer({
      name: 'one of three nodes is killed',
      alerts: { InsiNodeDown: 'insi-1', InsiQuorumMarginZero: null },
      unused: ['insi-1'],
      inject: () => faults.cluster.kill('insi-1'),
      cure: () => restarted('insi-1'),
    }),
  FAULT_TIMEOUT_MS,
)

test(
  'two nodes are killed',
  () =>
    suffer({
      name: 'two of three nodes are killed',
      alerts: { InsiNoLeader: null },
      unused: [],
      inject: async () => {
        await Promise.all([faults.cluster.kill('insi-1'), faults.cluster.kill('insi-2')])
      },
      cure: () => restarted('insi-1', 'insi-2'),
    }),
  FAULT_TIMEOUT_MS,
)

test(
  'the network of one node is cut',
  () =>
    suffer({
      name: 'the raft network of one node is cut',
      alerts: { InsiNodeIsolated: 'insi-2', InsiQuorumMarginZero: null },
      unused: ['insi-2'],
      inject: () => faults.network.cut('insi-2', faults.cluster.process('insi-2')?.pid ?? 0),
      cure: async () => faults.network.mend(),
    }),
  FAULT_TIMEOUT_MS,
)

test(
  'the disk of one node hangs',
  () =>
    suffer({
      name: 'the disk of one node hangs',
      alerts: { InsiDiskStalled: 'insi-2' },
      unused: ['insi-2'],
      inject: async () => {
        if (disk === undefined) throw new Error('only root may freeze a disk: run this suite as root')
        await disk.freeze()
      },
      cure: async () => disk?.thaw(),
    }),
  FAULT_TIMEOUT_MS,
)

/** Has a node that was stopped remember another state than the others: as if it had applied something else. */
async function diverge(nodeId: string): Promise<void> {
  const stores = await ReplaceableLevelStore.open(path.join(folderOf(nodeId), 'state'))
  const point = decodeAppliedPoint(must(stores.current().get(APPLIED_KEY), 'the state has applied something'))
  const value = encodeAppliedPoint({ ...point, stateHash: (point.stateHash ^ 1) >>> 0 })
  await stores.current().batch([{ type: 'put', key: APPLIED_KEY, value }], { sync: true })
  await stores.close()
}

test(
  'the state of one node differs',
  async () => {
    // A Prometheus that has not seen how often the faults before had nodes restart.
    await faults.watch(FACTOR)
    await suffer({
      name: 'the state of one node differs',
      alerts: { InsiNodeQuarantined: 'insi-1' },
      unused: ['insi-1'],
      inject: async () => {
        await faults.cluster.end('insi-1', 'SIGTERM')
        await diverge('insi-1')
        await restarted('insi-1')
        // Nodes compare their states after this many entries.
        const keys = Array.from({ length: 2 * STATE_HASH_INTERVAL }, (_, at) => `filler-${at}`)
        await Promise.all(keys.map((key) => faults.cluster.set('insi-0', key, 'x')))
      },
      cure: async () => {
        await faults.cluster.end('insi-1', 'SIGTERM')
        await rm(folderOf('insi-1'), { recursive: true })
        await restarted('insi-1')
      },
    })
  },
  FAULT_TIMEOUT_MS,
)

async function fillQuota(token: string): Promise<void> {
  const limits = {
    bytes_on_disk: QUOTA_BYTES,
    bytes_in_memory: QUOTA_BYTES,
    events_emitted: 1_000,
    subscribers: 10,
    rate_per_second_data_limit: 100,
  }
  const set = await faults.cluster.call('insi-0', '/db/api/v1/admin/limits/set', {
    private: true,
    body: { api_key: token, limits },
  })
  expect(set.status).toBe(200)
  const body = { key: 'large', value: 'x'.repeat(QUOTA_BYTES * 0.95) }
  expect((await faults.cluster.call('insi-0', '/db/api/v1/set', { token, body })).status).toBe(200)
}

test(
  'a tenant fills its quota',
  async () => {
    await faults.watch(SLOW_FACTOR)
    const made = await faults.cluster.call('insi-0', '/db/api/v1/admin/api/create', {
      private: true,
      body: { key_name: 'shop' },
    })
    const token = (made.json() as { key: string }).key
    await suffer({
      name: 'a tenant fills its quota of disk',
      alerts: { InsiQuotaNear: 'disk' },
      unused: [],
      inject: () => fillQuota(token),
      cure: async () => void (await faults.insic('api', 'set-limits', token, '--disk', String(10 * QUOTA_BYTES))),
    })
  },
  FAULT_TIMEOUT_MS,
)

/** Runs a node from a copy of the sources that says it is another release. */
async function startSkewed(nodeId: string): Promise<void> {
  const copy = path.join(faults.cluster.layout.home, 'next')
  await cp(path.join(ROOT, 'src'), path.join(copy, 'src'), { recursive: true })
  const manifest = JSON.parse(await readFile(path.join(ROOT, 'package.json'), 'utf8')) as object
  await writeFile(path.join(copy, 'package.json'), JSON.stringify({ ...manifest, version: NEXT_VERSION }))
  await symlink(path.join(ROOT, 'node_modules'), path.join(copy, 'node_modules'))
  await faults.cluster.end(nodeId, 'SIGTERM')
  const words = [path.join(copy, 'src/bin/insid.ts'), '--as', nodeId, '--config', faults.cluster.configPath]
  skewed = spawn(process.execPath, words, { stdio: 'ignore', cwd: faults.cluster.layout.home })
  await faults.cluster.ready([nodeId])
}

test(
  'one node stays at another version',
  () =>
    suffer({
      name: 'one node runs another version',
      alerts: { InsiVersionSkew: null },
      unused: ['insi-1'],
      inject: () => startSkewed('insi-1'),
      cure: async () => {
        const ended = new Promise((resolve) => skewed?.once('exit', resolve))
        skewed?.kill('SIGTERM')
        await ended
        skewed = undefined
        await restarted('insi-1')
      },
    }),
  FAULT_TIMEOUT_MS,
)
