import * as fc from 'fast-check'
import { LATENCY_MS_MAX, RateCluster } from '../../support/rate-cluster.ts'
import { SeededRandom } from '../../support/seeded-random.ts'

const NODES = 3
const CHANCES = 1_000_000
const SECOND_MS = 1_000

/** Requests at `perSecond` over the nodes in `weights`, as chance has it. */
function demand(cluster: RateCluster, perSecond: number, weights: readonly number[], seed: number): () => void {
  const random = new SeededRandom(seed)
  const chance = (): number => random.int(CHANCES) / CHANCES
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  return () => {
    const expected = perSecond / SECOND_MS
    const count = Math.floor(expected) + (chance() < expected % 1 ? 1 : 0)
    for (let request = 0; request < count; request++) {
      let pick = chance() * total
      const at = weights.findIndex((weight) => (pick -= weight) < 0)
      cluster.request(`node${Math.max(0, at)}`)
    }
  }
}

const weights = fc
  .array(fc.integer({ min: 0, max: 5 }), { minLength: NODES, maxLength: NODES })
  .filter((all) => all.some((weight) => weight > 0))

test('on all nodes together no more is allowed than limit · t + burst, over any span, whatever the demand', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 400 }),
      fc.array(fc.tuple(fc.double({ min: 0, max: 6, noNaN: true }), weights), { minLength: 1, maxLength: 4 }),
      fc.double({ min: 0, max: 0.2, noNaN: true }),
      fc.integer(),
      async (limit, phases, lossRate, seed) => {
        const cluster = new RateCluster(NODES, limit, seed)
        cluster.network.lossRate = lossRate
        for (const [load, share] of phases) await cluster.pass(SECOND_MS, demand(cluster, limit * load, share, seed))
        // A request counts when its node allows it: the grant that it waited for was given out up to a journey before. Nodes that
        // lost a message decide alone for a while, within their share.
        const journeys = (limit * LATENCY_MS_MAX) / SECOND_MS
        const alone = lossRate > 0 ? ((phases.length * (NODES - 1)) / NODES) * limit : 0
        expect(cluster.excess(limit, limit)).toBeLessThanOrEqual(journeys + alone + 1)
      },
    ),
    { numRuns: 40 },
  )
})

test('no more than limit · t + burst is allowed across changes of the leader', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 400 }),
      fc.array(fc.tuple(fc.integer({ min: 0, max: NODES - 1 }), fc.integer({ min: 0, max: 800 })), { maxLength: 4 }),
      weights,
      fc.integer(),
      async (limit, changes, share, seed) => {
        const cluster = new RateCluster(NODES, limit, seed)
        const load = demand(cluster, limit * 3, share, seed)
        await cluster.pass(SECOND_MS, load)
        for (const [next, electionMs] of changes) {
          cluster.setLeader(null)
          await cluster.pass(electionMs, load)
          cluster.setLeader(`node${next}`)
          await cluster.pass(SECOND_MS, load)
        }
        const journeys = (limit * LATENCY_MS_MAX) / SECOND_MS
        expect(cluster.excess(limit, limit)).toBeLessThanOrEqual(journeys + 1)
      },
    ),
    { numRuns: 40 },
  )
})

test.each(['node0', 'node1'])(
  'a client within its limit does not see a change of leader as a refusal, on %s',
  async (nodeId) => {
    const cluster = new RateCluster(NODES, 10, 3)
    await cluster.pass(SECOND_MS)
    cluster.setLeader('node0')
    cluster.request(nodeId)
    await cluster.pass(SECOND_MS)
    expect(cluster.allowedMs).toHaveLength(1)
    expect(cluster.refused).toBe(0)
  },
)

test('a token that takes longer than the wait for a new leader is refused at once', async () => {
  const cluster = new RateCluster(NODES, 1, 3)
  cluster.setLeader('node0')
  cluster.request('node0')
  expect(cluster.refused).toBe(1)
})

