// When the log is cut, and how far: the pure plan.
import { lowestMatchIndex, planCut } from '../../../src/replication/replica/log-cut.ts'
import type { LogShape } from '../../../src/replication/replica/log-cut.ts'

const LIMITS = { logEntriesMax: 1_000, logSizeBytesMax: 1_000_000, logRetainedEntries: 100 }

function shape(overrides: Partial<LogShape>): LogShape {
  return {
    baseIndex: 0,
    lastIndex: 500,
    appliedIndex: 500,
    sizeBytes: 50_000,
    sizeBytesAfterCut: 0,
    neededAfter: Number.POSITIVE_INFINITY,
    ...overrides,
  }
}

describe('the plan to cut the log', () => {
  test('leaves a log within its limits alone', () => {
    expect(planCut(shape({}), LIMITS)).toBeNull()
  })

  test('keeps the retained entries before what is applied', () => {
    expect(planCut(shape({ lastIndex: 1_001, appliedIndex: 990 }), LIMITS)).toBe(890)
  })

  test('keeps fewer entries when they are large', () => {
    // 20 000 bytes each: 25 fit into half of the limit.
    expect(planCut(shape({ lastIndex: 100, appliedIndex: 100, sizeBytes: 2_000_000 }), LIMITS)).toBe(75)
  })

  test('keeps what a follower within reach still needs, but not without end', () => {
    const behind = shape({ lastIndex: 1_500, appliedIndex: 1_500, neededAfter: 300 })
    expect(planCut(behind, LIMITS)).toBe(300)
    const farBehind = shape({ lastIndex: 4_001, appliedIndex: 4_001, neededAfter: 300 })
    expect(planCut(farBehind, LIMITS)).toBe(3_901)
  })

  test('does not plan again at once for bytes that the last cut could not drop', () => {
    const large = { lastIndex: 900, appliedIndex: 900, sizeBytes: 1_200_000 }
    expect(planCut(shape({ ...large, sizeBytesAfterCut: 1_100_000 }), LIMITS)).toBeNull()
    expect(planCut(shape({ ...large, sizeBytesAfterCut: 900_000 }), LIMITS)).not.toBeNull()
  })

  test('has nothing to do when all that could go is gone', () => {
    expect(planCut(shape({ baseIndex: 450, lastIndex: 2_000, appliedIndex: 500 }), LIMITS)).toBeNull()
  })
})

test('followers that are away or get a snapshot do not hold the log back', () => {
  const peer = { matchIndex: 5, nextIndex: 6, state: 'replicate', inflightMessages: 0, active: true } as const
  expect(lowestMatchIndex([peer, { ...peer, matchIndex: 9 }])).toBe(5)
  expect(
    lowestMatchIndex([
      { ...peer, active: false },
      { ...peer, state: 'snapshot' },
    ]),
  ).toBe(Number.POSITIVE_INFINITY)
})
