// `npm run bench`: requests a second, p50 and p99 of sets and gets, as ratios to peers measured in the same run.
import { load, loadGenerator, type LoadRequest, type LoadResult } from './load.ts'
import { measureBackup } from './backup.ts'
import { measureEvents } from './events.ts'
import { measureMemory } from './memory.ts'
import { measureNoisy } from './noisy.ts'
import { parseCommandLine, wholeNumber } from '../scripts/command-line.ts'
import { findEtcd, startBare, startEtcd, startInsi, type Target } from './targets.ts'

const VALUE = 'v'.repeat(100)
const KEY_COUNT = 1000

const HELP = `npm run bench -- [options]
  --seconds N      length of one measurement (default 5)
  --runs N         measurements of each row; the median is printed (default 3)
  --connections N  connections of the load generator (default 64)
  --warm-up N      seconds of load before each row is measured, the same for every target (default 8)
  --only TEXT      only targets whose name contains TEXT (bare, 1 node, 3 nodes, etcd)
  --events         measure fan-out of events and the memory of idle subscribers instead
  --noisy          measure a quiet tenant while another one misbehaves with its sockets instead
  --backup         measure a backup of 300 000 values under load, and the way back, instead
  --memory         measure resident memory and start-up with one million values instead
Examples:
  npm run bench
  npm run bench -- --only "1 node" --runs 1`

const options = parseCommandLine(
  {
    seconds: { type: 'string', default: '5' },
    runs: { type: 'string', default: '3' },
    connections: { type: 'string', default: '64' },
    'warm-up': { type: 'string', default: '8' },
    only: { type: 'string', default: '' },
    backup: { type: 'boolean', default: false },
    memory: { type: 'boolean', default: false },
    events: { type: 'boolean', default: false },
    noisy: { type: 'boolean', default: false },
  },
  HELP,
)
const seconds = wholeNumber('seconds', options.seconds, 1, HELP)
const runCount = wholeNumber('runs', options.runs, 1, HELP)
const connectionCount = wholeNumber('connections', options.connections, 1, HELP)
const warmUpSeconds = wholeNumber('warm-up', options['warm-up'], 0, HELP)

interface Row {
  readonly target: string
  readonly operation: 'set' | 'get'
  readonly result: LoadResult
}

function requestsFor(target: Target): Record<'set' | 'get', LoadRequest> {
  if (target.name.startsWith('etcd')) {
    const value = Buffer.from(VALUE).toString('base64')
    return {
      set: {
        url: `${target.url}/v3/kv/put`,
        method: 'POST',
        headers: {},
        body: `{"key":"%KEY64%","value":"${value}"}`,
        keyCount: KEY_COUNT,
      },
      get: {
        url: `${target.url}/v3/kv/range`,
        method: 'POST',
        headers: {},
        body: '{"key":"%KEY64%"}',
        keyCount: KEY_COUNT,
      },
    }
  }
  const headers = { Authorization: target.token, 'Content-Type': 'application/json' }
  return {
    set: {
      url: `${target.url}/db/api/v1/set`,
      method: 'POST',
      headers,
      body: `{"key":"key%KEY%","value":"${VALUE}"}`,
      keyCount: KEY_COUNT,
    },
    get: {
      url: `${target.url}/db/api/v1/get?key=key%KEY%`,
      method: 'GET',
      headers: { Authorization: target.token },
      body: null,
      keyCount: KEY_COUNT,
    },
  }
}

function median(results: readonly LoadResult[]): LoadResult {
  const sorted = [...results].sort((a, b) => a.requestsPerSecond - b.requestsPerSecond)
  const middle = sorted[Math.floor(sorted.length / 2)]
  if (middle === undefined) throw new Error('no measurement')
  return { ...middle, errors: results.reduce((sum, result) => sum + result.errors, 0) }
}

async function measure(start: () => Promise<Target>): Promise<Row[]> {
  const target = await start()
  try {
    const requests = requestsFor(target)
    const rows: Row[] = []
    for (const operation of ['set', 'get'] as const) {
      // Servers run for weeks; seconds after a start a just-in-time compiler is what is measured.
      await load(requests[operation], connectionCount, warmUpSeconds)
      const results: LoadResult[] = []
      for (let run = 0; run < runCount; run++) {
        results.push(await load(requests[operation], connectionCount, seconds))
        process.stderr.write(
          `${target.name} ${operation}: ${Math.round(results.at(-1)?.requestsPerSecond ?? 0)} requests/s\n`,
        )
      }
      rows.push({ target: target.name, operation, result: median(results) })
    }
    return rows
  } finally {
    await target.stop()
  }
}

function printTable(rows: readonly Row[]): void {
  const rate = (target: string, operation: string): number | undefined =>
    rows.find((row) => row.target.startsWith(target) && row.operation === operation)?.result.requestsPerSecond
  const ratio = (row: Row, to: string): string => {
    const base = rate(to, row.operation)
    return base === undefined || row.target.startsWith(to) ? '' : (row.result.requestsPerSecond / base).toFixed(2)
  }
  console.log(
    '\n| target | operation | requests/s | p50 ms | p99 ms | errors | ÷ bare | ÷ etcd |\n|---|---|---|---|---|---|---|---|',
  )
  for (const row of rows) {
    const { requestsPerSecond, p50Ms, p99Ms, errors } = row.result
    console.log(
      `| ${row.target} | ${row.operation} | ${Math.round(requestsPerSecond)} | ${p50Ms.toFixed(2)} | ${p99Ms.toFixed(2)} | ${errors} | ${ratio(row, 'bare')} | ${ratio(row, 'etcd')} |`,
    )
  }
}

async function main(): Promise<void> {
  if (options.backup) return measureBackup()
  if (options.memory) return measureMemory()
  if (options.events) return measureEvents()
  if (options.noisy) return measureNoisy()
  const etcd = findEtcd()
  const starts: readonly (readonly [string, () => Promise<Target>])[] = [
    ['bare', startBare],
    ['1 node', () => startInsi(1)],
    ['3 nodes', () => startInsi(3)],
    ...(etcd === null ? [] : [['etcd 3 nodes', () => startEtcd(etcd)] as const]),
  ]
  console.log(
    `${connectionCount} connections, ${VALUE.length}-byte values, ${seconds} s after ${warmUpSeconds} s of warm-up, median of ${runCount}, load by ${loadGenerator}${etcd === null ? '; no etcd binary on PATH or in KUBEBENCH: left out' : ''}`,
  )
  const rows: Row[] = []
  for (const [name, start] of starts) if (name.includes(options.only)) rows.push(...(await measure(start)))
  printTable(rows)
}

await main()
