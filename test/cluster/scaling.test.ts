// One node becomes three, five, three and one again under load, by its API and by the command line, without a lost write.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { AcknowledgedWriter } from '../support/acknowledged-writer.ts'
import { eventually } from '../support/eventually.ts'
import { ProcessCluster, type ClusterLayout } from '../support/process-cluster.ts'

const INSIC = path.resolve(import.meta.dirname, '../../src/bin/insic.ts')
/** Acknowledged writes between two changes, so that each happens under load. */
const WRITES_BETWEEN = 50
const STEP_TIMEOUT_MS = 30_000

interface Status {
  readonly state: string
  readonly leader: string | null
  readonly settled: boolean
  readonly members: readonly { readonly node_id: string; readonly role: string }[]
}

/** The configuration of the first `nodeCount` nodes. */
function render(layout: ClusterLayout, nodeCount: number): string {
  const nodes = layout.nodes
    .slice(0, nodeCount)
    .map(
      ({ id, privatePort, publicPort, raftPort }) =>
        `  ${id}: { publicBinding: "127.0.0.1:${publicPort}", privateBinding: "127.0.0.1:${privatePort}", raftBinding: "127.0.0.1:${raftPort}" }\n`,
    )
  return `instanceSecret: ${layout.secret}\ndefaultLeader: node0\ninsiHome: ${layout.home}/data\nnodes:\n${nodes.join('')}`
}

let cluster: ProcessCluster
beforeAll(async () => {
  cluster = await ProcessCluster.create({ nodeCount: 5, render: (layout) => render(layout, 1) })
  cluster.start('node0')
  await cluster.ready(['node0'])
}, 60_000)
afterAll(() => cluster.destroy())

/** Runs insic with the root key; fails with what it printed when it ends with anything but 0. */
async function insic(...words: string[]): Promise<void> {
  const child = spawn(process.execPath, [INSIC, '--config', cluster.configPath, '--root', ...words], {
    cwd: cluster.layout.home,
    env: { PATH: process.env['PATH'] },
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()))
  const [code] = (await once(child, 'close')) as [number | null]
  if (code !== 0) throw new Error(`insic ${words.join(' ')} ended with ${String(code)}: ${output}`)
}

async function statusNow(): Promise<Status> {
  return (await cluster.call('node0', '/db/api/v1/cluster/status', { private: true })).json() as Status
}

async function lead(nodeId: string): Promise<void> {
  await eventually(`${nodeId} has led`, () => insic('cluster', 'transfer', nodeId).then(() => true), {
    timeoutMs: STEP_TIMEOUT_MS,
  })
}

/** A busy machine may elect in between: whoever leads then hands over first. */
async function remove(nodeId: string): Promise<void> {
  await eventually(
    `${nodeId} is removed`,
    async () => {
      const { leader, members } = await statusNow()
      if (leader !== null && !members.some((member) => member.node_id === nodeId)) return true
      await (leader === nodeId ? insic('cluster', 'transfer', 'node0') : insic('cluster', 'remove', nodeId))
      return undefined
    },
    { timeoutMs: STEP_TIMEOUT_MS },
  )
}

/** Waits until exactly these nodes vote and the leader hears all of them. */
async function untilVoters(nodeIds: readonly string[]): Promise<Status> {
  return eventually(
    `the voters are ${nodeIds.join(', ')}`,
    async () => {
      const status = await statusNow()
      const voters = status.members.filter(({ role }) => role === 'voter').map(({ node_id: id }) => id)
      return status.state === 'ok' && status.settled && voters.sort().join() === nodeIds.join() ? status : undefined
    },
    { timeoutMs: STEP_TIMEOUT_MS },
  )
}

test('1, 3, 5, 3 and 1 members under load lose no acknowledged write', async () => {
  const targets = ['node0', 'node1', 'node2'].map((nodeId) => () => cluster.publicUrl(nodeId))
  const writer = new AcknowledgedWriter(targets, cluster.rootKey)
  try {
    await scale(writer)
  } finally {
    await writer.stop()
  }
  expect(writer.acknowledgedCount).toBeGreaterThan(6 * WRITES_BETWEEN)
  expect(await writer.lost([() => cluster.publicUrl('node0')])).toEqual([])
}, 120_000)

async function scale(writer: AcknowledgedWriter): Promise<void> {
  const moreWrites = async (): Promise<void> => {
    const before = writer.acknowledgedCount
    await eventually('writes go on', () => (writer.acknowledgedCount >= before + WRITES_BETWEEN ? true : undefined), {
      timeoutMs: STEP_TIMEOUT_MS,
    })
  }
  await moreWrites()

  await writeFile(cluster.configPath, render(cluster.layout, 5))
  for (const nodeId of ['node1', 'node2']) cluster.start(nodeId)
  await untilVoters(['node0', 'node1', 'node2'])
  await moreWrites()

  for (const nodeId of ['node3', 'node4']) cluster.start(nodeId)
  for (const nodeId of ['node3', 'node4']) {
    await eventually(`${nodeId} listens`, async () =>
      (await cluster.call(nodeId, '/livez', { private: true })).status === 200 ? true : undefined,
    )
    await insic('join', 'node0', nodeId)
  }
  await untilVoters(['node0', 'node1', 'node2', 'node3', 'node4'])
  await moreWrites()

  // The one that leads has to hand over first, so that one of the removed has led.
  await lead('node4')
  await moreWrites()
  await lead('node2')
  for (const nodeId of ['node4', 'node3']) {
    await remove(nodeId)
    expect(await cluster.end(nodeId, 'SIGTERM')).toEqual({ code: 0, signal: null })
  }
  await untilVoters(['node0', 'node1', 'node2'])
  await moreWrites()

  await lead('node0')
  for (const nodeId of ['node2', 'node1']) {
    await remove(nodeId)
    expect(await cluster.end(nodeId, 'SIGTERM')).toEqual({ code: 0, signal: null })
  }
  await untilVoters(['node0'])
  await moreWrites()
}
