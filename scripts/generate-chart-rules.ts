// Makes the rules of charts/insi and docs/ALERTS.md, the index of the runbooks, from scripts/alerts/.
import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { stringify } from 'yaml'
import { ALERT_GROUPS, RECORDING_RULES } from './chart-alerts.ts'
import type { AlertRule, RecordingRule } from './chart-alerts.ts'
import { plainSummary } from './generate-runbooks.ts'

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

const TITLES: Readonly<Record<string, string>> = {
  quorum: 'Leadership, quorum and membership',
  nodes: 'Nodes that are away',
  fitness: 'Nodes that cannot work as they should',
  requests: 'What users get',
  disks: 'Disks and snapshots',
  reconciler: 'The reconciler',
}

const lineOf = (rule: AlertRule): string =>
  `- [${rule.name}](runbooks/${rule.name}.md) (**${rule.severity}**, ${rule.for === '0m' ? 'at once' : `after ${rule.for}`}): ${plainSummary(rule)}`

export function renderAlertsDocument(): string {
  const sections = Object.entries(ALERT_GROUPS).map(
    ([group, rules]) => `## ${TITLES[group] ?? group}\n\n${rules.map(lineOf).join('\n')}\n`,
  )
  const records = RECORDING_RULES.map(({ record, expression }) => `${record} =\n  ${expression}\n`)
  return `<!-- Made by \`npm run generate\` from scripts/alerts/. -->

# Alerts

The chart makes a PrometheusRule of these when \`prometheusRule.enabled\` is set and the CRDs of the Prometheus operator are installed; \`charts/insi/files/rules.yaml\` has them as a plain file, in which \`NAMESPACE\` and \`RELEASE\` stand for those of the release. Each alert has a page of its own that tells what it means, how to find the cause, how to cure it and how to see that it is over. \`prometheusRule.runbookBaseUrl\`, the address of your copy of \`docs/runbooks\`, gives each alert a link to its page.

**critical**: somebody has to get up; requests fail, or the next fault makes them fail. **warning**: it can wait for the morning.

${sections.join('\n')}
## How they were tried

Every rule is tested against series in which it has to fire, and others in which it must not. Besides that, real faults were injected while a real Prometheus evaluated these rules with shortened durations (and, for InsiReconcilerStalled, 75 s in place of 300): each raised its own alert and, at most, the companions that its page names, and ended with the cure of the page.

- In a cluster of processes (\`test/observability/alert-faults.test.ts\`): InsiNodeDown, InsiQuorumMarginZero, InsiNoLeader, InsiNodeIsolated, InsiDiskStalled, InsiNodeQuarantined, InsiQuotaNear, InsiVersionSkew.
- On Kubernetes (\`test/kube/reconciler-alerts.test.ts\`): InsiReconcilerAbsent (its Deployment scaled to 0), InsiReconcilerApiErrors and InsiReconcilerStalled (its RoleBinding deleted), InsiVoterCountMismatch (a quota that forbids the wanted pod), InsiLearnerStuck (a member added that never comes).
- On Kubernetes, with one look at the series of real nodes (\`test/kube/lost-quorum.test.ts\`): InsiNoLeader, InsiBootstrapRefused.

## Recording rules

\`\`\`promql
${records.join('\n')}\`\`\`
`
}

export async function generateChartRules(): Promise<void> {
  await mkdir(path.dirname(RULES_FILE), { recursive: true })
  await writeFile(RULES_FILE, renderRules())
  await writeFile(ALERTS_DOCUMENT, renderAlertsDocument())
}
