// Slots of the limit on subscribers: taken and given back through the log, and made right again when the two differ.
import { SLOT_CHECK_INTERVAL_MS } from '../../../src/contract/limits.ts'
import type { Caller } from '../../../src/services/caller.ts'
import { Proposer } from '../../../src/services/proposer.ts'
import { SubscriptionLeases } from '../../../src/services/events/subscription-leases.ts'
import type { LiveMembers } from '../../../src/services/events/subscription-leases.ts'
import { SubscriptionSlots } from '../../../src/services/events/subscription-slots.ts'
import { silentLog } from '../../../src/base/log.ts'
import { serviceNode } from '../../support/service-node.ts'
import type { ServiceNode } from '../../support/service-node.ts'
import { eventually } from '../../support/eventually.ts'
import { UNLIMITED } from '../state/state-fixtures.ts'

const ROOT: Caller = { kind: 'root', entityId: 0, keyUuid: 'r', presentedKeyUuid: 'r', scope: 'scope' }

let node: ServiceNode
let slots: SubscriptionSlots
let proposer: Proposer
beforeEach(async () => {
  node = await serviceNode()
  proposer = new Proposer(node.replicator)
  slots = newSlots()
})
afterEach(() => node.state.close())

const newSlots = (): SubscriptionSlots =>
  new SubscriptionSlots({
    clock: node.clock,
    log: silentLog,
    reader: node.state.reader,
    replicator: node.replicator,
    proposer,
  })
const total = (): number => node.state.reader.subscriberCounts(0).total
const totalBecomes = (count: number): Promise<true> =>
  eventually(`${count} slots are counted`, () => {
    node.clock.advance(SLOT_CHECK_INTERVAL_MS)
    return total() === count ? true : undefined
  })
const limit = (subscribers: number): Promise<unknown> =>
  proposer.apply({ type: 'limits.set', timeMs: node.clock.nowMs(), entityId: 0, limits: { subscribers } })

const newLeases = (liveMembers: LiveMembers): SubscriptionLeases =>
  new SubscriptionLeases({ clock: node.clock, log: silentLog, reader: node.state.reader, proposer, liveMembers })
const acquire = (memberId: string): Promise<unknown> =>
  proposer.apply({ type: 'subscription.acquire', timeMs: node.clock.nowMs(), entityId: 0, memberId })

test('slots are counted, limited and given back', async () => {
  await limit(2)
  const epochs = [await slots.acquire(ROOT), await slots.acquire(ROOT)]
  await expect(slots.acquire(ROOT)).rejects.toMatchObject({ code: 'SUBSCRIBER_LIMIT_EXCEEDED' })
  expect(total()).toBe(2)
  for (const epoch of epochs) slots.release(0, epoch)
  await totalBecomes(0)
})

test('a slot that a former process of the node gets late is freed, whatever else the node holds', async () => {
  const late = await proposer.apply({
    type: 'entity.create',
    timeMs: node.clock.nowMs(),
    keyUuid: '11111111-1111-4111-8111-111111111111',
    scopeUuid: '11111111-1111-4111-8111-111111111112',
    name: 'a',
    tokenDigest: Buffer.alloc(32),
    limits: UNLIMITED,
  })
  const entityId = late.entityId ?? 0
  slots.start()
  await slots.acquire(ROOT)
  const { memberId } = node.replicator.status()
  await proposer.apply({ type: 'subscription.acquire', timeMs: node.clock.nowMs(), entityId, memberId })
  await eventually('the slot is freed', () => {
    node.clock.advance(SLOT_CHECK_INTERVAL_MS)
    return node.state.reader.subscriberCounts(entityId).total === 0 ? true : undefined
  })
  expect(total()).toBe(1)
  await slots.stop()
})

test('64 at once never pass the limit', async () => {
  await limit(5)
  const outcomes = await Promise.allSettled(Array.from({ length: 64 }, () => slots.acquire(ROOT)))
  expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(5)
  expect(total()).toBe(5)
})

test('what a former process of the node held is freed before the first subscriber', async () => {
  for (let n = 0; n < 3; n += 1) await slots.acquire(ROOT)
  const reborn = newSlots()
  await reborn.acquire(ROOT)
  expect(total()).toBe(1)
})

test('a release that did not get through is made up for', async () => {
  slots.start()
  const epoch = await slots.acquire(ROOT)
  node.replicator.refuseWith('NO_LEADER')
  slots.release(0, epoch)
  await Promise.resolve()
  await Promise.resolve()
  node.replicator.refuseWith(null)
  await totalBecomes(0)
})

test('slots that the state does not count any more are counted again', async () => {
  slots.start()
  await slots.acquire(ROOT)
  const { memberId } = node.replicator.status()
  await proposer.apply({ type: 'subscription.report', timeMs: node.clock.nowMs(), memberId, counts: [] })
  expect(total()).toBe(0)
  await totalBecomes(1)
})

test('slots of before a shake are not given back to those after it', async () => {
  const before = await slots.acquire(ROOT)
  await proposer.apply({ type: 'subscription.shake', timeMs: node.clock.nowMs(), entityId: 0 })
  await slots.acquire(ROOT)
  slots.release(0, before)
  await totalBecomes(1)
})

test('a node that stops gives everything back', async () => {
  for (let n = 0; n < 3; n += 1) await slots.acquire(ROOT)
  await slots.stop()
  expect(total()).toBe(0)
  await expect(slots.acquire(ROOT)).rejects.toMatchObject({ code: 'NODE_STOPPING' })
})

test('the leader frees the slots of a member that is silent for some seconds, and only then', async () => {
  let live: ReadonlySet<string> | null = new Set(['here', 'there'])
  const leases = newLeases(() => live)
  await acquire('here')
  await acquire('there')
  leases.start()
  node.clock.advance(60_000)
  await leases.stop()
  expect(total()).toBe(2)
  leases.start()
  live = null
  node.clock.advance(60_000)
  live = new Set(['here'])
  node.clock.advance(2_000)
  live = new Set(['here', 'there'])
  node.clock.advance(2_000)
  live = new Set(['here'])
  node.clock.advance(2_500)
  await leases.stop()
  expect(total()).toBe(2)
  leases.start()
  node.clock.advance(4_000)
  await leases.stop()
  expect([...node.state.reader.subscriberCounts(0).byMember]).toEqual([['here', 1]])
})

test('a leader that leads again counts the silence of a member anew', async () => {
  let live: ReadonlySet<string> | null = new Set()
  const leases = newLeases(() => live)
  await acquire('there')
  leases.start()
  node.clock.advance(2_000)
  live = null
  node.clock.advance(60_000)
  live = new Set()
  node.clock.advance(2_500)
  await leases.stop()
  expect(total()).toBe(1)
})
