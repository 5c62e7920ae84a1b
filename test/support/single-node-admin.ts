// The membership of a cluster of one voter that never changes. For tests of what stands on it.
import { insiError, isErrorCode } from '../../src/contract/errors.ts'
import { planStep } from '../../src/replication/membership/cluster-plan.ts'
import { clusterViewOf } from '../../src/replication/membership/cluster-view.ts'
import type { StepOutcome } from '../../src/contract/membership-plan.ts'
import type { ClusterAdmin, ClusterView, LeaveAnswer } from '../../src/services/cluster-admin.ts'
import type { ClusterStep } from '../../src/services/cluster-admin.ts'

const SELF = 'node0/6f0fd7a4-3b0a-4b43-9d5c-0f3a2f6c8c11'
const CLUSTER_ID = 'c2d8b6b0-57a5-4d6e-8f4b-7f6b2f1f2f10'

export class SingleNodeAdmin implements ClusterAdmin {
  view(): Promise<ClusterView> {
    return Promise.resolve(this.#view())
  }

  step(step: ClusterStep, planOnly: boolean): Promise<StepOutcome> {
    const known = step.type === 'add' ? { ...step, memberId: step.memberId ?? `${step.nodeId}/unknown` } : step
    const plan = planStep(this.#view(), known)
    const isRefused = plan.verdict === 'refused' && !planOnly
    if (isRefused && plan.code !== null && isErrorCode(plan.code)) {
      return Promise.reject(insiError(plan.code, plan.reason))
    }
    return Promise.resolve({ plan, changed: false })
  }

  leave(): Promise<LeaveAnswer> {
    return Promise.resolve({ granted: false, possible: false, reason: 'the only voter' })
  }

  #view(): ReturnType<typeof clusterViewOf> {
    return clusterViewOf(
      {
        id: SELF,
        role: 'leader',
        term: 1,
        leader: SELF,
        commitIndex: 1,
        clusterCommitIndex: 1,
        lastIndex: 1,
        membership: { members: [{ id: SELF, role: 'voter', raftAddress: '127.0.0.1:7000' }] },
        membershipIndex: 1,
        committedInTerm: true,
        peers: new Map(),
      },
      CLUSTER_ID,
    )
  }
}
