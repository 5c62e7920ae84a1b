// One node of a simulation: hardware that outlives crashes (disk, database, address) and at most one process on it, made of the
// production identity, log, state machine, Raft core and replica.
import { delay } from '../../src/base/clock.ts'
import type { Clock } from '../../src/base/clock.ts'
import { messageOf } from '../../src/base/errors.ts'
import { silentLog } from '../../src/base/log.ts'
import { must } from '../../src/base/assert.ts'
import { Raft } from '../../src/raft/raft.ts'
import type { Entry } from '../../src/raft/types.ts'
import { NodeIdentity } from '../../src/replication/membership/identity.ts'
import type { DurableLog, PeerTransport } from '../../src/replication/ports.ts'
import { Replica } from '../../src/replication/replica/replica.ts'
import { silentObserver } from '../../src/replication/replica-observer.ts'
import type { ReplicaOptions } from '../../src/replication/replica-options.ts'
import { SegmentedLog } from '../../src/replication/log/segmented-log.ts'
import type { Services } from '../../src/services/services.ts'
import { StateMachine } from '../../src/state/state-machine.ts'
import { ReplaceableMemoryStore } from '../../src/storage/replaceable-memory-store.ts'
import type { CommittedLog } from './committed-log.ts'
import { ObservedState } from './observed-state.ts'
import { ProcessClock } from './sim-clock.ts'
import type { SimClock } from './sim-clock.ts'
import { SimDisk } from './sim-disk.ts'
import type { SimNetwork } from './sim-network.ts'
import type { SimRandom } from './sim-random.ts'
import { createSimServices } from './sim-services.ts'
import type { SimServices } from './sim-services.ts'
import { SlowStores } from './sim-store.ts'
import type { SimTrace } from './sim-trace.ts'

/** Small segments, so that rolling over, cutting and recovery over several files happen within seconds. */
const SEGMENT_SIZE_BYTES = 3 * 1024
const CACHE_SIZE_BYTES = 4 * 1024
/** One call into the database. */
const STATE_MS_MAX = 4
/** How wrong wall clocks are. */
const CLOCK_SKEW_MS_MAX = 3_600_000

/** How often, and how soon, a process crashes after it came to a rare place. */
const CRASH_RATE = 0.1
const CRASH_DELAY_MS_MAX = 30

/** Until a supervisor starts a process again that ended by itself. */
const RESTART_MS = 200

/** A fault that is planted into the program, to prove that the checkers find it. */
export interface PlantedBug {
  readonly name: string
  /** Changes the program for the time of a run; returns what undoes it. */
  readonly activate?: () => () => void
  readonly wrapLog?: (log: DurableLog) => DurableLog
  /** Changes what the state machine of a process gets to see. */
  readonly seen?: (entries: readonly Entry[], clock: Clock) => readonly Entry[]
}

export interface SimWorld {
  readonly clock: SimClock
  readonly network: SimNetwork
  readonly trace: SimTrace
  readonly committed: CommittedLog
  readonly bug: PlantedBug | null
  /** What the identity marker of every node says; absent: there is none. */
  readonly marker?: () => string | null
}

export interface SimHardware {
  readonly diskLatencyMsMax: number
  readonly random: SimRandom
}

interface SimProcess {
  readonly clock: ProcessClock
  replica: Replica | null
  log: DurableLog | null
  state: ObservedState | null
  services: SimServices | null
  isStopping: boolean
}

export class SimNode {
  readonly nodeId: string
  readonly options: ReplicaOptions
  readonly #world: SimWorld
  readonly #random: SimRandom
  readonly #diskLatencyMsMax: number
  #disk: SimDisk
  #stores = new ReplaceableMemoryStore()
  #process: SimProcess | null = null
  #isDiskFailing = false
  /** Now and then a process crashes just after it came to a place where crashes are awkward. */
  crashesAtRarePlaces = false
  /** Extra time that each operation of the disk takes now. */
  diskDelayMs = 0

  constructor(world: SimWorld, nodeId: string, options: ReplicaOptions, hardware: SimHardware) {
    this.#world = world
    this.nodeId = nodeId
    this.options = options
    this.#random = hardware.random
    this.#diskLatencyMsMax = hardware.diskLatencyMsMax
    this.#disk = this.#makeDisk()
  }

