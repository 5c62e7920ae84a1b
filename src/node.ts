// The composition root: builds every part of one node in order, and closes them in reverse. The order, and why:
//   lock       no other process may touch the data directory
//   identity   says whether this directory has been a member, and so whether a missing log is normal
//   log, state what was promised; damage is found before anybody can reach the node
//   listeners  health answers while the node joins or replays, and a taken port is reported at once
//   replica    from here on the node votes, follows and serves
// On stop: not ready, listeners drain, leadership moves, log and state are flushed, the lock goes last.
import path from 'node:path'
import { must } from './base/assert.ts'
import { systemClock } from './base/clock.ts'
import { InsiError, messageOf } from './base/errors.ts'
import type { Log, LogLevelControl } from './base/log.ts'
import { systemRandom } from './base/random.ts'
import { formatAddress } from './config/address.ts'
import type { Address } from './config/address.ts'
import type { Config, NodeConfig } from './config/config.ts'
import type { TopologyMark } from './contract/topology.ts'
import { CertificateWatch } from './http/certificate-watch.ts'
import { certificateEndMs, loadCertificate } from './http/certificate.ts'
import { createHttp } from './http/create-http.ts'
import type { HttpListeners } from './http/create-http.ts'
import type { TlsMaterial } from './http/server.ts'
import { Metrics } from './metrics/metrics.ts'
import { metricsSources } from './node-metrics.ts'
import { Raft } from './raft/raft.ts'
import { NodeIdentity } from './replication/membership/identity.ts'
import { TlsPeerTransport } from './replication/transport/peer-transport.ts'
import { Replica } from './replication/replica/replica.ts'
import type { ReplicaObserver } from './replication/replica-observer.ts'
import { REPLICA_DEFAULTS } from './replication/replica-options.ts'
import type { ReplicaOptions } from './replication/replica-options.ts'
import { SegmentedLog } from './replication/log/segmented-log.ts'
import { ClusterHistory } from './services/cluster-history.ts'
import { TopologyService } from './services/cluster-topology.ts'
import { createServices } from './services/services.ts'
import { COMMAND_VERSION } from './state/command-codec.ts'
import { STATE_HASH_INTERVAL } from './state/state-hash.ts'
import { StateMachine } from './state/state-machine.ts'
import { lockDirectory } from './storage/directory-lock.ts'
import { readMarkerFile } from './storage/marker-file.ts'
import { NodeDisk } from './storage/node-disk.ts'
import { ReplaceableLevelStore } from './storage/replaceable-level-store.ts'

export interface StartOptions {
  readonly log: Log
  /** Of `log`, for those who may change it. */
  readonly logLevel: LogLevelControl
  readonly version: string
  /** Which version of a made configuration file this is; null or absent: none that is known. */
  readonly fileTopology?: TopologyMark | null
}

/** A node that listens and takes part in its cluster, or is on its way there. */
export interface RunningNode {
  readonly publicUrl: string
  readonly privateUrl: string
  readonly opsUrl: string | null
  /** Stops in order; never rejects. */
  stop(): Promise<void>
  /** Resolves when the node cannot go on: the process should stop it and end with an error. */
  readonly fatal: Promise<Error>
}

/** How long slots of subscribers and the purge round may take to end; the next start, or the leader, puts right what is left. */
const SERVICES_STOP_MS = 2_000

/** Parts that are open, to be closed in reverse. */
class OpenParts {
  readonly #closers: (readonly [part: string, close: () => Promise<void>])[] = []
  readonly #log: Log

  constructor(log: Log) {
    this.#log = log
  }

  add(part: string, close: () => Promise<void>): void {
    this.#closers.push([part, close])
  }

  async close(): Promise<void> {
    for (const [part, close] of this.#closers.splice(0).toReversed()) {
      try {
        await close()
      } catch (error) {
        this.#log.error({ part, reason: messageOf(error) }, 'could not be closed in order')
      }
    }
  }
}

/**
 * Starts one node of `config` and resolves once it listens; it joins its cluster in the background. Rejects with an InsiError
 * or an error of the operating system after closing what was open.
 */
export async function startNode(config: Config, nodeId: string, options: StartOptions): Promise<RunningNode> {
  const node = must(config.nodes[nodeId], `node ${nodeId} is configured`)
  const parts = new OpenParts(options.log)
  try {
    return await start({ config, node, nodeId, parts, ...options })
  } catch (error) {
    await parts.close()
    throw error
  }
}

interface StartContext extends StartOptions {
  readonly config: Config
  readonly node: NodeConfig
  readonly nodeId: string
  readonly parts: OpenParts
}

