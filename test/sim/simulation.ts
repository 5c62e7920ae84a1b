// One simulated run of a cluster, a function of its seed: start, faults under load, heal, converge, check.
import { REPLICA_DEFAULTS } from '../../src/replication/replica-options.ts'
import type { ReplicaOptions } from '../../src/replication/replica-options.ts'
import { STATE_HASH_INTERVAL } from '../../src/state/state-hash.ts'
import { CommittedLog } from './committed-log.ts'
import { FaultSchedule } from './fault-schedule.ts'
import { findAnomaly } from './history-check.ts'
import { findLogMismatch } from './log-checks.ts'
import { SimClients } from './sim-clients.ts'
import type { Operation } from './sim-clients.ts'
import { SimClock } from './sim-clock.ts'
import { SimKeys } from './sim-keys.ts'
import { SimNetwork } from './sim-network.ts'
import { SimNode } from './sim-node.ts'
import type { PlantedBug } from './sim-node.ts'
import { SimRandom } from './sim-random.ts'
import { SimStreams } from './sim-streams.ts'
import { SimTrace, Violation } from './sim-trace.ts'

/** Virtual time of each phase. */
const START_MS_MAX = 15_000
const FAULTS_MS = 6_000
const CONVERGE_MS_MAX = 30_000
/** Between two looks at all logs. */
const LOG_CHECK_INTERVAL_MS = 500
const RETRY_MS = 100
/** A run with fewer acknowledged operations proves nothing and counts as failed. */
const ACKNOWLEDGED_MIN = 25

export interface SimulationOptions {
  readonly seed: number
  readonly bug?: PlantedBug
  /** Receives every line of the trace. */
  readonly print?: (line: string) => void
}

export interface SimulationResult {
  readonly seed: number
  readonly nodeCount: number
  /** What is broken, or null. */
  readonly violation: string | null
  /** The newest lines of the trace. */
  readonly newestLines: readonly string[]
  readonly traceChecksum: number
  readonly operationCount: number
  readonly acknowledgedCount: number
  readonly committedCount: number
  readonly faultCount: number
  /** How often the run came to rare places; a place that no seed comes to is not tested. */
  readonly reached: Readonly<Record<string, number>>
  readonly eventCount: number
  readonly virtualMs: number
}

export async function simulate(options: SimulationOptions): Promise<SimulationResult> {
  const undo = options.bug?.activate?.()
  const run = new Simulation(options)
  try {
    await run.run()
  } catch (error) {
    if (!(error instanceof Violation)) throw error
  } finally {
    undo?.()
  }
  return run.result()
}

class Simulation {
  readonly #options: SimulationOptions
  readonly #clock = new SimClock()
  readonly #trace: SimTrace
  readonly #committed: CommittedLog
  readonly #nodes: readonly SimNode[]
  readonly #clients: SimClients
  readonly #streams: SimStreams
  readonly #keys: SimKeys
  readonly #clientCount: number
  /** Nodes crash while the cluster forms. */
  readonly #stumbles: boolean
  readonly #faults: FaultSchedule

  constructor(options: SimulationOptions) {
    this.#options = options
    const random = new SimRandom(options.seed)
    this.#trace = new SimTrace(this.#clock, options.print ?? null)
    this.#committed = new CommittedLog(this.#trace)
    const network = new SimNetwork({ clock: this.#clock, random: random.fork() })
    const nodeCount = random.chance(0.25) ? 5 : 3
    const world = {
      clock: this.#clock,
      network,
      trace: this.#trace,
      committed: this.#committed,
      bug: options.bug ?? null,
    }
    const nodeIds = Array.from({ length: nodeCount }, (_, position) => `n${position}`)
    const logEntriesMax = random.pick([40, 120, 1_000])
    const diskLatencyMsMax = random.pick([2, 10, 40])
    this.#nodes = nodeIds.map((nodeId) => {
      const hardware = { diskLatencyMsMax, random: random.fork() }
      return new SimNode(world, nodeId, replicaOptions(nodeId, nodeIds, logEntriesMax), hardware)
    })
    this.#clients = new SimClients(world, this.#nodes, random.fork())
    this.#streams = new SimStreams(world, this.#nodes, this.#clients.workload, random.fork())
    this.#stumbles = random.chance(0.3)
    this.#clientCount = random.between(4, 8)
    this.#faults = new FaultSchedule(world, this.#nodes, random.fork())
    this.#keys = new SimKeys(world, this.#nodes, random.fork())
  }

