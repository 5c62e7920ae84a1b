// A process of insi-reconciler beside a cluster of processes, with a stand-in for Kubernetes, for a Prometheus to scrape.
import { type ChildProcess, spawn } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { stringify } from 'yaml'
import { freePorts } from '../support/ports.ts'
import type { ProcessCluster } from '../support/process-cluster.ts'
import { KubernetesStandIn } from './kubernetes-stand-in.ts'
import type { ScrapeJob } from './prometheus.ts'

const PROGRAM = path.resolve(import.meta.dirname, '../../src/bin/insi-reconciler.ts')
const OUTPUT_LINES_MAX = 100

export class ScrapedReconciler {
  /** For the Prometheus of the cluster. */
  readonly job: ScrapeJob
  readonly #kubernetes: KubernetesStandIn
  readonly #child: ChildProcess
  readonly #lines: string[] = []

  private constructor(job: ScrapeJob, kubernetes: KubernetesStandIn, child: ChildProcess) {
    this.job = job
    this.#kubernetes = kubernetes
    this.#child = child
    child.stderr?.on('data', (chunk: Buffer) => {
      this.#lines.push(chunk.toString())
      if (this.#lines.length > OUTPUT_LINES_MAX) this.#lines.shift()
    })
  }

  /** Works for the nodes of `cluster`, which are called `<release>-0` and so on. Returns before it listens. */
  static async start(cluster: ProcessCluster, namespace: string, release: string): Promise<ScrapedReconciler> {
    const kubernetes = new KubernetesStandIn(namespace, release, cluster.nodeIds)
    const server = await kubernetes.listen()
    const { home, nodes, secret } = cluster.layout
    const kubeconfig = path.join(home, 'kubeconfig')
    const context = { cluster: 'c', user: 'u', namespace }
    await writeFile(
      kubeconfig,
      stringify({
        apiVersion: 'v1',
        kind: 'Config',
        'current-context': 'x',
        clusters: [{ name: 'c', cluster: { server, 'insecure-skip-tls-verify': true } }],
        users: [{ name: 'u', user: { token: 'of-a-test' } }],
        contexts: [{ name: 'x', context }],
      }),
    )
    const [port = 0] = await freePorts(1)
    const node = `http://127.0.0.1:${nodes[0]?.privatePort ?? 0}`
    const words = [
      '--statefulset',
      release,
      '--listen',
      `127.0.0.1:${port}`,
      '--node-url',
      node,
      '--log-format',
      'json',
    ]
    const child = spawn(process.execPath, [PROGRAM, ...words], {
      cwd: home,
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { PATH: process.env['PATH'], KUBECONFIG: kubeconfig, INSI_INSTANCE_SECRET: secret },
    })
    const labels = { namespace, pod: `${release}-reconciler-7d9f`, job: `${release}-reconciler` }
    const job = { name: 'reconciler', targets: [{ address: `127.0.0.1:${port}`, labels }] }
    return new ScrapedReconciler(job, kubernetes, child)
  }

  get output(): string {
    return this.#lines.join('')
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const ended = new Promise((resolve) => this.#child.once('exit', resolve))
      this.#child.kill('SIGKILL')
      await ended
    }
    await this.#kubernetes.close()
  }
}
