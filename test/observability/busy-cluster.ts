// Three nodes at work for a while, with a reconciler, a node that dies while it leads and comes back, and a Prometheus that saw all.
import { eventually } from '../support/eventually.ts'
import type { RangeOptions } from '../support/prometheus-api.ts'
import { ClusterLoad } from './cluster-load.ts'
import { ScrapedCluster, chartRules } from './scraped-cluster.ts'

const MS_PER_SECOND = 1_000
/** For a node that comes back on a busy machine. */
const BACK_TIMEOUT_MS = 60_000

export interface BusyTimes {
  /** How long it works before a node dies, and after it came back. */
  readonly calmSeconds: number
}

export class BusyCluster {
  readonly scraped: ScrapedCluster
  readonly load: ClusterLoad
  readonly #startedSeconds = Date.now() / MS_PER_SECOND

  private constructor(scraped: ScrapedCluster, load: ClusterLoad) {
    this.scraped = scraped
    this.load = load
  }

  /** Resolves once all of that has happened; the load goes on. */
  static async start({ calmSeconds }: BusyTimes): Promise<BusyCluster> {
    const scraped = await ScrapedCluster.start({ hasReconciler: true, rules: await chartRules() })
    let busy: BusyCluster | undefined
    try {
      busy = new BusyCluster(scraped, await ClusterLoad.start(scraped.cluster))
      await busy.#seen(calmSeconds)
      await busy.#loseLeader()
      await busy.#seen(calmSeconds)
      return busy
    } catch (error) {
      await busy?.load.stop()
      await scraped.stop()
      throw error
    }
  }

  /** From the beginning of the load until now. */
  range(stepSeconds: number): RangeOptions {
    return { startSeconds: this.#startedSeconds, endSeconds: Date.now() / MS_PER_SECOND, stepSeconds }
  }

  async stop(): Promise<void> {
    await this.load.stop()
    await this.scraped.stop()
  }

  /** Waits until every node and the reconciler were scraped for so long since now. */
  async #seen(seconds: number): Promise<void> {
    const { prometheus } = this.scraped
    const fromMs = Date.now()
    await eventually(
      `everything was scraped for ${seconds} s`,
      async () => {
        const passedSeconds = Math.ceil((Date.now() - fromMs) / MS_PER_SECOND)
        if (passedSeconds < seconds) return undefined
        const least = await prometheus.value(`min(sum_over_time(up[${passedSeconds}s]))`)
        return (least ?? 0) >= seconds - 1 ? true : undefined
      },
      { timeoutMs: (seconds * 2 + 30) * MS_PER_SECOND },
    )
  }

  async #loseLeader(): Promise<void> {
    const { cluster } = this.scraped
    const leader = await cluster.leader()
    await cluster.kill(leader)
    const others = cluster.nodeIds.filter((nodeId) => nodeId !== leader)
    await eventually('another node leads', async () => ((await cluster.leader(others)) === leader ? undefined : true))
    cluster.start(leader)
    await cluster.ready([leader], BACK_TIMEOUT_MS)
    await this.load.reconnect(leader)
  }
}