  async run(): Promise<void> {
    for (const node of this.#nodes) node.start()
    if (this.#stumbles) this.#faults.stumble()
    await this.#until('the cluster forms', START_MS_MAX, () => this.#nodes.every((node) => isMember(node)))
    this.#clients.start(this.#clientCount)
    this.#streams.start()
    this.#keys.start()
    this.#faults.start()
    for (let elapsedMs = 0; elapsedMs < FAULTS_MS; elapsedMs += LOG_CHECK_INTERVAL_MS) {
      await this.#clock.run(LOG_CHECK_INTERVAL_MS, () => this.#trace.violation !== null)
      this.#checkLogs()
    }
    this.#faults.heal()
    await this.#until('all nodes take part again', CONVERGE_MS_MAX, () => this.#nodes.every((node) => isMember(node)))
    this.#clients.stop()
    this.#keys.stop()
    this.#streams.settle()
    await this.#useEveryNode()
    await this.#rest()
    await this.#until('all nodes converge', CONVERGE_MS_MAX, () => this.#isConverged())
    this.#checkLogs()
    for (const node of this.#nodes) await node.state?.compare()
    this.#checkHistory()
  }

  result(): SimulationResult {
    const { violation } = this.#trace
    return {
      seed: this.#options.seed,
      nodeCount: this.#nodes.length,
      violation: violation === null ? null : violation.message,
      newestLines: this.#trace.newestLines,
      traceChecksum: this.#trace.checksum,
      operationCount: this.#clients.operations.length,
      acknowledgedCount: this.#clients.acknowledgedCount,
      committedCount: this.#committed.lastIndex,
      faultCount: this.#faults.faultCount,
      reached: Object.fromEntries(this.#trace.reached),
      eventCount: this.#clock.eventCount,
      virtualMs: this.#clock.monotonicMs(),
    }
  }

  /** Lets time pass until `isDone`; that it takes longer than `timeoutMs` breaks a liveness property. */
  async #until(what: string, timeoutMs: number, isDone: () => boolean, why = (): string => ''): Promise<void> {
    const isOver = (): boolean => this.#trace.violation !== null || isDone()
    if (!(await this.#clock.run(timeoutMs, isOver))) {
      for (const node of this.#nodes) this.#trace.line(`${node.nodeId}: ${describe(node)}`)
      this.#trace.violate(`not within ${timeoutMs} ms: ${what} ${why()}`)
    }
    this.#throwIfViolated()
  }

  /** With everything healed, every node serves: writes and reads through it succeed. */
  async #useEveryNode(): Promise<void> {
    for (const node of this.#nodes) {
      await this.#succeed(`a write through ${node.nodeId}`, () => this.#clients.write(0, node, 'a'))
      await this.#succeed(`a read through ${node.nodeId}`, () => this.#clients.read(0, node, 'a'))
    }
  }

  async #succeed(what: string, attempt: () => Promise<Operation>): Promise<void> {
    let hasSucceeded = false
    const tryOnce = (): void => {
      void attempt().then(({ outcome }) => {
        hasSucceeded = outcome === 'ok'
        if (!hasSucceeded) this.#clock.after(RETRY_MS, tryOnce)
      })
    }
    tryOnce()
    await this.#until(`${what} succeeds`, CONVERGE_MS_MAX, () => hasSucceeded)
  }

  /** Subscribers and watchers catch up, slots are counted right, and nothing is left of what was deleted. */
  async #rest(): Promise<void> {
    const { history } = this.#committed
    let [checkedAt, unrest] = [0, this.#streams.unrest(history)]
    await this.#until(
      'everything comes to rest',
      CONVERGE_MS_MAX,
      () => {
        if (this.#clock.monotonicMs() < checkedAt + RETRY_MS) return false
        ;[checkedAt, unrest] = [this.#clock.monotonicMs(), this.#streams.unrest(history)]
        return unrest === null
      },
      () => unrest ?? '',
    )
  }

  #isConverged(): boolean {
    const { lastIndex } = this.#committed
    return this.#nodes.every((node) => {
      const status = node.replica?.status()
      return status?.appliedIndex === lastIndex && status.lastIndex === lastIndex
    })
  }

  #checkLogs(): void {
    const mismatch = findLogMismatch(this.#nodes)
    if (mismatch !== null) this.#trace.violate(mismatch)
    this.#throwIfViolated()
  }

  #checkHistory(): void {
    const { history } = this.#committed
    const anomaly = findAnomaly(this.#clients.operations, history) ?? this.#streams.findAnomaly(history)
    if (anomaly !== null) this.#trace.violate(anomaly)
    else if (this.#clients.acknowledgedCount < ACKNOWLEDGED_MIN) {
      this.#trace.violate(
        `only ${this.#clients.acknowledgedCount} operations were acknowledged: the run proves nothing`,
      )
    }
    this.#throwIfViolated()
  }

  #throwIfViolated(): void {
    if (this.#trace.violation !== null) throw this.#trace.violation
  }
}

/** Knows a leader, and is a voter again if it was away. */
function isMember(node: SimNode): boolean {
  const status = node.replica?.status()
  return (
    !node.isStopping &&
    status !== undefined &&
    status.leader !== null &&
    (status.role === 'leader' || status.role === 'follower')
  )
}

/** For the report of a cluster that does not recover. */
function describe(node: SimNode): string {
  const { log, replica } = node
  if (replica === null) return node.isRunning ? 'boots' : 'does not run'
  const { appliedIndex, clusterId: _, memberId, ...status } = replica.status()
  const raft = replica.raftStatus()
  const peers = [...(raft?.peers ?? [])].map(([id, peer]) => ({ id, ...peer }))
  const members = raft?.membership.members.map(({ id, role }) => `${id} ${role}`)
  const durable = log?.durable
  return JSON.stringify({ memberId, appliedIndex, durable, base: log?.base.index, ...status, members, peers })
}

function replicaOptions(nodeId: string, nodeIds: readonly string[], logEntriesMax: number): ReplicaOptions {
  const peers = nodeIds.map((id) => ({ nodeId: id, raftAddress: `${id}:7000` }))
  return {
    ...REPLICA_DEFAULTS,
    raftAddress: `${nodeId}:7000`,
    peers: peers.filter((peer) => peer.nodeId !== nodeId),
    mayBootstrap: nodeId === nodeIds[0],
    heartbeatMs: 100,
    electionTimeoutMs: 300,
    // Small enough for batches, windows and the cut to matter.
    messageSizeBytesMax: 4_096,
    inflightMessagesMax: 8,
    uncommittedSizeBytesMax: 6_000,
    pendingProposalsMax: 8,
    proposalTimeoutMs: 3_000,
    leaderWaitMs: 1_500,
    readTimeoutMs: 1_500,
    logEntriesMax,
    logSizeBytesMax: 256 * 1024,
    logRetainedEntries: Math.floor(logEntriesMax / 4),
    snapshotChunkSizeBytes: 512,
    stateHashIntervalEntries: STATE_HASH_INTERVAL,
  }
}
