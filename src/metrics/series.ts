// What the catalogue says about each series.

type SeriesType = 'counter' | 'gauge' | 'histogram'

/** What the numbers of a series are. `none`: 0 or 1, a term, a position: nothing that could be added up. */
type SeriesUnit = 'seconds' | 'bytes' | 'ratio' | 'entries' | 'requests' | 'count' | 'none'

export interface Series {
  readonly type: SeriesType
  readonly unit: SeriesUnit
  readonly help: string
  readonly labels: readonly string[]
  readonly buckets?: readonly number[]
}

export type SeriesTable = Readonly<Record<string, Series>>

/** Upper bounds of histogram buckets. */
export const DISK_BUCKETS_SECONDS = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1,
] as const
/** Of snapshots: from a state that is nearly empty to gigabytes. */
export const SNAPSHOT_BUCKETS_SECONDS = [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 120, 300] as const
export const ROUND_BUCKETS_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5] as const
