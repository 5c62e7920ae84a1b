// A Prometheus in a container, from Debian's package; only where that can be had is there one.
import { execFileSync } from 'node:child_process'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { GenericContainer, type StartedTestContainer, Wait } from 'testcontainers'
import { PrometheusApi } from '../support/prometheus-api.ts'
import type { ContainerCluster } from './insi-container.ts'

const IMAGE = 'insi-prometheus:test'
const RULES = path.resolve(import.meta.dirname, '../../charts/insi/files/rules.yaml')
const DOCKERFILE = `FROM node:26-bookworm-slim
RUN apt-get update && apt-get install --yes --no-install-recommends prometheus && rm -rf /var/lib/apt/lists/*
USER 65532:65532
`
const BUILD_TIMEOUT_MS = 90_000
const START_TIMEOUT_MS = 30_000

/** Builds the image. Null when it is there, the reason otherwise: without a way to Debian's packages it cannot be. */
export function buildPrometheus(): string | null {
  try {
    execFileSync('docker', ['build', '--network', 'host', '--tag', IMAGE, '-'], {
      input: DOCKERFILE,
      stdio: ['pipe', 'pipe', 'pipe'],
      timeout: BUILD_TIMEOUT_MS,
      env: { ...process.env, DOCKER_BUILDKIT: '0' },
    })
    return null
  } catch (error) {
    const { message, stderr } = error as Error & { readonly stderr?: Buffer }
    return `${message}\n${stderr?.toString().slice(-500) ?? ''}`
  }
}

/** Scrapes every node of a cluster each second, and evaluates the rules of the chart. */
export class Prometheus {
  readonly #cluster: ContainerCluster
  #container: StartedTestContainer | undefined
  #folder = ''

  constructor(cluster: ContainerCluster) {
    this.#cluster = cluster
  }

  async start(): Promise<void> {
    this.#folder = await mkdtemp(path.join(tmpdir(), 'insi-prometheus-'))
    await chmod(this.#folder, 0o755)
    const rules = await readFile(RULES, 'utf8')
    await writeFile(
      path.join(this.#folder, 'rules.yaml'),
      rules.replaceAll('NAMESPACE', 'space').replaceAll('RELEASE', 'node'),
    )
    const targets = this.#cluster.nodeIds.map(
      (id, ordinal) => `  - {targets: ['${id}:9090'], labels: {namespace: space, pod: node-${ordinal}}}\n`,
    )
    await writeFile(
      path.join(this.#folder, 'prometheus.yml'),
      `global: {scrape_interval: 1s, evaluation_interval: 1s}\nrule_files: [/etc/insi-prometheus/rules.yaml]\n` +
        `scrape_configs:\n- job_name: insi\n  static_configs:\n${targets.join('')}`,
    )
    this.#container = await new GenericContainer(IMAGE)
      .withCommand([
        'prometheus',
        '--config.file=/etc/insi-prometheus/prometheus.yml',
        '--storage.tsdb.path=/tmp/prometheus',
      ])
      .withNetwork(this.#cluster.network)
      .withExposedPorts(9090)
      .withBindMounts([{ source: this.#folder, target: '/etc/insi-prometheus', mode: 'ro' }])
      .withTmpFs({ '/tmp': 'rw' })
      .withWaitStrategy(Wait.forHttp('/-/ready', 9090).forStatusCode(200))
      .withStartupTimeout(START_TIMEOUT_MS)
      .start()
  }

  /** What promtool of the package says of the rules; throws when it finds a fault. */
  async checkRules(): Promise<string> {
    const { exitCode, output } = await this.#started().exec([
      'promtool',
      'check',
      'rules',
      '/etc/insi-prometheus/rules.yaml',
    ])
    if (exitCode !== 0) throw new Error(output)
    return output
  }

  /** Questions to it. */
  get api(): PrometheusApi {
    return new PrometheusApi(`http://127.0.0.1:${this.#started().getMappedPort(9090)}`)
  }

  async stop(): Promise<void> {
    await this.#container?.stop()
    await rm(this.#folder, { recursive: true, force: true })
  }

  #started(): StartedTestContainer {
    if (this.#container === undefined) throw new Error('Prometheus was not started')
    return this.#container
  }
}
