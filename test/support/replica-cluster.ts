// Replicas of one cluster in this process, on real disks, real databases and real TLS connections.
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { must } from '../../src/base/assert.ts'
import { systemClock } from '../../src/base/clock.ts'
import { silentLog } from '../../src/base/log.ts'
import { systemRandom } from '../../src/base/random.ts'
import { Raft } from '../../src/raft/raft.ts'
import { NodeIdentity } from '../../src/replication/membership/identity.ts'
import { TlsPeerTransport } from '../../src/replication/transport/peer-transport.ts'
import { Replica } from '../../src/replication/replica/replica.ts'
import { silentObserver } from '../../src/replication/replica-observer.ts'
import { REPLICA_DEFAULTS } from '../../src/replication/replica-options.ts'
import type { ReplicaOptions } from '../../src/replication/replica-options.ts'
import { SegmentedLog } from '../../src/replication/log/segmented-log.ts'
import { encodeCommand } from '../../src/state/command-codec.ts'
import { ROOT_ENTITY_ID } from '../../src/state/commands.ts'
import type { Command, CommandResult } from '../../src/state/commands.ts'
import { STATE_HASH_INTERVAL } from '../../src/state/state-hash.ts'
import { StateMachine } from '../../src/state/state-machine.ts'
import { NodeDisk } from '../../src/storage/node-disk.ts'
import type { OrderedStore } from '../../src/storage/ordered-store.ts'
import { ReplaceableLevelStore } from '../../src/storage/replaceable-level-store.ts'
import { eventually } from './eventually.ts'
import { freePorts } from './ports.ts'
import { RecordingLog } from './recording-log.ts'
import type { LogLine } from './recording-log.ts'

const HOST = '127.0.0.1'

interface Running {
  readonly replica: Replica
  readonly state: StateMachine
  readonly log: SegmentedLog
  /** Why the replica cannot go on. */
  failure: Error | null
  installedCount: number
}

export class ReplicaCluster {
  readonly nodeIds: readonly string[]
  /** What all replicas logged. */
  readonly lines: LogLine[] = []
  /** What the identity marker of every node says. */
  marker: string | null = null
  /** Version of commands that a node says it applies; 1 for those that are not here. */
  readonly commandVersions = new Map<string, number>()
  readonly #directory: string
  readonly #options: Partial<ReplicaOptions>
  readonly #ports = new Map<string, number>()
  readonly #running = new Map<string, Running>()
  #nextTimeMs = 1

  private constructor(directory: string, nodeCount: number, options: Partial<ReplicaOptions>) {
    this.#directory = directory
    this.#options = options
    this.nodeIds = Array.from({ length: nodeCount }, (_, position) => `n${position}`)
  }

  static async create(nodeCount: number, options: Partial<ReplicaOptions> = {}): Promise<ReplicaCluster> {
    const directory = await mkdtemp(path.join(os.tmpdir(), 'insi-replicas-'))
    const cluster = new ReplicaCluster(directory, nodeCount, options)
    await cluster.chooseAddresses()
    return cluster
  }

  /** Gives every node a new address; nodes that run keep theirs until they start again. */
  async chooseAddresses(): Promise<void> {
    const ports = await freePorts(this.nodeIds.length)
    for (const [at, nodeId] of this.nodeIds.entries()) this.#ports.set(nodeId, must(ports[at], 'every node has a port'))
  }

  addressOf(nodeId: string): string {
    return `${HOST}:${must(this.#ports.get(nodeId), 'every node has a port')}`
  }

