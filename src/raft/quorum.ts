// Quorum arithmetic: pure rules over a handful of numbers, checked against naive versions by property tests.
// What the numbers mean (match indexes, ReadIndex rounds) is the caller's business.
import type { MemberId } from './types.ts'

/** `pending`: the voters that have not answered yet can still decide it either way. */
export type VoteResult = 'won' | 'lost' | 'pending'

/** The smallest number of voters that is more than half of `voterCount`. */
export function majorityOf(voterCount: number): number {
  return Math.floor(voterCount / 2) + 1
}

/**
 * The largest value that a majority of `values` (one per voter) has reached (§5.3, §5.4.2); 0 for no voters.
 * Quadratic on purpose: groups have at most a few voters, and counting needs neither a copy nor a sort per acknowledgement.
 */
export function highestOnMajority(values: readonly number[]): number {
  const majority = majorityOf(values.length)
  let highest = 0
  for (const candidate of values) {
    if (candidate <= highest) continue
    let count = 0
    for (const value of values) if (value >= candidate) count++
    if (count >= majority) highest = candidate
  }
  return highest
}

/** Outcome of an election among `voters` given the answers so far (§5.2). Answers of others do not count. */
export function voteResult(voters: readonly MemberId[], votes: ReadonlyMap<MemberId, boolean>): VoteResult {
  let granted = 0
  let refused = 0
  for (const voter of voters) {
    const vote = votes.get(voter)
    if (vote === true) granted++
    else if (vote === false) refused++
  }
  const majority = majorityOf(voters.length)
  if (granted >= majority) return 'won'
  return voters.length - refused < majority ? 'lost' : 'pending'
}
