// Nodes of two releases in one cluster, the newer of which knows commands that the older one cannot apply: docs/KUBERNETES.md has the
// table that these tests are named in.
import { must } from '../../src/base/assert.ts'
import { eventually } from '../support/eventually.ts'
import { ReplicaCluster } from '../support/replica-cluster.ts'

/** Who was away while these are written finds the log cut, and needs a snapshot. */
const ROUNDS = 30
const WRITES_PER_ROUND = 20
const VALUE = 'x'.repeat(1_000)
const LAST_KEY = `k${ROUNDS - 1}-${WRITES_PER_ROUND - 1}`
const OPTIONS = {
  leaderWaitMs: 1_000,
  readTimeoutMs: 1_000,
  logEntriesMax: 100,
  logRetainedEntries: 20,
  snapshotChunkSizeBytes: 4_096,
}
const TEST_TIMEOUT_MS = 60_000

/** Of three nodes, the last is of the other release. */
const MIXES = [
  { other: 'an older node', versions: [2, 2, 1] },
  { other: 'a newer node', versions: [1, 1, 2] },
] as const

async function withMix(versions: readonly number[], work: (cluster: ReplicaCluster) => Promise<void>): Promise<void> {
  const cluster = await ReplicaCluster.create(3, OPTIONS)
  try {
    for (const [at, nodeId] of cluster.nodeIds.entries()) {
      cluster.commandVersions.set(nodeId, must(versions[at], 'every node has a version'))
    }
    await cluster.startAll()
    await cluster.formed()
    await work(cluster)
  } finally {
    await cluster.destroy()
  }
}

async function lead(cluster: ReplicaCluster, nodeId: string): Promise<void> {
  await eventually(`${nodeId} leads`, () => {
    const { leader, memberId, role } = cluster.replica(nodeId).status()
    if (role === 'leader') return true
    if (leader !== null) cluster.replica(leader.nodeId).transferLeadership(memberId)
    return undefined
  })
  await cluster.formed()
}

/** Writes through `nodeId` until its log no longer has what a node that is away, and has up to `lastIndex`, needs. */
async function cutLog(cluster: ReplicaCluster, nodeId: string, lastIndex: number): Promise<void> {
  for (let round = 0; round < ROUNDS; round++) {
    await Promise.all(
      Array.from({ length: WRITES_PER_ROUND }, (_, key) => cluster.set(nodeId, `k${round}-${key}`, VALUE)),
    )
  }
  await eventually('the log is cut', () => (cluster.logEnds(nodeId).firstIndex > lastIndex + 1 ? true : undefined))
}

async function expectSnapshotAt(cluster: ReplicaCluster, nodeId: string): Promise<void> {
  await eventually('a snapshot is installed', () => (cluster.installedCount(nodeId) > 0 ? true : undefined), {
    timeoutMs: 30_000,
  })
  expect(await eventually('the read is answered', () => cluster.get(nodeId, LAST_KEY))).toBe(VALUE)
  expect(cluster.failure(nodeId)).toBeNull()
}

const isRefused = { code: 'UPGRADE_PENDING' }

describe.each(MIXES)('$other among two others', ({ versions }) => {
  const [other, ...same] = ['n2', 'n0', 'n1'] as const

  test(
    'votes: with one of the others away it makes the majority, and it can lead',
    async () => {
      await withMix(versions, async (cluster) => {
        await lead(cluster, other)
        expect(await cluster.set(same[0], 'k', 'led by the other')).toMatchObject({ ok: true })
        await cluster.stop(same[1])
        expect(await cluster.set(other, 'k', 'of two')).toMatchObject({ ok: true })
        await lead(cluster, same[0])
        expect(await cluster.get(other, 'k')).toBe('of two')
      })
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'writes of a kind that one does not know are refused through each, whoever leads, and nobody stops',
    async () => {
      await withMix(versions, async (cluster) => {
        for (const leader of [other, same[0]]) {
          await lead(cluster, leader)
          for (const nodeId of cluster.nodeIds) {
            await expect(cluster.setNewer(nodeId, 'k')).rejects.toMatchObject(isRefused)
            expect(await cluster.set(nodeId, 'k', nodeId)).toMatchObject({ ok: true })
          }
        }
        for (const nodeId of cluster.nodeIds) expect(cluster.failure(nodeId)).toBeNull()
      })
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'joins with an empty disk, by a snapshot of the others',
    async () => {
      await withMix(versions, async (cluster) => {
        await lead(cluster, same[0])
        const { lastIndex } = cluster.logEnds(other)
        await cluster.stop(other)
        await cluster.wipe(other)
        await cutLog(cluster, same[0], lastIndex)
        await cluster.start(other)
        await cluster.formed(30_000)
        await expectSnapshotAt(cluster, other)
        await expect(cluster.setNewer(same[0], 'k')).rejects.toMatchObject(isRefused)
      })
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'gives the others its snapshot when it leads',
    async () => {
      await withMix(versions, async (cluster) => {
        await lead(cluster, other)
        const { lastIndex } = cluster.logEnds(same[1])
        await cluster.stop(same[1])
        await cutLog(cluster, other, lastIndex)
        await cluster.start(same[1])
        await expectSnapshotAt(cluster, same[1])
      })
    },
    TEST_TIMEOUT_MS,
  )
})

test(
  'a newer kind of write is refused until the last node is of the newer release, and accepted from then on',
  async () => {
    await withMix([1, 1, 1], async (cluster) => {
      for (const nodeId of cluster.nodeIds) {
        await expect(cluster.setNewer('n0', 'k')).rejects.toMatchObject(isRefused)
        await cluster.stop(nodeId)
        cluster.commandVersions.set(nodeId, 2)
        await cluster.start(nodeId)
        await cluster.formed()
      }
      // The state machine of this release knows version 1: that nodes stop shows that the command is in the log.
      await eventually('it is not refused any more', () =>
        cluster.setNewer('n0', 'k').then(
          () => true as const,
          (error: unknown) => ((error as { code?: string }).code === isRefused.code ? undefined : true),
        ),
      )
      for (const nodeId of cluster.nodeIds) {
        const failure = await eventually(`${nodeId} applies it`, () => cluster.failure(nodeId) ?? undefined)
        expect(failure).toMatchObject({ code: 'COMMAND_UNKNOWN' })
      }
    })
  },
  TEST_TIMEOUT_MS,
)

test(
  'nodes that go to the other release one by one, and back, keep their data and lose no write',
  async () => {
    await withMix([1, 1, 1], async (cluster) => {
      let written = 0
      for (const version of [2, 1]) {
        for (const nodeId of cluster.nodeIds) {
          await cluster.stop(nodeId)
          cluster.commandVersions.set(nodeId, version)
          await cluster.start(nodeId)
          await cluster.formed()
          expect(await cluster.set(nodeId, `k${written}`, nodeId)).toMatchObject({ ok: true })
          written++
        }
      }
      for (let at = 0; at < written; at++) expect(await cluster.get('n0', `k${at}`)).toBe(`n${at % 3}`)
    })
  },
  TEST_TIMEOUT_MS,
)
