// The term of every entry of the log, kept as runs: a log has few terms and many entries.
import { assert, must } from '../../base/assert.ts'
import type { LogIndex, Term } from '../../raft/types.ts'

/** Terms of the entries behind a base. Terms never fall along the log. */
export class LogTerms {
  #baseIndex: LogIndex
  #baseTerm: Term
  #lastIndex: LogIndex
  /** #starts[i] is the first index of the run with term #terms[i]; the run ends where the next one starts. */
  #starts: LogIndex[] = []
  #terms: Term[] = []

  constructor(base: { readonly index: LogIndex; readonly term: Term }) {
    this.#baseIndex = base.index
    this.#baseTerm = base.term
    this.#lastIndex = base.index
  }

  get lastIndex(): LogIndex {
    return this.#lastIndex
  }

  get lastTerm(): Term {
    return this.#terms.at(-1) ?? this.#baseTerm
  }

  /** Adds the entry behind the last one. */
  push(term: Term): void {
    const lastTerm = this.lastTerm
    assert(term >= lastTerm, `term ${term} behind term ${lastTerm}`)
    this.#lastIndex++
    if (this.#terms.length > 0 && term === lastTerm) return
    this.#starts.push(this.#lastIndex)
    this.#terms.push(term)
  }

  truncateFrom(index: LogIndex): void {
    assert(index > this.#baseIndex, `cannot cut at ${index}, the base is ${this.#baseIndex}`)
    this.#lastIndex = Math.min(this.#lastIndex, index - 1)
    while ((this.#starts.at(-1) ?? 0) > this.#lastIndex) {
      this.#starts.pop()
      this.#terms.pop()
    }
  }

  /** Sets the term of the base, which was not known. */
  learnBaseTerm(term: Term): void {
    this.#baseTerm = term
  }

  /** Moves the base up to an entry that is held. */
  cutTo(base: { readonly index: LogIndex; readonly term: Term }): void {
    assert(this.termAt(base.index) === base.term, `the base ${base.index} of term ${base.term} is not in the log`)
    let dropped = 0
    while ((this.#starts[dropped + 1] ?? Infinity) <= base.index + 1) dropped++
    this.#starts.splice(0, dropped)
    this.#terms.splice(0, dropped)
    this.#baseIndex = base.index
    this.#baseTerm = base.term
    if (this.#lastIndex === base.index) this.#starts.length = this.#terms.length = 0
    else if (this.#starts.length > 0) this.#starts[0] = Math.max(must(this.#starts[0], 'a run'), base.index + 1)
  }

  /** Term of the entry or of the base; undefined outside [base, last]. O(log of the number of terms). */
  termAt(index: LogIndex): Term | undefined {
    if (index > this.#lastIndex || index < this.#baseIndex) return undefined
    if (index === this.#baseIndex) return this.#baseTerm
    let low = 0
    let high = this.#starts.length - 1
    if (index >= must(this.#starts[high], 'an entry has a run')) return this.#terms[high]
    while (low < high) {
      const middle = Math.ceil((low + high) / 2)
      if (must(this.#starts[middle], 'a run') <= index) low = middle
      else high = middle - 1
    }
    return this.#terms[low]
  }
}
