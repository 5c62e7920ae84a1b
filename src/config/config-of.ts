// From the checked file to Config: names with units, defaults that depend on other options, everything frozen.
import { must } from '../base/assert.ts'
import { bodyBytesMax } from '../contract/limits.ts'
import { dialledAddress } from './address.ts'
import type { CacheConfig, Config, EntityDefaults, LimitsConfig, NodeConfig, RaftConfig } from './config.ts'
import type { RateLimit, SessionsConfig, TlsFiles } from './config.ts'
import type { ClusterFile, NodeFile } from './schema.ts'

/** cas carries two values; no request carries more. */
const VALUES_PER_REQUEST_MAX = 2

export function configOf(file: ClusterFile): Config {
  const nodes = Object.fromEntries(Object.entries(file.nodes).map(([id, node]) => [id, nodeOf(node)]))
  return deepFreeze({
    instanceSecret: file.instanceSecret,
    previousInstanceSecret: file.previousInstanceSecret ?? null,
    rootPrefix: file.rootPrefix,
    defaultLeader: file.defaultLeader ?? must(Object.keys(file.nodes)[0], 'a checked file has a node'),
    insiHome: file.insiHome,
    identityMarkerFile: file.identityMarkerFile ?? null,
    tls: tlsOf(file.tls),
    clientSkipVerify: file.clientSkipVerify,
    serverMustUseTls: file.serverMustUseTLS,
    trustedProxies: file.trustedProxies,
    permittedIps: file.permittedIPs,
    cache: cacheOf(file.cache),
    rateLimiters: {
      values: rateLimitOf(file.rateLimiters.values),
      cache: rateLimitOf(file.rateLimiters.cache),
      events: rateLimitOf(file.rateLimiters.events),
      system: rateLimitOf(file.rateLimiters.system),
      default: rateLimitOf(file.rateLimiters.default),
    },
    sessions: sessionsOf(file.sessions),
    events: {
      retainMs: file.events.retain,
      retainSizeBytes: file.events.retainSize,
      allowedOrigins: file.events.allowedOrigins,
    },
    logging: file.logging,
    metrics: file.metrics,
    entityDefaults: entityDefaultsOf(file.entityDefaults),
    limits: limitsOf(file.limits),
    raft: raftOf(file.raft),
    nodes,
  })
}

function nodeOf(node: NodeFile): NodeConfig {
  return {
    publicBinding: node.publicBinding,
    privateBinding: node.privateBinding,
    raftBinding: node.raftBinding,
    opsBinding: node.opsBinding ?? null,
    clientDomain: node.clientDomain ?? null,
    raftAdvertise: node.raftAdvertise ?? dialledAddress(node.raftBinding, node.clientDomain ?? null),
    nodeSecret: node.nodeSecret ?? null,
  }
}

function tlsOf({ cert, key }: ClusterFile['tls']): TlsFiles | null {
  return cert === undefined || key === undefined ? null : { cert, key }
}

function cacheOf(cache: ClusterFile['cache']): CacheConfig {
  return { standardTtlMs: cache['standard-ttl'], keysMs: cache.keys, eviction: cache.eviction }
}

function rateLimitOf({ limit, burst }: ClusterFile['rateLimiters']['values']): RateLimit | null {
  return limit === null ? null : { limit, burst: burst ?? Math.max(1, Math.ceil(limit * 2)) }
}

function sessionsOf(sessions: ClusterFile['sessions']): SessionsConfig {
  return {
    eventChannelSize: sessions.eventChannelSize,
    webSocketReadBufferSizeBytes: sessions.webSocketReadBufferSize,
    webSocketWriteBufferSizeBytes: sessions.webSocketWriteBufferSize,
    maxConnections: sessions.maxConnections,
  }
}

function entityDefaultsOf({ disk, memory, ...rates }: ClusterFile['entityDefaults']): EntityDefaults {
  return { diskBytes: disk, memoryBytes: memory, ...rates }
}

function limitsOf(limits: ClusterFile['limits']): LimitsConfig {
  return {
    valueSizeBytesMax: limits.valueSizeMax,
    bodySizeBytesMax: limits.bodySizeMax ?? bodyBytesMax(VALUES_PER_REQUEST_MAX, limits.valueSizeMax),
    requestTimeoutMs: limits.requestTimeout,
    headersTimeoutMs: limits.headersTimeout,
    keepAliveTimeoutMs: limits.keepAliveTimeout,
    answerTimeoutMs: limits.answerTimeout,
    connectionsMax: limits.connectionsMax,
    proposalTimeoutMs: limits.proposalTimeout,
    readTimeoutMs: limits.readTimeout,
    pendingProposalsMax: limits.pendingProposalsMax,
    drainTimeoutMs: limits.drainTimeout,
  }
}

function raftOf(raft: ClusterFile['raft']): RaftConfig {
  return {
    heartbeatMs: raft.heartbeat,
    electionTimeoutMs: raft.electionTimeout,
    messageSizeBytesMax: raft.messageSizeMax,
    inflightMessagesMax: raft.inflightMessagesMax,
    inflightSizeBytesMax: raft.inflightSizeMax,
    uncommittedSizeBytesMax: raft.uncommittedSizeMax,
    promotionLagEntriesMax: raft.promotionLagEntriesMax,
    segmentSizeBytes: raft.segmentSize,
    logEntriesMax: raft.logEntriesMax,
    logSizeBytesMax: raft.logSizeMax,
    logRetainedEntries: raft.logRetainedEntries,
    snapshotChunkSizeBytes: raft.snapshotChunkSize,
    peerQueueSizeBytesMax: raft.peerQueueSizeMax,
    retryMinMs: raft.retryMin,
    retryMaxMs: raft.retryMax,
  }
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value
  for (const member of Object.values(value)) deepFreeze(member)
  return Object.freeze(value)
}
