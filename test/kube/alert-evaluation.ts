// Whether an alert of the chart holds on what the nodes answer to a scrape: promtool evaluates its expression.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parse } from 'yaml'
import { CHART, run } from './cluster-tools.ts'
import { samplesOf } from './metrics-text.ts'
import type { Release } from './release.ts'

/** Longer than an alert has to hold. */
const LASTING_MINUTES = 20

interface RulesFile {
  readonly groups: readonly { readonly rules: readonly { readonly alert?: string; readonly expr: string }[] }[]
}

/** Rejects when the expression of the alert gives nothing on the present values of these pods, were they to stay. */
export async function expectAlertHolds(release: Release, alert: string, names: readonly string[]): Promise<void> {
  const { groups } = parse(await readFile(path.join(CHART, 'files/rules.yaml'), 'utf8')) as RulesFile
  const rule = groups.flatMap(({ rules }) => rules).find((candidate) => candidate.alert === alert)
  if (rule === undefined) throw new Error(`the chart has no alert ${alert}`)
  const expression = rule.expr.replaceAll('NAMESPACE', release.namespace).replaceAll('RELEASE', 'insi')
  const scrapes = await Promise.all(names.map(async (pod) => seriesOf(release, pod)))
  const test = {
    evaluation_interval: '1m',
    tests: [
      {
        interval: '1m',
        input_series: scrapes.flat(),
        promql_expr_test: [
          {
            expr: `count(${expression}) > 0`,
            eval_time: `${LASTING_MINUTES}m`,
            exp_samples: [{ labels: '{}', value: 1 }],
          },
        ],
      },
    ],
  }
  const directory = await mkdtemp(path.join(tmpdir(), 'insi-alert-'))
  try {
    const file = path.join(directory, 'test.yaml')
    await writeFile(file, JSON.stringify(test))
    await run('promtool', ['test', 'rules', file])
  } finally {
    await rm(directory, { recursive: true })
  }
}

async function seriesOf(release: Release, pod: string): Promise<{ series: string; values: string }[]> {
  const target = `namespace="${release.namespace}",pod="${pod}"`
  return samplesOf(await release.metricsOf(pod))
    .filter(({ name, value }) => name.startsWith('insi_') && Number.isFinite(value))
    .map(({ labels, name, value }) => ({
      series: `${name}{${labels === '' ? target : `${target},${labels}`}}`,
      values: `${value}x${LASTING_MINUTES}`,
    }))
}
