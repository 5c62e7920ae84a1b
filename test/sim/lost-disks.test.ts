// Every combination of lost disks and nodes that stay away at first: a new cluster begins only where nothing of the old one can be
// known, never under an identity marker, and never do two clusters serve at once.
import { PlainCluster } from './plain-cluster.ts'
import type { SimNode } from './sim-node.ts'

const SETTLE_MS = 8_000
const WRITES = 20
const WRITE_INTERVAL_MS = 50
const LOOK_INTERVAL_MS = 100

const statusOf = (node: SimNode) => node.replica?.status()

/** Ids of the clusters that have a leader. */
function serving(nodes: readonly SimNode[]): string[] {
  const ids = nodes.filter(({ role }) => role === 'leader').map((node) => statusOf(node)?.clusterId ?? '')
  return [...new Set(ids)]
}

function subsets(count: number): number[][] {
  return Array.from({ length: 2 ** count }, (_, bits) =>
    Array.from({ length: count }, (_unused, at) => at).filter((at) => (bits & (2 ** at)) > 0),
  )
}

async function restartWithout(wiped: readonly number[], away: number | null, isMarked: boolean) {
  const cluster = new PlainCluster(wiped.length * 10 + (away ?? 5), 3)
  const { clock, nodes, trace } = cluster
  await cluster.formed()
  const writes = clock.every(WRITE_INTERVAL_MS, () => cluster.write())
  const idOf = (node: SimNode | undefined): string => (node === undefined ? '' : (statusOf(node)?.clusterId ?? ''))
  const lostId = idOf(nodes[0])
  const isApplied = (node: SimNode): boolean => (statusOf(node)?.appliedIndex ?? 0) > WRITES
  await cluster.until('every node has all writes', () => nodes.every(isApplied))
  writes.cancel()
  if (isMarked) cluster.marker = lostId
  const seen = new Set<string>()
  let servingMax = 0
  clock.every(LOOK_INTERVAL_MS, () => {
    servingMax = Math.max(servingMax, serving(nodes).length)
    for (const node of nodes) if (idOf(node) !== '') seen.add(idOf(node))
  })
  for (const node of nodes) node.crash()
  for (const at of wiped) nodes[at]?.wipe()
  nodes.forEach((node, at) => {
    if (at !== away) node.start()
  })
  await clock.run(SETTLE_MS)
  if (away !== null) nodes[away]?.start()
  await clock.run(SETTLE_MS)
  // One that lost its disk asks again after ever longer pauses.
  if (wiped.length <= 1) await cluster.formed()
  return { nodes, trace, lostId, seen, servingMax }
}

describe.each([true, false])('with an identity marker: %s', (isMarked) => {
  test.each(subsets(3).map((wiped) => ({ wiped })))(
    'after the loss of the disks $wiped',
    async ({ wiped }) => {
      for (const away of isMarked ? [null, 2] : [null, 0, 1, 2]) {
        const { lostId, nodes, seen, servingMax, trace } = await restartWithout(wiped, away, isMarked)
        const what = { away, lostId }
        expect({ ...what, servingMax }).toEqual({ ...what, servingMax: Math.min(1, servingMax) })
        const foreign = [...seen].filter((id) => id !== lostId)
        // What those that are up first can know: none of them has a disk, and they are a majority with the default leader.
        const up = [0, 1, 2].filter((at) => at !== away)
        const mayBegin = !isMarked && up.every((at) => wiped.includes(at)) && up.includes(0)
        const mayBeginLater = !isMarked && wiped.length === 3
        expect({ ...what, foreign: foreign.length }).toEqual({ ...what, foreign: mayBegin || mayBeginLater ? 1 : 0 })
        // What a new cluster commits is not what the old one did.
        if (foreign.length > 0) continue
        expect(trace.violation).toBeNull()
        if (wiped.length > 1) expect({ ...what, serving: serving(nodes) }).toEqual({ ...what, serving: [] })
        else {
          const states = nodes.map((node) => [
            node.role === 'leader' ? 'follower' : node.role,
            statusOf(node)?.clusterId,
          ])
          expect({ ...what, states }).toEqual({ ...what, states: nodes.map(() => ['follower', lostId]) })
        }
      }
    },
    30_000,
  )
})
