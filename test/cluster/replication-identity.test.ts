// Members whose data directory is not what the cluster takes it for: removed ones, divergent ones, doubled ones.
import { must } from '../../src/base/assert.ts'
import { APPLIED_KEY, decodeAppliedPoint, encodeAppliedPoint } from '../../src/state/applied-point.ts'
import { STATE_HASH_INTERVAL } from '../../src/state/state-hash.ts'
import { eventually } from '../support/eventually.ts'
import { ReplicaCluster } from '../support/replica-cluster.ts'

async function withCluster(nodeCount: number, work: (cluster: ReplicaCluster) => Promise<void>): Promise<void> {
  const cluster = await ReplicaCluster.create(nodeCount, { leaderWaitMs: 1_000, readTimeoutMs: 1_000 })
  try {
    await cluster.startAll()
    await cluster.formed()
    await work(cluster)
  } finally {
    await cluster.destroy()
  }
}

function followerOf(cluster: ReplicaCluster, leader: string): string {
  return must(
    cluster.nodeIds.find((nodeId) => nodeId !== leader),
    'there are followers',
  )
}

test('a removed member that comes back is told so, serves nothing and does not disturb the others', async () => {
  await withCluster(3, async (cluster) => {
    const node = followerOf(cluster, await cluster.formed())
    await cluster.stop(node)
    await cluster.setAside(node)
    await cluster.start(node)
    const leader = await cluster.formed(30_000)
    const { term } = cluster.replica(leader).status()
    await cluster.stop(node)
    await cluster.restore(node)

    await cluster.start(node)
    await eventually('the removed member says what happened to it', () =>
      cluster.lines.find(({ level, message }) => level === 'error' && message.includes('was removed')),
    )
    await expect(cluster.get(node, 'k')).rejects.toMatchObject({ code: 'NO_LEADER' })
    await expect(cluster.set(node, 'k', 'v')).rejects.toMatchObject({ code: 'NO_LEADER' })
    expect(await cluster.set(leader, 'k', 'v')).toMatchObject({ ok: true })
    expect(cluster.replica(leader).status()).toMatchObject({ role: 'leader', term })
  })
}, 90_000)

/** Has a node that stopped remember another hash than the others: as if it had applied something else. */
async function diverge(cluster: ReplicaCluster, node: string): Promise<void> {
  await cluster.tamper(node, async (store) => {
    const point = decodeAppliedPoint(must(store.get(APPLIED_KEY), 'the state has applied something'))
    const value = encodeAppliedPoint({ ...point, stateHash: (point.stateHash ^ 1) >>> 0 })
    await store.batch([{ type: 'put', key: APPLIED_KEY, value }], { sync: true })
  })
}

test.each(['follower', 'leader'])(
  'a %s whose state differs quarantines itself for good, the others go on, and it comes back with an empty disk',
  async (role) => {
    await withCluster(3, async (cluster) => {
      const node = followerOf(cluster, await cluster.formed())
      await cluster.stop(node)
      await diverge(cluster, node)
      await cluster.start(node)
      await cluster.formed()
      if (role === 'leader') {
        await eventually('it leads', () => {
          if (cluster.replica(node).status().role === 'leader') return true
          const { leader } = cluster.replica(node).status()
          if (leader !== null)
            cluster.replica(leader.nodeId).transferLeadership(cluster.replica(node).status().memberId)
          return undefined
        })
      }
      const others = cluster.nodeIds.filter((nodeId) => nodeId !== node)
      await Promise.all(
        Array.from({ length: 2 * STATE_HASH_INTERVAL }, (_, key) =>
          // What is under way when a leader steps down has no certain outcome.
          cluster.set(must(others[key % 2], 'there are two'), `k${key}`, 'v').catch(() => null),
        ),
      )
      const reason = await eventually(
        'the node is quarantined',
        () => cluster.replica(node).status().quarantined ?? undefined,
      )
      expect(reason).toContain('remove its data directory')
      await eventually('it is no member any more', () =>
        cluster.replica(node).status().role === 'joining' ? true : undefined,
      )
      for (const other of others) {
        await eventually('the others go on', async () => (await cluster.set(other, 'k', other)).ok || undefined)
        expect(cluster.replica(other).status().quarantined).toBeNull()
      }

      await cluster.stop(node)
      await cluster.start(node)
      expect(cluster.replica(node).status()).toMatchObject({ quarantined: reason, role: 'joining', leader: null })
      await expect(cluster.set(node, 'k', 'v')).rejects.toMatchObject({ code: 'NODE_QUARANTINED' })
      await expect(cluster.get(node, 'k')).rejects.toMatchObject({ code: 'NODE_QUARANTINED' })

      await cluster.stop(node)
      await cluster.wipe(node)
      await cluster.start(node)
      await cluster.formed(30_000)
      expect(await cluster.get(node, 'k')).toBe(others[1])
    })
  },
  60_000,
)

