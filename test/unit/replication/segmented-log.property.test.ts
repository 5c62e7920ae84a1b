// The segmented log against its model under random changes, crashes and disk errors. RUNS and SEED repeat or extend a search.
import * as fc from 'fast-check'
import { LogRandomRun, LogRunCoverage, type LogStep } from './log-random-run.ts'

const RUNS = Number(process.env['RUNS'] ?? 150)
const SEED = Number(process.env['SEED'] ?? 1)

const fraction = fc.double({ min: 0, max: 0.999, noNaN: true })
const dying = {
  flushesFirst: fc.boolean(),
  afterSteps: fc.oneof(fc.nat(1), fc.nat(6)),
  duringOpenSteps: fc.oneof(fc.constant(0), fc.nat(8)),
}
const step: fc.Arbitrary<LogStep> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant('append' as const),
      count: fc.integer({ min: 1, max: 6 }),
      sizeBytes: fc.oneof({ weight: 8, arbitrary: fc.nat(250) }, { weight: 1, arbitrary: fc.nat(3000) }),
      newTerm: fc.boolean(),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ type: fc.constant('flush' as const), vote: fc.option(fc.constantFrom('a/1', 'b/é')) }),
  },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('beginFlush' as const), at: fraction }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('finishFlush' as const), at: fraction }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('truncate' as const), at: fraction }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('cut' as const), at: fraction }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('reset' as const), ahead: fraction }) },
  { weight: 1, arbitrary: fc.constant({ type: 'close' as const }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constantFrom('crash' as const, 'kill' as const), ...dying }) },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('diskError' as const),
      noSpace: fc.boolean(),
      at: fraction,
      crash: fc.boolean(),
    }),
  },
)

test('whatever happens, a restart shows everything durable and nothing but a prefix of what was being flushed', async () => {
  const coverage = new LogRunCoverage()
  const options = fc.record({
    segmentSizeBytes: fc.constantFrom(300, 1_000, 4_000, 1_000_000),
    cacheSizeBytes: fc.constantFrom(0, 600, 1_000_000),
    seed: fc.nat(),
  })
  await fc.assert(
    fc.asyncProperty(options, fc.array(step, { minLength: 5, maxLength: 60, size: 'max' }), async (chosen, steps) => {
      const run = await LogRandomRun.start(chosen, coverage)
      await run.run(steps)
    }),
    { numRuns: RUNS, seed: SEED },
  )
  const wanted = ['crashInFlight', 'killInFlight', 'keptAll', 'keptNone', 'keptSome', 'cut', 'segmentsDropped', 'reset']
  const rarer = ['resetInFlight', 'truncate', 'truncateInFlight', 'noSpace', 'syncFailed', 'torn', 'inferredTerm']
  for (const name of [...wanted, ...rarer]) expect([name, coverage.counts.get(name) ?? 0]).not.toEqual([name, 0])
}, 120_000)
