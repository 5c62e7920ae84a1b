// The quorum rules against naive versions that follow the paper's words (§5.2, §5.3), on random groups.
import * as fc from 'fast-check'
import { Leadership } from '../../src/raft/leadership.ts'
import { highestOnMajority, majorityOf, voteResult } from '../../src/raft/quorum.ts'
import { TEST_RAFT_OPTIONS } from './cluster-node.ts'
import { membershipOf } from './node-fixture.ts'

const RUNS = { numRuns: 2000 }

/** "A majority of matchIndex[i] ≥ N": tries every N from the top. */
function naiveHighest(values: readonly number[]): number {
  for (let n = Math.max(0, ...values); n > 0; n--) {
    if (values.filter((value) => value >= n).length * 2 > values.length) return n
  }
  return 0
}

const indexes = fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 9 })

test('the highest value on a majority is the naive one', () => {
  fc.assert(
    fc.property(indexes, (values) => {
      expect(highestOnMajority(values)).toBe(naiveHighest(values))
    }),
    RUNS,
  )
})

test('the order of the voters does not matter', () => {
  fc.assert(
    fc.property(indexes, (values) => {
      expect(highestOnMajority([...values].reverse())).toBe(highestOnMajority(values))
    }),
    RUNS,
  )
})

test('two majorities of one group share a member', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 99 }), (count) => {
      expect(2 * majorityOf(count)).toBeGreaterThan(count)
      expect(2 * (majorityOf(count) - 1)).toBeLessThanOrEqual(count)
    }),
  )
})

const answers = fc.array(fc.option(fc.boolean(), { nil: undefined }), { maxLength: 9 })

test('an election is won or lost exactly when no further answer can change that', () => {
  fc.assert(
    fc.property(answers, fc.boolean(), (byVoter, strangerVotes) => {
      const voters = byVoter.map((_, i) => `${i}`)
      const votes = new Map<string, boolean>([['stranger', strangerVotes]])
      byVoter.forEach((vote, i) => vote !== undefined && votes.set(`${i}`, vote))
      const granted = byVoter.filter((vote) => vote === true).length
      const open = byVoter.filter((vote) => vote === undefined).length
      const wins = (count: number): boolean => count * 2 > voters.length
      const expected = wins(granted) ? 'won' : wins(granted + open) ? 'pending' : 'lost'
      expect(voteResult(voters, votes)).toBe(expected)
    }),
    RUNS,
  )
})

test('a leader commits what a majority of voters holds durably, itself counted by its disk and only as a voter', () => {
  const group = fc.record({
    voters: fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 6 }),
    learners: fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 3 }),
    durableIndex: fc.integer({ min: 0, max: 40 }),
    isSelfVoter: fc.boolean(),
  })
  fc.assert(
    fc.property(group, ({ voters, learners, durableIndex, isSelfVoter }) => {
      const voterIds = voters.map((_, i) => `v${i}`)
      const learnerIds = learners.map((_, i) => `l${i}`)
      const membership = membershipOf([...voterIds, ...(isSelfVoter ? ['self'] : [])], learnerIds)
      const options = { ...TEST_RAFT_OPTIONS, id: 'self', randomInt: () => 0 }
      const lead = new Leadership(options, membership, 40, 0)
      voters.forEach((match, i) => lead.peers.get(`v${i}`)?.acknowledge(match))
      learners.forEach((match, i) => lead.peers.get(`l${i}`)?.acknowledge(match))
      const counted = isSelfVoter ? [...voters, durableIndex] : voters
      expect(lead.quorumMatchIndex(durableIndex)).toBe(naiveHighest(counted))
    }),
    { numRuns: 500 },
  )
})
