// All that somebody who looks at the cluster wants to see at once: members, usage, rates, and what happened lately.
import { InsiError } from '../base/errors.ts'
import type { ClusterHistory, HistoryEntry } from './cluster-history.ts'
import type { ClusterService, ClusterStatusView } from './cluster.ts'
import type { OperationRates, OperationsService } from './operations.ts'
import type { UsageTotals, UsageTotalsService } from './usage-totals.ts'

export interface Overview {
  /** Null while this node is no member and finds no leader. */
  readonly cluster: ClusterStatusView | null
  readonly rates: OperationRates
  readonly usage: UsageTotals
  /** As this node saw it; the newest first. */
  readonly history: readonly HistoryEntry[]
}

export interface OverviewDeps {
  readonly cluster: ClusterService
  readonly operations: OperationsService
  readonly usage: UsageTotalsService
  readonly history: ClusterHistory
}

export class OverviewService {
  readonly #deps: OverviewDeps

  constructor(deps: OverviewDeps) {
    this.#deps = deps
  }

  /** Works without a leader, too: that is when people look. */
  async overview(): Promise<Overview> {
    const { cluster, history, operations, usage } = this.#deps
    const [view, rates, totals] = await Promise.all([
      cluster.status().catch((error: unknown) => {
        if (error instanceof InsiError && error.code === 'NO_LEADER') return null
        throw error
      }),
      operations.rates(),
      usage.totals(),
    ])
    return { cluster: view, rates, usage: totals, history: history.entries }
  }
}
