// Every option of cluster.yaml: type, default, unit and one line each. The loader, docs/CONFIG.md and
// docs/cluster.schema.json are all made from this file.
import { z } from 'zod'
import {
  ANSWER_TIMEOUT_MS,
  CONNECTIONS_MAX,
  DRAIN_TIMEOUT_MS,
  EVENT_RETAIN_MS_DEFAULT,
  EVENT_RETAIN_SIZE_BYTES_DEFAULT,
  HEADERS_TIMEOUT_MS,
  KEEP_ALIVE_TIMEOUT_MS,
  METRICS_ENTITIES_TOP_DEFAULT,
  REQUEST_TIMEOUT_MS,
  VALUE_BYTES_MAX_DEFAULT,
} from '../contract/limits.ts'
import { address, addressList, amount, boolean, choice, duration, integer, option } from './option.ts'
import { rate, section, size, sizeOrUnlimited, text } from './option.ts'

const KIB = 2 ** 10
const MIB = 2 ** 20

/** An IPv4 or IPv6 address, with or without a prefix length; `*` is everyone. Checked closely by checks.ts. */
const NETWORK_PATTERN = /^(\*|[0-9A-Fa-f:.]+(\/\d{1,3})?)$/

/** What a browser sends as Origin. */
const ORIGIN_PATTERN = /^[a-z][a-z0-9+.-]*:\/\/[^/\s]+$/

/** Node ids are names of directories. */
export const NODE_ID_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/

function limiter(name: string, routes: string, defaultLimit: number | 'unlimited') {
  return section(`Requests of one client address for ${routes}.`, {
    limit: option(rate().prefault(defaultLimit), {
      description: `Requests a second for ${routes}, for each client address and node.`,
      missing: `rateLimiters.${name}.limit is missing in config`,
    }),
    burst: option(integer({ min: 1, unit: 'requests' }).optional(), {
      description: 'Requests that may come at once; twice the limit when not set.',
    }),
  })
}

const nodeSchema = z
  .strictObject({
    publicBinding: option(address(), { description: "Where the node listens for tenants' requests." }),
    privateBinding: option(address(), {
      description: 'Where the node listens for administration, health checks and metrics.',
    }),
    raftBinding: option(address(), { description: 'Where the node listens for the other nodes.' }),
    opsBinding: option(address().optional(), {
      description: 'A further listener for health checks and metrics alone, always plain HTTP.',
    }),
    clientDomain: option(text({ pattern: /^[A-Za-z0-9_.-]+$|^[0-9A-Fa-f:]+$/, expected: 'a host name' }).optional(), {
      description: "Host name that clients use instead of the bindings' host.",
    }),
    raftAdvertise: option(address().optional(), {
      description:
        'Address at which other nodes reach raftBinding; raftBinding itself when not set, a wildcard host replaced by clientDomain or 127.0.0.1.',
    }),
    nodeSecret: option(text().optional(), {
      description: 'Accepted for files that have one; not needed. Must differ between nodes.',
      secret: true,
    }),
  })
  .meta({ description: 'One node.' })

const sessionsSchema = section('WebSocket subscribers.', {
  eventChannelSize: option(integer({ min: 1, max: 1_000_000, unit: 'events' }).prefault(1_000), {
    description: 'Events that may wait for one subscriber before it is closed as too slow.',
    missing: 'sessions.eventChannelSize is missing or invalid in config',
  }),
  webSocketReadBufferSize: option(size({ minBytes: 1, maxBytes: 64 * MIB }).prefault(4 * KIB), {
    description: 'Read buffer of one WebSocket.',
    missing: 'sessions.webSocketReadBufferSize is missing or invalid in config',
  }),
  webSocketWriteBufferSize: option(size({ minBytes: 1, maxBytes: 64 * MIB }).prefault(4 * KIB), {
    description: 'Write buffer of one WebSocket.',
    missing: 'sessions.webSocketWriteBufferSize is missing or invalid in config',
  }),
  maxConnections: option(integer({ min: 1, max: 1_000_000, unit: 'connections' }).prefault(10_000), {
    description: 'WebSocket subscribers of one node, all keys together.',
    missing: 'sessions.maxConnections is missing or invalid in config',
  }),
})

