// The fate of proposals: results, retries, and the line between "failed" and "unknown".
import { Proposals } from '../../../src/replication/proposals.ts'
import type { ProposalOrigin } from '../../../src/replication/proposals.ts'
import type { InsiError } from '../../../src/base/errors.ts'
import { entryOf } from './log-fixture.ts'

const LIMITS = {
  pendingProposalsMax: 8,
  pendingProposalsSizeBytesMax: 1_000,
  leaderWaitMs: 500,
  proposalTimeoutMs: 1_000,
}

class Desk {
  readonly proposals = new Proposals(LIMITS)
  /** How each proposal ended, by slot. */
  readonly ends = new Map<number, unknown>()
  nowMs = 0
  #nextSlot = 0

  submit(sizeBytes = 10, origin: ProposalOrigin = 'local'): number {
    const slot = this.#nextSlot++
    const sink = {
      applied: (_slot: number, result: unknown) => void this.ends.set(slot, result),
      failed: (_slot: number, error: InsiError) => void this.ends.set(slot, error.code),
    }
    this.proposals.submit(new Uint8Array(sizeBytes), sink, slot, origin, this.nowMs)
    return slot
  }

  /** Takes everything and logs it from `index` on. */
  log(index: number, term: number): void {
    this.proposals.logged(this.proposals.take(100, 10_000), index, term)
  }

  apply(index: number, term: number, result: unknown): void {
    this.proposals.onApplied([entryOf(index, term)], [result], this.nowMs)
  }

  expireAt(nowMs: number): void {
    this.nowMs = nowMs
    this.proposals.expire(nowMs)
  }
}

describe('a proposal', () => {
  test('resolves with the result of the entry that it became', () => {
    const desk = new Desk()
    const [first, second] = [desk.submit(), desk.submit()]
    desk.log(5, 2)
    desk.apply(5, 2, 'five')
    desk.apply(6, 2, 'six')
    expect(desk.ends).toEqual(
      new Map([
        [first, 'five'],
        [second, 'six'],
      ]),
    )
    expect(desk.proposals.pendingCount).toBe(0)
  })

  test('is proposed again when another leader has put another entry in its place', () => {
    const desk = new Desk()
    const slot = desk.submit()
    desk.log(5, 2)
    desk.apply(5, 3, 'of somebody else')
    expect(desk.ends.size).toBe(0)
    desk.log(9, 4)
    desk.apply(9, 4, 'mine')
    expect(desk.ends.get(slot)).toBe('mine')
  })

  test('goes back to the peer that handed it over instead of being proposed again', () => {
    const desk = new Desk()
    const slot = desk.submit(10, 'peer')
    desk.log(5, 2)
    desk.apply(5, 3, 'of somebody else')
    expect(desk.ends.get(slot)).toBe('NO_LEADER')
  })

  test('is not proposed again once its caller has waited for a leader long enough', () => {
    const desk = new Desk()
    const slot = desk.submit()
    desk.log(5, 2)
    desk.nowMs = LIMITS.leaderWaitMs
    desk.apply(5, 3, 'of somebody else')
    expect(desk.ends.get(slot)).toBe('NO_LEADER')
  })

  test('keeps both fates apart when two of this node stood at one index in two terms', () => {
    const desk = new Desk()
    const first = desk.submit()
    desk.log(5, 2)
    const second = desk.submit()
    desk.log(5, 4)
    desk.apply(5, 4, 'second')
    expect(desk.ends).toEqual(new Map([[second, 'second']]))
    desk.log(6, 4)
    desk.apply(6, 4, 'first')
    expect(desk.ends.get(first)).toBe('first')
  })

  test('that was never handed over ends as certainly not applied', () => {
    const desk = new Desk()
    const slot = desk.submit()
    desk.expireAt(LIMITS.leaderWaitMs - 1)
    expect(desk.ends.size).toBe(0)
    desk.expireAt(LIMITS.leaderWaitMs)
    expect(desk.ends.get(slot)).toBe('NO_LEADER')
    expect(desk.proposals.take(10, 1_000)).toEqual([])
  })

  test('that waited behind a leader with too much to do says so', () => {
    const desk = new Desk()
    const slot = desk.submit()
    desk.proposals.isHeldBack = true
    desk.expireAt(LIMITS.leaderWaitMs)
    expect(desk.ends.get(slot)).toBe('OVERLOADED')
  })

  test('in the log or on its way ends as unknown, and later than one that only waited', () => {
    const desk = new Desk()
    const logged = desk.submit()
    desk.log(5, 2)
    const sent = desk.submit()
    for (const proposal of desk.proposals.take(1, 1_000)) proposal.state = 'sent'
    desk.expireAt(LIMITS.proposalTimeoutMs - 1)
    expect(desk.ends.size).toBe(0)
    desk.expireAt(LIMITS.proposalTimeoutMs)
    expect(desk.ends).toEqual(
      new Map([
        [logged, 'OUTCOME_UNKNOWN'],
        [sent, 'OUTCOME_UNKNOWN'],
      ]),
    )
  })

  test('that a snapshot has covered is unknown, unless its term is later than the snapshot', () => {
    const desk = new Desk()
    const covered = desk.submit()
    desk.log(5, 2)
    const later = desk.submit()
    desk.log(6, 4)
    desk.proposals.onInstalled({ index: 10, term: 3, membership: { members: [] } }, 0)
    expect(desk.ends).toEqual(new Map([[covered, 'OUTCOME_UNKNOWN']]))
    desk.log(11, 5)
    desk.apply(11, 5, 'applied')
    expect(desk.ends.get(later)).toBe('applied')
  })

  test('is refused with the reason of the stop while it waits, and unknown once it is in the log', () => {
    const desk = new Desk()
    const logged = desk.submit()
    desk.log(5, 2)
    const waiting = desk.submit()
    desk.proposals.rejectAll({ code: 'NODE_STOPPING' } as InsiError)
    expect(desk.ends).toEqual(
      new Map([
        [logged, 'OUTCOME_UNKNOWN'],
        [waiting, 'NODE_STOPPING'],
      ]),
    )
    desk.apply(5, 2, 'too late')
    expect(desk.ends.get(logged)).toBe('OUTCOME_UNKNOWN')
  })
})

