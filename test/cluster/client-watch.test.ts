// The client's watch on three real processes: its node is killed, and it goes on at another.
import { connect } from '../../src/client/client.ts'
import type { InsiClient } from '../../src/client/client.ts'
import type { WatchFrame } from '../../src/client/watch.ts'
import { eventually } from '../support/eventually.ts'
import { ProcessCluster } from '../support/process-cluster.ts'

const KEY_PREFIX = 'k'

let cluster: ProcessCluster
let client: InsiClient

beforeAll(async () => {
  cluster = await ProcessCluster.running(3)
}, 60_000)
afterAll(async () => {
  client?.close()
  await cluster.destroy()
})

/** Sets one key after the other through `nodeId` until it is stopped; the revisions of those that were acknowledged. */
function writeThrough(nodeId: string): { readonly revisions: number[]; stop(): Promise<void> } {
  const revisions: number[] = []
  const state = { isWriting: true }
  const writing = (async () => {
    for (let n = 0; state.isWriting; n += 1) {
      const answer = await cluster.set(nodeId, `${KEY_PREFIX}${n}`, String(n))
      if (answer.status === 200) revisions.push(Number(answer.headers['x-insi-revision']))
    }
  })()
  const stop = async (): Promise<void> => {
    state.isWriting = false
    await writing
  }
  return { revisions, stop }
}

function isTold(frames: readonly WatchFrame[], revision: number): boolean {
  return frames.some(({ revision: seen, gap }) =>
    gap === undefined ? seen === revision : revision > gap.missedAfter && revision <= gap.missedThrough,
  )
}

test('a watch whose node is killed goes on at another: every write is seen, or lies in a gap that it tells', async () => {
  const leader = await cluster.leader()
  const [victim = '', ...others] = cluster.nodeIds.filter((nodeId) => nodeId !== leader)
  const urls = [victim, ...others, leader].map((nodeId) => cluster.publicUrl(nodeId))
  client = connect(urls, cluster.rootKey, { retry: { backoffMinMs: 20, backoffMaxMs: 100 } })
  const watch = await client.values.watch(KEY_PREFIX)
  const frames: WatchFrame[] = []
  const reading = (async () => {
    for await (const frame of watch) frames.push(frame)
  })()
  const writer = writeThrough(leader)
  await eventually('changes flow', () => (frames.length > 20 ? true : undefined))
  await cluster.kill(victim)
  const seenBefore = frames.length
  await eventually('changes flow again', () => (frames.length > seenBefore + 20 ? true : undefined))
  await writer.stop()
  await eventually('the last is told', () => (watch.revision >= (writer.revisions.at(-1) ?? 0) ? true : undefined))
  watch.close()
  await reading
  expect(writer.revisions.filter((revision) => !isTold(frames, revision))).toEqual([])
  const order = frames.map(({ revision }) => revision)
  expect(order).toEqual([...new Set(order)].sort((a, b) => a - b))
}, 60_000)