  replica(nodeId: string): Replica {
    return must(this.#running.get(nodeId), `${nodeId} runs`).replica
  }

  failure(nodeId: string): Error | null {
    return must(this.#running.get(nodeId), `${nodeId} runs`).failure
  }

  /** Ends of the log of a node that runs. */
  logEnds(nodeId: string): { readonly firstIndex: number; readonly lastIndex: number } {
    const { firstIndex, lastIndex } = must(this.#running.get(nodeId), `${nodeId} runs`).log
    return { firstIndex, lastIndex }
  }

  /** Snapshots that the node has installed since it started. */
  installedCount(nodeId: string): number {
    return must(this.#running.get(nodeId), `${nodeId} runs`).installedCount
  }

  async start(nodeId: string): Promise<void> {
    const root = this.#rootOf(nodeId)
    await mkdir(root, { recursive: true })
    const disk = new NodeDisk(root)
    const identity = await NodeIdentity.open({ disk, nodeId, random: systemRandom })
    const create = identity.clusterId === null
    const log = await SegmentedLog.open({ disk, directory: 'log', random: systemRandom, create })
    const state = await StateMachine.open(await ReplaceableLevelStore.open(path.join(root, 'state')))
    const raftAddress = this.addressOf(nodeId)
    const { memberId } = identity
    const commandVersion = this.commandVersions.get(nodeId) ?? 1
    const transport = new TlsPeerTransport({
      listen: { host: HOST, port: must(this.#ports.get(nodeId), 'every node has a port') },
      credentials: { type: 'secrets', secrets: ['a secret of this test alone'] },
      identity: () => ({ nodeId, memberId, raftAddress, commandVersion, clusterId: identity.clusterId }),
      clock: systemClock,
      random: systemRandom,
      log: silentLog,
      onError: (error) => {
        throw error
      },
    })
    const replica = new Replica(
      {
        identity,
        log,
        state,
        transport,
        clock: systemClock,
        random: systemRandom,
        logger: new RecordingLog(this.lines),
        observer: {
          ...silentObserver,
          onSnapshot: ({ direction, ok }) => {
            if (direction === 'installed' && ok) running.installedCount++
          },
        },
        schedule: (callback) => void setImmediate(callback),
        onFatal: (error) => {
          running.failure = error
        },
        createRaft: (raftOptions, initial, raftLog) => new Raft(raftOptions, initial, raftLog),
        readMarker: () => Promise.resolve(this.marker),
      },
      {
        ...REPLICA_DEFAULTS,
        raftAddress,
        peers: this.nodeIds
          .filter((peerId) => peerId !== nodeId)
          .map((peerId) => ({ nodeId: peerId, raftAddress: this.addressOf(peerId) })),
        mayBootstrap: nodeId === this.nodeIds[0],
        commandVersion,
        stateHashIntervalEntries: STATE_HASH_INTERVAL,
        ...this.#options,
      },
    )
    const running: Running = { replica, state, log, failure: null, installedCount: 0 }
    this.#running.set(nodeId, running)
    await replica.start()
  }

  async startAll(): Promise<void> {
    await Promise.all(this.nodeIds.map((nodeId) => this.start(nodeId)))
  }

  async stop(nodeId: string): Promise<void> {
    const running = this.#running.get(nodeId)
    this.#running.delete(nodeId)
    await running?.replica.stop()
  }

  /** Removes the data directory of a node that is stopped. */
  async wipe(nodeId: string): Promise<void> {
    await rm(this.#rootOf(nodeId), { recursive: true, force: true })
  }

  /** Puts the data directory of a node that is stopped aside, for restore(). */
  async setAside(nodeId: string): Promise<void> {
    await rename(this.#rootOf(nodeId), `${this.#rootOf(nodeId)}.aside`)
  }

  /** Puts back what setAside() put aside, in place of what the node has now. */
  async restore(nodeId: string): Promise<void> {
    await this.wipe(nodeId)
    await rename(`${this.#rootOf(nodeId)}.aside`, this.#rootOf(nodeId))
  }

  async removeIdentity(nodeId: string): Promise<void> {
    await rm(path.join(this.#rootOf(nodeId), 'identity.json'))
  }

  /** Changes the database of a node that is stopped. */
  async tamper(nodeId: string, change: (store: OrderedStore) => Promise<void>): Promise<void> {
    const stores = await ReplaceableLevelStore.open(path.join(this.#rootOf(nodeId), 'state'))
    await change(stores.current())
    await stores.close()
  }

  async destroy(): Promise<void> {
    await Promise.all(this.nodeIds.map((nodeId) => this.stop(nodeId)))
    await rm(this.#directory, { recursive: true, force: true })
  }

  /** Resolves once every running node votes and knows the leader; with the leader's name. */
  formed(timeoutMs = 20_000): Promise<string> {
    return eventually(
      'every node votes and knows the leader',
      () => {
        const states = [...this.#running.values()].map(({ replica }) => replica.status())
        const isFormed = states.every(
          ({ leader, role }) => leader !== null && (role === 'leader' || role === 'follower'),
        )
        return isFormed ? states.find(({ role }) => role === 'leader')?.nodeId : undefined
      },
      { timeoutMs },
    )
  }

  async set(nodeId: string, key: string, value: string): Promise<CommandResult> {
    return this.propose(nodeId, { type: 'kv.set', ...this.#target(key), value: Buffer.from(value), expiresAtMs: 0 })
  }

  async bump(nodeId: string, key: string): Promise<CommandResult> {
    return this.propose(nodeId, { type: 'kv.bump', ...this.#target(key), delta: 1n, min: null })
  }

  async propose(nodeId: string, command: Command): Promise<CommandResult> {
    return (await this.replica(nodeId).propose(encodeCommand(command))) as CommandResult
  }

  /** A write as the next release might encode it. */
  async setNewer(nodeId: string, key: string): Promise<unknown> {
    const target = this.#target(key)
    const command = encodeCommand({ type: 'kv.set', ...target, value: Buffer.from('newer'), expiresAtMs: 0 })
    command[0] = 2
    return this.replica(nodeId).propose(command)
  }

  /** A linearizable read. */
  async get(nodeId: string, key: string): Promise<string | undefined> {
    const { replica, state } = must(this.#running.get(nodeId), `${nodeId} runs`)
    await replica.readBarrier()
    return state.reader.get('value', ROOT_ENTITY_ID, Buffer.from(key), 0)?.value.toString()
  }

  #rootOf(nodeId: string): string {
    return path.join(this.#directory, nodeId)
  }

  #target(key: string): { space: 'value'; entityId: number; key: Buffer; timeMs: number } {
    return { space: 'value', entityId: ROOT_ENTITY_ID, key: Buffer.from(key), timeMs: this.#nextTimeMs++ }
  }
}