describe('the queue', () => {
  test('gives batches in order, bounded by count and bytes but never empty', () => {
    const desk = new Desk()
    for (const sizeBytes of [900, 10, 10, 10]) desk.submit(sizeBytes)
    expect(desk.proposals.take(10, 100).map(({ slot }) => slot)).toEqual([0])
    expect(desk.proposals.take(2, 100).map(({ slot }) => slot)).toEqual([1, 2])
    expect(desk.proposals.take(2, 100).map(({ slot }) => slot)).toEqual([3])
  })

  test('gives what was put back first', () => {
    const desk = new Desk()
    for (let count = 0; count < 3; count++) desk.submit()
    desk.proposals.putBack(desk.proposals.take(2, 100))
    expect(desk.proposals.take(10, 100).map(({ slot }) => slot)).toEqual([0, 1, 2])
  })

  test('has no room beyond its count and its bytes, but always for one of any size', () => {
    const desk = new Desk()
    expect(desk.proposals.hasRoom(1, 5_000)).toBe(true)
    desk.submit(600)
    expect(desk.proposals.hasRoom(1, 400)).toBe(true)
    expect(desk.proposals.hasRoom(1, 401)).toBe(false)
    for (let count = 1; count < LIMITS.pendingProposalsMax; count++) desk.submit(1)
    expect(desk.proposals.hasRoom(1, 0)).toBe(false)
  })

  test('frees room when a proposal is settled', () => {
    const desk = new Desk()
    desk.submit(1_000)
    expect(desk.proposals.hasRoom(1, 10)).toBe(false)
    desk.log(1, 1)
    desk.apply(1, 1, 'done')
    expect(desk.proposals.hasRoom(1, 10)).toBe(true)
  })
})
