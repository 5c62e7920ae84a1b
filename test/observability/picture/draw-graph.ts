// Graphs over time: lines and areas, heatmaps, and states.
import type { Panel } from '../../../scripts/boards/board.ts'
import type { RangeOptions } from '../../support/prometheus-api.ts'
import type { NamedSeries } from './panel-data.ts'
import { NAMED, colourAt, escaped, line, rect, text } from './svg.ts'
import { formatted } from './units.ts'

export interface Mark {
  readonly timeSeconds: number
  readonly colour: string
}

export interface Frame {
  readonly width: number
  readonly height: number
  readonly range: RangeOptions
  readonly marks: readonly Mark[]
}

const LEFT = 58
const RIGHT = 8
const TOP = 6
const BOTTOM = 18
const SMALL = 'font-size="10" fill="#5b6470"'
const GRID = '#e6e9ee'
const LEGEND_MAX = 10

type Scale = (value: number) => number

const timeScale =
  ({ range, width }: Frame): Scale =>
  (time) =>
    LEFT + ((time - range.startSeconds) / (range.endSeconds - range.startSeconds)) * (width - LEFT - RIGHT)

/** A round number at or above. */
function ceiling(value: number): number {
  if (value <= 0) return 1
  const power = 10 ** Math.floor(Math.log10(value))
  return ([1, 1.5, 2, 2.5, 4, 5, 8, 10].find((step) => step * power >= value * 0.999) ?? 10) * power
}

function axes(frame: Frame, max: number, { decimals, unit }: Panel): string[] {
  const { height, range, width } = frame
  const x = timeScale(frame)
  const bottom = height - BOTTOM
  const made: string[] = []
  for (const part of [0, 0.5, 1]) {
    const y = bottom - part * (bottom - TOP)
    made.push(line(LEFT, y, width - RIGHT, y, GRID))
    made.push(text(LEFT - 5, y + 3.5, formatted(max * part, unit, decimals), `${SMALL} text-anchor="end"`))
  }
  const stepSeconds = range.endSeconds - range.startSeconds > 240 ? 60 : 30
  const first = Math.ceil(range.startSeconds / stepSeconds) * stepSeconds
  for (let time = first; time < range.endSeconds; time += stepSeconds) {
    if (x(time) > width - 28 || x(time) < LEFT + 14) continue
    const clock = new Date(time * 1_000).toISOString().slice(11, 19)
    made.push(text(x(time), height - 4, clock, `${SMALL} text-anchor="middle"`))
  }
  return made
}

const marksOf = (frame: Frame): string[] =>
  frame.marks.map(({ colour, timeSeconds }) => {
    const at = timeScale(frame)(timeSeconds)
    return line(at, TOP, at, frame.height - BOTTOM, colour, 'stroke-dasharray="3 3" stroke-width="1"')
  })

const svgOf = ({ height, width }: Frame, parts: readonly string[]): string =>
  `<svg width="${width}" height="${height}">${parts.join('')}</svg>`

/** Runs of numbers; gaps end a run. */
function runsOf(values: NamedSeries['values'], stepSeconds: number): (readonly [number, number])[][] {
  const runs: (readonly [number, number])[][] = []
  let before = Number.NEGATIVE_INFINITY
  for (const point of values) {
    if (Number.isNaN(point[1])) continue
    if (point[0] - before > stepSeconds * 1.5) runs.push([])
    runs.at(-1)?.push(point)
    before = point[0]
  }
  return runs
}

export function drawGraph(panel: Panel, series: readonly NamedSeries[], frame: Frame): string {
  const known = series.filter(({ values }) => values.some(([, value]) => !Number.isNaN(value)))
  const above = known.filter(({ values }) => values.some(([, value]) => value > 0))
  const shown = above.length > 0 ? above : known
  const below = new Map<number, number>()
  const lines = shown.map(({ values }) =>
    values.map(([time, value]): [number, number, number] => {
      const base = panel.isStacked === true ? (below.get(time) ?? 0) : 0
      const top = base + value
      if (panel.isStacked === true && !Number.isNaN(value)) below.set(time, top)
      return [time, base, top]
    }),
  )
  const numbers = lines.flatMap((points) => points.map(([, , top]) => top)).filter((value) => !Number.isNaN(value))
  const max = panel.max ?? ceiling(Math.max(0, ...numbers) * 1.05)
  const bottom = frame.height - BOTTOM
  const x = timeScale(frame)
  const y: Scale = (value) => bottom - (Math.min(value, max) / max) * (bottom - TOP)
  const parts = axes(frame, max, panel)
  lines.forEach((points, at) => {
    const bases = new Map(points.map(([time, base]) => [time, base]))
    for (const run of runsOf(
      points.map(([time, , top]) => [time, top]),
      frame.range.stepSeconds,
    )) {
      const upper = run.map(([time, value]) => `${x(time).toFixed(1)},${y(value).toFixed(1)}`)
      const lower = run.toReversed().map(([time]) => `${x(time).toFixed(1)},${y(bases.get(time) ?? 0).toFixed(1)}`)
      const opacity = panel.isStacked === true ? 0.4 : 0.06
      parts.push(
        `<polygon points="${[...upper, ...lower].join(' ')}" fill="${colourAt(at)}" fill-opacity="${opacity}"/>`,
      )
      parts.push(`<polyline points="${upper.join(' ')}" fill="none" stroke="${colourAt(at)}" stroke-width="1.3"/>`)
    }
  })
  return svgOf(frame, [...parts, ...marksOf(frame)]) + legendOf(shown.map(({ name }) => name))
}

