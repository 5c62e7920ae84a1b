// One panel as HTML: what it is called, and its picture.
import type { Panel, Thresholds } from '../../../scripts/boards/board.ts'
import type { FiringAlert } from '../../support/prometheus-api.ts'
import { drawGraph, drawHeatmap, drawStates } from './draw-graph.ts'
import type { Frame } from './draw-graph.ts'
import { linesOf, seriesOf, valuesOf } from './panel-data.ts'
import type { NamedValue, Question } from './panel-data.ts'
import { NAMED, escaped } from './svg.ts'
import { formatted } from './units.ts'

const TITLE_HEIGHT = 24
const LEGEND_HEIGHT = 30
const PADDING = 8
const HEATMAP_COLUMNS = 60
const TABLE_LINES_MAX = 10

export interface PanelFrame extends Frame {
  readonly question: Question
}

export async function drawPanel(panel: Panel, frame: PanelFrame): Promise<string> {
  const body = await bodyOf(panel, {
    ...frame,
    width: frame.width - 2 * PADDING,
    height: frame.height - TITLE_HEIGHT - PADDING,
  })
  return `<h3>${escaped(panel.title)}</h3>${body}`
}

async function bodyOf(panel: Panel, frame: PanelFrame): Promise<string> {
  const { question } = frame
  if (panel.type === 'alertlist') return alertsOf(await question.prometheus.alerts())
  if (panel.type === 'stat') return statOf(panel, await valuesOf(panel, question))
  if (panel.type === 'bargauge') return barsOf(panel, await valuesOf(panel, question))
  if (panel.type === 'table') return tableOf(panel, question)
  if (panel.type === 'state-timeline') return drawStates(panel, await seriesOf(panel, question), frame)
  if (panel.type === 'heatmap') {
    const { endSeconds, startSeconds } = question.range
    const stepSeconds = Math.max(question.rateSeconds, (endSeconds - startSeconds) / HEATMAP_COLUMNS)
    const range = { ...question.range, stepSeconds }
    const asked = { ...question, range, rateSeconds: Math.ceil(stepSeconds) }
    return drawHeatmap(panel, await seriesOf(panel, asked), { ...frame, range })
  }
  return drawGraph(panel, await seriesOf(panel, question), { ...frame, height: frame.height - LEGEND_HEIGHT })
}

function colourOf(value: number, thresholds: Thresholds | undefined): string {
  const reached = thresholds?.filter(([from]) => from === null || value >= from).at(-1)
  return NAMED[reached?.[1] ?? 'blue'] ?? ''
}

function statOf(panel: Panel, values: readonly NamedValue[]): string {
  const shown = values.map(({ name, value }) =>
    panel.showsName === true
      ? escaped(name)
      : `${formatted(value, panel.unit, panel.decimals)}${values.length > 1 ? `<small> ${escaped(name)}</small>` : ''}`,
  )
  const colour = colourOf(values[0]?.value ?? 0, panel.thresholds)
  const style = panel.thresholds === undefined ? `color:${colour}` : `background:${colour};color:#fff`
  return `<div class="stat" style="${style}"><div>${shown.join('<br>') || '–'}</div></div>`
}

function barsOf(panel: Panel, values: readonly NamedValue[]): string {
  const bars = values.map(({ name, value }) => {
    const part = Math.min(1, value / (panel.max ?? 1))
    const colour = colourOf(value, panel.thresholds)
    return `<div class="bar"><b>${escaped(name)}</b><p><i style="width:${(part * 100).toFixed(1)}%;background:${colour}"></i></p><em>${formatted(value, panel.unit)}</em></div>`
  })
  return `<div class="bars">${bars.join('')}</div>`
}

async function tableOf(panel: Panel, question: Question): Promise<string> {
  const columns = Object.entries(panel.columns ?? {})
  const lines = await linesOf(panel, question)
  const heads = columns.map(([, { title }]) => `<th>${escaped(title)}</th>`).join('')
  const rows = lines.slice(0, TABLE_LINES_MAX).map((cells) => {
    const made = columns.map(([key, { texts, thresholds, unit }]) => {
      const content = cells.get(key) ?? '–'
      if (typeof content === 'string') return `<td>${escaped(content)}</td>`
      const colour = thresholds === undefined ? '' : ` style="color:${colourOf(content, thresholds)}"`
      return `<td${colour}>${escaped(texts?.[String(content)] ?? formatted(content, unit))}</td>`
    })
    return `<tr>${made.join('')}</tr>`
  })
  return `<table><tr>${heads}</tr>${rows.join('')}</table>`
}

function alertsOf(alerts: readonly FiringAlert[]): string {
  if (alerts.length === 0) return '<div class="quiet">no alert fires</div>'
  const lines = alerts.map(({ labels, state }) => {
    const colour = state === 'firing' ? NAMED['red'] : NAMED['orange']
    return `<p><i style="background:${colour}"></i><b>${escaped(labels['alertname'] ?? '')}</b> ${state}, ${escaped(labels['severity'] ?? '')}</p>`
  })
  return `<div class="alerts">${lines.join('')}</div>`
}
