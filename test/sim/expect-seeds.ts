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
  'records expired',
  'record evicted',
  'entity purged',
  'txn KEY_EXISTS',
  'kv.cas-revision REVISION_MISMATCH',
  'kv.set DISK_LIMIT_EXCEEDED',
  'event.publish EVENTS_LIMIT_EXCEEDED',
  'alias.act ENTITY_NOT_FOUND',
  'events resumed',
  'events gap',
  'writes resumed',
  'stream WATCH_TOO_OLD',
  'stream SUBSCRIBER_LIMIT_EXCEEDED',
  'stream ended 4401',
  'key accepted from the own state',
  'key refused',
  'key NO_LEADER',
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
