// Alerts and dashboard of the chart ask for series that exist, with labels that they have.
import { readFileSync } from 'node:fs'
import { Registry, collectDefaultMetrics } from 'prom-client'
import { ALERT_GROUPS, RECORDING_RULES } from '../../scripts/chart-alerts.ts'
import { DASHBOARD_FILE, dashboardExpressions, renderDashboard } from '../../scripts/chart-dashboard.ts'
import { ALERTS_DOCUMENT, RULES_FILE, renderAlertsDocument, renderRules } from '../../scripts/generate-chart-rules.ts'
import { RECONCILER_SERIES } from '../../src/metrics/catalogue-reconciler.ts'
import { SERIES } from '../../src/metrics/catalogue.ts'
import type { Series } from '../../src/metrics/series.ts'

/** What Prometheus and its operator add to every series. */
const TARGET_LABELS = ['namespace', 'pod', 'job']

function labelsBySeries(): Map<string, readonly string[]> {
  const labels = new Map<string, readonly string[]>([
    ['up', []],
    ['kube_statefulset_replicas', ['statefulset']],
    ...RECORDING_RULES.map(({ record }): [string, string[]] => [record, ['release']]),
  ])
  for (const [name, series] of Object.entries<Series>({ ...SERIES, ...RECONCILER_SERIES })) {
    labels.set(name, series.labels)
    if (series.type !== 'histogram') continue
    for (const part of ['bucket', 'sum', 'count']) labels.set(`${name}_${part}`, [...series.labels, 'le'])
  }
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  for (const { name } of registry.getMetricsAsArray()) labels.set(name, [])
  registry.clear()
  return labels
}

/** Selectors of an expression that ask for a series or a label that does not exist. */
function unknownSelectors(expression: string): string[] {
  const known = labelsBySeries()
  const selectors = [...expression.matchAll(/([A-Za-z_:][\w:]*)\{([^}]*)\}/g)]
  if (selectors.length === 0) return [`no selector in ${expression}`]
  return selectors.flatMap(([selector, series = '', matchers = '']) => {
    const labels = known.get(series)
    if (labels === undefined) return [selector]
    const asked = [...matchers.matchAll(/(\w+)(?:=~|!~|!=|=)"/g)].map((match) => match[1] ?? '')
    return asked.every((label) => labels.includes(label) || TARGET_LABELS.includes(label)) ? [] : [selector]
  })
}

const alerts = Object.values(ALERT_GROUPS).flat()

describe('the alerts and the dashboard of the chart', () => {
  test('are those of their sources: run `npm run generate`', () => {
    expect(readFileSync(RULES_FILE, 'utf8')).toBe(renderRules())
    expect(readFileSync(ALERTS_DOCUMENT, 'utf8')).toBe(renderAlertsDocument())
    expect(readFileSync(DASHBOARD_FILE, 'utf8')).toBe(renderDashboard())
  })

  test('alerts and records ask for series of the catalogue only', () => {
    const expressions = [...alerts, ...RECORDING_RULES].map(({ expression }) => expression)
    expect(expressions.flatMap(unknownSelectors)).toEqual([])
  })

  test('every query of the dashboard asks for series of the catalogue only', () => {
    expect(dashboardExpressions().flatMap(unknownSelectors)).toEqual([])
  })

  test('a series or a label that does not exist is found', () => {
    expect(unknownSelectors('rate(insi_no_such_total{pod="a"}[5m])')).toEqual(['insi_no_such_total{pod="a"}'])
    expect(unknownSelectors('up{colour="red"}')).toEqual(['up{colour="red"}'])
  })

  test('each alert has a name of its own and a section of the document', () => {
    const names = alerts.map(({ name }) => name)
    expect(new Set(names).size).toBe(names.length)
    const document = readFileSync(ALERTS_DOCUMENT, 'utf8')
    expect(names.filter((name) => !document.includes(`## ${name}\n`))).toEqual([])
  })

  test('panels of the dashboard do not overlap', () => {
    const { panels } = JSON.parse(renderDashboard()) as {
      panels: { gridPos: { x: number; y: number; w: number; h: number } }[]
    }
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, at) => `${x + (at % w)},${y + Math.floor(at / w)}`),
    )
    expect(new Set(cells).size).toBe(cells.length)
  })
})
