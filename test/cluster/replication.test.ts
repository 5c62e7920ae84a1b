// Replicas on real disks and connections: how a cluster forms, moves and heals. Faults at every moment are in test/sim.
import { ReplicaCluster } from '../support/replica-cluster.ts'
import { eventually } from '../support/eventually.ts'

const VALUE = 'x'.repeat(1_000)

async function withCluster(
  nodeCount: number,
  options: Parameters<typeof ReplicaCluster.create>[1],
  work: (cluster: ReplicaCluster) => Promise<void>,
): Promise<void> {
  const cluster = await ReplicaCluster.create(nodeCount, options)
  try {
    await work(cluster)
  } finally {
    await cluster.destroy()
  }
}

/** Member ids in force at the leader, sorted. */
function membersAt(cluster: ReplicaCluster, nodeId: string): string[] {
  return (cluster.replica(nodeId).raftStatus()?.membership.members ?? []).map(({ id, role }) => `${id} ${role}`)
}

describe('a cluster', () => {
  test('forms by itself, takes writes through any node and shows them on every other', async () => {
    await withCluster(3, {}, async (cluster) => {
      await cluster.startAll()
      await cluster.formed()
      for (const writer of cluster.nodeIds) {
        expect(await cluster.set(writer, 'k', writer)).toMatchObject({ ok: true })
        for (const reader of cluster.nodeIds) expect(await cluster.get(reader, 'k')).toBe(writer)
      }
      const ids = cluster.nodeIds.map((nodeId) => cluster.replica(nodeId).status().clusterId)
      expect(new Set(ids).size).toBe(1)
    })
  }, 60_000)

  test('of one node serves at once and again after a restart', async () => {
    await withCluster(1, {}, async (cluster) => {
      await cluster.start('n0')
      expect(await cluster.bump('n0', 'c')).toMatchObject({ ok: true, value: '1' })
      await cluster.stop('n0')
      await cluster.start('n0')
      expect(await cluster.bump('n0', 'c')).toMatchObject({ ok: true, value: '2' })
      expect(await cluster.get('n0', 'c')).toBe('2')
    })
  }, 30_000)

  test('goes on without an election timeout when its leader stops in order', async () => {
    await withCluster(3, { electionTimeoutMs: 5_000 }, async (cluster) => {
      await cluster.startAll()
      const leader = await cluster.formed(60_000)
      const others = cluster.nodeIds.filter((nodeId) => nodeId !== leader)
      const startedMs = performance.now()
      await cluster.stop(leader)
      for (const nodeId of others) expect(await cluster.set(nodeId, 'k', nodeId)).toMatchObject({ ok: true })
      expect(performance.now() - startedMs).toBeLessThan(5_000)
    })
  }, 120_000)

  test('leaves no write through a follower open when its leader stops in order', async () => {
    await withCluster(3, {}, async (cluster) => {
      await cluster.startAll()
      for (let round = 0; round < 4; round++) {
        const leader = await cluster.formed()
        const others = cluster.nodeIds.filter((nodeId) => nodeId !== leader)
        const failures: unknown[] = []
        let writtenCount = 0
        const ending = new AbortController()
        const writers = [...others, ...others, ...others, ...others].map(async (nodeId) => {
          while (!ending.signal.aborted) {
            try {
              await cluster.set(nodeId, 'k', nodeId)
              writtenCount++
            } catch (error) {
              failures.push(error)
            }
          }
        })
        await eventually('writes run', () => (writtenCount > 200 ? true : undefined))
        await cluster.stop(leader)
        const after = writtenCount
        await eventually('writes go on', () => (writtenCount > after + 200 ? true : undefined))
        ending.abort()
        await Promise.all(writers)
        expect(failures).toEqual([])
        await cluster.start(leader)
      }
    })
  }, 120_000)

  test('elects and goes on when nodes are addressed anew all at once', async () => {
    await withCluster(3, {}, async (cluster) => {
      await cluster.startAll()
      await cluster.formed()
      await cluster.set('n1', 'k', 'before')
      for (const nodeId of cluster.nodeIds) await cluster.stop(nodeId)
      await cluster.chooseAddresses()
      await cluster.startAll()
      const leader = await cluster.formed()
      expect(await cluster.get('n2', 'k')).toBe('before')
      await eventually('the membership has the new addresses', () => {
        const { members } = cluster.replica(leader).raftStatus()?.membership ?? { members: [] }
        const isMoved = members.every(({ id, raftAddress }) => raftAddress === cluster.addressOf(id.slice(0, 2)))
        return members.length === 3 && isMoved ? true : undefined
      })
    })
  }, 60_000)
})

