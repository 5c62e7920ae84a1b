// Every alert fires when it should and is quiet when it should be: promtool runs the cases that stand beside it.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { stringify } from 'yaml'
import { ALERT_GROUPS } from '../../scripts/chart-alerts.ts'
import type { AlertRule } from '../../scripts/chart-alerts.ts'
import { caseFile, mistakenlyWritten, namedRules, rulesWith, withNames } from './alert-rules.ts'
import { QUIET_SCENES } from './alert-scenes.ts'
import { promtool, requirePrometheus } from './prometheus.ts'

/** A fifth of it is needed by a machine that does nothing else. */
const MUTATION_TIMEOUT_MS = 240_000
const alerts = Object.values(ALERT_GROUPS).flat()
const names = alerts.map(({ name }) => name)
let folder = ''

async function written(name: string, text: string): Promise<string> {
  const file = path.join(folder, name)
  await writeFile(file, text)
  return file
}

beforeAll(async () => {
  requirePrometheus()
  folder = await mkdtemp(path.join(tmpdir(), 'insi-alerts-'))
})

afterAll(() => rm(folder, { recursive: true, force: true }))

test('each alert has a case in which it fires and one in which it does not', () => {
  const lacking = alerts.filter(
    ({ cases }) => !cases.some(({ fires }) => fires.length > 0) || !cases.some(({ fires }) => fires.length === 0),
  )
  expect(lacking.map(({ name }) => name)).toEqual([])
})

test('companions are alerts', () => {
  expect(alerts.flatMap(({ companions = [] }) => companions).filter((name) => !names.includes(name))).toEqual([])
})

test('promtool finds no fault in the rules of the chart', async () => {
  expect(await promtool('check', 'rules', await written('checked.yaml', namedRules()))).toContain('SUCCESS')
})

/** Runs the cases of each rule against that rule alone: `mark` and its number begin the names of those that fail. */
async function runCases(rules: readonly AlertRule[], mark: string): Promise<string> {
  const files = await Promise.all(
    rules.map(async (rule, at) => {
      const ruleFile = await written(`${mark}-${at}.rules.yaml`, rulesWith(rule))
      return written(`${mark}-${at}.cases.yaml`, caseFile(ruleFile, [rule], `${mark} ${at}, `))
    }),
  )
  return promtool('test', 'rules', ...files)
}

test('every case comes out as it says', async () => {
  expect(await runCases(alerts, 'alert')).toContain('SUCCESS')
})

test('no alert at all fires when nothing is wrong', async () => {
  const rules = await written('quiet-rules.yaml', namedRules())
  const tests = QUIET_SCENES.map(({ minutes, series, when }) => ({
    name: when,
    interval: '1m',
    input_series: series,
    alert_rule_test: alerts.flatMap(({ name: alertname }) =>
      minutes.map((minute) => ({ eval_time: `${minute}m`, alertname, exp_alerts: [] })),
    ),
  }))
  const file = withNames(stringify({ rule_files: [rules], evaluation_interval: '1m', tests }, { lineWidth: 0 }))
  expect(await promtool('test', 'rules', await written('quiet.yaml', file))).toContain('SUCCESS')
})

test(
  'a mistake in any operator or in the patience of an alert makes one of its cases fail',
  async () => {
    const mistaken = alerts.flatMap(mistakenlyWritten)
    expect(mistaken.length).toBeGreaterThan(2 * alerts.length)
    const report = await runCases(mistaken, 'mistake').catch(({ message }: Error) => message)
    const unnoticed = mistaken.filter((_, at) => !report.includes(`name: mistake ${at}, `))
    expect(unnoticed.map((rule) => `${rule.name} for ${rule.for}: ${rule.expression}`)).toEqual([])
  },
  MUTATION_TIMEOUT_MS,
)
