// How a caller of this node learns what became of its proposal, and how the observer does.
import type { InsiError } from '../base/errors.ts'
import type { ApplyResult } from './ports.ts'
import type { ProposalSink } from './proposals.ts'
import type { ProposalOutcome, ReplicaObserver } from './replica-observer.ts'

const OUTCOMES: Readonly<Record<string, ProposalOutcome>> = {
  NO_LEADER: 'no_leader',
  OVERLOADED: 'overloaded',
  OUTCOME_UNKNOWN: 'outcome_unknown',
  NODE_STOPPING: 'stopping',
  NODE_QUARANTINED: 'quarantined',
  UPGRADE_PENDING: 'upgrade_pending',
}

export function callerSink(
  observer: ReplicaObserver,
  resolve: (result: ApplyResult) => void,
  reject: (error: InsiError) => void,
): ProposalSink {
  return {
    applied: (_slot, result) => {
      observer.onProposalOutcome('applied')
      resolve(result)
    },
    failed: (_slot, error) => {
      observer.onProposalOutcome(OUTCOMES[error.code] ?? 'outcome_unknown')
      reject(error)
    },
  }
}
