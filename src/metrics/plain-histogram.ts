// A histogram in plain arrays, rendered when scraped: one of a library costs a tenth of a read for each observation.
import type { Series } from './series.ts'

const MS_PER_SECOND = 1_000

/** Of durations; one for each set of labels. */
export class PlainHistogram {
  readonly #boundsMs: readonly number[]
  /** Observations above the bound before and at most at this one; the last is above all. */
  readonly #byBucket: Float64Array
  #sumMs = 0

  constructor(boundsSeconds: readonly number[]) {
    this.#boundsMs = boundsSeconds.map((seconds) => seconds * MS_PER_SECOND)
    this.#byBucket = new Float64Array(boundsSeconds.length + 1)
  }

  /** The same duration for `count` things at once. */
  observe(durationMs: number, count = 1): void {
    const bounds = this.#boundsMs
    let bucket = 0
    while (bucket < bounds.length && durationMs > (bounds[bucket] ?? 0)) bucket += 1
    this.#byBucket[bucket] = (this.#byBucket[bucket] ?? 0) + count
    this.#sumMs += durationMs * count
  }

  /** The lines of the Prometheus text format. `label`: `name="value"`, which needs no escaping. */
  lines(name: string, label: string): string[] {
    let count = 0
    const lines = [...this.#byBucket].map((inBucket, at) => {
      count += inBucket
      const boundMs = this.#boundsMs[at]
      return `${name}_bucket{le="${boundMs === undefined ? '+Inf' : boundMs / MS_PER_SECOND}",${label}} ${count}`
    })
    return [...lines, `${name}_sum{${label}} ${this.#sumMs / MS_PER_SECOND}`, `${name}_count{${label}} ${count}`]
  }
}

/** What stands above the lines of a series. */
export function headLines(name: string, { help, type }: Series): string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`]
}
