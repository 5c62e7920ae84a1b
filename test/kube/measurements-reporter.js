// Prints at the end of a run what each scenario cost, and what the subset left out.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, loadavg, tmpdir } from 'node:os'
import path from 'node:path'

const MS_PER_SECOND = 1_000

export default class MeasurementsReporter {
  #directory = ''
  #leftOut

  constructor(_globalConfig, { leftOut }) {
    this.#leftOut = leftOut
  }

  onRunStart() {
    this.#directory = mkdtempSync(path.join(tmpdir(), 'insi-kube-'))
    process.env.INSI_KUBE_MEASUREMENTS = path.join(this.#directory, 'measurements.jsonl')
    writeFileSync(process.env.INSI_KUBE_MEASUREMENTS, '')
  }

  onRunComplete() {
    const lines = readFileSync(process.env.INSI_KUBE_MEASUREMENTS, 'utf8').trimEnd().split('\n')
    rmSync(this.#directory, { recursive: true })
    const rows = lines.filter((line) => line !== '').map((line) => cellsOf(JSON.parse(line)))
    if (rows.length > 0) process.stdout.write(`\n${table(rows)}\n`)
    const load = loadavg().map((value) => value.toFixed(1))
    process.stdout.write(`\n${availableParallelism()} cores, load of the machine ${load.join(', ')} (1, 5, 15 min)\n`)
    if (this.#leftOut.length > 0) process.stdout.write(`Left out of this subset: ${this.#leftOut.join(', ')}\n`)
  }
}

function cellsOf({ acknowledged, failed, leaderMoves, longestGapMs, scenario, targetGapMs, tookMs }) {
  const verdict = longestGapMs <= targetGapMs ? 'met' : 'MISSED'
  return [
    scenario,
    (tookMs / MS_PER_SECOND).toFixed(1),
    acknowledged,
    failed,
    longestGapMs ?? '-',
    typeof targetGapMs === 'number' ? `${targetGapMs} ${verdict}` : '',
    leaderMoves ?? '-',
  ].map(String)
}

function table(rows) {
  const titles = [
    'scenario (no acknowledged write lost)',
    'took s',
    'writes',
    'sent again',
    'longest gap ms',
    'target ms',
    'leader moves',
  ]
  const all = [titles, ...rows]
  const widths = titles.map((_, column) => Math.max(...all.map((row) => row[column].length)))
  const line = (row) =>
    row.map((cell, at) => (at === 0 ? cell.padEnd(widths[at]) : cell.padStart(widths[at]))).join('  ')
  return all.map(line).join('\n')
}