const eventsSchema = section('Published events.', {
  retain: option(duration({ minMs: 1 }).prefault(EVENT_RETAIN_MS_DEFAULT), {
    description: 'How long a subscriber that was away can read back what it missed.',
  }),
  retainSize: option(size({ minBytes: 1, maxBytes: 64 * 1_024 * MIB }).prefault(EVENT_RETAIN_SIZE_BYTES_DEFAULT), {
    description: 'The most that is kept of one key for that, whatever its age.',
  }),
  allowedOrigins: option(addressList(ORIGIN_PATTERN, 'origins such as https://app.example').prefault([]), {
    description: 'Origins that browsers may subscribe from; empty: any.',
  }),
})

const entityDefaultsSchema = section('Limits of a new key.', {
  disk: option(sizeOrUnlimited().prefault('1GiB'), { description: 'Keys and values in the value store.' }),
  memory: option(sizeOrUnlimited().prefault('250MiB'), { description: 'Keys and values in the cache.' }),
  eventsPerDay: option(amount('events').prefault(1_000_000), { description: 'Events published within 24 hours.' }),
  subscribers: option(amount('subscribers').prefault(1_000), { description: 'Concurrent subscribers, all nodes.' }),
  dataRequestsPerSecond: option(amount('requests/s').prefault(1_000), {
    description: 'Requests for values and cache, all nodes together.',
  }),
  eventRequestsPerSecond: option(amount('requests/s').prefault(500), {
    description: 'Requests for events, all nodes together.',
  }),
})

const limitsSchema = section('What one node accepts over HTTP, and how long it waits.', {
  // A command with two values must fit into one message between peers (8 MiB).
  valueSizeMax: option(size({ minBytes: 1, maxBytes: 3 * MIB }).prefault(VALUE_BYTES_MAX_DEFAULT), {
    description: 'Largest value.',
  }),
  bodySizeMax: option(size({ minBytes: 1, maxBytes: 1_024 * MIB }).optional(), {
    description: 'Largest request body; when not set, what two values of valueSizeMax need in JSON at worst.',
  }),
  requestTimeout: option(duration({ minMs: 1 }).prefault(REQUEST_TIMEOUT_MS), {
    description: 'Time for a whole request to arrive.',
  }),
  headersTimeout: option(duration({ minMs: 1 }).prefault(HEADERS_TIMEOUT_MS), {
    description: "Time for a request's headers to arrive.",
  }),
  keepAliveTimeout: option(duration({ minMs: 1_000 }).prefault(KEEP_ALIVE_TIMEOUT_MS), {
    description: 'How long an idle connection is kept; longer than the idle timeout of load balancers in front.',
  }),
  answerTimeout: option(duration({ minMs: 100 }).prefault(ANSWER_TIMEOUT_MS), {
    description: 'How long a client may read nothing of an answer before its connection is cut.',
  }),
  connectionsMax: option(integer({ min: 1, max: 1_000_000, unit: 'connections' }).prefault(CONNECTIONS_MAX), {
    description: 'HTTP connections of one listener.',
  }),
  proposalTimeout: option(duration({ minMs: 10 }).prefault('10s'), {
    description: 'How long a write waits for its commit before the answer is "outcome unknown".',
  }),
  readTimeout: option(duration({ minMs: 10 }).prefault('5s'), {
    description: "How long a read waits for the leader's confirmation.",
  }),
  pendingProposalsMax: option(integer({ min: 1, max: 1_000_000, unit: 'writes' }).prefault(10_000), {
    description: 'Writes of one node that may wait for their commit.',
  }),
  drainTimeout: option(duration().prefault(DRAIN_TIMEOUT_MS), {
    description: 'On stop: how long requests that are under way may take.',
  }),
})

