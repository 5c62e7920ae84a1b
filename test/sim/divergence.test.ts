// A replica whose state differs, planted into a simulated cluster: it alone is found, also when it leads, and only its disk's loss
// brings it back.
import { must } from '../../src/base/assert.ts'
import { STATE_HASH_INTERVAL } from '../../src/state/state-hash.ts'
import { StateMachine } from '../../src/state/state-machine.ts'
import { PlainCluster } from './plain-cluster.ts'
import type { SimNode } from './sim-node.ts'

const SEEDS = 2
const WRITE_INTERVAL_MS = 10

/** State machines that say another hash than they should. */
const divergent = new WeakSet<StateMachine>()
const { hashAt } = StateMachine.prototype
beforeAll(() => {
  StateMachine.prototype.hashAt = function distorted(this: StateMachine, index) {
    const hash = hashAt.call(this, index)
    return hash === undefined || !divergent.has(this) ? hash : (hash ^ 1) >>> 0
  }
})
afterAll(() => {
  StateMachine.prototype.hashAt = hashAt
})

const reasonOf = (node: SimNode): string | null => node.replica?.status().quarantined ?? null

test.each([
  [3, 'leader'],
  [3, 'follower'],
  [5, 'leader'],
  [5, 'follower'],
])(
  'of %i replicas the one divergent %s quarantines itself',
  async (nodeCount, role) => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const cluster = new PlainCluster(seed, nodeCount)
      cluster.clock.every(WRITE_INTERVAL_MS, () => cluster.write())
      await cluster.formed()
      const node = cluster.pick(role)
      const others = cluster.nodes.filter((other) => other !== node)
      divergent.add(must(node.state, 'it runs').inner)
      await cluster.until('it is quarantined', () => reasonOf(node) !== null && node.role === 'joining')
      const { appliedIndex } = must(others[0]?.replica, 'it runs').status()
      await cluster.until('the others go on', () =>
        others.every((other) => (other.replica?.status().appliedIndex ?? 0) > appliedIndex + STATE_HASH_INTERVAL),
      )

      node.crash()
      node.start()
      await cluster.until('it runs again', () => node.replica !== null)
      expect([seed, others.map(reasonOf), node.role]).toEqual([seed, others.map(() => null), 'joining'])
      expect(reasonOf(node)).toContain('remove its data directory')

      node.wipe()
      node.start()
      await cluster.formed()
      expect(cluster.nodes.map(reasonOf)).toEqual(cluster.nodes.map(() => null))
    }
  },
  120_000,
)
