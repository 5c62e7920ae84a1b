// Safety under random interleavings and faults (Figure 3), then progress. SEEDS and FROM widen the search.
import { FaultyRun, type Coverage } from './random-faults.ts'

const SEEDS = Number(process.env['SEEDS'] ?? 40)
const FROM = Number(process.env['FROM'] ?? 1)
const STEPS = 4000

test('random faults break no safety property, and the cluster makes progress afterwards', () => {
  const coverage: Coverage = { leaders: 0, committed: 0, readsAnswered: 0, membershipChanges: 0, snapshotsInstalled: 0 }
  for (let seed = FROM; seed < FROM + SEEDS; seed++) {
    try {
      new FaultyRun(seed, coverage).run(STEPS)
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error })
    }
  }
  // A run in which nothing happens proves nothing.
  for (const count of Object.values(coverage)) expect(count).toBeGreaterThan(0)
})
