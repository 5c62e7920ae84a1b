// Runs a range of seeds for a test and says how to replay one that fails.
import { simulate } from './simulation.ts'

/** What a hundred seeds come to many times; a schedule of faults that misses one of them tests less than it seems to. */
const PLACES = [
  'election won',
  'log cut',
  'snapshot sent ok',
  'snapshot installed ok',
  'disk failed',
  'disk lost',
  'proposal applied',
  'proposal outcome_unknown',
  'proposal no_leader',
  'proposal overloaded',
]

export async function expectSeedsToHold(firstSeed: number, count: number): Promise<void> {
  const reached = new Set<string>()
  for (let seed = firstSeed; seed < firstSeed + count; seed++) {
    const result = await simulate({ seed })
    for (const place of Object.keys(result.reached)) reached.add(place)
    if (result.violation === null) continue
    const replay = `replay: npm run sim -- --seeds 1 --from ${seed} --trace`
    throw new Error([`seed ${seed}: ${result.violation}`, replay, ...result.newestLines].join('\n'))
  }
  expect([...reached]).toEqual(expect.arrayContaining(PLACES))
}