const raftSchema = section('Replication. The same on every node; the defaults fit a local network.', {
  heartbeat: option(duration({ minMs: 5, maxMs: 60_000 }).prefault('50ms'), {
    description: 'Pause between two heartbeats of the leader.',
  }),
  electionTimeout: option(duration({ minMs: 20, maxMs: 600_000 }).prefault('300ms'), {
    description: 'Silence after which a follower stands for election: drawn from this value to its double.',
  }),
  messageSizeMax: option(size({ minBytes: KIB, maxBytes: 4 * MIB }).prefault('1MiB'), {
    description: 'Log entries in one message to a follower.',
  }),
  inflightMessagesMax: option(integer({ min: 1, max: 10_000, unit: 'messages' }).prefault(32), {
    description: 'Messages with entries that one follower may not have answered yet.',
  }),
  inflightSizeMax: option(size({ minBytes: KIB }).prefault('8MiB'), {
    description: 'Bytes of entries that one follower may not have answered yet.',
  }),
  uncommittedSizeMax: option(size({ minBytes: KIB }).prefault('64MiB'), {
    description: 'Bytes of writes that the leader holds before they are committed; more are refused.',
  }),
  promotionLagEntriesMax: option(integer({ min: 1, unit: 'entries' }).prefault(1_000), {
    description: 'How far behind a new node may be when it becomes a voter.',
  }),
  segmentSize: option(size({ minBytes: 64 * KIB }).prefault('16MiB'), {
    description: 'Size at which the log starts a new file.',
  }),
  logEntriesMax: option(integer({ min: 100, unit: 'entries' }).prefault(100_000), {
    description: 'Entries above which the log is cut.',
  }),
  logSizeMax: option(size({ minBytes: 64 * KIB }).prefault('64MiB'), {
    description: 'Size above which the log is cut.',
  }),
  logRetainedEntries: option(integer({ min: 0, unit: 'entries' }).prefault(10_000), {
    description: 'Applied entries that a cut leaves, so that a node that was away briefly needs no snapshot.',
  }),
  snapshotChunkSize: option(size({ minBytes: KIB, maxBytes: 16 * MIB }).prefault('256KiB'), {
    description: 'Piece of a snapshot in one message.',
  }),
  peerQueueSizeMax: option(size({ minBytes: KIB }).prefault('64MiB'), {
    description: 'Bytes that may wait for the connection to one node.',
  }),
  retryMin: option(duration({ minMs: 1 }).prefault('200ms'), {
    description: 'First pause before a node dials or asks to join again.',
  }),
  retryMax: option(duration({ minMs: 1 }).prefault('5s'), { description: 'The pause doubles up to this.' }),
})

