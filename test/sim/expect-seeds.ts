// Runs a range of seeds for a test and says how to replay one that fails.
import { simulate } from './simulation.ts'

export async function expectSeedsToHold(firstSeed: number, count: number): Promise<void> {
  for (let seed = firstSeed; seed < firstSeed + count; seed++) {
    const { newestLines, violation } = await simulate({ seed })
    if (violation === null) continue
    const replay = `replay: npm run sim -- --seeds 1 --from ${seed} --trace`
    throw new Error([`seed ${seed}: ${violation}`, replay, ...newestLines].join('\n'))
  }
}
