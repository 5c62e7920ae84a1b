// A cluster of insid processes that a Prometheus scrapes, with the labels that targets of the chart's monitors have in Kubernetes.
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { ProcessCluster } from '../support/process-cluster.ts'
import { Prometheus, type Target } from './prometheus.ts'
import { ScrapedReconciler } from './scraped-reconciler.ts'

export const NAMESPACE = 'space'
export const RELEASE = 'insi'

/** Where the chart's rules say NAMESPACE and RELEASE, they get the names of this cluster. */
const withNames = (rules: string): string => rules.replaceAll('NAMESPACE', NAMESPACE).replaceAll('RELEASE', RELEASE)

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
  /** Whether a reconciler works for it, with a stand-in for Kubernetes. */
  readonly hasReconciler?: boolean
}

export class ScrapedCluster {
  /** Its nodes are called as pods are: insi-0, insi-1 and so on. */
  readonly cluster: ProcessCluster
  readonly prometheus: Prometheus
  readonly #reconciler: ScrapedReconciler | undefined

  private constructor(cluster: ProcessCluster, prometheus: Prometheus, reconciler: ScrapedReconciler | undefined) {
    this.cluster = cluster
    this.prometheus = prometheus
    this.#reconciler = reconciler
  }

  /** Resolves once every node is ready and was scraped. */
  static async start({
    extraYaml = '',
    intervalMs,
    hasReconciler = false,
    nodeCount = 3,
    rules,
  }: ScrapedOptions = {}): Promise<ScrapedCluster> {
    const cluster = await ProcessCluster.create({
      nodeCount,
      namePrefix: `${RELEASE}-`,
      extraYaml: `metrics: { entities: true }\n${extraYaml}`,
    })
    let prometheus: Prometheus | undefined
    let reconciler: ScrapedReconciler | undefined
    try {
      cluster.startAll()
      await cluster.ready()
      if (hasReconciler) reconciler = await ScrapedReconciler.start(cluster, NAMESPACE, RELEASE)
      prometheus = await Prometheus.start({
        jobs: [
          { name: RELEASE, targets: nodeTargets(cluster, 'ops') },
          { name: 'entities', metricsPath: '/metrics/entities', targets: nodeTargets(cluster, 'entities') },
          ...(reconciler === undefined ? [] : [reconciler.job]),
        ],
        ...(rules === undefined ? {} : { rules }),
        ...(intervalMs === undefined ? {} : { intervalMs }),
      })
      await prometheus.scraped()
    } catch (error) {
      await prometheus?.stop()
      await reconciler?.stop()
      await cluster.destroy()
      throw error
    }
    return new ScrapedCluster(cluster, prometheus, reconciler)
  }

  async stop(): Promise<void> {
    await this.prometheus.stop()
    await this.#reconciler?.stop()
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
