// A cluster of real `insid` processes on free ports and a temporary directory, for tests that kill and restart them.
import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { Agent, request } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { eventually } from './eventually.ts'
import { freePorts } from './ports.ts'

const ROOT = path.resolve(import.meta.dirname, '../..')
const OUTPUT_BYTES_MAX = 1 << 20
/** Starts from source in half the time. */
const COMPILE_CACHE = path.join(tmpdir(), 'insi-compile-cache')
const READY_TIMEOUT_MS = 30_000
const CLUSTER_SECRET = 'a-test-secret-5d1f0c7b9e2a4836'

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
  json(): unknown
}

export interface ClusterOptions {
  readonly nodeCount: number
  /** What stands before the ordinal in the name of a node; the default is `node`. */
  readonly namePrefix?: string
  /** Renders the configuration file; the default is camelCase with loopback bindings. */
  readonly render?: (cluster: ClusterLayout) => string
  /** Lines that are added to the default rendering. */
  readonly extraYaml?: string
}

export interface ClusterLayout {
  readonly home: string
  readonly secret: string
  readonly nodes: readonly {
    readonly id: string
    readonly publicPort: number
    readonly privatePort: number
    readonly raftPort: number
  }[]
}

function renderDefault(layout: ClusterLayout, extraYaml: string): string {
  const nodes = layout.nodes.map(
    (node) =>
      `  ${node.id}:\n    publicBinding: "127.0.0.1:${node.publicPort}"\n    privateBinding: "127.0.0.1:${node.privatePort}"\n    raftBinding: "127.0.0.1:${node.raftPort}"\n`,
  )
  return `instanceSecret: ${layout.secret}\ndefaultLeader: ${layout.nodes[0]?.id ?? ''}\ninsiHome: ${layout.home}/data\n${extraYaml}nodes:\n${nodes.join('')}`
}

