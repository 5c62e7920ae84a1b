// Pages of stored events on a real state machine.
import { REPLAY_CACHE_BYTES_MAX, REPLAY_EVENTS_MAX } from '../../../src/contract/limits.ts'
import type { Caller } from '../../../src/services/caller.ts'
import { EventPages } from '../../../src/services/events/pages.ts'
import { serviceNode } from '../../support/service-node.ts'
import type { ServiceNode } from '../../support/service-node.ts'

const ROOT: Caller = { kind: 'root', entityId: 0, keyUuid: 'r', presentedKeyUuid: 'r', scope: 'scope' }

let node: ServiceNode
let pages: EventPages
/** How often the store was read. */
let reads: number
beforeEach(async () => {
  node = await serviceNode()
  const { reader } = node.state
  const read = reader.events.bind(reader)
  reads = 0
  reader.events = (...request) => {
    reads += 1
    return read(...request)
  }
  pages = new EventPages(reader)
})
afterEach(() => node.state.close())

const publish = (count: number, text = ''): Promise<number[]> =>
  Promise.all(
    Array.from({ length: count }, (_, n) =>
      node.services.events.publish(ROOT, { topic: 't', data: Buffer.from(JSON.stringify(`${n}${text}`)) }),
    ),
  )
const idsAfter = (after: number): number[] => {
  const ids: number[] = []
  for (;;) {
    const page = pages.read(0, 'scope', ids.at(-1) ?? after)
    if (page.length === 0) return ids
    ids.push(...page.map(({ eventId }) => eventId))
  }
}

test('every position gets all events behind it, in order, from pages that other positions read', async () => {
  const ids = await publish(3 * REPLAY_EVENTS_MAX)
  expect(idsAfter(0)).toEqual(ids)
  const readsOfOne = reads
  for (const place of [1, 499, 500, 501, 998, 1499]) expect(idsAfter(ids[place - 1] ?? 0)).toEqual(ids.slice(place))
  expect(reads).toBe(readsOfOne)
  expect(pages.held.count).toBe(ids.length)
})

test('a read that runs into a page that is held stops there', async () => {
  const ids = await publish(REPLAY_EVENTS_MAX)
  expect(idsAfter(ids[99] ?? 0)).toEqual(ids.slice(100))
  const [first] = pages.read(0, 'scope', ids[100] ?? 0)
  expect(idsAfter(0)).toEqual(ids)
  expect(pages.held.count).toBe(ids.length)
  expect(pages.read(0, 'scope', ids[100] ?? 0)[0]).toBe(first)
})

test('events that are published later are found', async () => {
  const before = await publish(3)
  expect(idsAfter(0)).toEqual(before)
  const later = await publish(3)
  expect(idsAfter(before[1] ?? 0)).toEqual([before[2], ...later])
})

test('what is held is bounded, and what was used least lately goes first', async () => {
  const ids = await publish(44, 'x'.repeat(1_000_000))
  expect(idsAfter(0)).toEqual(ids)
  expect(pages.held.sizeBytes).toBeLessThanOrEqual(REPLAY_CACHE_BYTES_MAX)
  expect(pages.held.sizeBytes).toBeGreaterThan(REPLAY_CACHE_BYTES_MAX / 2)
  const readsBefore = reads
  expect(idsAfter(ids[39] ?? 0)).toEqual(ids.slice(40))
  expect(reads).toBe(readsBefore)
  expect(idsAfter(0)).toEqual(ids)
  expect(reads).toBeGreaterThan(readsBefore)
})
