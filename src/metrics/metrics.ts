// What the parts of a node report to. Reports are synchronous and cheap; what can be read at any time is read when scraped.
import { ROUTES } from '../contract/routes.ts'
import { entityText } from './entity-text.ts'
import type { EntitiesSample } from './entity-text.ts'
import { writeSample } from './node-sample.ts'
import type { NodeSample } from './node-sample.ts'
import { PhaseReports } from './phase-reports.ts'
import { rateReports } from './rate-reports.ts'
import type { RateReports } from './rate-reports.ts'
import { MetricsRegistry } from './registry.ts'
import { replicaReports } from './replica-reports.ts'
import type { ReplicaReports } from './replica-reports.ts'
import { RouteReports } from './route-reports.ts'

const MS_PER_SECOND = 1_000

/** Where scrapes read from. */
export interface MetricsSources {
  node(): Promise<NodeSample>
  entities(): Promise<EntitiesSample>
}

export class Metrics {
  readonly contentType: string
  /** Reports of the replica: hand it over as its observer. */
  readonly replica: ReplicaReports
  /** Reports of the rate limiters. */
  readonly rates: RateReports
  readonly #series = new MetricsRegistry()
  readonly #routes: RouteReports
  readonly #phases = new PhaseReports()
  #sources: MetricsSources | null = null
  #inFlightCount = 0

  constructor(build: { readonly version: string; readonly runtimeVersion: string; readonly nodeId: string }) {
    this.contentType = this.#series.registry.contentType
    this.replica = replicaReports(this.#series, this.#phases)
    this.rates = rateReports(this.#series)
    const routes = ROUTES.map(({ name, listener }) => ({ name, isTimed: listener !== 'ops' }))
    this.#routes = new RouteReports([...routes, { name: 'none', isTimed: true }])
    const { version, runtimeVersion: runtime, nodeId: node } = build
    this.#series.gauge('insi_build_info').set({ version, runtime, node }, 1)
    this.#series.gauge('insi_tls_certificate_not_after_timestamp_seconds').set(Number.NaN)
  }

  /** Tells where to read from when scraped; until then those series are 0. */
  readFrom(sources: MetricsSources): void {
    this.#sources = sources
  }

  /** The certificate of the HTTP listeners ends then. */
  onCertificate(notAfterMs: number): void {
    this.#series.gauge('insi_tls_certificate_not_after_timestamp_seconds').set(notAfterMs / MS_PER_SECOND)
  }

  /** The certificate files hold what cannot be used. */
  onCertificateRefused(isRefused: boolean): void {
    this.#series.gauge('insi_tls_certificate_refused').set(isRefused ? 1 : 0)
  }

  onArrived(): void {
    this.#inFlightCount += 1
  }

  /** `route`: a name of the route table, or `none`. */
  onRequest(route: string, status: number, durationMs: number): void {
    this.#inFlightCount -= 1
    this.#routes.onRequest(route, status, durationMs)
  }

  /** All series but those of single entities, in the Prometheus text format. Their number does not depend on the entities'. */
  async text(): Promise<string> {
    this.replica.takeOver()
    this.#series.gauge('insi_http_requests_in_flight').set(this.#inFlightCount)
    const sample = await this.#sources?.node()
    if (sample !== undefined) writeSample(this.#series, sample, this.replica.overloadedCount())
    return (await this.#series.registry.metrics()) + this.#routes.text() + this.#phases.text()
  }

  /** The series of single entities. */
  async entitiesText(): Promise<string> {
    return this.#sources === null ? '' : entityText(await this.#sources.entities())
  }
}
