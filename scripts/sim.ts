// Runs simulated clusters: npm run sim -- --seeds 1000 --from 1. Ends with status 1 at the first seed that fails, and says how to
// replay it; --trace prints every event, --keep-going reports all failing seeds instead of the first.
import { simulate } from '../test/sim/simulation.ts'
import { parseCommandLine, wholeNumber } from './command-line.ts'

/** Seeds between two lines of progress. */
const PROGRESS_SEEDS = 50

const HELP = `npm run sim -- [options]: simulated clusters under faults, checked; the same seed is the same run
  --seeds N      how many seeds (default 200)
  --from N       the first one (default 1)
  --trace        print every event
  --keep-going   report all seeds that fail, not only the first
Examples:
  npm run sim -- --seeds 1000 --from 5000
  npm run sim -- --seeds 1 --from 42 --trace`

const values = parseCommandLine(
  {
    seeds: { type: 'string', default: '200' },
    from: { type: 'string', default: '1' },
    trace: { type: 'boolean', default: false },
    'keep-going': { type: 'boolean', default: false },
  },
  HELP,
)
const count = wholeNumber('seeds', values.seeds, 1, HELP)
const first = wholeNumber('from', values.from, 0, HELP)

const reached = new Map<string, number>()
const totals = { failed: 0, acknowledged: 0, committed: 0, faults: 0, virtualMs: 0 }
const startedMs = performance.now()
for (let seed = first; seed < first + count; seed++) {
  const result = await simulate({ seed, ...(values.trace ? { print: (line: string) => console.log(line) } : {}) })
  totals.acknowledged += result.acknowledgedCount
  totals.committed += result.committedCount
  totals.faults += result.faultCount
  totals.virtualMs += result.virtualMs
  for (const [place, times] of Object.entries(result.reached)) reached.set(place, (reached.get(place) ?? 0) + times)
  if (result.violation !== null) {
    totals.failed++
    if (!values.trace) for (const line of result.newestLines) console.error(line)
    console.error(`seed ${seed} (${result.nodeCount} nodes) FAILED: ${result.violation}`)
    console.error(`replay: npm run sim -- --seeds 1 --from ${seed} --trace`)
    if (!values['keep-going']) break
  }
  const doneCount = seed - first + 1
  if (doneCount % PROGRESS_SEEDS === 0 || doneCount === count) {
    const seconds = (performance.now() - startedMs) / 1000
    console.log(
      `${doneCount}/${count} seeds, ${totals.failed} failed, ${totals.acknowledged} operations acknowledged, ` +
        `${totals.committed} entries committed, ${totals.faults} faults, ` +
        `${Math.round(totals.virtualMs / 1000)} s simulated in ${seconds.toFixed(1)} s`,
    )
  }
}
for (const [place, times] of [...reached].toSorted(([, one], [, other]) => other - one))
  console.log(`${times} × ${place}`)
if (totals.failed > 0) process.exitCode = 1
