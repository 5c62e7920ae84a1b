// A cluster of insid processes that a Prometheus scrapes, with the labels that targets of the chart's monitors have in Kubernetes.
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { ProcessCluster } from '../support/process-cluster.ts'
import { Prometheus, type ScrapeJob, type Target } from './prometheus.ts'

export const NAMESPACE = 'space'
export const RELEASE = 'insi'

/** Where the chart's rules say NAMESPACE and RELEASE, they get the names of this cluster. */
const withNames = (rules: string): string =>
  rules.replaceAll('NAMESPACE', NAMESPACE).replaceAll('RELEASE', RELEASE)

/** The rules that the chart installs, for this cluster. */
export async function chartRules(): Promise<string> {
  return withNames(await readFile(path.resolve(import.meta.dirname, '../../charts/insi/files/rules.yaml'), 'utf8'))
}

export interface ScrapedOptions {
  /** Default 3. */
  readonly nodeCount?: number
  /** Lines of cluster.yaml besides those that turn /metrics/entities on. */
  readonly extraYaml?: string
  /** A rules file, in YAML. */
  readonly rules?: string
  readonly intervalMs?: number
  /** Scraped besides the nodes, such as a reconciler. */
  readonly jobs?: readonly ScrapeJob[]
}

export class ScrapedCluster {
  /** Its nodes are called as pods are: insi-0, insi-1 and so on. */
  readonly cluster: ProcessCluster
  readonly prometheus: Prometheus

  private constructor(cluster: ProcessCluster, prometheus: Prometheus) {
    this.cluster = cluster
    this.prometheus = prometheus
  }

  /** Resolves once every node is ready and was scraped. */
  static async start({
    extraYaml = '',
    intervalMs,
    jobs = [],
    nodeCount = 3,
    rules,
  }: ScrapedOptions = {}): Promise<ScrapedCluster> {
    const cluster = await ProcessCluster.create({
      nodeCount,
      namePrefix: `${RELEASE}-`,
      extraYaml: `metrics: { entities: true }\n${extraYaml}`,
    })
    let prometheus: Prometheus | undefined
    try {
      cluster.startAll()
      await cluster.ready()
      prometheus = await Prometheus.start({
        jobs: [
          { name: RELEASE, targets: nodeTargets(cluster, 'ops') },
          { name: 'entities', metricsPath: '/metrics/entities', targets: nodeTargets(cluster, 'entities') },
          ...jobs,
        ],
        ...(rules === undefined ? {} : { rules }),
        ...(intervalMs === undefined ? {} : { intervalMs }),
      })
      await prometheus.scraped()
    } catch (error) {
      await prometheus?.stop()
      await cluster.destroy()
      throw error
    }
    return new ScrapedCluster(cluster, prometheus)
  }

  async stop(): Promise<void> {
    await this.prometheus.stop()
    await this.cluster.destroy()
  }
}

/** The operator of Prometheus adds the same labels; `endpoint` keeps `up` of the two paths apart. */
function nodeTargets(cluster: ProcessCluster, endpoint: 'ops' | 'entities'): Target[] {
  return cluster.layout.nodes.map(({ id, privatePort }) => ({
    address: `127.0.0.1:${privatePort}`,
    labels: { namespace: NAMESPACE, pod: id, endpoint, job: RELEASE },
  }))
}
