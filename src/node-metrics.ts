// What a scrape reads of a running node: from each part as much as its series need.
import type { Clock } from './base/clock.ts'
import type { HttpListeners } from './http/create-http.ts'
import type { MetricsSources } from './metrics/metrics.ts'
import type { ReplicaSample, TenantSample } from './metrics/node-sample.ts'
import { clusterViewOf } from './replication/membership/cluster-view.ts'
import type { TlsPeerTransport } from './replication/transport/peer-transport.ts'
import { nodeIdOf } from './replication/membership/peers.ts'
import type { Replica } from './replication/replica/replica.ts'
import type { Services } from './services/services.ts'
import type { StateMachine } from './state/state-machine.ts'
import { diskSpaceOf } from './storage/disk-space.ts'

export interface NodeParts {
  readonly clock: Clock
  readonly replica: Replica
  readonly state: StateMachine
  readonly transport: TlsPeerTransport
  readonly http: HttpListeners
  readonly services: Services
  /** The node's data directory. */
  readonly directory: string
}

export function metricsSources(parts: NodeParts): MetricsSources {
  const { directory, services, state, transport } = parts
  return {
    node: async () => {
      const [disk, tenants] = await Promise.all([diskSpaceOf(directory), tenantSample(parts)])
      return {
        replica: replicaSample(parts),
        peers: {
          ...transport.counters,
          roundTripsMs: transport.roundTripsMs(),
          clockSkewsMs: transport.clockSkewsMs(),
        },
        tenants,
        connections: connectionsOf(parts),
        disk,
        store: state.figures(),
      }
    },
    entities: () => services.usage.totals(),
  }
}

function replicaSample({ clock, replica, services }: NodeParts): ReplicaSample {
  const { role, term, leader, commitIndex, appliedIndex, lastIndex, ...status } = replica.status()
  const raft = replica.raftStatus()
  const view = raft === undefined ? null : clusterViewOf(raft, status.clusterId)
  const members = view?.members ?? []
  const voterCount = members.filter((member) => member.role === 'voter').length
  const peers = raft?.role === 'leader' ? [...raft.peers] : []
  return {
    role,
    term,
    leaderKnown: leader !== null,
    commitIndex,
    appliedIndex,
    lastIndex,
    quarantined: status.quarantined !== null,
    bootstrapRefused: status.isBootstrapRefused,
    membershipIndex: view?.membershipIndex ?? 0,
    topologyGeneration: services.topology.generation,
    voterCount,
    learnerCount: members.length - voterCount,
    quorumMargin: view?.quorum.margin ?? null,
    peers: peers.map(([memberId, { active, matchIndex }]) => ({
      nodeId: nodeIdOf(memberId),
      lagEntries: lastIndex - matchIndex,
      active,
    })),
    diskStalledMs: status.diskBusySinceMs === null ? 0 : Math.max(0, clock.monotonicMs() - status.diskBusySinceMs),
    ...replica.load(),
  }
}

async function tenantSample({ services, state }: NodeParts): Promise<TenantSample> {
  const { cache, eventHub, operations, usage, values, watches } = services
  return {
    cacheEntryCount: state.reader.cacheEntryCount,
    subscriberCount: eventHub.count,
    watcherCount: watches.count,
    appliedEventCount: operations.appliedEventCount,
    ...eventHub.counters,
    reads: { value: values.reads, cache: cache.reads },
    usage: await usage.totals(),
  }
}

function connectionsOf({ http, transport }: NodeParts): Record<string, number> {
  return {
    public: http.public.server.connectionCount,
    private: http.private.server.connectionCount,
    ops: http.ops?.server.connectionCount ?? 0,
    raft: transport.counters.connectionsOpen,
  }
}