/** Evenly spaced: with a burst of one, a pause that chance makes is a loss that no limiter can make good. */
function evenDemand(cluster: RateCluster, perSecond: number, share: readonly number[]): () => void {
  const order = share.flatMap((weight, at) => Array.from({ length: weight }, () => `node${at}`))
  let due = 0
  let sent = 0
  return () => {
    for (due += perSecond / SECOND_MS; sent < Math.floor(due); sent++) cluster.request(order[sent % order.length] ?? '')
  }
}

// A bucket of one token cannot make good the time until the next request, so a limit of 1 is asked more often.
test.each([
  [1, 100],
  [5, 10],
  [50, 100],
  [1_000, 2_000],
])(
  'of a limit of %i a client that asks %i times a second gets at least 95 %%, wherever it asks',
  async (limit, perSecond) => {
    for (const share of [
      [0, 1, 0],
      [1, 1, 1],
      [1, 5, 0],
      [0, 1, 1],
    ]) {
      const cluster = new RateCluster(NODES, limit, 42)
      await cluster.pass(20 * SECOND_MS, evenDemand(cluster, perSecond, share))
      expect(cluster.allowedMs.length).toBeGreaterThanOrEqual(0.95 * limit * 20)
      expect(cluster.allowedMs.length).toBeLessThanOrEqual(limit * 21)
      expect(cluster.refused).toBeGreaterThan(0)
    }
  },
)

test.each([5, 50, 1_000])('a client at nine tenths of a limit of %i is hardly ever refused', async (limit) => {
  const cluster = new RateCluster(NODES, limit, 7)
  await cluster.pass(20 * SECOND_MS, evenDemand(cluster, limit * 0.9, [1, 2, 3]))
  expect(cluster.refused).toBeLessThanOrEqual(0.01 * cluster.allowedMs.length)
})

describe('a request that counts as several', () => {
  test.each([0, 1])('gets as many on node%i as the limit allows, all or nothing', async (at) => {
    const cluster = new RateCluster(NODES, 40, 11)
    let sent = 0
    let passedMs = 0
    await cluster.pass(20 * SECOND_MS, () => {
      passedMs += 1
      for (; sent * 100 < passedMs; sent += 1) cluster.request(`node${at}`, 8)
    })
    const journeys = Math.ceil((40 * LATENCY_MS_MAX) / SECOND_MS)
    expect(cluster.excess(40, 40)).toBeLessThanOrEqual(journeys + 1)
    expect(cluster.allowedMs.length).toBeGreaterThanOrEqual(0.9 * 40 * 20)
    expect(cluster.allowedMs.length % 8).toBe(0)
    expect(cluster.refused).toBeGreaterThan(0)
  })

  test('keeps to the limit together with requests that count as one, on all nodes', async () => {
    const cluster = new RateCluster(NODES, 100, 12)
    const ones = demand(cluster, 150, [1, 1, 1], 12)
    let passedMs = 0
    await cluster.pass(10 * SECOND_MS, () => {
      ones()
      passedMs += 1
      if (passedMs % 50 === 0) cluster.request(`node${passedMs % 3}`, 10)
    })
    expect(cluster.excess(100, 100)).toBeLessThanOrEqual((100 * LATENCY_MS_MAX) / SECOND_MS + 1)
    expect(cluster.allowedMs.length).toBeGreaterThanOrEqual(0.9 * 100 * 10)
  })

  test('is never allowed more than the limit at once, and is decided without a leader too', async () => {
    const cluster = new RateCluster(NODES, 30, 13)
    await cluster.pass(2 * SECOND_MS, () => cluster.request('node1', 31))
    expect(cluster.allowedMs).toEqual([])
    cluster.setLeader(null)
    await cluster.pass(SECOND_MS, () => cluster.request('node1', 5))
    expect(cluster.allowedMs.length).toBeGreaterThan(0)
    expect(cluster.excess(10, 10)).toBeLessThanOrEqual(1)
  })
})
