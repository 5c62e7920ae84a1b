// Renders the chart with each file of charts/insi/ci into test/kube/snapshots, so that a change of a template shows in review what it
// changes: `node scripts/generate-chart-snapshots.ts`. Needs helm.
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'

const ROOT = path.resolve(import.meta.dirname, '..')
const CHART = path.join(ROOT, 'charts/insi')
export const SNAPSHOTS = path.join(ROOT, 'test/kube/snapshots')

/** By file name of the snapshot, what the chart makes of each example of values. */
export function renderSnapshots(): Map<string, string> {
  const files = readdirSync(path.join(CHART, 'ci'))
  return new Map(
    files.map((file) => {
      const values = path.join(CHART, 'ci', file)
      const words = ['template', 'insi', CHART, '--namespace', 'insi', '--kube-version', '1.34.0', '--values', values]
      return [file.replace('-values', ''), execFileSync('helm', words, { encoding: 'utf8' })]
    }),
  )
}

if (import.meta.filename === process.argv[1]) {
  mkdirSync(SNAPSHOTS, { recursive: true })
  for (const [name, text] of renderSnapshots()) writeFileSync(path.join(SNAPSHOTS, name), text)
}
