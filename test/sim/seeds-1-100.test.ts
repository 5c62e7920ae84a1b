// Simulated clusters under faults; see simulation.ts. The seeds are split over two files, which run side by side.
import { expectSeedsToHold } from './expect-seeds.ts'

test('clusters of seeds 1 to 100 lose nothing, stay linearizable and recover', async () => {
  await expectSeedsToHold(1, 100)
}, 240_000)
