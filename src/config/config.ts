// The configuration as the rest of the server sees it: complete, checked and frozen. Options, defaults and units stand in
// schema.ts; load.ts makes it from the file, the environment and flags.
import type { Address } from './address.ts'

/** A token bucket: `limit` requests a second on average, `burst` at once. */
export interface RateLimit {
  readonly limit: number
  readonly burst: number
}

/** PEM files. Paths are relative to the working directory. */
export interface TlsFiles {
  readonly cert: string
  readonly key: string
}

export interface CacheConfig {
  /** Expiry of a cache entry that is written without one; 0: none. */
  readonly standardTtlMs: number
  /** How long a node remembers a token that it has checked. */
  readonly keysMs: number
  /** At an entity's memory limit: `refuse` answers the quota error, `evict` removes the entries written longest ago. */
  readonly eviction: 'refuse' | 'evict'
}

/** Per client address and node; null: unlimited. */
interface RateLimitersConfig {
  readonly values: RateLimit | null
  readonly cache: RateLimit | null
  readonly events: RateLimit | null
  readonly system: RateLimit | null
  readonly default: RateLimit | null
}

export interface SessionsConfig {
  /** Events that may wait for one subscriber before it is closed. */
  readonly eventChannelSize: number
  readonly webSocketReadBufferSizeBytes: number
  readonly webSocketWriteBufferSizeBytes: number
  /** WebSocket subscribers of one node, all keys together. */
  readonly maxConnections: number
}

interface EventsConfig {
  /** A published event can be read back for this long … */
  readonly retainMs: number
  /** … as long as it and the newer ones of its entity are not larger together. */
  readonly retainSizeBytes: number
  /** Origins that browsers may subscribe from; empty: any. */
  readonly allowedOrigins: readonly string[]
}

type LogLevel = 'debug' | 'info' | 'warn' | 'error'

interface LoggingConfig {
  readonly level: LogLevel
  /** `auto`: pretty on a terminal, else JSON lines. */
  readonly format: 'auto' | 'json' | 'pretty'
}

/** Limits of a new key; null: unlimited. The same members as the limits of an entity. */
export interface EntityDefaults {
  readonly diskBytes: number | null
  readonly memoryBytes: number | null
  readonly eventsPerDay: number | null
  readonly subscribers: number | null
  readonly dataRequestsPerSecond: number | null
  readonly eventRequestsPerSecond: number | null
}

export interface LimitsConfig {
  readonly valueSizeBytesMax: number
  /** A request body as it arrives, before parsing. */
  readonly bodySizeBytesMax: number
  /** For a whole request to arrive. */
  readonly requestTimeoutMs: number
  readonly headersTimeoutMs: number
  /** How long an idle connection is kept; longer than the idle timeout of any load balancer in front. */
  readonly keepAliveTimeoutMs: number
  /** How long a client may read nothing of an answer before its connection is cut. */
  readonly answerTimeoutMs: number
  /** HTTP connections of one listener. */
  readonly connectionsMax: number
  /** How long a write waits for its commit before it is answered "outcome unknown". */
  readonly proposalTimeoutMs: number
  /** How long a linearizable read waits for a leader's confirmation. */
  readonly readTimeoutMs: number
  /** Writes of one node that may be waiting for their commit. */
  readonly pendingProposalsMax: number
  /** On stop: how long requests in flight may take to end. */
  readonly drainTimeoutMs: number
}

export interface RaftConfig {
  readonly heartbeatMs: number
  /** Lower bound; drawn anew from [electionTimeoutMs, 2 · electionTimeoutMs). */
  readonly electionTimeoutMs: number
  /** Bytes of entries in one AppendEntries. */
  readonly messageSizeBytesMax: number
  readonly inflightMessagesMax: number
  readonly inflightSizeBytesMax: number
  readonly uncommittedSizeBytesMax: number
  readonly promotionLagEntriesMax: number
  readonly segmentSizeBytes: number
  /** The log is cut once it holds more entries or bytes than these … */
  readonly logEntriesMax: number
  readonly logSizeBytesMax: number
  /** … down to this many applied entries, so that a follower that was away briefly needs no snapshot. */
  readonly logRetainedEntries: number
  readonly snapshotChunkSizeBytes: number
  /** Bytes that may wait for one peer's connection. */
  readonly peerQueueSizeBytesMax: number
  /** Pause between attempts to join or to dial a peer: doubles from the minimum to the maximum. */
  readonly retryMinMs: number
  readonly retryMaxMs: number
}

export interface NodeConfig {
  /** Tenants' listener. */
  readonly publicBinding: Address
  /** Administrators' and health listener. */
  readonly privateBinding: Address
  /** Peers' listener. */
  readonly raftBinding: Address
  /** A listener for health and metrics alone; null: on the private one only. */
  readonly opsBinding: Address | null
  /** Host name that clients use instead of the bindings' host. */
  readonly clientDomain: string | null
  /** Where peers dial this node; null in the file: the raft binding, with clientDomain or 127.0.0.1 for a wildcard host. */
  readonly raftAdvertise: Address
  /** Accepted for files that have one; nothing is derived from it. */
  readonly nodeSecret: string | null
}

/** Everything that one process needs to know; the same on every node of a cluster. */
export interface Config {
  readonly instanceSecret: string
  /** The secret before a rotation: tokens made under it stay valid. */
  readonly previousInstanceSecret: string | null
  readonly rootPrefix: string
  readonly defaultLeader: string
  /** Data directory; node data lies in `<insiHome>/<nodeId>`. */
  readonly insiHome: string
  /** Holds the id of the cluster once it exists; null: there is none. */
  readonly identityMarkerFile: string | null
  /** Null with serverMustUseTls: the node makes its own certificate. */
  readonly tls: TlsFiles | null
  readonly clientSkipVerify: boolean
  readonly serverMustUseTls: boolean
  /** Addresses and CIDRs whose X-Forwarded-For is believed. */
  readonly trustedProxies: readonly string[]
  /** Addresses and CIDRs that may connect; empty: everyone. */
  readonly permittedIps: readonly string[]
  readonly cache: CacheConfig
  readonly rateLimiters: RateLimitersConfig
  readonly sessions: SessionsConfig
  readonly events: EventsConfig
  readonly logging: LoggingConfig
  readonly metrics: { readonly entities: boolean; readonly entitiesTop: number }
  readonly entityDefaults: EntityDefaults
  readonly limits: LimitsConfig
  readonly raft: RaftConfig
  readonly nodes: Readonly<Record<string, NodeConfig>>
}
