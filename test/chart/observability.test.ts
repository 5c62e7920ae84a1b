// Alerts of the chart ask for series that exist, with labels that they have.
import { readFileSync } from 'node:fs'
import { ALERT_GROUPS, RECORDING_RULES } from '../../scripts/chart-alerts.ts'
import { ALERTS_DOCUMENT, RULES_FILE, renderAlertsDocument, renderRules } from '../../scripts/generate-chart-rules.ts'
import { faultsOf } from './series-check.ts'

const alerts = Object.values(ALERT_GROUPS).flat()

describe('the alerts of the chart', () => {
  test('are those of their sources: run `npm run generate`', () => {
    expect(readFileSync(RULES_FILE, 'utf8')).toBe(renderRules())
    expect(readFileSync(ALERTS_DOCUMENT, 'utf8')).toBe(renderAlertsDocument())
  })

  test('alerts and records ask for series of the catalogue only', () => {
    const records = RECORDING_RULES.map(({ record }) => record)
    const expressions = [...alerts, ...RECORDING_RULES].map(({ expression }) => expression)
    expect(expressions.flatMap((expression) => faultsOf(expression, records))).toEqual([])
  })

  test('each alert has a name of its own and a line of the document', () => {
    const names = alerts.map(({ name }) => name)
    expect(new Set(names).size).toBe(names.length)
    const document = readFileSync(ALERTS_DOCUMENT, 'utf8')
    expect(names.filter((name) => !document.includes(`[${name}](runbooks/${name}.md)`))).toEqual([])
  })
})
