// What earlier passes saw. A judgement counts only after two observations some time apart with none in between that says
// otherwise. Lost with the process: then it only takes longer.

export type EvidenceKind = 'gone' | 'absent' | 'learner'

interface Sighting {
  readonly kind: EvidenceKind
  readonly id: string
  readonly sinceMs: number
}

export class Evidence {
  static readonly none = new Evidence(new Map(), 0)
  readonly #earlier: ReadonlyMap<string, Sighting>
  readonly #nowMs: number
  /** What this pass sees; what it does not see is forgotten. */
  readonly #seen = new Map<string, Sighting>()

  private constructor(earlier: ReadonlyMap<string, Sighting>, nowMs: number) {
    this.#earlier = earlier
    this.#nowMs = nowMs
  }

  /** For the pass at `nowMs`. */
  next(nowMs: number): Evidence {
    return new Evidence(this.#seen, nowMs)
  }

  /** Notes that this holds now; true when an earlier pass saw it too, `settleMs` ago or more. */
  see(kind: EvidenceKind, id: string, settleMs: number): boolean {
    const key = `${kind} ${id}`
    const sighting = this.#earlier.get(key) ?? { kind, id, sinceMs: this.#nowMs }
    this.#seen.set(key, sighting)
    return this.#earlier.has(key) && this.#nowMs - sighting.sinceMs >= settleMs
  }

  /** Ids of a kind that have been seen for longer than `ageMs`. */
  olderThan(kind: EvidenceKind, ageMs: number): string[] {
    return [...this.#seen.values()]
      .filter((sighting) => sighting.kind === kind && this.#nowMs - sighting.sinceMs > ageMs)
      .map((sighting) => sighting.id)
  }

  /** Whether something waits for a second look. */
  get isPending(): boolean {
    return this.#seen.size > 0
  }
}
