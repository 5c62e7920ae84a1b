// Makes the rules of charts/insi and docs/ALERTS.md from chart-alerts.ts.
import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { stringify } from 'yaml'
import { ALERT_GROUPS, RECORDING_RULES } from './chart-alerts.ts'
import type { AlertRule, RecordingRule } from './chart-alerts.ts'

const ROOT = path.resolve(import.meta.dirname, '..')
export const RULES_FILE = path.join(ROOT, 'charts/insi/files/rules.yaml')
export const ALERTS_DOCUMENT = path.join(ROOT, 'docs/ALERTS.md')

export const alertOf = (rule: AlertRule): object => ({
  alert: rule.name,
  expr: rule.expression,
  for: rule.for,
  labels: { severity: rule.severity },
  annotations: { summary: rule.summary, description: rule.advice, runbook: `docs/runbooks/${rule.name}.md` },
})

/** Two releases in one namespace would record the same series without the label. */
export const recordOf = ({ record, expression }: RecordingRule): object => ({
  record,
  expr: expression,
  labels: { release: 'RELEASE' },
})

/** A rules file of Prometheus, in which NAMESPACE and RELEASE stand for the names that the chart knows. */
export function renderRules(): string {
  const groups = [
    ...Object.entries(ALERT_GROUPS).map(([name, rules]) => ({ name: `insi-${name}`, rules: rules.map(alertOf) })),
    {
      name: 'insi-records',
      rules: RECORDING_RULES.map(recordOf),
    },
  ]
  return `# Made by \`npm run generate\` from scripts/alerts/.\n${stringify({ groups }, { singleQuote: true, lineWidth: 0 })}`
}

export function renderAlertsDocument(): string {
  const sections = Object.values(ALERT_GROUPS)
    .flat()
    .map((rule) =>
      [
        `## ${rule.name}`,
        '',
        `**${rule.severity}**, once it has held for ${rule.for}. ${rule.summary.replaceAll(/\{\{ \$labels\.(\w+) \}\}/g, 'the $1').replaceAll(/\{\{ \$value[^}]*\}\}/g, 'N')}`,
        '',
        rule.advice,
        '',
        '```promql',
        rule.expression,
        '```',
        '',
      ].join('\n'),
    )
  return `<!-- Made by \`npm run generate\` from scripts/chart-alerts.ts. -->

# Alerts

The chart makes a PrometheusRule of these when \`prometheusRule.enabled\` is set and the CRDs of the Prometheus operator are installed. \`NAMESPACE\` and \`RELEASE\` stand for those of the release. \`prometheusRule.runbookBaseUrl\` gives each alert a link to its section here.

${sections.join('\n')}`
}

export async function generateChartRules(): Promise<void> {
  await mkdir(path.dirname(RULES_FILE), { recursive: true })
  await writeFile(RULES_FILE, renderRules())
  await writeFile(ALERTS_DOCUMENT, renderAlertsDocument())
}
