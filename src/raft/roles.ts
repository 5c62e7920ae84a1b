// Stepping down: the way back to follower from every role (§5.1, Figure 4).
import { assert } from '../base/assert.ts'
import { answerRead } from './read-index.ts'
import type { Core } from './core.ts'
import type { MemberId, Term } from './types.ts'

/**
 * Becomes a follower (or learner) in `term`, under `leader` if known. The election timer goes on unless this node led: a term
 * that is merely announced must not keep a better candidate from campaigning (Figure 2, rules for followers).
 */
export function becomeFollower(core: Core, term: Term, leader: MemberId | null): void {
  assert(term >= core.term, `cannot return to term ${term} from ${core.term}`)
  const lead = core.leadership
  if (lead !== null) {
    core.leadership = null
    // Whether these reads would still have been current is unknown: another leader may have been elected (thesis §6.4).
    for (const read of lead.reads.takeAll()) answerRead(core, read, null)
    core.resetElectionTimer()
  }
  if (term > core.term) core.enterTerm(term)
  core.role = core.isVoter ? 'follower' : 'learner'
  core.votes.clear()
  core.setLeader(leader)
}
