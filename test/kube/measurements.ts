// What the scenarios measured: one JSON line each in a file that the reporter names and prints as a table at the end of the run.
import { appendFileSync } from 'node:fs'

export interface Measurement {
  readonly scenario: string
  readonly tookMs: number
  readonly acknowledged: number
  /** Requests that were sent again. */
  readonly failed: number
  /** The longest time in which no writer had an acknowledgement. */
  readonly longestGapMs: number | null
  /** What the gap is to be, where the scenario has a target. */
  readonly targetGapMs?: number | null
  /** Null with `longestGapMs` where no load ran meanwhile. */
  readonly leaderMoves: number | null
}

/** Remembers that a scenario is over and lost nothing. */
export function record(measurement: Measurement): void {
  const file = process.env['INSI_KUBE_MEASUREMENTS']
  if (file === undefined) throw new Error('run these suites by npm run test:kube')
  appendFileSync(file, `${JSON.stringify(measurement)}\n`)
}
