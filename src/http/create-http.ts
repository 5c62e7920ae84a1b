// Builds the listeners of one node from its services: public, private and, when configured, ops.
import { must } from '../base/assert.ts'
import type { Clock } from '../base/clock.ts'
import type { Log, LogLevelControl } from '../base/log.ts'
import type { Random } from '../base/random.ts'
import type { Address } from '../config/address.ts'
import type { Config } from '../config/config.ts'
import type { Listener } from '../contract/route.ts'
import type { Replicator } from '../services/replicator.ts'
import type { Services } from '../services/services.ts'
import type { StateReader } from '../state/state-reader.ts'
import { AccessLog } from './access-log.ts'
import { createApp } from './app.ts'
import type { App, AppDeps } from './app.ts'
import { endpointsFor } from './endpoints.ts'
import type { Handlers } from './endpoints.ts'
import { isSocketRequest } from './event-handshake.ts'
import { EventSockets } from './event-sockets.ts'
import { RequestIds } from './middleware/begin.ts'
import type { RequestObserver } from './middleware/observe.ts'
import { aliasHandlers } from './routes/aliases.ts'
import { backupHandlers } from './routes/backup.ts'
import { cacheHandlers } from './routes/cache.ts'
import { clusterHandlers } from './routes/cluster.ts'
import { entityHandlers } from './routes/entities.ts'
import { eventHandlers } from './routes/events.ts'
import { insightHandlers } from './routes/insight.ts'
import { limitsHandlers } from './routes/limits.ts'
import { operationHandlers } from './routes/operations.ts'
import { loggingHandlers } from './routes/logging.ts'
import { openApiHandlers } from './routes/openapi.ts'
import { opsHandlers } from './routes/ops.ts'
import type { MetricsText } from './routes/ops.ts'
import { overviewHandlers } from './routes/overview.ts'
import { pingHandlers } from './routes/ping.ts'
import { transactionHandlers } from './routes/transactions.ts'
import { valueHandlers } from './routes/values.ts'
import { watchHandlers } from './routes/watches.ts'
import { HttpServer } from './server.ts'
import type { TlsMaterial } from './server.ts'

export interface HttpDeps {
  readonly config: Config
  readonly nodeId: string
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly logLevel: LogLevelControl
  readonly reader: StateReader
  readonly replicator: Replicator
  readonly services: Services
  readonly metrics: RequestObserver & MetricsText
  /** Null: public and private listen without TLS. */
  readonly tls: TlsMaterial | null
  readonly version: string
  readonly runtimeVersion: string
}

/** A listener and its application, so that what needs both (WebSockets) can be attached before it starts. */
interface HttpListener {
  readonly app: App
  readonly server: HttpServer
}

export interface HttpListeners {
  readonly public: HttpListener
  readonly private: HttpListener
  readonly ops: HttpListener | null
}

const REQUEST_ID_PREFIX_BYTES = 4

/** Nothing listens until the servers are started. */
export function createHttp(deps: HttpDeps): HttpListeners {
  const node = must(deps.config.nodes[deps.nodeId], `node ${deps.nodeId} is configured`)
  const sockets: EventSockets[] = []
  const handlers = handlersOf(deps, () => must(sockets[0], 'the public listener has its sockets'))
  const appDeps: AppDeps = {
    clock: deps.clock,
    log: deps.log,
    observer: deps.metrics,
    accessLog: new AccessLog(deps.log, deps.logLevel),
    keys: deps.services.keys,
    addresses: deps.services.addresses,
    rates: deps.services.rates,
    operations: deps.services.operations,
    node: {
      nodeId: deps.nodeId,
      term: () => deps.replicator.term,
      appliedIndex: () => deps.reader.appliedIndex,
    },
    ids: new RequestIds(Buffer.from(deps.random.bytes(REQUEST_ID_PREFIX_BYTES)).toString('hex')),
  }
  const { permittedIps, trustedProxies, limits } = deps.config
  const listener = (kinds: readonly Listener[], address: Address, tls: TlsMaterial | null): HttpListener => {
    // Probes and scrapes on the ops listener are not filtered: who can reach it is the operator's network's business.
    const permitted = kinds.includes('public') || kinds.includes('private') ? permittedIps : []
    const isPublic = kinds.includes('public')
    const isLeaving = isPublic ? () => deps.services.cluster.isLeaving : () => false
    const upgrades = isPublic ? isSocketRequest : () => false
    const app = createApp(appDeps, {
      endpoints: endpointsFor(kinds, handlers, limits),
      addressFilter: { permitted, trustedProxies, wildcard: kinds.includes('public') },
    })
    return { app, server: new HttpServer(app.listener(), deps, { ...limits, ...address, tls, upgrades, isLeaving }) }
  }
  const publicListener = listener(['public'], node.publicBinding, deps.tls)
  sockets.push(new EventSockets(publicListener.app, publicListener.server.server, deps.clock))
  return {
    public: publicListener,
    private: listener(['private', 'ops'], node.privateBinding, deps.tls),
    ops: node.opsBinding === null ? null : listener(['ops'], node.opsBinding, null),
  }
}

function handlersOf(
  { config, services, metrics, version, runtimeVersion, clock, log, logLevel }: HttpDeps,
  sockets: () => EventSockets,
): Handlers {
  return {
    ...valueHandlers(services.values, config.limits),
    ...cacheHandlers(services.cache, config.limits),
    ...watchHandlers({ clock, watches: services.watches, sockets }, config.events),
    ...transactionHandlers(services, config.limits),
    ...pingHandlers(services.ping),
    ...aliasHandlers(services.aliases),
    ...limitsHandlers(services.limits),
    ...entityHandlers(services.entities),
    ...insightHandlers(services.insight),
    ...clusterHandlers(services),
    ...backupHandlers(services),
    ...eventHandlers(
      { clock, events: services.events, sockets },
      { ...config.limits, allowedOrigins: config.events.allowedOrigins },
    ),
    ...operationHandlers(services.operations),
    ...loggingHandlers({ log, control: logLevel }),
    ...openApiHandlers(version),
    ...overviewHandlers({ overview: services.overview, version }),
    ...opsHandlers({
      health: services.health,
      metrics,
      showsEntities: config.metrics.entities,
      version,
      runtimeVersion,
    }),
  }
}
