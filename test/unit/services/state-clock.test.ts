// Times to live when wall clocks differ or jump.
import { ROOT_ENTITY_ID } from '../../../src/state/commands.ts'
import type { Caller } from '../../../src/services/caller.ts'
import { StateClock } from '../../../src/services/state-clock.ts'
import { serviceNode } from '../../support/service-node.ts'
import type { ServiceNode } from '../../support/service-node.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'

const HOUR_MS = 3_600_000
const ROOT: Caller = {
  kind: 'root',
  entityId: ROOT_ENTITY_ID,
  keyUuid: 'root',
  presentedKeyUuid: 'root',
  scope: 'root',
}
const KEY = Buffer.from('lock')
const VALUE = Buffer.from('v')

class SkewedClock extends VirtualClock {
  aheadMs = 0

  override nowMs(): number {
    return super.nowMs() + this.aheadMs
  }
}

/** Two nodes of one state, which differ in their clocks. */
async function twoNodes(): Promise<{ ahead: ServiceNode; right: ServiceNode; pass: (ms: number) => void }> {
  const [fast, slow] = [new SkewedClock(), new SkewedClock()]
  fast.aheadMs = HOUR_MS
  const ahead = await serviceNode({ clock: fast })
  const right = await serviceNode({ clock: slow, state: ahead.state })
  const listeners = [ahead.services.changes, right.services.changes]
  ahead.state.setChangeListener({
    ...ahead.services.changes,
    onApplied: (changes) => listeners.forEach((listener) => listener.onApplied(changes)),
  })
  const pass = (ms: number): void => {
    fast.advance(ms)
    slow.advance(ms)
  }
  return { ahead, right, pass }
}

const isThere = ({ services }: ServiceNode): Promise<boolean> =>
  services.values.get(ROOT, { key: KEY }, 'linearizable').then(
    () => true,
    () => false,
  )

test('a time to live is as long as it says on every node, also when another clock is an hour ahead', async () => {
  const { ahead, right, pass } = await twoNodes()
  await ahead.services.values.set(ROOT, { key: VALUE, value: VALUE })
  pass(5_000)
  await right.services.values.setnx(ROOT, { key: KEY, value: VALUE, ttlMs: 1_000 })
  await expect(right.services.values.setnx(ROOT, { key: KEY, value: VALUE, ttlMs: 1_000 })).rejects.toMatchObject({
    code: 'KEY_EXISTS',
  })
  pass(990)
  expect([await isThere(ahead), await isThere(right)]).toEqual([true, true])
  pass(20)
  expect([await isThere(ahead), await isThere(right)]).toEqual([false, false])
  await right.services.values.setnx(ROOT, { key: KEY, value: VALUE, ttlMs: 1_000 })
})

test('a clock that is set back an hour neither prolongs nor ends a time to live', async () => {
  const clock = new SkewedClock()
  clock.aheadMs = HOUR_MS
  const node = await serviceNode({ clock })
  await node.services.values.set(ROOT, { key: KEY, value: VALUE, ttlMs: 10_000 })
  clock.advance(4_000)
  clock.aheadMs = 0
  clock.advance(5_900)
  expect(await isThere(node)).toBe(true)
  clock.advance(200)
  expect(await isThere(node)).toBe(false)
  await node.services.values.set(ROOT, { key: KEY, value: VALUE, ttlMs: 10_000 })
  clock.advance(9_900)
  expect(await isThere(node)).toBe(true)
  clock.advance(200)
  expect(await isThere(node)).toBe(false)
})

test('the clock never goes back, and follows the wall clock when that is ahead', () => {
  const clock = new SkewedClock()
  const state = { timeMs: 0 }
  const stateClock = new StateClock(clock, state)
  const startMs = clock.nowMs()
  expect(stateClock.nowMs()).toBe(startMs)
  state.timeMs = startMs + 500
  expect(stateClock.nowMs()).toBe(startMs + 500)
  clock.advance(100)
  expect(stateClock.nowMs()).toBe(startMs + 600)
  clock.aheadMs = 10_000
  expect(stateClock.nowMs()).toBe(startMs + 10_100)
})
