// Read barriers: shared rounds, the wait for apply, and what happens when nobody confirms.
import { ReadBarriers } from '../../../src/replication/reads.ts'

const READ_TIMEOUT_MS = 1_000
const ROUND_TIMEOUT_MS = 300

function createReads(): { reads: ReadBarriers; rounds: { readCount: number; confirmed: boolean }[] } {
  const rounds: { readCount: number; confirmed: boolean }[] = []
  const reads = new ReadBarriers({
    readTimeoutMs: READ_TIMEOUT_MS,
    roundTimeoutMs: ROUND_TIMEOUT_MS,
    onRound: ({ confirmed, readCount }) => rounds.push({ readCount, confirmed }),
  })
  return { reads, rounds }
}

/** What a barrier came to: `open`, `passed` or an error code. */
function watch(barrier: Promise<void>): { end: string } {
  const seen = { end: 'open' }
  barrier.then(
    () => {
      seen.end = 'passed'
    },
    (error: { code: string }) => {
      seen.end = error.code
    },
  )
  return seen
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('a read barrier', () => {
  test('passes once the state has applied the confirmed index', async () => {
    const { reads } = createReads()
    const barrier = watch(reads.barrier(0))
    expect(reads.isRoundDue(0)).toBe(true)
    reads.onReadState({ requestId: reads.startRound(0), readIndex: 7 }, 1, 1)
    reads.onApplied(6)
    await settled()
    expect(barrier.end).toBe('open')
    reads.onApplied(7)
    await settled()
    expect(barrier.end).toBe('passed')
    expect(reads.waiterCount).toBe(0)
  })

  test('that comes while a round is under way waits for the next one', async () => {
    const { reads, rounds } = createReads()
    const first = watch(reads.barrier(0))
    const round = reads.startRound(0)
    const [second, third] = [watch(reads.barrier(1)), watch(reads.barrier(1))]
    expect(reads.isRoundDue(1)).toBe(false)
    reads.onReadState({ requestId: round, readIndex: 3 }, 2, 2)
    reads.onApplied(3)
    await settled()
    expect([first.end, second.end, third.end]).toEqual(['passed', 'open', 'open'])
    reads.onReadState({ requestId: reads.startRound(2), readIndex: 3 }, 3, 3)
    reads.onApplied(3)
    await settled()
    expect([second.end, third.end]).toEqual(['passed', 'passed'])
    expect(rounds).toEqual([
      { readCount: 1, confirmed: true },
      { readCount: 2, confirmed: true },
    ])
  })

  test('is asked for again after a pause when nobody confirmed it', async () => {
    const { reads } = createReads()
    const barrier = watch(reads.barrier(0))
    reads.onReadState({ requestId: reads.startRound(0), readIndex: null }, 10, 60)
    expect(reads.isRoundDue(59)).toBe(false)
    expect(reads.isRoundDue(60)).toBe(true)
    reads.onReadState({ requestId: reads.startRound(60), readIndex: 1 }, 61, 61)
    reads.onApplied(1)
    await settled()
    expect(barrier.end).toBe('passed')
  })

  test('is asked for again when the answer is lost, and a late answer to the lost round is ignored', async () => {
    const { reads } = createReads()
    const barrier = watch(reads.barrier(0))
    const lost = reads.startRound(0)
    reads.expire(ROUND_TIMEOUT_MS, true)
    expect(reads.isRoundDue(ROUND_TIMEOUT_MS)).toBe(true)
    reads.startRound(ROUND_TIMEOUT_MS)
    reads.onReadState({ requestId: lost, readIndex: 1 }, ROUND_TIMEOUT_MS + 1, ROUND_TIMEOUT_MS + 1)
    reads.onApplied(1)
    await settled()
    expect(barrier.end).toBe('open')
  })

  test.each([
    { hasLeader: true, code: 'READ_TIMEOUT' },
    { hasLeader: false, code: 'NO_LEADER' },
  ])('ends with $code when its time is over', async ({ code, hasLeader }) => {
    const { reads } = createReads()
    const barriers = [watch(reads.barrier(0))]
    reads.startRound(0)
    barriers.push(watch(reads.barrier(1)))
    reads.expire(READ_TIMEOUT_MS + 1, hasLeader)
    await settled()
    expect(barriers.map(({ end }) => end)).toEqual([code, code])
    expect(reads.waiterCount).toBe(0)
  })

  test('that waits for the state to apply is given up as well', async () => {
    const { reads } = createReads()
    const barrier = watch(reads.barrier(0))
    reads.onReadState({ requestId: reads.startRound(0), readIndex: 9 }, 1, 1)
    reads.expire(READ_TIMEOUT_MS, true)
    await settled()
    expect(barrier.end).toBe('READ_TIMEOUT')
  })

  test('is refused with the given error when everything ends', async () => {
    const { reads } = createReads()
    const barrier = watch(reads.barrier(0))
    reads.rejectAll({ code: 'NODE_STOPPING' } as never)
    await settled()
    expect(barrier.end).toBe('NODE_STOPPING')
    expect(reads.isRoundDue(0)).toBe(false)
  })
})