export class ProcessCluster {
  readonly layout: ClusterLayout
  readonly configPath: string
  readonly rootKey: string
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 256 })
  readonly #processes = new Map<string, ChildProcess>()
  readonly #output = new Map<string, string>()

  private constructor(layout: ClusterLayout, configPath: string) {
    this.layout = layout
    this.configPath = configPath
    this.rootKey = Buffer.from(createHash('sha256').update(layout.secret).digest('hex')).toString('base64')
  }

  /** Writes the configuration; starts nothing. */
  static async create(options: ClusterOptions): Promise<ProcessCluster> {
    const home = await mkdtemp(path.join(tmpdir(), 'insi-cluster-'))
    const ports = await freePorts(options.nodeCount * 3)
    const port = (at: number): number => ports[at] ?? 0
    const layout: ClusterLayout = {
      home,
      secret: CLUSTER_SECRET,
      nodes: Array.from({ length: options.nodeCount }, (_, at) => ({
        id: `${options.namePrefix ?? 'node'}${at}`,
        publicPort: port(at * 3),
        privatePort: port(at * 3 + 1),
        raftPort: port(at * 3 + 2),
      })),
    }
    const configPath = path.join(home, 'cluster.yaml')
    await writeFile(configPath, options.render?.(layout) ?? renderDefault(layout, options.extraYaml ?? ''))
    return new ProcessCluster(layout, configPath)
  }

  get nodeIds(): string[] {
    return this.layout.nodes.map((node) => node.id)
  }

  /** Starts one node's process and returns at once. */
  start(nodeId: string): ChildProcess {
    const child = spawn(
      process.execPath,
      [path.join(ROOT, 'src/bin/insid.ts'), '--as', nodeId, '--config', this.configPath],
      {
        cwd: this.layout.home,
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { PATH: process.env['PATH'], NODE_COMPILE_CACHE: COMPILE_CACHE },
      },
    )
    const keep = (chunk: Buffer): void => {
      this.#output.set(nodeId, ((this.#output.get(nodeId) ?? '') + chunk.toString()).slice(-OUTPUT_BYTES_MAX))
    }
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    this.#processes.set(nodeId, child)
    return child
  }

  /** Of so many nodes, all of which run and are ready. */
  static async running(nodeCount: number): Promise<ProcessCluster> {
    const cluster = await ProcessCluster.create({ nodeCount })
    cluster.startAll()
    try {
      await cluster.ready()
    } catch (error) {
      // The caller has nothing to end it by.
      await cluster.destroy()
      throw error
    }
    return cluster
  }

  startAll(): void {
    for (const nodeId of this.nodeIds) this.start(nodeId)
  }

  /** What the node's processes printed so far. */
  output(nodeId: string): string {
    return this.#output.get(nodeId) ?? ''
  }

  process(nodeId: string): ChildProcess | undefined {
    return this.#processes.get(nodeId)
  }

  /** Sends the signal and resolves with the exit code and signal once the process is gone. */
  async end(nodeId: string, signal: NodeJS.Signals): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
    const child = this.#processes.get(nodeId)
    if (child === undefined) return { code: null, signal: null }
    this.#processes.delete(nodeId)
    if (child.exitCode !== null || child.signalCode !== null) return { code: child.exitCode, signal: child.signalCode }
    const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) =>
      child.once('exit', (code, by) => resolve({ code, signal: by })),
    )
    child.kill(signal)
    return ended
  }

  async kill(nodeId: string): Promise<void> {
    await this.end(nodeId, 'SIGKILL')
  }

  node(nodeId: string): ClusterLayout['nodes'][number] {
    const node = this.layout.nodes.find((candidate) => candidate.id === nodeId)
    if (node === undefined) throw new Error(`no node ${nodeId}`)
    return node
  }

  publicUrl(nodeId: string): string {
    return `http://127.0.0.1:${this.node(nodeId).publicPort}`
  }

  /** One HTTP request; rejects only when there is no answer. */
  call(
    nodeId: string,
    target: string,
    options: {
      readonly body?: unknown
      readonly token?: string | null
      readonly private?: boolean
      readonly timeoutMs?: number
    } = {},
  ): Promise<Answer> {
    const node = this.node(nodeId)
    const body = options.body === undefined ? undefined : JSON.stringify(options.body)
    const token = options.token === undefined ? this.rootKey : options.token
    return new Promise((resolve, reject) => {
      const sent = request(
        {
          host: '127.0.0.1',
          port: options.private === true ? node.privatePort : node.publicPort,
          path: target,
          method: body === undefined ? 'GET' : 'POST',
          agent: this.#agent,
          timeout: options.timeoutMs ?? 15_000,
          headers: {
            ...(token === null ? {} : { authorization: token }),
            ...(body === undefined
              ? {}
              : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
          },
        },
        (answer) => {
          const chunks: Buffer[] = []
          answer.on('data', (chunk: Buffer) => chunks.push(chunk))
          answer.on('error', reject)
          answer.on('end', () => {
            const text = Buffer.concat(chunks).toString()
            resolve({
              status: answer.statusCode ?? 0,
              headers: answer.headers,
              text,
              json: () => JSON.parse(text) as unknown,
            })
          })
        },
      )
      sent.on('timeout', () => sent.destroy(new Error(`no answer from ${nodeId} within the time`)))
      sent.on('error', reject)
      sent.end(body)
    })
  }

  set(nodeId: string, key: string, value: string): Promise<Answer> {
    return this.call(nodeId, '/db/api/v1/set', { body: { key, value } })
  }

  /** The value, or undefined when the key is missing; throws on any other answer. */
  async get(nodeId: string, key: string, query = ''): Promise<string | undefined> {
    const answer = await this.call(nodeId, `/db/api/v1/get?key=${encodeURIComponent(key)}${query}`)
    if (answer.status === 404) return undefined
    if (answer.status !== 200) throw new Error(`get answered ${answer.status}: ${answer.text}`)
    return (answer.json() as { data: string }).data
  }

  /** Resolves once every given node answers that it is ready. */
  async ready(nodeIds: readonly string[] = this.nodeIds, timeoutMs = READY_TIMEOUT_MS): Promise<void> {
    for (const nodeId of nodeIds) {
      const isReady = async (): Promise<true | undefined> =>
        (await this.call(nodeId, '/readyz', { private: true, token: null })).status === 200 ? true : undefined
      await eventually(`${nodeId} is ready`, isReady, { timeoutMs }).catch((error: unknown) => {
        throw new Error(`${nodeId} is not ready; it printed:\n${this.output(nodeId).slice(-4000)}`, { cause: error })
      })
    }
  }

  /** The node that the given nodes agree leads. */
  async leader(nodeIds: readonly string[] = this.nodeIds): Promise<string> {
    return eventually('the nodes agree on a leader', async () => {
      const addresses = await Promise.all(
        nodeIds.map(
          async (nodeId) => ((await this.call(nodeId, '/db/api/v1/ping')).json() as { leader: string }).leader,
        ),
      )
      const address = addresses[0]
      if (address === undefined || address === '' || addresses.some((other) => other !== address)) return undefined
      return this.layout.nodes.find((node) => address.endsWith(`:${node.raftPort}`))?.id
    })
  }

  /** Ends every process and removes the files. */
  async destroy(): Promise<void> {
    await Promise.all([...this.#processes.keys()].map((nodeId) => this.kill(nodeId)))
    this.#agent.destroy()
    await rm(this.layout.home, { recursive: true, force: true, maxRetries: 3 })
  }
}