function legendOf(names: readonly string[]): string {
  const items = names
    .slice(0, LEGEND_MAX)
    .map((name, at) => `<span><i style="background:${colourAt(at)}"></i>${escaped(name)}</span>`)
  const more = names.length > LEGEND_MAX ? [`<span>and ${names.length - LEGEND_MAX} more</span>`] : []
  return `<div class="legend">${[...items, ...more].join('')}</div>`
}

/** `series`: cumulative, one for each upper bound. */
export function drawHeatmap(panel: Panel, series: readonly NamedSeries[], frame: Frame): string {
  const buckets = series
    .map(({ labels, values }) => ({
      bound: Number(labels['le'] === '+Inf' ? Infinity : labels['le']),
      values: new Map(values),
    }))
    .toSorted((a, b) => a.bound - b.bound)
  const times = [...new Set(buckets.flatMap(({ values }) => [...values.keys()]))].toSorted((a, b) => a - b)
  const cells = buckets.flatMap(({ values }, at) =>
    times.map((time) => ({ at, time, count: (values.get(time) ?? 0) - (buckets[at - 1]?.values.get(time) ?? 0) })),
  )
  const most = Math.max(1, ...cells.map(({ count }) => count))
  const x = timeScale(frame)
  const bottom = frame.height - BOTTOM
  const rowHeight = (bottom - TOP) / Math.max(1, buckets.length)
  const width = x(frame.range.startSeconds + frame.range.stepSeconds) - x(frame.range.startSeconds)
  const parts = axes(frame, Number.NaN, panel).filter((part) => !part.includes('–'))
  for (const { at, count, time } of cells) {
    if (count <= 0) continue
    const strength = 0.12 + 0.88 * Math.sqrt(count / most)
    parts.push(
      `<g fill-opacity="${strength.toFixed(2)}">${rect(x(time) - width, bottom - (at + 1) * rowHeight, width - 0.5, rowHeight - 0.5, '#d9480f')}</g>`,
    )
  }
  buckets.forEach(({ bound }, at) => {
    if (at % 2 === 1 && bound !== Infinity) return
    const name = bound === Infinity ? 'more' : formatted(bound, panel.unit)
    parts.push(text(LEFT - 5, bottom - (at + 0.5) * rowHeight + 3.5, name, `${SMALL} text-anchor="end"`))
  })
  return svgOf(frame, [...parts, ...marksOf(frame)])
}

export function drawStates(panel: Panel, series: readonly NamedSeries[], frame: Frame): string {
  const x = timeScale(frame)
  const rowHeight = (frame.height - BOTTOM - TOP) / Math.max(1, series.length)
  const parts = axes(frame, Number.NaN, panel).filter((part) => !part.includes('–') && !part.startsWith('<line'))
  const rows = series.toSorted((a, b) => (a.name < b.name ? -1 : 1))
  rows.forEach(({ name, values }, at) => {
    const y = TOP + at * rowHeight
    parts.push(text(LEFT - 5, y + rowHeight / 2 + 3.5, name, `${SMALL} text-anchor="end"`))
    for (const run of statesOf(values, frame.range.stepSeconds)) {
      const width = x(run.end) - x(run.start)
      const isOn = run.value === 1
      parts.push(rect(x(run.start), y + 3, width, rowHeight - 6, isOn ? (NAMED['green'] ?? '') : '#cfd9ea'))
      const label = panel.texts?.[String(run.value)] ?? ''
      const fill = isOn ? '#fff' : '#44546a'
      if (width > 60)
        parts.push(text(x(run.start) + 6, y + rowHeight / 2 + 3.5, label, `font-size="10" fill="${fill}"`))
    }
  })
  return svgOf(frame, [...parts, ...marksOf(frame)])
}

interface StateRun {
  readonly start: number
  end: number
  readonly value: number
}

function statesOf(values: NamedSeries['values'], stepSeconds: number): StateRun[] {
  const runs: StateRun[] = []
  for (const [time, value] of values) {
    const last = runs.at(-1)
    const isNext = last !== undefined && time - last.end < stepSeconds * 1.5
    if (isNext) last.end = time
    if (!isNext || last.value !== value) runs.push({ start: time, end: time, value })
  }
  return runs
}
