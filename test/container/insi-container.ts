// Containers of the built image: read-only, unprivileged, with a volume for data and a fixed port of this machine.
import { execFile, execFileSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { GenericContainer, Network, type StartedNetwork, type StartedTestContainer, Wait } from 'testcontainers'
import { eventually } from '../support/eventually.ts'
import { freePorts } from '../support/ports.ts'

/** The image under test; see .ci/run. */
const IMAGE = process.env['INSI_IMAGE'] ?? 'insi:test'
const SECRET = 'a-secret-of-the-container-suite-83b1c7'
const START_TIMEOUT_MS = 60_000
export const MEMORY_LIMIT_GIB = 0.25

const execute = promisify(execFile)

/** Fails loudly when these suites cannot run: they are never skipped. */
export function requireImage(): void {
  try {
    execFileSync('docker', ['image', 'inspect', IMAGE], { stdio: 'pipe', timeout: 15_000 })
  } catch (error) {
    throw new Error(
      `npm run test:container needs a Docker engine with the image ${IMAGE}: docker build -t ${IMAGE} .`,
      {
        cause: error,
      },
    )
  }
}

/** The docker command; resolves with what it printed. Load goes on meanwhile. */
export async function docker(...words: string[]): Promise<string> {
  return (await execute('docker', words, { encoding: 'utf8' })).stdout.trim()
}

class LockedDownContainer extends GenericContainer {
  constructor() {
    super(IMAGE)
    this.hostConfig.ReadonlyRootfs = true
    this.withDroppedCapabilities('ALL')
    this.withSecurityOpt('no-new-privileges')
    this.withTmpFs({ '/tmp': 'rw,noexec,size=16m' })
    this.withResourcesQuota({ memory: MEMORY_LIMIT_GIB })
    // A node that was killed shall stay, and keep its port, until the test starts it again.
    this.withAutoRemove(false)
  }
}

/** Nodes of one cluster on a network of their own. */
export class ContainerCluster {
  readonly nodeIds: readonly string[]
  readonly rootKey = Buffer.from(createHash('sha256').update(SECRET).digest('hex')).toString('base64')
  readonly #volumes: string[] = []
  readonly #containers = new Map<string, StartedTestContainer>()
  readonly #ports = new Map<string, number>()
  #network: StartedNetwork | undefined
  #folder = ''

  constructor(nodeCount: number) {
    this.nodeIds = Array.from({ length: nodeCount }, (_, at) => `node${at}`)
  }

  /** Starts every node and resolves once all are ready. */
  async start(): Promise<void> {
    this.#network = await new Network().start()
    this.#folder = await mkdtemp(path.join(tmpdir(), 'insi-container-'))
    const configPath = path.join(this.#folder, 'cluster.yaml')
    const nodes = this.nodeIds.map(
      (id) =>
        `  ${id}: {publicBinding: '0.0.0.0:8080', privateBinding: '0.0.0.0:8081', raftBinding: '0.0.0.0:7000', opsBinding: '0.0.0.0:9090', raftAdvertise: '${id}:7000', clientDomain: ${id}}\n`,
    )
    await writeFile(configPath, `defaultLeader: node0\nnodes:\n${nodes.join('')}`)
    await chmod(configPath, 0o644)
    const ports = await freePorts(this.nodeIds.length)
    await Promise.all(this.nodeIds.map((id, at) => this.#startNode(id, ports[at] ?? 0, configPath)))
  }

  async #startNode(nodeId: string, port: number, configPath: string): Promise<void> {
    const volume = `insi-test-${randomBytes(6).toString('hex')}`
    this.#volumes.push(volume)
    this.#ports.set(nodeId, port)
    const container = await new LockedDownContainer()
      .withCommand(['--as', nodeId])
      .withEnvironment({ INSI_INSTANCE_SECRET: SECRET })
      .withNetwork(this.network)
      .withNetworkAliases(nodeId)
      .withExposedPorts({ container: 8080, host: port }, 9090)
      .withBindMounts([
        { source: configPath, target: '/etc/insi/cluster.yaml', mode: 'ro' },
        { source: volume, target: '/data', mode: 'rw' },
      ])
      .withWaitStrategy(Wait.forHttp('/readyz', 9090).forStatusCode(200))
      .withStartupTimeout(START_TIMEOUT_MS)
      .start()
    this.#containers.set(nodeId, container)
  }

  container(nodeId: string): StartedTestContainer {
    const container = this.#containers.get(nodeId)
    if (container === undefined) throw new Error(`no container of ${nodeId}`)
    return container
  }

  url(nodeId: string): string {
    return `http://127.0.0.1:${this.#ports.get(nodeId)}`
  }

  /** Sends a request with the given key; the root key unless stated. */
  call(nodeId: string, target: string, body?: unknown, key = this.rootKey): Promise<Response> {
    return fetch(this.url(nodeId) + target, {
      ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      signal: AbortSignal.timeout(15_000),
    })
  }

  get network(): StartedNetwork {
    if (this.#network === undefined) throw new Error('no network')
    return this.#network
  }

  /** Cuts the node off from the others and from this machine. */
  async disconnect(nodeId: string): Promise<void> {
    await docker('network', 'disconnect', this.network.getId(), this.container(nodeId).getId())
  }

  async reconnect(nodeId: string): Promise<void> {
    await docker('network', 'connect', '--alias', nodeId, this.network.getId(), this.container(nodeId).getId())
  }

  /** Asks the node from inside of its container, whatever its network. Resolves with status and body. */
  async callInside(nodeId: string, target: string): Promise<{ readonly status: number; readonly text: string }> {
    const script = `const answer = await fetch('http://127.0.0.1:8080${target}', { headers: { authorization: 'Bearer ${this.rootKey}' } })
      process.stdout.write(JSON.stringify({ status: answer.status, text: await answer.text() }))`
    const { output, stdout } = await this.container(nodeId).exec(['node', '--input-type=module', '--eval', script])
    if (!stdout.startsWith('{')) throw new Error(output)
    return JSON.parse(stdout) as { status: number; text: string }
  }

  /** The node that leads, as the given one knows it. */
  leader(nodeId: string): Promise<string> {
    return eventually('a leader is known', async () => {
      const { leader } = (await (await this.call(nodeId, '/db/api/v1/ping')).json()) as { leader: string }
      return leader.split(':')[0] || undefined
    })
  }

  async destroy(): Promise<void> {
    const containers = [...this.#containers.values()]
    await Promise.all(containers.map((container) => docker('rm', '--force', container.getId())))
    await this.#network?.stop()
    await Promise.all(this.#volumes.map((volume) => docker('volume', 'rm', '--force', volume)))
    await rm(this.#folder, { recursive: true, force: true })
  }
}
