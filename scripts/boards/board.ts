// What a board of Grafana is made of, and the words in which the boards speak of panels.

interface Query {
  readonly expression: string
  readonly legend: string
}

/** From a value on, this colour; the first one holds from minus infinity on. */
export type Thresholds = readonly (readonly [from: number | null, colour: 'green' | 'orange' | 'red' | 'blue'])[]

export interface Column {
  readonly title: string
  readonly unit?: string
  readonly thresholds?: Thresholds
  readonly texts?: Readonly<Record<string, string>>
}

export type PanelType = 'stat' | 'timeseries' | 'state-timeline' | 'table' | 'heatmap' | 'bargauge' | 'alertlist'

export interface PanelOptions {
  readonly description: string
  readonly unit?: string
  readonly decimals?: number
  readonly min?: number
  readonly max?: number
  readonly height?: number
  readonly thresholds?: Thresholds
  /** Areas on top of each other. */
  readonly isStacked?: boolean
  /** A stat that shows the name of its series rather than the value. */
  readonly showsName?: boolean
  /** What values are called. */
  readonly texts?: Readonly<Record<string, string>>
  /** Of a table: columns of labels by label, and one for the value of each query by its reference. */
  readonly columns?: Readonly<Record<string, Column>>
}

export interface Panel extends PanelOptions {
  readonly type: PanelType
  readonly title: string
  readonly width: number
  readonly queries: readonly Query[]
}

interface Row {
  readonly title: string
  readonly panels: readonly Panel[]
  /** Closed until somebody opens it. */
  readonly isCollapsed?: boolean
}

export interface Variable {
  readonly name: string
  readonly label: string
  readonly query: string
  readonly regex?: string
  readonly isMulti?: boolean
}

/** Marks on every graph where the query has a value. */
export interface Annotation {
  readonly name: string
  readonly expression: string
  readonly text: string
  readonly colour: 'orange' | 'blue'
}

export interface Board {
  /** Stable, so that links outlive updates. */
  readonly uid: string
  readonly title: string
  readonly description: string
  readonly variables: readonly Variable[]
  readonly annotations: readonly Annotation[]
  readonly rows: readonly Row[]
}

/** Of a row of single values. */
export const STRIP_HEIGHT = 4

/** Names of a panel's queries. */
export const REFERENCES = ['A', 'B', 'C', 'D', 'E', 'F', 'G', 'H'] as const

type QueryWords = readonly [expression: string, legend: string]

const panelOf =
  (type: PanelType) =>
  (width: number, title: string, options: PanelOptions, ...queries: readonly QueryWords[]): Panel => ({
    type,
    width,
    title,
    ...options,
    queries: queries.map(([expression, legend]) => ({ expression, legend })),
  })

export const stat = panelOf('stat')
export const graph = panelOf('timeseries')
export const timeline = panelOf('state-timeline')
export const table = panelOf('table')
export const heatmap = panelOf('heatmap')
export const bars = panelOf('bargauge')
export const alertList = panelOf('alertlist')
