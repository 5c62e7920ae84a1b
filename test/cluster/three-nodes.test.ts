// Three real processes from the sample file that the product's description shows: leader killed, all killed, a follower away.
import { eventually } from '../support/eventually.ts'
import { ProcessCluster, type ClusterLayout } from '../support/process-cluster.ts'

const FAILOVER_MS_MAX = 2_000
const WRITERS = 16
const AWAY_WRITES = 50_000

/** snake_case names, five keys, wildcard hosts: as people find it in descriptions of Insi. */
function renderSample(layout: ClusterLayout): string {
  const nodes = layout.nodes.map(
    (node) =>
      `  ${node.id}:\n    public_binding: "0.0.0.0:${node.publicPort}"\n    private_binding: "0.0.0.0:${node.privatePort}" \n    raft_binding: "0.0.0.0:${node.raftPort}"\n`,
  )
  return `default_leader: "node0"\ninstance_secret: "${layout.secret}"\nnodes:\n${nodes.join('')}`
}

interface Load {
  /** Keys whose write was acknowledged. */
  readonly acknowledged: string[]
  /** Time of every acknowledgement, in ms. */
  readonly times: number[]
  stop(): Promise<void>
}

/** Writers that set unique keys through every node in turn and go on to the next node when one fails. */
function startLoad(cluster: ProcessCluster, prefix: string): Load {
  const acknowledged: string[] = []
  const times: number[] = []
  const state = { isRunning: true }
  let next = 0
  const writers = Array.from({ length: WRITERS }, async (_, writer) => {
    let at = writer
    while (state.isRunning) {
      const key = `${prefix}-${next++}`
      const nodeId = cluster.nodeIds[at % cluster.nodeIds.length] ?? 'node0'
      const answer = await cluster.set(nodeId, key, key).catch(() => null)
      if (answer?.status === 200) {
        acknowledged.push(key)
        times.push(performance.now())
      } else {
        at++
        await new Promise((resolve) => setImmediate(resolve))
      }
    }
  })
  return {
    acknowledged,
    times,
    stop: async () => {
      state.isRunning = false
      await Promise.all(writers)
    },
  }
}

async function expectAll(cluster: ProcessCluster, nodeId: string, keys: readonly string[]): Promise<void> {
  const missing: string[] = []
  let at = 0
  await Promise.all(
    Array.from({ length: WRITERS }, async () => {
      while (at < keys.length) {
        const key = keys[at++] ?? ''
        if ((await cluster.get(nodeId, key)) !== key) missing.push(key)
      }
    }),
  )
  expect(missing).toEqual([])
}

describe('three nodes of the sample file', () => {
  let cluster: ProcessCluster

  beforeAll(async () => {
    cluster = await ProcessCluster.create({ nodeCount: 3, render: renderSample })
    cluster.startAll()
    await cluster.ready()
  }, 60_000)

  afterAll(() => cluster.destroy())

  test('a write to any node is read from any other', async () => {
    for (const writer of cluster.nodeIds) {
      expect((await cluster.set(writer, `from-${writer}`, writer)).status).toBe(200)
      for (const reader of cluster.nodeIds) expect(await cluster.get(reader, `from-${writer}`)).toBe(writer)
    }
  })

  test('writes go on within 2 s of the leader being killed, and nothing acknowledged is lost', async () => {
    const load = startLoad(cluster, 'failover')
    await eventually('the load runs', () => (load.acknowledged.length > 500 ? true : undefined))
    const leader = await cluster.leader()
    const killedAt = performance.now()
    await cluster.kill(leader)
    const survivors = cluster.nodeIds.filter((nodeId) => nodeId !== leader)
    await eventually('writes go on', () => (load.times.some((time) => time > killedAt + 100) ? true : undefined))
    const before = load.acknowledged.length
    await eventually('many writes go on', () => (load.acknowledged.length > before + 500 ? true : undefined), {
      timeoutMs: 20_000,
    })
    await load.stop()
    const around = [killedAt, ...load.times.filter((time) => time > killedAt)]
    const longestStallMs = Math.max(...around.slice(1).map((time, at) => time - (around[at] ?? time)))
    expect(longestStallMs).toBeLessThan(FAILOVER_MS_MAX)
    await expectAll(cluster, survivors[0] ?? '', load.acknowledged)
    cluster.start(leader)
    await cluster.ready([leader])
    await expectAll(cluster, leader, load.acknowledged)
  }, 90_000)

  test('all three killed at once and restarted have everything that was acknowledged', async () => {
    const load = startLoad(cluster, 'blackout')
    await eventually('the load runs', () => (load.acknowledged.length > 1_000 ? true : undefined))
    await Promise.all(cluster.nodeIds.map((nodeId) => cluster.kill(nodeId)))
    await load.stop()
    cluster.startAll()
    await cluster.ready()
    for (const nodeId of cluster.nodeIds) await expectAll(cluster, nodeId, load.acknowledged)
  }, 90_000)

  test('SIGTERM ends a node with code 0, and the others go on', async () => {
    const leader = await cluster.leader()
    const others = cluster.nodeIds.filter((nodeId) => nodeId !== leader)
    expect(await cluster.end(leader, 'SIGTERM')).toEqual({ code: 0, signal: null })
    expect((await cluster.set(others[0] ?? '', 'after-term', 'x')).status).toBe(200)
    cluster.start(leader)
    await cluster.ready([leader])
    expect(await cluster.get(leader, 'after-term')).toBe('x')
  }, 60_000)
})

