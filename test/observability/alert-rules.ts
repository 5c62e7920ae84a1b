// Files for promtool, made from the alerts and their cases.
import { stringify } from 'yaml'
import { RECORDING_RULES } from '../../scripts/chart-alerts.ts'
import type { AlertCase, AlertRule } from '../../scripts/chart-alerts.ts'
import { alertOf, recordOf, renderRules } from '../../scripts/generate-chart-rules.ts'

const INTERVAL = '1m'

/** Puts names in the places that the chart fills. */
export const withNames = (text: string): string => text.replaceAll('NAMESPACE', 'space').replaceAll('RELEASE', 'insi')

/** The chart's rules for a release `insi` in the namespace `space`. */
export const namedRules = (): string => withNames(renderRules())

const evaluated = (minute: number): string => `${minute}m`

function testOf(rule: AlertRule, { atMinute, fires, pendingAtMinute, series, when }: AlertCase, mark: string): object {
  return {
    name: `${mark}${rule.name}: ${when}`,
    interval: INTERVAL,
    input_series: series,
    alert_rule_test: [
      ...(pendingAtMinute === undefined
        ? []
        : [{ eval_time: evaluated(pendingAtMinute), alertname: rule.name, exp_alerts: [] }]),
      {
        eval_time: evaluated(atMinute),
        alertname: rule.name,
        exp_alerts: fires.map(({ labels, summary }) => ({
          exp_labels: { ...labels, severity: rule.severity },
          exp_annotations: { summary, description: rule.advice, runbook: `docs/runbooks/${rule.name}.md` },
        })),
      },
    ],
  }
}

/** A test file of promtool that runs the cases against the rules of `ruleFile`. `mark` begins the names of its tests. */
export function caseFile(ruleFile: string, rules: readonly AlertRule[], mark = ''): string {
  const tests = rules.flatMap((rule) => rule.cases.map((one) => testOf(rule, one, mark)))
  return withNames(stringify({ rule_files: [ruleFile], evaluation_interval: INTERVAL, tests }, { lineWidth: 0 }))
}

/** A rules file with this alert alone, and what is recorded for it. */
export function rulesWith(rule: AlertRule): string {
  const needed = RECORDING_RULES.filter(({ record }) => rule.expression.includes(`${record}{`))
  const groups = [
    { name: 'records', rules: needed.map(recordOf) },
    { name: 'alert', rules: [alertOf(rule)] },
  ]
  return withNames(stringify({ groups }, { lineWidth: 0 }))
}

const FLIPPED: Readonly<Record<string, string>> = {
  '==': '!=',
  '!=': '==',
  '>=': '<',
  '>': '<=',
  '<': '>=',
  and: 'unless',
  unless: 'and',
  or: 'and',
}
/** Operators between expressions, not those within the braces of a selector. */
const OPERATOR = / (==|!=|>=|>|<|and|unless|or) (?![^{}]*\})/g

/** The alert with one mistake each: an operator turned into its opposite, or no patience. */
export function mistakenlyWritten(rule: AlertRule): AlertRule[] {
  const { expression } = rule
  const flipped = [...expression.matchAll(OPERATOR)].map(({ 0: found, 1: operator = '', index }) => ({
    ...rule,
    expression: `${expression.slice(0, index)} ${FLIPPED[operator] ?? ''} ${expression.slice(index + found.length)}`,
  }))
  return rule.for === '0m' ? flipped : [...flipped, { ...rule, for: '0m' }]
}