/** The whole file. Its output is in base units; load.ts gives it the names of Config. */
export const clusterSchema = z.strictObject({
  instanceSecret: option(text(), {
    description: 'Secret that all nodes share: the root key, tokens and the protection between nodes come from it.',
    secret: true,
    missing: 'instanceSecret is missing in config',
  }),
  previousInstanceSecret: option(text().optional(), {
    description: 'The secret before a rotation: tokens made under it stay valid.',
    secret: true,
  }),
  rootPrefix: option(text().prefault('root'), {
    description: "Name of root's own data scope; topics of root's events begin with it.",
    missing: 'rootPrefix is missing in config',
  }),
  defaultLeader: option(text().optional(), {
    description: 'Node that founds the cluster on its first start; the only node when there is one.',
    missing: 'defaultLeader is not set in config',
  }),
  insiHome: option(text().prefault('data/insi'), {
    description: "Data directory, with one directory a node; relative to the process's working directory.",
    environment: 'INSI_HOME',
    flag: '--home',
    missing: 'insidHome is missing in config and is required for lock files and node data',
  }),
  identityMarkerFile: option(text().optional(), {
    description:
      'File outside of the data directory that holds the id of the cluster once it exists. While it does, a node with an empty data directory never founds a cluster and joins no other one. May be missing or empty.',
  }),
  newNodesDomain: option(text({ pattern: /^[A-Za-z0-9_.-]+$/, expected: 'a domain' }).optional(), {
    description:
      'With it a node that the file does not name yet starts too, as a pod does that was added a moment ago: reached as its id within this domain, it listens where the default leader does, and joins the cluster.',
  }),
  tls: section('Certificate of both HTTP listeners. Without it they speak plain HTTP.', {
    cert: option(text().optional(), { description: 'PEM file with the certificate, then its chain.' }),
    key: option(text().optional(), { description: 'PEM file with the private key.' }),
  }),
  clientSkipVerify: option(boolean().prefault(false), {
    description: "Clients that read this file do not verify the server's certificate.",
  }),
  serverMustUseTLS: option(boolean().prefault(false), {
    description: 'Never speak plain HTTP; without tls each node makes its own certificate.',
  }),
  trustedProxies: option(addressList(NETWORK_PATTERN).prefault(['127.0.0.1', '::1']), {
    description: 'Proxies whose X-Forwarded-For is believed.',
  }),
  permittedIPs: option(addressList(NETWORK_PATTERN).prefault([]), {
    description: 'Addresses that may connect; empty: everyone.',
  }),
  cache: section('The cache.', {
    'standard-ttl': option(duration().prefault('0s'), {
      description: 'Lifetime of a cache entry that is written without one; 0: no end.',
    }),
    keys: option(duration({ minMs: 1 }).prefault('1h'), {
      description: 'How long a node remembers a token that it has checked. Deleted keys stop at once all the same.',
      missing: 'cache.keys is missing in config',
    }),
    eviction: option(choice(['refuse', 'evict']).prefault('refuse'), {
      description: "At a key's memory limit: refuse the write, or evict its entries that were written longest ago.",
    }),
  }),
  rateLimiters: section('Limits for each client address and node, besides the limits of each key.', {
    values: limiter('values', 'values', 'unlimited'),
    cache: limiter('cache', 'the cache', 'unlimited'),
    events: limiter('events', 'events', 'unlimited'),
    system: limiter('system', 'ping, limits, alias, join and admin', 500),
    default: limiter('default', 'everything else', 'unlimited'),
  }),
  sessions: sessionsSchema,
  events: eventsSchema,
  logging: section('Logs go to stderr.', {
    level: option(choice(['debug', 'info', 'warn', 'error']).prefault('info'), {
      description: 'Lowest level that is logged.',
      flag: '--log-level',
    }),
    format: option(choice(['auto', 'json', 'pretty']).prefault('auto'), {
      description: 'auto: pretty on a terminal, else JSON lines.',
      flag: '--log-format',
    }),
  }),
  metrics: section('What `/metrics/entities` shows; `/metrics` has no series of single keys.', {
    entities: option(boolean().prefault(false), {
      description: 'Serve `/metrics/entities`, without a key, on the private and the ops listener.',
    }),
    entitiesTop: option(integer({ min: 0, max: 1_000, unit: 'keys' }).prefault(METRICS_ENTITIES_TOP_DEFAULT), {
      description: 'Keys with series of their own: those that use the most bytes. All others are added up as `other`.',
    }),
  }),
  entityDefaults: entityDefaultsSchema,
  limits: limitsSchema,
  raft: raftSchema,
  nodes: z.record(z.string().regex(NODE_ID_PATTERN), nodeSchema).meta({
    description: 'The nodes by id. An id is also the name of the node in the data directory.',
  }),
})

export { nodeSchema }
export type ClusterFile = z.output<typeof clusterSchema>
export type NodeFile = z.output<typeof nodeSchema>
