// One node's services and listeners over the real state machine in memory, on ports that the system chooses.
import http from 'node:http'
import { silentLog } from '../../src/base/log.ts'
import type { Log, LogLevel, LogLevelControl } from '../../src/base/log.ts'
import { systemClock } from '../../src/base/clock.ts'
import type { Clock } from '../../src/base/clock.ts'
import { systemRandom } from '../../src/base/random.ts'
import { parseConfig } from '../../src/config/load.ts'
import { rootKeyOf } from '../../src/contract/root-key.ts'
import { createHttp } from '../../src/http/create-http.ts'
import type { HttpListeners } from '../../src/http/create-http.ts'
import type { TlsMaterial } from '../../src/http/server.ts'
import { Metrics } from '../../src/metrics/metrics.ts'
import { createServices } from '../../src/services/services.ts'
import type { Services } from '../../src/services/services.ts'
import { StateMachine } from '../../src/state/state-machine.ts'
import { ReplaceableMemoryStore } from '../../src/storage/replaceable-memory-store.ts'
import { checkAnswer } from './answer-check.ts'
import { SingleNodeAdmin } from './single-node-admin.ts'
import { SingleNodeReplicator } from './single-node-replicator.ts'

export const SECRET = 'a-secret-for-tests-that-is-long-enough-0123456789'
export const ROOT_KEY = rootKeyOf(SECRET)

export interface HttpNodeOptions {
  /** Lines of cluster.yaml beyond the necessary ones. */
  readonly config?: string
  readonly clock?: Clock
  readonly log?: Log
  /** What the log routes change; absent: a level that changes nothing. */
  readonly logLevel?: LogLevelControl
  /** Certificate and key of the public and private listeners; absent: plain HTTP. */
  readonly tls?: TlsMaterial
}

class PlainLevel implements LogLevelControl {
  level: LogLevel = 'warn'

  setLevel(level: LogLevel): void {
    this.level = level
  }
}

export interface CallOptions {
  readonly method?: string
  /** Sent as `Bearer <token>`; absent: no Authorization header. */
  readonly token?: string
  /** Text or bytes as they are; anything else as JSON. */
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

export interface Answer {
  readonly status: number
  readonly headers: http.IncomingHttpHeaders
  readonly text: string
  /** The body as JSON; fails when it is none. */
  json(): unknown
}

export class HttpNode {
  readonly services: Services
  readonly metrics: Metrics
  readonly replicator: SingleNodeReplicator
  readonly state: StateMachine
  readonly listeners: HttpListeners
  readonly #agent = new http.Agent({ keepAlive: true })
  #ports = { public: 0, private: 0, ops: 0 }

  private constructor(state: StateMachine, options: HttpNodeOptions) {
    const { config } = parseConfig(configText(options.config ?? ''), { path: 'cluster.yaml' })
    this.state = state
    this.replicator = new SingleNodeReplicator(state)
    this.metrics = new Metrics({ version: '1.2.3', runtimeVersion: 'v26', nodeId: 'node0' })
    const deps = {
      config,
      clock: options.clock ?? systemClock,
      random: systemRandom,
      log: options.log ?? silentLog,
      reader: state.reader,
      replicator: this.replicator,
      clusterAdmin: new SingleNodeAdmin(),
      snapshots: state,
    }
    this.services = createServices({ ...deps, version: '1.2.3', rateObserver: this.metrics.rates })
    state.setChangeListener(this.services.changes)
    this.services.subscriptions.start()
    this.listeners = createHttp({
      ...deps,
      nodeId: 'node0',
      services: this.services,
      metrics: this.metrics,
      logLevel: options.logLevel ?? new PlainLevel(),
      tls: options.tls ?? null,
      version: '1.2.3',
      runtimeVersion: 'v26',
    })
  }

  static async start(options: HttpNodeOptions = {}): Promise<HttpNode> {
    const node = new HttpNode(await StateMachine.open(new ReplaceableMemoryStore()), options)
    const { listeners } = node
    node.#ports = {
      public: await listeners.public.server.start(),
      private: await listeners.private.server.start(),
      ops: (await listeners.ops?.server.start()) ?? 0,
    }
    return node
  }

  port(listener: 'public' | 'private' | 'ops'): number {
    return this.#ports[listener]
  }

  /** Sends one request to a path of a listener and reads the whole answer. */
  call(listener: 'public' | 'private' | 'ops', path: string, options: CallOptions = {}): Promise<Answer> {
    const { method = options.body === undefined ? 'GET' : 'POST', token, body } = options
    const bytes = body === undefined || typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body)
    const headers: Record<string, string> = { ...options.headers }
    if (token !== undefined) headers['Authorization'] = `Bearer ${token}`
    if (bytes !== undefined) headers['Content-Length'] = String(Buffer.byteLength(bytes))
    return new Promise((resolve, reject) => {
      const settings = { host: '127.0.0.1', port: this.port(listener), path, method, headers, agent: this.#agent }
      const request = http.request(settings, (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('error', reject)
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8')
          const json = (): unknown => JSON.parse(text)
          const answer = { status: response.statusCode ?? 0, headers: response.headers, text, json }
          try {
            checkAnswer(method, path, answer)
            resolve(answer)
          } catch (error) {
            reject(error)
          }
        })
      })
      request.on('error', reject)
      request.end(bytes)
    })
  }

  /** A new entity's token. */
  async createKey(name = 'test'): Promise<string> {
    const answer = await this.call('private', '/db/api/v1/admin/api/create', {
      token: ROOT_KEY,
      body: { key_name: name },
    })
    return (answer.json() as { readonly key: string }).key
  }

  async stop(): Promise<void> {
    this.#agent.destroy()
    this.services.health.stop()
    await this.services.subscriptions.stop()
    await this.services.purgeDriver.stop()
    const { public: publicListener, private: privateListener, ops } = this.listeners
    await Promise.all([publicListener.server.stop(), privateListener.server.stop(), ops?.server.stop()])
    await this.state.close()
  }
}

function configText(extra: string): string {
  return `
instanceSecret: ${SECRET}
rootPrefix: the-root-prefix
defaultLeader: node0
${extra}
nodes:
  node0:
    publicBinding: 127.0.0.1:0
    privateBinding: 127.0.0.1:0
    raftBinding: 127.0.0.1:0
    opsBinding: 127.0.0.1:0
`
}