async function start(context: StartContext): Promise<RunningNode> {
  const { config, nodeId, log, parts, version, fileTopology: fileMark = null } = context
  const directory = path.join(config.insiHome, nodeId)
  await takeLock(directory, nodeId, parts)
  const fatal = Promise.withResolvers<Error>()
  const metrics = new Metrics({ version, runtimeVersion: process.version, nodeId })
  const history = new ClusterHistory(systemClock)
  const observer = observerOf(metrics, history)
  const { replica, state, transport } = await openReplica(context, directory, observer, fatal.resolve)
  parts.add('replica', () => replica.stop())
  const topology = await TopologyService.open({ config, nodeId, fileMark, log, disk: new NodeDisk(directory) })
  replica.setPeers(topology.peers)
  topology.setPeersListener((peers) => replica.setPeers(peers))

  const services = createServices({
    config,
    clock: systemClock,
    random: systemRandom,
    log,
    reader: state.reader,
    replicator: replica,
    clusterAdmin: replica.admin,
    snapshots: state,
    version,
    liveMembers: () => liveMembersOf(replica),
    rateObserver: metrics.rates,
    history,
    topology,
  })
  state.setChangeListener(services.changes)
  const tls = await loadCertificate(config, path.join(directory, 'tls'), systemClock)
  const http = createHttp({
    config,
    nodeId,
    clock: systemClock,
    random: systemRandom,
    log: log.child({ part: 'http' }),
    logLevel: context.logLevel,
    reader: state.reader,
    replicator: replica,
    services,
    metrics,
    tls,
    version,
    runtimeVersion: process.version,
  })
  if (tls !== null) followCertificate(context, tls, http, metrics)
  metrics.readFrom(metricsSources({ clock: systemClock, replica, state, transport, http, services, directory }))
  const urls = await listen(context, http, tls !== null)
  await replica.start()
  services.health.start()
  services.purgeDriver.start()
  services.subscriptions.start()
  parts.add('services', async () => {
    services.health.beginStop()
    await services.backups.stop()
    await atMost(SERVICES_STOP_MS, Promise.all([services.subscriptions.stop(), services.purgeDriver.stop()]))
    services.health.stop()
  })
  return { ...urls, fatal: fatal.promise, stop: () => parts.close() }
}

/** Serves what the certificate files hold, also after they are renewed. A certificate that the node made itself stays. */
function followCertificate(
  { config, log, parts }: StartContext,
  tls: TlsMaterial,
  http: HttpListeners,
  metrics: Metrics,
) {
  metrics.onCertificate(certificateEndMs(tls))
  if (config.tls === null) return
  const watch = new CertificateWatch({
    files: config.tls,
    current: tls,
    clock: systemClock,
    log: log.child({ part: 'tls' }),
    use: (material) => {
      for (const { server } of [http.public, http.private]) server.useCertificate(material)
      metrics.onCertificate(certificateEndMs(material))
    },
    onRefused: (isRefused) => metrics.onCertificateRefused(isRefused),
  })
  watch.start()
  parts.add('certificate watch', async () => watch.stop())
}

/** Waits for `work`, but no longer than `timeoutMs`: without a leader, nothing that is proposed on the way out can succeed. */
async function atMost(timeoutMs: number, work: Promise<unknown>): Promise<void> {
  const late = Promise.withResolvers<void>()
  const timer = systemClock.after(timeoutMs, late.resolve)
  await Promise.race([work, late.promise])
  timer.cancel()
}

async function takeLock(directory: string, nodeId: string, parts: OpenParts): Promise<void> {
  const taken = await lockDirectory(directory, `${nodeId}, process ${process.pid}`)
  if ('heldBy' in taken) {
    throw new InsiError('DATA_DIRECTORY_LOCKED', `the data directory ${directory} is in use by ${taken.heldBy}`)
  }
  parts.add('lock', () => taken.lock.release())
}

