// What the cluster as a whole has committed, learnt from what any node applies. Everything that every node ever applies must
// agree with it: entry, result and the state that follows. And it must be what a sequential store answers and holds.
import { crc32 } from 'node:zlib'
import { must } from '../../src/base/assert.ts'
import type { Entry, LogIndex, SnapshotMeta, Term } from '../../src/raft/types.ts'
import type { StateReader } from '../../src/state/state-reader.ts'
import type { OrderedStore } from '../../src/storage/ordered-store.ts'
import { CommittedHistory } from './committed-history.ts'
import type { SimTrace } from './sim-trace.ts'
import { stableText } from './stable-text.ts'
import { firstDifference, linesOfModel, linesOfStore } from './state-lines.ts'

/** Entries between two comparisons of a whole state with the model. */
const COMPARE_INTERVAL = 24

export interface CommittedEntry {
  readonly term: Term
  readonly kind: Entry['kind']
  readonly data: Buffer
  /** Null as long as no node has answered it: it was found applied. */
  resultText: string | null
}

export class CommittedLog {
  readonly #trace: SimTrace
  /** Position 0 is index 1. */
  readonly entries: CommittedEntry[] = []
  readonly history = new CommittedHistory()
  /** Index → the bytes of the state's applied record there. */
  readonly #states = new Map<LogIndex, string>()
  readonly #leaders = new Map<Term, string>()
  #highestLeaderTerm: Term = 0
  #comparedIndex: LogIndex = 0

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
      const resultText = JSON.stringify(results[position]) ?? ''
      if (entry.index > this.entries.length + 1) {
        this.#trace.violate(`${nodeId} applied ${entry.index}, but nobody has applied ${this.entries.length + 1}`)
      } else if (entry.index === this.entries.length + 1) {
        this.#add(entry, resultText)
        this.#compareAnswer(nodeId, entry.index, results[position])
      } else {
        this.#compare(nodeId, entry, resultText)
        const known = this.at(entry.index)
        if (known.resultText !== null) return
        known.resultText = resultText
        this.#compareAnswer(nodeId, entry.index, results[position])
      }
    })
  }

  /** The state that `nodeId` starts with holds entries that it did not live to report. */
  recovered(entries: readonly Entry[]): void {
    for (const entry of entries) if (entry.index === this.lastIndex + 1) this.#add(entry, null)
  }

  /** Whether the state of a node at the newest committed index should be compared with the model. */
  isComparisonDue(index: LogIndex): boolean {
    return index === this.lastIndex && index >= this.#comparedIndex + COMPARE_INTERVAL
  }

  /** Compares all that a node holds with the model, when the node has applied all that is committed. */
  async compareState(nodeId: string, index: LogIndex, store: OrderedStore, reader: StateReader): Promise<void> {
    if (index !== this.lastIndex) return
    this.#comparedIndex = index
    const difference = firstDifference(await linesOfStore(store, reader), linesOfModel(this.history.model))
    if (difference !== null) this.#trace.violate(`the state of ${nodeId} at ${index}: ${difference}`)
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

  #add({ term, kind, data: bytes }: Entry, resultText: string | null): void {
    const data = Buffer.from(bytes)
    this.entries.push({ term, kind, data, resultText })
    const { result, command, places } = this.history.add(kind === 'command' ? data : null)
    for (const place of places) this.#trace.reach(place)
    if (result?.ok === false) this.#trace.reach(`${command?.type ?? 'command'} ${result.code}`)
  }

  #compareAnswer(nodeId: string, index: LogIndex, answer: unknown): void {
    const { result, command } = this.history.at(index)
    const [actual, expected] = [stableText(answer), stableText(result)]
    if (actual === expected) return
    const what = command?.type ?? this.at(index).kind
    this.#trace.violate(`${nodeId} answers ${actual} at ${index} (${what}), a sequential store answers ${expected}`)
  }

  #compare(nodeId: string, entry: Entry, resultText: string): void {
    const known = this.at(entry.index)
    const isSame = known.term === entry.term && known.kind === entry.kind && known.data.equals(entry.data)
    if (!isSame) {
      const [one, other] = [known.data, entry.data].map((data) => crc32(data).toString(16))
      this.#trace.violate(
        `${nodeId} applied another entry at ${entry.index}: term ${entry.term} ${other}, not term ${known.term} ${one}`,
      )
    } else if (known.resultText !== null && known.resultText !== resultText) {
      this.#trace.violate(`${nodeId} answers ${resultText} at ${entry.index}, another node ${known.resultText}`)
    }
  }
}
