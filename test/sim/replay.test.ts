// A seed is a whole run: whoever is told a seed sees the same events.
import { simulate } from './simulation.ts'

const SEED = 7

test('a seed gives the same run, event for event, every time', async () => {
  const first = await simulate({ seed: SEED })
  const second = await simulate({ seed: SEED })
  expect(second).toEqual(first)
}, 60_000)

test('another seed gives another run', async () => {
  const [one, other] = [await simulate({ seed: SEED }), await simulate({ seed: SEED + 1 })]
  expect(one.traceChecksum).not.toBe(other.traceChecksum)
}, 60_000)