describe('a follower', () => {
  test('that was away while the log was cut catches up by a snapshot', async () => {
    const options = { logEntriesMax: 100, logRetainedEntries: 20, snapshotChunkSizeBytes: 4_096 }
    await withCluster(3, options, async (cluster) => {
      await cluster.startAll()
      const leader = await cluster.formed()
      const away = cluster.nodeIds.find((nodeId) => nodeId !== leader) ?? ''
      const { lastIndex } = cluster.logEnds(away)
      await cluster.stop(away)
      for (let round = 0; round < 30; round++) {
        await Promise.all(Array.from({ length: 20 }, (_, key) => cluster.set(leader, `k${round}-${key}`, VALUE)))
      }
      await eventually('the log is cut beyond what the follower has', () =>
        cluster.logEnds(leader).firstIndex > lastIndex + 1 ? true : undefined,
      )
      await cluster.start(away)
      expect(await eventually('the read is answered', () => cluster.get(away, 'k29-19'))).toBe(VALUE)
      expect(await cluster.get(away, 'k0-0')).toBe(VALUE)
      // Reads see the received state while its installation still has to become durable.
      await eventually('one snapshot is installed', () => (cluster.installedCount(away) === 1 ? true : undefined))
      expect(cluster.failure(away)).toBeNull()
    })
  }, 90_000)

  test('with a wiped disk takes the place of its old self as a new member', async () => {
    await withCluster(3, {}, async (cluster) => {
      await cluster.startAll()
      const leader = await cluster.formed()
      const wiped = cluster.nodeIds.find((nodeId) => nodeId !== leader) ?? ''
      await cluster.set(leader, 'k', 'kept')
      const oldId = cluster.replica(wiped).status().memberId
      await cluster.stop(wiped)
      await cluster.wipe(wiped)
      await cluster.start(wiped)
      await cluster.formed(30_000)
      expect(await cluster.get(wiped, 'k')).toBe('kept')
      const { memberId } = cluster.replica(wiped).status()
      expect(memberId).not.toBe(oldId)
      const members = membersAt(cluster, cluster.replica(wiped).status().leader?.nodeId ?? '')
      expect(members).toContain(`${memberId} voter`)
      expect(members).toHaveLength(3)
    })
  }, 90_000)
})

describe('the default leader', () => {
  test('with a wiped disk joins its cluster instead of making another one', async () => {
    await withCluster(3, {}, async (cluster) => {
      await cluster.startAll()
      await cluster.formed()
      await cluster.set('n0', 'k', 'kept')
      const { clusterId } = cluster.replica('n1').status()
      await cluster.stop('n0')
      await cluster.wipe('n0')
      await cluster.start('n0')
      await cluster.formed(30_000)
      expect(cluster.replica('n0').status().clusterId).toBe(clusterId)
      expect(await cluster.get('n0', 'k')).toBe('kept')
    })
  }, 90_000)
})

describe('a default leader with an empty disk', () => {
  test('that hears nobody waits with a reason, and founds no second cluster', async () => {
    await withCluster(3, { retryMinMs: 20 }, async (cluster) => {
      await cluster.startAll()
      await cluster.formed()
      await cluster.set('n0', 'k', 'kept')
      const { clusterId } = cluster.replica('n1').status()
      for (const nodeId of cluster.nodeIds) await cluster.stop(nodeId)
      await cluster.wipe('n0')
      await cluster.start('n0')
      await eventually('it waits', () => (cluster.replica('n0').status().isBootstrapRefused ? true : undefined))
      const { obstacle, role } = cluster.replica('n0').status()
      expect([role, obstacle]).toEqual(['joining', expect.stringContaining('n1, n2 did not answer')])
      expect(cluster.lines).toContainEqual(
        expect.objectContaining({ level: 'warn', fields: { reason: obstacle }, message: 'waiting for a cluster' }),
      )
      await Promise.all([cluster.start('n1'), cluster.start('n2')])
      await cluster.formed(30_000)
      expect(cluster.replica('n0').status()).toMatchObject({ clusterId, obstacle: null, isBootstrapRefused: false })
      expect(await cluster.get('n0', 'k')).toBe('kept')
    })
  }, 90_000)

  test('founds the cluster as soon as a majority is up, and the last node joins', async () => {
    await withCluster(3, {}, async (cluster) => {
      await cluster.start('n0')
      await eventually('it waits', () => (cluster.replica('n0').status().isBootstrapRefused ? true : undefined))
      await cluster.start('n1')
      await cluster.formed(30_000)
      expect(await cluster.set('n1', 'k', 'v')).toMatchObject({ ok: true })
      expect(cluster.lines).toContainEqual(
        expect.objectContaining({ level: 'warn', fields: expect.objectContaining({ silent: ['n2'] }) }),
      )
      await cluster.start('n2')
      await cluster.formed(30_000)
      expect(await cluster.get('n2', 'k')).toBe('v')
    })
  }, 90_000)

  test('alone under an identity marker waits for the cluster that it names', async () => {
    await withCluster(1, {}, async (cluster) => {
      cluster.marker = 'the-cluster'
      await cluster.start('n0')
      await eventually('it waits', () =>
        cluster.replica('n0').status().obstacle?.includes('the cluster the-cluster exists') === true ? true : undefined,
      )
      cluster.marker = null
      await cluster.formed()
    })
  }, 30_000)
})

test('a data directory of another cluster than the one that the identity marker names is refused', async () => {
  await withCluster(1, {}, async (cluster) => {
    await cluster.start('n0')
    await cluster.formed()
    await cluster.stop('n0')
    cluster.marker = 'another'
    await expect(cluster.start('n0')).rejects.toMatchObject({ code: 'IDENTITY_MISMATCH' })
    cluster.marker = null
    await cluster.stop('n0')
    await cluster.start('n0')
    await cluster.formed()
  })
}, 30_000)

describe('a node without its cluster', () => {
  test('starts, says that it is joining, refuses writes as safe to repeat, and joins when the others come', async () => {
    await withCluster(3, { leaderWaitMs: 500, readTimeoutMs: 500 }, async (cluster) => {
      await cluster.start('n2')
      expect(cluster.replica('n2').status()).toMatchObject({ role: 'joining', clusterId: null, leader: null })
      await expect(cluster.set('n2', 'k', 'v')).rejects.toMatchObject({ code: 'NO_LEADER' })
      await expect(cluster.get('n2', 'k')).rejects.toMatchObject({ code: 'NO_LEADER' })
      await Promise.all([cluster.start('n0'), cluster.start('n1')])
      await cluster.formed(30_000)
      expect(await cluster.set('n2', 'k', 'v')).toMatchObject({ ok: true })
    })
  }, 60_000)
})