test('a second node under the name of a living one is not admitted', async () => {
  await withCluster(3, async (cluster) => {
    const leader = await cluster.formed()
    const twin = await ReplicaCluster.create(3, {
      peers: cluster.nodeIds.map((nodeId) => ({ nodeId, raftAddress: cluster.addressOf(nodeId) })),
      mayBootstrap: false,
    })
    try {
      await twin.start(followerOf(cluster, leader))
      await eventually('the twin is refused', () =>
        twin.lines.find(({ fields }) => fields['reason'] === 'duplicate_node'),
      )
      const { obstacle, role } = twin.replica(followerOf(cluster, leader)).status()
      expect(role).toBe('joining')
      expect(obstacle).toContain(`another ${followerOf(cluster, leader)} is alive`)
      expect(cluster.replica(leader).raftStatus()?.membership.members).toHaveLength(3)
    } finally {
      await twin.destroy()
    }
  })
}, 60_000)

test('a data directory with data but without its identity is refused', async () => {
  await withCluster(1, async (cluster) => {
    await cluster.set('n0', 'k', 'v')
    await cluster.stop('n0')
    await cluster.removeIdentity('n0')
    await expect(cluster.start('n0')).rejects.toMatchObject({ code: 'IDENTITY_CORRUPT' })
  })
}, 30_000)

describe('a command of a newer release', () => {
  test('is refused while a member does not know it, beside others that are not', async () => {
    await withCluster(3, async (cluster) => {
      const leader = await cluster.formed()
      const follower = followerOf(cluster, leader)
      for (const node of [leader, follower]) {
        const writes = [cluster.set(node, 'a', 'v'), cluster.setNewer(node, 'b'), cluster.set(node, 'c', 'v')]
        expect(await Promise.allSettled(writes)).toMatchObject([
          { status: 'fulfilled', value: { ok: true } },
          { status: 'rejected', reason: { code: 'UPGRADE_PENDING' } },
          { status: 'fulfilled', value: { ok: true } },
        ])
      }
      for (const node of cluster.nodeIds) expect(cluster.failure(node)).toBeNull()
    })
  }, 60_000)

  test('stops a node that cannot apply it, with what to do', async () => {
    await withCluster(3, async (cluster) => {
      for (const node of cluster.nodeIds) await cluster.stop(node)
      // Members that lie: the state machine of this release knows version 1.
      for (const node of cluster.nodeIds) cluster.commandVersions.set(node, 2)
      await cluster.startAll()
      const leader = await cluster.formed()
      await cluster.set(leader, 'k', 'v')
      await cluster.setNewer(leader, 'k').catch(() => null)
      for (const node of cluster.nodeIds) {
        const failure = await eventually('it stops', () => cluster.failure(node) ?? undefined)
        expect(failure).toMatchObject({
          code: 'COMMAND_UNKNOWN',
          message: expect.stringContaining('Start the node with the release that the other nodes run'),
        })
      }
    })
  }, 60_000)
})
