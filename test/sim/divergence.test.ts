// A replica whose state differs, planted into a simulated cluster: it alone is found, also when it leads, and only its disk's loss
// brings it back.
import { must } from '../../src/base/assert.ts'
import { REPLICA_DEFAULTS } from '../../src/replication/replica-options.ts'
import { encodeCommand } from '../../src/state/command-codec.ts'
import { ROOT_ENTITY_ID } from '../../src/state/commands.ts'
import { STATE_HASH_INTERVAL } from '../../src/state/state-hash.ts'
import { StateMachine } from '../../src/state/state-machine.ts'
import { CommittedLog } from './committed-log.ts'
import { SimClock } from './sim-clock.ts'
import { SimNetwork } from './sim-network.ts'
import { SimNode } from './sim-node.ts'
import { SimRandom } from './sim-random.ts'
import { SimTrace } from './sim-trace.ts'

const SEEDS = 2
const WAIT_MS_MAX = 60_000
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

class Cluster {
  readonly clock = new SimClock()
  readonly trace = new SimTrace(this.clock, null)
  readonly nodes: readonly SimNode[]
  #writeCount = 0
  readonly #random: SimRandom

  constructor(seed: number, nodeCount: number) {
    this.#random = new SimRandom(seed)
    const network = new SimNetwork({ clock: this.clock, random: this.#random.fork() })
    network.setFaults({ dropRate: 0.05, disconnectRate: 0.002, latencyMsMax: 20 })
    const world = { clock: this.clock, network, trace: this.trace, committed: new CommittedLog(this.trace), bug: null }
    const peers = Array.from({ length: nodeCount }, (_, at) => ({ nodeId: `n${at}`, raftAddress: `n${at}:7000` }))
    this.nodes = peers.map(({ nodeId, raftAddress }) => {
      const others = peers.filter((peer) => peer.nodeId !== nodeId)
      const own = { raftAddress, peers: others, mayBootstrap: nodeId === 'n0', heartbeatMs: 100 }
      const options = { ...REPLICA_DEFAULTS, ...own, stateHashIntervalEntries: STATE_HASH_INTERVAL }
      return new SimNode(world, nodeId, options, { diskLatencyMsMax: 10, random: this.#random.fork() })
    })
    for (const node of this.nodes) node.start()
    this.clock.every(WRITE_INTERVAL_MS, () => this.#write())
  }

  async until(what: string, isDone: () => boolean): Promise<void> {
    const isInTime = await this.clock.run(WAIT_MS_MAX, () => this.trace.violation !== null || isDone())
    if (this.trace.violation !== null) throw this.trace.violation
    if (!isInTime) throw new Error(`not within ${WAIT_MS_MAX} ms: ${what}`)
  }

  formed(nodes: readonly SimNode[] = this.nodes): Promise<void> {
    return this.until('the cluster forms', () => nodes.every(({ role }) => role === 'leader' || role === 'follower'))
  }

  pick(role: string): SimNode {
    return must(
      this.nodes.find((node) => node.role === role),
      `there is a ${role}`,
    )
  }

  #write(): void {
    const key = Buffer.from(`k${this.#writeCount++}`)
    const command = { type: 'kv.set' as const, space: 'value' as const, entityId: ROOT_ENTITY_ID, expiresAtMs: 0 }
    const bytes = encodeCommand({ ...command, key, value: key, timeMs: this.#writeCount })
    this.#random
      .pick(this.nodes)
      .replica?.propose(bytes)
      .catch(() => undefined)
  }
}

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
      const cluster = new Cluster(seed, nodeCount)
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
