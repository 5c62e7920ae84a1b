// What a step of the membership does, or would do, as server, client and command line speak of it.

/** How many voters must answer, and how many may still be lost. */
export interface Quorum {
  readonly voters: number
  /** Voters that must answer. */
  readonly size: number
  /** Voters that the leader hears from; null when there is no leader to count them. */
  readonly active: number | null
  /** Voters that may still be lost: active - size. */
  readonly margin: number | null
}

export interface StepPlan {
  /** The name of the step: `add`, `promote`, `demote`, `remove` or `transfer`. */
  readonly action: string
  readonly memberId: string | null
  /** `nothing`: the cluster is already as the step would leave it. */
  readonly verdict: 'allowed' | 'nothing' | 'refused'
  /** For `refused`: the code of the error that the step would end with. */
  readonly code: string | null
  readonly reason: string
  readonly warnings: readonly string[]
  /** Member ids. */
  readonly votersBefore: readonly string[]
  readonly votersAfter: readonly string[]
  readonly quorumBefore: Quorum
  readonly quorumAfter: Quorum
}

export interface StepOutcome {
  readonly plan: StepPlan
  readonly changed: boolean
}
