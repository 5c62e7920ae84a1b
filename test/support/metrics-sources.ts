// What a scrape reads of a node that is not there: a healthy one of three, with what a test says differently.
import type { EntitiesSample } from '../../src/metrics/entity-text.ts'
import type { MetricsSources } from '../../src/metrics/metrics.ts'
import type { NodeSample, ReplicaSample } from '../../src/metrics/node-sample.ts'
import type { Services } from '../../src/services/services.ts'

const NOTHING = { disk: 0, memory: 0, events: 0, subscribers: 0 }

const REPLICA: ReplicaSample = {
  role: 'follower',
  term: 1,
  leaderKnown: true,
  commitIndex: 12,
  appliedIndex: 11,
  lastIndex: 13,
  quarantined: false,
  bootstrapRefused: false,
  membershipIndex: 3,
  topologyGeneration: 2,
  voterCount: 3,
  learnerCount: 0,
  quorumMargin: null,
  peers: [{ nodeId: 'node1', lagEntries: 4, active: true }],
  pendingProposalCount: 0,
  pendingReadCount: 0,
  logEntryCount: 13,
  logSizeBytes: 1_000,
  diskStalledMs: 0,
}

const SAMPLE: NodeSample = {
  replica: REPLICA,
  peers: {
    roundTripsMs: new Map([['node1', 2]]),
    clockSkewsMs: new Map([['node1', -1]]),
    sentBytes: 0,
    receivedBytes: 0,
    sentFrames: 0,
    receivedFrames: 0,
    dialsFailed: 0,
    droppedQueueFull: 0,
    droppedUnreachable: 0,
    droppedTooLarge: 0,
    refused: {
      plaintext: 0,
      credentials: 0,
      tls: 0,
      handshake_timeout: 0,
      protocol: 0,
      version: 0,
      cluster: 0,
      self: 0,
    },
  },
  tenants: {
    cacheEntryCount: 2,
    subscriberCount: 0,
    watcherCount: 0,
    appliedEventCount: 0,
    sentFrameCount: 0,
    slowSubscriberCount: 0,
    reads: { value: { hits: 0, misses: 0 }, cache: { hits: 0, misses: 0 } },
    usage: {
      activeCount: 0,
      deletingCount: 0,
      sums: NOTHING,
      evictions: 0,
      ratioMax: NOTHING,
      nearQuotaCount: NOTHING,
    },
  },
  connections: { public: 0, private: 0, ops: 0, raft: 0 },
  disk: { freeBytes: 1, sizeBytes: 2 },
  store: {
    tableCount: 3,
    tablesSizeBytes: 4,
    compactionSeconds: 5,
    compactionReadBytes: 6,
    compactionWrittenBytes: 7,
  },
}

const NO_ENTITIES: EntitiesSample = { top: [], other: { diskBytes: 0, memoryBytes: 0, events: 0, subscribers: 0 } }

export interface SourceChanges {
  readonly replica?: Partial<ReplicaSample>
  /** Where usage is read from. */
  readonly services?: Services
}

export function metricsSourcesOf({ replica = {}, services }: SourceChanges = {}): MetricsSources {
  return {
    node: async () => {
      const usage = services === undefined ? SAMPLE.tenants.usage : await services.usage.totals()
      return { ...SAMPLE, replica: { ...REPLICA, ...replica }, tenants: { ...SAMPLE.tenants, usage } }
    },
    entities: async () => (services === undefined ? NO_ENTITIES : services.usage.totals()),
  }
}