describe('a follower that was down for 50 000 writes', () => {
  /** One log entry: a set, or a batch of them. */
  async function write(cluster: ProcessCluster, nodeId: string, numbers: readonly number[]): Promise<void> {
    const sets = numbers.map((number) => ({ key: `away-${number}`, value: String(number) }))
    const [set] = sets
    const answer =
      sets.length === 1 && set !== undefined
        ? await cluster.set(nodeId, set.key, set.value)
        : await cluster.call(nodeId, '/db/api/v1/batch', {
            body: { operations: sets.map((fields) => ({ op: 'set', ...fields })) },
          })
    if (answer.status !== 200) throw new Error(`the write answered ${answer.status}: ${answer.text}`)
  }

  /** Acknowledged writes through the leader, so many in each log entry, while node2 is down; then node2 returns. */
  async function awayAndBack(
    writesOfOne: number,
    extraYaml: string,
    check: (cluster: ProcessCluster) => unknown,
  ): Promise<void> {
    const cluster = await ProcessCluster.create({ nodeCount: 3, extraYaml })
    try {
      cluster.startAll()
      await cluster.ready()
      await cluster.kill('node2')
      const leader = await cluster.leader(['node0', 'node1'])
      let next = 0
      await Promise.all(
        Array.from({ length: 128 }, async () => {
          while (next < AWAY_WRITES) {
            const first = next
            next += writesOfOne
            const numbers = Array.from({ length: writesOfOne }, (_, at) => first + at)
            await write(cluster, leader, numbers)
          }
        }),
      )
      cluster.start('node2')
      await cluster.ready(['node2'], 60_000)
      expect(await cluster.get('node2', `away-${AWAY_WRITES - 1}`)).toBe(String(AWAY_WRITES - 1))
      for (let number = 0; number < AWAY_WRITES; number += 499)
        expect(await cluster.get('node2', `away-${number}`, '&consistency=local')).toBe(String(number))
      await check(cluster)
    } finally {
      await cluster.destroy()
    }
  }

  test('catches up from the log', async () => {
    await awayAndBack(1, '', (cluster) => expect(cluster.output('node2')).not.toMatch(/snapshot installed/))
  }, 120_000)

  test('catches up from a snapshot once the log was cut', async () => {
    await awayAndBack(50, 'raft: { logEntriesMax: 500, logRetainedEntries: 100 }\n', async (cluster) => {
      // Reads see the received state while its installation still has to become durable.
      await eventually('the snapshot is installed', () =>
        cluster.output('node2').includes('snapshot installed') ? true : undefined,
      )
      for (const key of ['a', 'b', 'a']) {
        await cluster.call('node2', '/db/api/v1/cache/set', { body: { key, value: '1' } })
      }
      const metrics = await eventually('the entries of the cache are counted', async () => {
        const { text } = await cluster.call('node2', '/metrics', { private: true, token: null })
        return /^insi_cache_entries 2$/m.test(text) ? text : undefined
      })
      expect(metrics).toMatch(/^insi_snapshot_duration_seconds_count\{direction="installed"\} 1$/m)
      expect(metrics).toMatch(/^insi_snapshot_duration_seconds_sum\{direction="installed"\} [\d.]*[1-9]/m)
    })
  }, 120_000)
})