  /** What the wall clock of the process says. */
  get nowMs(): number {
    return Math.floor((this.#process?.clock ?? this.#world.clock).nowMs())
  }

  get isRunning(): boolean {
    return this.#process !== null
  }

  get isStopping(): boolean {
    return this.#process?.isStopping === true
  }

  get isPaused(): boolean {
    return this.#process?.clock.isPaused === true
  }

  /** The replica of the running process; null while it boots and when there is none. */
  get replica(): Replica | null {
    return this.#process?.replica ?? null
  }

  /** The role of the running replica; null when there is none. */
  get role(): string | null {
    return this.replica?.status().role ?? null
  }

  get memberId(): string | null {
    return this.replica?.status().memberId ?? null
  }

  /** Null while the node stops, when the log may be closed already. */
  get log(): DurableLog | null {
    return this.isStopping ? null : (this.#process?.log ?? null)
  }

  get state(): ObservedState | null {
    return this.#process?.state ?? null
  }

  /** The services of the running process; null as long as its replica is. */
  get services(): Services | null {
    return this.#process?.services?.services ?? null
  }

  /** Something reaches the process from outside. */
  run(callback: () => void): void {
    this.#process?.clock.run(callback)
  }

  /** Starts a process; what the last one left on disk decides what it is. */
  start(): void {
    if (this.#process !== null) return
    const skewMs = this.#random.between(-CLOCK_SKEW_MS_MAX, CLOCK_SKEW_MS_MAX)
    const process = {
      clock: new ProcessClock(this.#world.clock, skewMs),
      replica: null,
      log: null,
      state: null,
      services: null,
      isStopping: false,
    }
    this.#process = process
    this.#world.trace.line(`${this.nodeId} starts`)
    this.#boot(process).catch((error: unknown) => this.#onDeath(process, `did not start: ${messageOf(error)}`))
  }

  /** Power failure: whatever was not synced is lost, kept or torn. */
  crash(): void {
    if (this.#end('crashes') === null) return
    this.#disk.crash()
    this.#stores = this.#stores.crash(this.#random.int(this.#stores.current().unsyncedBatchCount + 1))
  }

  /** The process is killed; the page cache survives. */
  kill(): void {
    if (this.#end('is killed') === null) return
    this.#disk.kill()
    this.#stores = this.#stores.crash(Number.POSITIVE_INFINITY)
  }

  /** An orderly stop; the node can start again when `onStopped` is called. */
  stop(onStopped: () => void): void {
    const process = this.#process
    if (process === null || process.replica === null || process.isStopping) return
    this.#world.trace.line(`${this.nodeId} stops`)
    process.isStopping = true
    void this.#stopInOrder(process.services, process.replica).then(() => {
      if (this.#process !== process) return
      this.kill()
      onStopped()
    })
  }

  async #stopInOrder(services: SimServices | null, replica: Replica): Promise<void> {
    await services?.stop()
    await replica.stop()
  }

  /** The disk is replaced by an empty one. */
  wipe(): void {
    this.crash()
    this.#world.trace.line(`${this.nodeId} loses its disk`)
    this.#world.trace.reach('disk lost')
    this.#disk = this.#makeDisk()
    this.#isDiskFailing = false
    this.#stores = new ReplaceableMemoryStore()
  }

  /** The next sync fails, and with it the process; what it should have made durable is lost. */
  failDisk(): void {
    if (this.#process === null || this.#isDiskFailing) return
    this.#world.trace.line(`the disk of ${this.nodeId} fails its next sync`)
    this.#isDiskFailing = true
    this.#disk.failNextSync()
  }

  pause(): void {
    if (this.#process === null || this.#process.clock.isPaused) return
    this.#world.trace.line(`${this.nodeId} pauses`)
    this.#process.clock.pause()
  }

  resume(): void {
    if (this.#process === null || !this.#process.clock.isPaused) return
    this.#world.trace.line(`${this.nodeId} resumes`)
    this.#process.clock.resume()
  }

  #makeDisk(): SimDisk {
    return new SimDisk({
      clock: this.#world.clock,
      random: this.#random.fork(),
      latencyMsMax: this.#diskLatencyMsMax,
      schedule: (callback) => {
        const run = (): void => this.#process?.clock.run(callback)
        if (this.diskDelayMs === 0) run()
        else this.#world.clock.after(this.diskDelayMs, run)
      },
    })
  }

  async #boot(process: SimProcess): Promise<void> {
    const { bug, committed, trace } = this.#world
    const { clock } = process
    const random = this.#random.fork()
    const disk = this.#disk.mount()
    const identity = await NodeIdentity.open({ disk, nodeId: this.nodeId, random })
    const opened = await SegmentedLog.open({
      disk,
      directory: 'log',
      random,
      create: identity.clusterId === null,
      segmentSizeBytes: SEGMENT_SIZE_BYTES,
      cacheSizeBytes: CACHE_SIZE_BYTES,
    })
    const log = bug?.wrapLog?.(opened) ?? opened
    const work = (): Promise<void> => delay(clock, random.int(STATE_MS_MAX))
    const stores = new SlowStores(this.#stores, { work, isVisibleEarly: () => random.int(2) === 0 })
    const state = new ObservedState(await StateMachine.open(stores), this.#stores, {
      nodeId: this.nodeId,
      committed,
      work,
      onInstalling: () => this.#comeTo('snapshot installing'),
      seen: (entries) => bug?.seen?.(entries, clock) ?? entries,
    })
    const replica = this.#makeReplica(process, { identity, log, state, random })
    process.log = log
    process.state = state
    const { appliedIndex } = state
    const from = committed.lastIndex + 1
    if (appliedIndex >= from) {
      committed.recovered(log.entries(from, appliedIndex + 1, Number.POSITIVE_INFINITY) ?? [])
    }
    const { installedSnapshot } = state
    if (installedSnapshot !== null && installedSnapshot.index > log.base.index) trace.reach('log behind the state')
    const services = createSimServices({ clock, random }, state.inner, replica)
    await replica.start()
    services.start()
    process.services = services
    process.replica = replica
  }

  #makeReplica(
    process: SimProcess,
    parts: { identity: NodeIdentity; log: DurableLog; state: ObservedState; random: SimRandom },
  ): Replica {
    const { committed, network, trace } = this.#world
    const { clock } = process
    const { identity, log, state, random } = parts
    const { memberId, nodeId } = identity
    const { raftAddress } = this.options
    const peer = network.attach(() => ({ nodeId, memberId, raftAddress, clusterId: identity.clusterId }))
    return new Replica(
      {
        identity,
        log,
        state,
        transport: gated(peer, clock),
        clock,
        random,
        logger: silentLog,
        observer: {
          ...silentObserver,
          onRole: ({ role, term, leader }) => {
            trace.line(`${this.nodeId} is ${role} in term ${term} under ${leader ?? 'nobody'}`)
            if (role !== 'leader') return
            this.#comeTo('election won')
            committed.leads(this.nodeId, term, log)
          },
          onSnapshot: ({ direction, ok }) => {
            trace.line(`${this.nodeId} snapshot ${direction} ${ok ? 'ok' : 'failed'}`)
            this.#comeTo(`snapshot ${direction} ${ok ? 'ok' : 'failed'}`)
          },
          onLogCut: ({ entryCount }) => {
            trace.line(`${this.nodeId} cuts ${entryCount} entries`)
            this.#comeTo('log cut')
          },
          onProposalOutcome: (outcome) => trace.reach(`proposal ${outcome}`),
        },
        schedule: (callback) => queueMicrotask(() => clock.run(callback)),
        onFatal: (error) => this.#onDeath(process, error.message),
        createRaft: (options, initial, raftLog) => new Raft(options, initial, raftLog),
        readMarker: () => Promise.resolve(this.#world.marker?.() ?? null),
      },
      this.options,
    )
  }

  /** A process ended by itself. That is a bug, unless its disk failed: then it has to. */
  #onDeath(process: SimProcess, reason: string): void {
    if (process !== this.#process || !process.clock.isAlive) return
    if (this.#isDiskFailing) {
      this.#world.trace.line(`${this.nodeId} gives up: ${reason}`)
      this.#world.trace.reach('disk failed')
      this.#isDiskFailing = false
      this.crash()
      this.#world.clock.after(RESTART_MS, () => this.start())
      return
    }
    this.#world.trace.violate(`${this.nodeId} failed: ${reason}`)
  }

  #comeTo(place: string): void {
    const { clock, trace } = this.#world
    trace.reach(place)
    if (!this.crashesAtRarePlaces || !this.#random.chance(CRASH_RATE)) return
    const process = this.#process
    clock.after(this.#random.int(CRASH_DELAY_MS_MAX), () => {
      if (process !== this.#process) return
      this.crash()
      clock.after(RESTART_MS, () => this.start())
    })
  }

  #end(how: string): SimProcess | null {
    const process = this.#process
    if (process === null) return null
    this.#world.trace.line(`${this.nodeId} ${how}`)
    this.#process = null
    process.clock.kill()
    this.#world.network.detach(this.options.raftAddress)
    return must(process, 'checked above')
  }
}

/** Delivers into the process only while it runs. */
function gated(transport: PeerTransport, clock: ProcessClock): PeerTransport {
  return {
    start: (handlers) =>
      transport.start({
        onMessage: (from, message) => clock.run(() => handlers.onMessage(from, message)),
        onDisconnect: (raftAddress) => clock.run(() => handlers.onDisconnect(raftAddress)),
      }),
    send: (raftAddress, message) => clock.isAlive && transport.send(raftAddress, message),
    disconnect: (raftAddress) => transport.disconnect(raftAddress),
    close: () => transport.close(),
  }
}
