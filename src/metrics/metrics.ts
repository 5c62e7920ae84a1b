// What the parts of a node report to. Reports are synchronous and cheap; what can be read at any time is read when scraped.
import { ROUTES } from '../contract/routes.ts'
import { PROPOSAL_OUTCOMES, ROLES } from './catalogue.ts'
import { rateReports } from './rate-reports.ts'
import type { RateReports } from './rate-reports.ts'
import { MetricsRegistry } from './registry.ts'
import { replicaReports } from './replica-reports.ts'
import type { ReplicaReports } from './replica-reports.ts'
import { RouteReports } from './route-reports.ts'

/** A reading of the replica, taken when scraped. */
export interface ReplicaSample {
  readonly role: string
  readonly term: number
  readonly leaderKnown: boolean
  readonly commitIndex: number
  readonly appliedIndex: number
  readonly lastIndex: number
  readonly quarantined: boolean
  readonly bootstrapRefused: boolean
  /** On the leader: how many entries each peer's log is behind; empty elsewhere. */
  readonly peers: readonly { readonly nodeId: string; readonly lagEntries: number }[]
}

/** Where scrapes read from. */
export interface MetricsSources {
  replica(): ReplicaSample
  /** Open connections of each listener. */
  connections(): Readonly<Record<string, number>>
}

export class Metrics {
  readonly contentType: string
  /** Reports of the replica: hand it over as its observer. */
  readonly replica: ReplicaReports
  /** Reports of the rate limiters. */
  readonly rates: RateReports
  readonly #series = new MetricsRegistry()
  readonly #routes: RouteReports
  #sources: MetricsSources | null = null

  constructor(build: { readonly version: string; readonly runtimeVersion: string }) {
    this.contentType = this.#series.registry.contentType
    this.replica = replicaReports(this.#series)
    this.rates = rateReports(this.#series)
    this.#routes = new RouteReports([...ROUTES.map((route) => route.name), 'none'])
    this.#series.gauge('insi_build_info').set({ version: build.version, runtime: build.runtimeVersion }, 1)
    for (const outcome of PROPOSAL_OUTCOMES) this.#series.counter('insi_proposals_total').inc({ outcome }, 0)
  }

  /** Tells where to read from when scraped; until then those series are 0. */
  readFrom(sources: MetricsSources): void {
    this.#sources = sources
  }

  /** `route`: a name of the route table, or `none`. */
  onRequest(route: string, status: number, durationMs: number): void {
    this.#routes.onRequest(route, status, durationMs)
  }

  /** All series in the Prometheus text format. */
  async text(): Promise<string> {
    this.#sample()
    return (await this.#series.registry.metrics()) + this.#routes.text()
  }

  #sample(): void {
    if (this.#sources === null) return
    const sample = this.#sources.replica()
    const series = this.#series
    for (const role of ROLES) series.gauge('insi_raft_role').set({ role }, role === sample.role ? 1 : 0)
    series.gauge('insi_raft_term').set(sample.term)
    series.gauge('insi_raft_has_leader').set(sample.leaderKnown ? 1 : 0)
    series.gauge('insi_raft_commit_index').set(sample.commitIndex)
    series.gauge('insi_raft_applied_index').set(sample.appliedIndex)
    series.gauge('insi_raft_last_index').set(sample.lastIndex)
    series.gauge('insi_raft_quarantined').set(sample.quarantined ? 1 : 0)
    series.gauge('insi_raft_bootstrap_refused').set(sample.bootstrapRefused ? 1 : 0)
    const lag = series.gauge('insi_raft_peer_lag_entries')
    lag.reset()
    for (const { nodeId, lagEntries } of sample.peers) lag.set({ peer: nodeId }, lagEntries)
    for (const [listener, count] of Object.entries(this.#sources.connections())) {
      series.gauge('insi_http_connections').set({ listener }, count)
    }
  }
}
