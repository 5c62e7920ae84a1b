// The planner against a simulated StatefulSet, kubelet and Raft group under arbitrary events and delays.
import * as fc from 'fast-check'
import { Evidence } from '../../../src/reconciler/evidence.ts'
import { plan } from '../../../src/reconciler/plan.ts'
import { SimulatedSet } from './simulated-set.ts'

const ORDINALS_MAX = 5
/** The reconciler does not even look: it is down, or the API server is. */
const ABSENT = -1

const ordinal = fc.nat(ORDINALS_MAX - 1)
const event = fc.oneof(
  { weight: 4, arbitrary: fc.record({ type: fc.constant('pass' as const), lag: fc.integer({ min: ABSENT, max: 2 }) }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('scale' as const), to: fc.nat(ORDINALS_MAX) }) },
  fc.record({
    type: fc.constantFrom('kill' as const, 'evict' as const, 'crash' as const, 'loseDisk' as const),
    ordinal,
  }),
)

class Reconciled {
  readonly world = new SimulatedSet()
  #evidence = Evidence.none

  pass(lag: number): void {
    const planned = plan(this.world.snapshot(lag), this.#evidence, { settleMs: 30_000, inviteMs: 5_000 })
    this.#evidence = planned.evidence
    if (planned.action !== null) this.world.perform(planned.action)
  }

  /** Calm weather: everything runs, nothing breaks. */
  settle(replicas: number, isDone: () => boolean): void {
    this.world.replicas = replicas
    for (let step = 0; step < 200 && !isDone(); step++) {
      this.world.step()
      this.pass(0)
    }
  }
}

test('whatever happens: one voter changes at a time, never below quorum by our own hand, no acknowledged entry is lost, and when faults stop the members are those that are wanted', () => {
  const run = fc.property(fc.array(event, { maxLength: 60 }), fc.integer({ min: 1, max: 5 }), (events, replicas) => {
    const reconciled = new Reconciled()
    const { world } = reconciled
    for (const one of events) {
      if (one.type === 'scale') world.replicas = one.to
      else if (one.type === 'pass') {
        if (one.lag !== ABSENT) reconciled.pass(one.lag)
        world.step()
      } else world[one.type](one.ordinal)
      expect(world.violations).toEqual([])
    }
    // Pods that went before they could be removed come back first: only they can say yes to their own removal.
    reconciled.settle(ORDINALS_MAX, () => world.isConverged())
    reconciled.settle(replicas, () => world.isConverged())
    expect(world.violations).toEqual([])
    expect(world.isConverged() ? 'converged' : world.describe()).toBe('converged')
  })
  fc.assert(run, { numRuns: 400 })
})

test('a scale from five to one and back, with pods that all stop at once, ends with exactly the wanted voters', () => {
  const reconciled = new Reconciled()
  const { world } = reconciled
  for (const replicas of [5, 1, 3, 1, 5, 3]) {
    reconciled.settle(replicas, () => world.isConverged())
    expect(world.isConverged() ? 'converged' : world.describe()).toBe('converged')
    expect(world.voters()).toHaveLength(replicas)
  }
  expect(world.violations).toEqual([])
})

test('replicas 0 is a sleep: nobody is removed, and the same members wake up', () => {
  const reconciled = new Reconciled()
  const before = reconciled.world.voters()
  reconciled.settle(0, () => false)
  expect(reconciled.world.voters()).toEqual(before)
  reconciled.settle(3, () => reconciled.world.isConverged())
  expect(reconciled.world.voters()).toEqual(before)
})
