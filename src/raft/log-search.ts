// Searches over the terms of a log, which never decrease with the index (§5.3, Log Matching).
import { must } from '../base/assert.ts'
import type { LogIndex, RaftLog, Term } from './types.ts'

/** Term of the last entry, or of the base when the log holds none. */
export function lastTermOf(log: RaftLog): Term {
  return must(log.termAt(log.lastIndex), 'the log knows the term of its end')
}

/**
 * The largest index in [from, to] whose term is at most `term`; `from - 1` when there is none. All of [from, to] must be held.
 * Both sides of a refused AppendEntries use it to skip every entry of a term in one round (§5.3, last paragraphs).
 */
export function lastIndexWithTermAtMost(log: RaftLog, from: LogIndex, to: LogIndex, term: Term): LogIndex {
  let low = from - 1
  let high = to
  // Invariant: everything up to `low` has a small enough term, everything after `high` does not.
  while (low < high) {
    const middle = Math.floor((low + high + 1) / 2)
    if (must(log.termAt(middle), 'the searched range is held') <= term) low = middle
    else high = middle - 1
  }
  return low
}
