// What the cluster as a whole has committed, learnt from what any node applies. Everything that every node ever applies must
// agree with it: entry, result and the state that follows.
import { crc32 } from 'node:zlib'
import { must } from '../../src/base/assert.ts'
import type { Entry, LogIndex, SnapshotMeta, Term } from '../../src/raft/types.ts'
import type { CommandResult } from '../../src/state/commands.ts'
import type { SimTrace } from './sim-trace.ts'

export interface CommittedEntry {
  readonly term: Term
  readonly kind: Entry['kind']
  readonly data: Buffer
  readonly result: CommandResult | undefined
  readonly resultText: string
}

export class CommittedLog {
  readonly #trace: SimTrace
  /** Position 0 is index 1. */
  readonly entries: CommittedEntry[] = []
  /** Index → the bytes of the state's applied record there. */
  readonly #states = new Map<LogIndex, string>()
  readonly #leaders = new Map<Term, string>()
  #highestLeaderTerm: Term = 0

  constructor(trace: SimTrace) {
    this.#trace = trace
  }

  get lastIndex(): LogIndex {
    return this.entries.length
  }

  at(index: LogIndex): CommittedEntry {
    return must(this.entries[index - 1], `nothing was committed at ${index}`)
  }

  /** `nodeId` applied `entries`. */
  applied(nodeId: string, entries: readonly Entry[], results: readonly unknown[]): void {
    entries.forEach((entry, position) => {
      const result = results[position] as CommandResult | undefined
      const resultText = JSON.stringify(result) ?? ''
      if (entry.index > this.entries.length + 1) {
        this.#trace.violate(`${nodeId} applied ${entry.index}, but nobody has applied ${this.entries.length + 1}`)
      } else if (entry.index === this.entries.length + 1) {
        const { term, kind } = entry
        this.entries.push({ term, kind, data: Buffer.from(entry.data), result, resultText })
      } else {
        this.#compare(nodeId, entry, resultText)
      }
    })
  }

  /** The state of `nodeId` after `index`, as the bytes of its applied record: hash, content sum, time. */
  state(nodeId: string, index: LogIndex, appliedRecord: Uint8Array): void {
    const text = Buffer.from(appliedRecord).toString('latin1')
    const known = this.#states.get(index)
    if (known === undefined) this.#states.set(index, text)
    else if (known !== text) this.#trace.violate(`the state of ${nodeId} at ${index} differs from another node's`)
  }

  installed(nodeId: string, meta: SnapshotMeta): void {
    if (meta.index > this.lastIndex || this.at(meta.index).term !== meta.term) {
      this.#trace.violate(
        `${nodeId} installed a snapshot of ${meta.index} in term ${meta.term}, which was not committed`,
      )
    }
  }

  /** `nodeId` leads `term`; `termAt` reads its log, undefined for what was cut away or is missing. */
  leads(
    nodeId: string,
    term: Term,
    log: { readonly firstIndex: LogIndex; termAt(index: LogIndex): Term | undefined },
  ): void {
    const other = this.#leaders.get(term)
    if (other !== undefined && other !== nodeId) this.#trace.violate(`${other} and ${nodeId} lead term ${term}`)
    this.#leaders.set(term, nodeId)
    if (term <= this.#highestLeaderTerm) return
    this.#highestLeaderTerm = term
    // Leader completeness (§5.4.3).
    for (let index = log.firstIndex; index <= this.lastIndex; index++) {
      if (log.termAt(index) === this.at(index).term) continue
      this.#trace.violate(`${nodeId} leads term ${term} without the committed entry ${index}`)
      return
    }
  }

  #compare(nodeId: string, entry: Entry, resultText: string): void {
    const known = this.at(entry.index)
    const isSame = known.term === entry.term && known.kind === entry.kind && known.data.equals(entry.data)
    if (!isSame) {
      const [one, other] = [known.data, entry.data].map((data) => crc32(data).toString(16))
      this.#trace.violate(
        `${nodeId} applied another entry at ${entry.index}: term ${entry.term} ${other}, not term ${known.term} ${one}`,
      )
    } else if (known.resultText !== resultText) {
      this.#trace.violate(`${nodeId} answers ${resultText} at ${entry.index}, another node ${known.resultText}`)
    }
  }
}