async function openReplica(
  { config, node, nodeId, log, parts }: StartContext,
  directory: string,
  observer: ReplicaObserver,
  onFatal: (error: Error) => void,
): Promise<{ replica: Replica; state: StateMachine; transport: TlsPeerTransport }> {
  const disk = new NodeDisk(directory)
  const identity = await NodeIdentity.open({ disk, nodeId, random: systemRandom })
  const durableLog = await SegmentedLog.open({
    disk,
    directory: 'log',
    random: systemRandom,
    create: identity.clusterId === null,
    segmentSizeBytes: config.raft.segmentSizeBytes,
    log,
  })
  parts.add('log', () => durableLog.close())
  const state = await StateMachine.open(await ReplaceableLevelStore.open(path.join(directory, 'state')))
  parts.add('state', () => state.close())
  const secrets = [
    config.instanceSecret,
    ...(config.previousInstanceSecret === null ? [] : [config.previousInstanceSecret]),
  ]
  const transport = new TlsPeerTransport({
    listen: node.raftBinding,
    credentials: { type: 'secrets', secrets },
    identity: () => ({
      nodeId,
      memberId: identity.memberId,
      clusterId: identity.clusterId,
      raftAddress: formatAddress(node.raftAdvertise),
      commandVersion: COMMAND_VERSION,
    }),
    clock: systemClock,
    random: systemRandom,
    log: log.child({ part: 'peers' }),
    onError: (error) => onFatal(error instanceof Error ? error : new Error(messageOf(error))),
  })
  const replica = new Replica(
    {
      identity,
      log: durableLog,
      state,
      transport,
      clock: systemClock,
      random: systemRandom,
      logger: log.child({ part: 'replica' }),
      observer,
      schedule: (callback) => void setImmediate(callback),
      onFatal,
      createRaft: (raftOptions, initial, raftLog) => new Raft(raftOptions, initial, raftLog),
      readMarker: async () => (config.identityMarkerFile === null ? null : readMarkerFile(config.identityMarkerFile)),
    },
    replicaOptions(config, nodeId, node),
  )
  return { replica, state, transport }
}

/** What the replica reports, to all who want to hear of it. */
function observerOf({ replica }: Metrics, history: ClusterHistory): ReplicaObserver {
  return {
    ...replica,
    onRole: (change) => {
      replica.onRole(change)
      history.onRole(change)
    },
    onMembership: ({ members }) => history.onMembership(members),
  }
}

function replicaOptions(config: Config, nodeId: string, node: NodeConfig): ReplicaOptions {
  const { raft, limits } = config
  return {
    ...REPLICA_DEFAULTS,
    ...raft,
    raftAddress: formatAddress(node.raftAdvertise),
    peers: Object.entries(config.nodes)
      .filter(([peerId]) => peerId !== nodeId)
      .map(([peerId, peer]) => ({ nodeId: peerId, raftAddress: formatAddress(peer.raftAdvertise) })),
    mayBootstrap: nodeId === config.defaultLeader,
    commandVersion: COMMAND_VERSION,
    proposalTimeoutMs: limits.proposalTimeoutMs,
    leaderWaitMs: Math.min(REPLICA_DEFAULTS.leaderWaitMs, limits.proposalTimeoutMs),
    readTimeoutMs: limits.readTimeoutMs,
    pendingProposalsMax: limits.pendingProposalsMax,
    stateHashIntervalEntries: STATE_HASH_INTERVAL,
  }
}

async function listen(
  { node, parts }: StartContext,
  http: HttpListeners,
  isTls: boolean,
): Promise<{ publicUrl: string; privateUrl: string; opsUrl: string | null }> {
  const scheme = isTls ? 'https' : 'http'
  const open = async (name: string, address: Address, server: HttpListeners['public']['server']): Promise<string> => {
    const port = await startListener(name, address, () => server.start())
    parts.add(`${name} listener`, () => server.stop())
    return formatAddress({ host: address.host, port })
  }
  // Closed in reverse: health answers until the end.
  const opsAt =
    http.ops === null || node.opsBinding === null ? null : await open('ops', node.opsBinding, http.ops.server)
  const privateAt = await open('private', node.privateBinding, http.private.server)
  const publicAt = await open('public', node.publicBinding, http.public.server)
  return {
    publicUrl: `${scheme}://${publicAt}`,
    privateUrl: `${scheme}://${privateAt}`,
    opsUrl: opsAt === null ? null : `http://${opsAt}`,
  }
}

async function startListener(name: string, address: Address, begin: () => Promise<number>): Promise<number> {
  try {
    return await begin()
  } catch (error) {
    throw new InsiError(
      'LISTEN_FAILED',
      `the ${name} listener cannot open ${formatAddress(address)}: ${messageOf(error)}`,
      {
        cause: error,
      },
    )
  }
}

function liveMembersOf(replica: Replica): ReadonlySet<string> | null {
  const raft = replica.raftStatus()
  if (raft === undefined || raft.role !== 'leader') return null
  const live = [...raft.peers].filter(([, peer]) => peer.active).map(([memberId]) => memberId)
  return new Set([replica.status().memberId, ...live])
}
