// A simulated cluster without a schedule of faults, for tests that say themselves what happens to it.
import { must } from '../../src/base/assert.ts'
import { REPLICA_DEFAULTS } from '../../src/replication/replica-options.ts'
import { encodeCommand } from '../../src/state/command-codec.ts'
import { ROOT_ENTITY_ID } from '../../src/state/commands.ts'
import { STATE_HASH_INTERVAL } from '../../src/state/state-hash.ts'
import { CommittedLog } from './committed-log.ts'
import { SimClock } from './sim-clock.ts'
import { SimNetwork } from './sim-network.ts'
import { SimNode } from './sim-node.ts'
import { SimRandom } from './sim-random.ts'
import { SimTrace } from './sim-trace.ts'

const WAIT_MS_MAX = 60_000

export class PlainCluster {
  readonly clock = new SimClock()
  readonly trace = new SimTrace(this.clock, null)
  readonly nodes: readonly SimNode[]
  /** What the identity marker of every node says. */
  marker: string | null = null
  #writeCount = 0
  readonly #random: SimRandom

  constructor(seed: number, nodeCount: number) {
    this.#random = new SimRandom(seed)
    const network = new SimNetwork({ clock: this.clock, random: this.#random.fork() })
    network.setFaults({ dropRate: 0.05, disconnectRate: 0.002, latencyMsMax: 20 })
    const committed = new CommittedLog(this.trace)
    const world = { clock: this.clock, network, trace: this.trace, committed, bug: null, marker: () => this.marker }
    const peers = Array.from({ length: nodeCount }, (_, at) => ({ nodeId: `n${at}`, raftAddress: `n${at}:7000` }))
    this.nodes = peers.map(({ nodeId, raftAddress }) => {
      const others = peers.filter((peer) => peer.nodeId !== nodeId)
      const own = { raftAddress, peers: others, mayBootstrap: nodeId === 'n0', heartbeatMs: 100 }
      const options = { ...REPLICA_DEFAULTS, ...own, stateHashIntervalEntries: STATE_HASH_INTERVAL }
      return new SimNode(world, nodeId, options, { diskLatencyMsMax: 10, random: this.#random.fork() })
    })
    for (const node of this.nodes) node.start()
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

  /** Proposes one write through any node. */
  write(): void {
    const key = Buffer.from(`k${this.#writeCount++}`)
    const command = { type: 'kv.set' as const, space: 'value' as const, entityId: ROOT_ENTITY_ID, expiresAtMs: 0 }
    const bytes = encodeCommand({ ...command, key, value: key, timeMs: this.#writeCount })
    this.#random
      .pick(this.nodes)
      .replica?.propose(bytes)
      .catch(() => undefined)
  }
}
