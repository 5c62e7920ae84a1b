// Builds every service of a node from the ports they share.
import type { Clock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import type { Random } from '../base/random.ts'
import type { Config } from '../config/config.ts'
import type { ChangeListener } from '../state/changes.ts'
import type { StateReader } from '../state/state-reader.ts'
import { AliasService } from './aliases.ts'
import { AuthorizationLease } from './authorization/lease.ts'
import { CacheService } from './cache.ts'
import { ClusterHistory } from './cluster-history.ts'
import { BackupService } from './backups.ts'
import type { SnapshotSource } from './backups.ts'
import { ClusterService } from './cluster.ts'
import { TopologyService } from './cluster-topology.ts'
import type { ClusterAdmin } from './cluster-admin.ts'
import { EntityService } from './entities.ts'
import { EventHub } from './events/hub.ts'
import { EventService } from './events.ts'
import { HealthService } from './health.ts'
import { InsightService } from './insight.ts'
import { KeyService } from './keys.ts'
import { LimitsService } from './limits.ts'
import { OperationsService } from './operations.ts'
import { OverviewService } from './overview.ts'
import { PingService } from './ping.ts'
import { Proposer } from './proposer.ts'
import { PurgeDriver } from './purge-driver.ts'
import { AddressLimiter } from './rates/addresses.ts'
import { RateLimiter } from './rates/limiter.ts'
import type { RateObserver } from './rates/limiter.ts'
import { ReadGate } from './read-gate.ts'
import type { Replicator } from './replicator.ts'
import { Revocations } from './authorization/revocations.ts'
import { StateClock } from './state-clock.ts'
import { SubscriptionLeases } from './events/subscription-leases.ts'
import type { LiveMembers } from './events/subscription-leases.ts'
import { SubscriptionSlots } from './events/subscription-slots.ts'
import { TokenCodec } from './authorization/tokens.ts'
import { TransactionService } from './transactions.ts'
import { UsageTotalsService } from './usage-totals.ts'
import { ValueService } from './values.ts'
import { WatchService } from './watches.ts'

export interface ServicesDeps {
  readonly config: Config
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly reader: StateReader
  readonly replicator: Replicator
  readonly clusterAdmin: ClusterAdmin
  /** What backups are made of; the state machine. */
  readonly snapshots: SnapshotSource
  /** The release. */
  readonly version: string
  /** On the leader: the members that it hears from; absent: nobody's slots are taken away. */
  readonly liveMembers?: LiveMembers
  /** Where refused requests are counted. */
  readonly rateObserver?: RateObserver
  /** What the replica tells about elections and membership; absent: nothing is remembered. */
  readonly history?: ClusterHistory
  /** Absent: nothing that is pushed is kept. */
  readonly topology?: TopologyService
}

export interface Services {
  readonly values: ValueService
  readonly cache: CacheService
  readonly transactions: TransactionService
  readonly keys: KeyService
  readonly entities: EntityService
  readonly aliases: AliasService
  readonly limits: LimitsService
  readonly insight: InsightService
  readonly cluster: ClusterService
  readonly topology: TopologyService
  readonly backups: BackupService
  readonly ping: PingService
  readonly health: HealthService
  readonly usage: UsageTotalsService
  readonly overview: OverviewService
  /** Started and stopped by the node. */
  readonly purgeDriver: PurgeDriver
  readonly rates: RateLimiter
  readonly addresses: AddressLimiter
  readonly operations: OperationsService
  readonly events: EventService
  readonly eventHub: EventHub
  /** Started and stopped by the node. */
  readonly subscriptions: { start(): void; stop(): Promise<void> }
  readonly watches: WatchService
  /** Must hear of everything that the state machine applies. */
  readonly changes: ChangeListener
}

const NOBODY: RateObserver = { onLimited: () => {}, onTokenRequest: () => {} }

interface TimedDeps extends ServicesDeps {
  readonly clock: StateClock
}

export function createServices(given: ServicesDeps): Services {
  const deps: TimedDeps = { ...given, clock: new StateClock(given.clock, given.reader) }
  const { config, clock, random, log, reader, replicator, rateObserver: observer = NOBODY } = deps
  const { instanceSecret, previousInstanceSecret, rootPrefix } = config
  const tokens = new TokenCodec(
    previousInstanceSecret === null ? [instanceSecret] : [instanceSecret, previousInstanceSecret],
  )
  const proposer = new Proposer(replicator)
  const readGate = new ReadGate({ reader, replicator })
  const keys = new KeyService(
    { clock, reader, lease: new AuthorizationLease({ clock: given.clock, replicator }), tokens },
    { instanceSecret, rootPrefix, rememberMs: config.cache.keysMs },
  )
  const revocations = new Revocations({ clock, random, log: log.child({ part: 'revocations' }), replicator })
  const { channel } = replicator
  const operations = new OperationsService({ clock, random, channel })
  const topology = deps.topology ?? TopologyService.unsaved(config, replicator.status().nodeId, log)
  const cluster = new ClusterService({ clock, admin: deps.clusterAdmin, replicator, topology })
  const usage = new UsageTotalsService({ clock, reader }, { topCountMax: config.metrics.entitiesTop })
  const watches = new WatchService({ reader, readGate })
  const values = new ValueService({ clock, reader, readGate, proposer })
  const cache = new CacheService({ clock, reader, readGate, proposer }, config.cache)
  return {
    values,
    cache,
    transactions: new TransactionService(
      { clock, proposer },
      {
        expiryOf: { value: (ttlMs) => values.expiresAtMs(ttlMs), cache: (ttlMs) => cache.expiresAtMs(ttlMs) },
        evict: config.cache.eviction === 'evict',
        ...config.events,
      },
    ),
    keys,
    entities: new EntityService(
      { clock, random, replicator, proposer, tokens, keys, revocations },
      { defaultLimits: config.entityDefaults },
    ),
    aliases: new AliasService({ clock, random, reader, readGate, replicator, proposer, tokens, keys, revocations }),
    limits: new LimitsService({ clock, reader, readGate, replicator, proposer, keys }),
    insight: new InsightService({ reader, readGate, tokens, keys }),
    cluster,
    topology,
    backups: new BackupService({
      clock: given.clock,
      log: log.child({ part: 'backup' }),
      replicator,
      readGate,
      snapshots: deps.snapshots,
      version: deps.version,
    }),
    overview: new OverviewService({ cluster, operations, usage, history: deps.history ?? new ClusterHistory(clock) }),
    ping: new PingService({ clock, reader, replicator }),
    health: new HealthService({ clock, replicator }),
    usage,
    purgeDriver: new PurgeDriver({ clock, log: log.child({ part: 'purge' }), reader, replicator, proposer }),
    rates: new RateLimiter({ clock, random, reader, channel, observer }),
    addresses: new AddressLimiter({ clock, observer }, config.rateLimiters),
    operations,
    watches,
    ...createEvents(deps, proposer, { operations, watches }),
  }
}

function createEvents(
  { config, clock, random, log: nodeLog, reader, replicator, liveMembers = () => null }: TimedDeps,
  proposer: Proposer,
  { operations, watches }: { readonly operations: OperationsService; readonly watches: WatchService },
): Pick<Services, 'events' | 'eventHub' | 'subscriptions' | 'changes'> {
  const log = nodeLog.child({ part: 'events' })
  const slots = new SubscriptionSlots({ clock, log, reader, replicator, proposer })
  const leases = new SubscriptionLeases({ clock, log, reader, proposer, liveMembers })
  const hub = new EventHub({
    clock,
    random,
    reader,
    queueCountMax: config.sessions.eventChannelSize,
    onEnd: (entityId, epoch) => slots.release(entityId, epoch),
  })
  const { retainMs, retainSizeBytes } = config.events
  const events = new EventService(
    { clock, reader, replicator, proposer, hub, slots },
    { retainMs, retainSizeBytes, connectionsMax: config.sessions.maxConnections },
  )
  return {
    events,
    eventHub: hub,
    subscriptions: {
      start: () => {
        slots.start()
        leases.start()
      },
      stop: async () => {
        await leases.stop()
        watches.stop()
        await events.stop()
      },
    },
    changes: {
      onApplied: (changes) => {
        clock.follow()
        operations.countEvents(changes.filter(({ type }) => type === 'event').length)
        hub.onApplied(changes)
        watches.onApplied(changes)
      },
    },
  }
}
