// How long writes are in each phase, as the replica reports it for whole batches.
import { SERIES, WRITE_PHASES } from './catalogue.ts'
import { headLines, PlainHistogram } from './plain-histogram.ts'

const HISTOGRAM = 'insi_write_phase_duration_seconds'

type WritePhase = (typeof WRITE_PHASES)[number]

export class PhaseReports {
  readonly #phases: Readonly<Record<WritePhase, PlainHistogram>>

  constructor() {
    const make = (): PlainHistogram => new PlainHistogram(SERIES[HISTOGRAM].buckets)
    this.#phases = { queue: make(), append: make(), fsync: make(), replicate: make(), apply: make() }
  }

  onPhase(phase: WritePhase, durationMs: number, count: number): void {
    this.#phases[phase].observe(durationMs, count)
  }

  /** In the Prometheus text format. */
  text(): string {
    const lines = headLines(HISTOGRAM, SERIES[HISTOGRAM])
    for (const phase of WRITE_PHASES) lines.push(...this.#phases[phase].lines(HISTOGRAM, `phase="${phase}"`))
    return `${lines.join('\n')}\n`
  }
}
