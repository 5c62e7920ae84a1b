// Recovery from a lost majority on real processes: one node goes on alone, empty ones join it, old ones are kept out.
import { rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { eventually } from '../support/eventually.ts'
import { ProcessCluster } from '../support/process-cluster.ts'
import { runInsid } from './insid-process.ts'

interface Status {
  readonly cluster_id: string
  readonly leader: string | null
  readonly quorum: { readonly voters: number; readonly active: number | null }
}

const SURVIVOR = 'node1'
const LOST = ['node0', 'node2']
const KEYS = Array.from({ length: 200 }, (_, number) => `key-${number}`)

let cluster: ProcessCluster
beforeAll(async () => {
  cluster = await ProcessCluster.running(3)
}, 60_000)
afterAll(() => cluster.destroy())

const directoryOf = (nodeId: string): string => path.join(cluster.layout.home, 'data', nodeId)

async function statusAt(nodeId: string): Promise<Status> {
  const answer = await cluster.call(nodeId, '/db/api/v1/cluster/status', { private: true })
  if (answer.status !== 200) throw new Error(`status answered ${answer.status}: ${answer.text}`)
  return answer.json() as Status
}

const recover = (...words: string[]) =>
  runInsid(['recover-alone', '--as', SURVIVOR, '--config', cluster.configPath, ...words], { cwd: cluster.layout.home })

async function expectAllKeys(nodeId: string): Promise<void> {
  for (const key of KEYS) expect(await cluster.get(nodeId, key)).toBe(key)
}

/** The default leader, alone with an empty disk, waits and says why. */
async function expectNoSecondCluster(): Promise<void> {
  cluster.start('node0')
  const notReady = await eventually('it says why it waits', async () => {
    const answer = await cluster.call('node0', '/readyz', { private: true })
    return answer.text.includes('begins no cluster') ? answer : undefined
  })
  expect([notReady.status, notReady.text]).toEqual([503, expect.stringContaining('node1, node2 did not answer')])
  const metrics = await cluster.call('node0', '/metrics', { private: true })
  expect(metrics.text).toContain('insi_raft_bootstrap_refused 1\n')
  await cluster.kill('node0')
}

test('a node whose majority is lost goes on alone once told so by the name of the cluster', async () => {
  for (const key of KEYS) expect((await cluster.set('node0', key, key)).status).toBe(200)
  const { cluster_id: lostCluster } = await statusAt(SURVIVOR)
  // A linearizable read: the survivor has everything.
  await expectAllKeys(SURVIVOR)
  await Promise.all(LOST.map((nodeId) => cluster.kill(nodeId)))
  await rename(directoryOf('node0'), `${directoryOf('node0')}.old`)
  await rm(directoryOf('node2'), { recursive: true })
  await eventually('the survivor has no quorum', async () =>
    (await statusAt(SURVIVOR)).leader === null ? true : undefined,
  )
  expect((await cluster.set(SURVIVOR, 'refused', 'x')).status).toBe(503)
  expect(await recover()).toMatchObject({ code: 1, stderr: expect.stringContaining('is in use by node1') })

  await cluster.end(SURVIVOR, 'SIGTERM')
  await expectNoSecondCluster()
  const asked = await recover()
  expect(asked).toMatchObject({ code: 1, stderr: '' })
  expect(asked.stdout).toContain(`--confirm ${lostCluster}`)
  for (const nodeId of LOST) expect(asked.stdout).toMatch(new RegExp(`${nodeId}/[0-9a-f-]{36} \\(voter\\)`))
  const wrong = await recover('--confirm', 'yes')
  expect(wrong).toMatchObject({ code: 1, stdout: expect.stringContaining('yes is not the id of the cluster') })
  const done = await recover('--confirm', lostCluster)
  expect(done).toMatchObject({ code: 0, stderr: '' })

  cluster.start(SURVIVOR)
  await cluster.ready([SURVIVOR])
  const alone = await statusAt(SURVIVOR)
  expect(done.stdout).toContain(`the new cluster ${alone.cluster_id}`)
  expect(alone).toMatchObject({ leader: SURVIVOR, quorum: { voters: 1, active: 1 } })
  expect(alone.cluster_id).not.toBe(lostCluster)
  await expectAllKeys(SURVIVOR)
  expect((await cluster.set(SURVIVOR, 'after', 'x')).status).toBe(200)
}, 60_000)

test('nodes with empty disks join it, and one with its old disk is kept out', async () => {
  for (const nodeId of LOST) cluster.start(nodeId)
  await cluster.ready(LOST)
  await eventually('three voters', async () => ((await statusAt(SURVIVOR)).quorum.voters === 3 ? true : undefined))
  await expectAllKeys('node0')
  expect((await cluster.set('node2', 'three-again', 'x')).status).toBe(200)

  await cluster.kill('node0')
  await rm(directoryOf('node0'), { recursive: true })
  await rename(`${directoryOf('node0')}.old`, directoryOf('node0'))
  cluster.start('node0')
  await eventually('the old member is refused', () =>
    cluster.output('node0').includes('"reason":"cluster"') ? true : undefined,
  )
  expect((await cluster.call('node0', '/readyz', { private: true })).status).toBe(503)
  expect((await cluster.set('node0', 'key-0', 'old')).status).toBe(503)
  expect((await cluster.set(SURVIVOR, 'key-0', 'new')).status).toBe(200)
  expect((await statusAt('node2')).quorum).toMatchObject({ voters: 3, active: 2 })
}, 60_000)
