import { TokenBuckets } from '../../../src/services/rates/buckets.ts'
import { RateCluster } from '../../support/rate-cluster.ts'

const OPTIONS = { entriesMax: 4, unknown: 'full', idleMsMax: 60_000, prefetchMs: 250 } as const

/** Takes at `nowMs` until refused; the number taken and the wait. */
function drain(buckets: TokenBuckets<string>, rate: number, burst: number, nowMs: number): [number, number] {
  for (let taken = 0; ; taken++) {
    const waitMs = buckets.take('a', rate, burst, nowMs)
    if (waitMs > 0) return [taken, waitMs]
  }
}

test('a bucket gives its burst, then its rate, and says exactly how long the next token takes', () => {
  const buckets = new TokenBuckets<string>(OPTIONS)
  expect(drain(buckets, 4, 10, 0)).toEqual([10, 250])
  expect(buckets.take('a', 4, 10, 100)).toBeCloseTo(150)
  expect(buckets.take('a', 4, 10, 249)).toBeCloseTo(1)
  expect(buckets.take('a', 4, 10, 250)).toBe(0)
  expect(drain(buckets, 4, 10, 1_250)).toEqual([4, 250])
})

test('refusals take nothing', () => {
  const buckets = new TokenBuckets<string>(OPTIONS)
  drain(buckets, 10, 10, 0)
  for (let nowMs = 0; nowMs < 100; nowMs++) buckets.take('a', 10, 10, nowMs)
  expect(buckets.take('a', 10, 10, 100)).toBe(0)
})

test('a changed rate holds at once', () => {
  const buckets = new TokenBuckets<string>(OPTIONS)
  drain(buckets, 100, 100, 0)
  expect(drain(buckets, 2, 2, 10_000)).toEqual([2, 500])
  expect(buckets.take('a', 100, 100, 10_000)).toBeCloseTo(10)
})

test('an idle address counts as new', () => {
  const buckets = new TokenBuckets<string>(OPTIONS)
  drain(buckets, 0.1, 100, 0)
  expect(buckets.take('a', 0.1, 100, 59_999)).toBe(0)
  drain(buckets, 0.1, 100, 59_999)
  expect(drain(buckets, 0.1, 100, 119_999)[0]).toBe(100)
})

test('buckets stay within their number, and what was forgotten begins empty where that matters', () => {
  const buckets = new TokenBuckets<number>({ ...OPTIONS, unknown: 'empty' })
  for (let key = 0; key < 1_000; key++) buckets.take(key, 1, 1, key / 1_000)
  expect(buckets.size).toBeLessThanOrEqual(OPTIONS.entriesMax)
  expect(buckets.take(5_000, 1, 1, 1)).toBeGreaterThan(0)
  expect(buckets.take(5_000, 1, 1, 2_000)).toBe(0)
})

test('tokens that other nodes hold in advance are at most a quarter of the burst, and end', () => {
  const buckets = new TokenBuckets<string>(OPTIONS)
  const grant = (waiting: number, extra: number, nowMs: number) =>
    buckets.grant('a', { waiting, extra }, 100, 100, nowMs).granted
  expect(grant(1, 100, 0)).toBe(26)
  expect(grant(1, 100, 10)).toBe(1)
  expect(drain(buckets, 100, 100, 100)[0]).toBe(75)
  expect(drain(buckets, 100, 100, 5_000)[0]).toBe(100)
})

test('a limit of 0 allows nothing, an unlimited entity everything, and both take effect at once', async () => {
  const cluster = new RateCluster(3, 0, 1)
  const ask = async (): Promise<number> => {
    const before = cluster.allowedMs.length
    for (const nodeId of cluster.limiters.keys()) for (let time = 0; time < 10; time++) cluster.request(nodeId)
    await cluster.pass(100)
    return cluster.allowedMs.length - before
  }
  expect(await ask()).toBe(0)
  cluster.limit = null
  expect(await ask()).toBe(30)
  cluster.limit = 5
  expect(await ask()).toBe(5)
  cluster.limit = 0
  expect(await ask()).toBe(0)
})

test('a node that is cut off from the leader gives out its share', async () => {
  const cluster = new RateCluster(3, 90, 1)
  cluster.network.cutOff = new Set(['node1'])
  await cluster.pass(10_000, () => cluster.request('node1'))
  expect(cluster.allowedMs.length).toBeGreaterThan(0.9 * 30 * 10)
  expect(cluster.allowedMs.length).toBeLessThanOrEqual(30 * 10)
  cluster.network.cutOff = new Set()
  await cluster.pass(1_000, () => cluster.request('node1'))
  const before = cluster.allowedMs.length
  await cluster.pass(10_000, () => cluster.request('node1'))
  expect(cluster.allowedMs.length - before).toBeGreaterThan(0.95 * 90 * 10)
})

test('what a node prefetched and did not use is lost, so that it never comes on top of a later burst', async () => {
  const cluster = new RateCluster(2, 1_000, 1)
  let ms = 0
  await cluster.pass(500, () => {
    if (ms++ % 2 === 0) cluster.request('node1')
  })
  await cluster.pass(1_500)
  const before = cluster.allowedMs.length
  for (let time = 0; time < 1_000; time++) cluster.request('node0')
  for (let time = 0; time < 30; time++) cluster.request('node1')
  expect(cluster.allowedMs.length - before).toBe(1_000)
})
