// What became of leadership, and when, as this node saw it: for services that must know whether what they learned of a leader
// still counts.
import type { MemberId, Role, Term } from '../../raft/types.ts'

/** A cluster is bootstrapped in term 1; whoever leads in the next one is the first to lead at all. */
const FIRST_LED_TERM = 2

interface Seen {
  readonly role: Role
  readonly term: Term
  readonly leader: MemberId | null
}

export class Leadership {
  #epoch = 0
  #led: { readonly term: Term; readonly sinceMs: number } | null = null
  #leaderlessSinceMs: number | null = null

  /** Grows with every change of leader, term or role. */
  get epoch(): number {
    return this.#epoch
  }

  /** Since when (monotonic) no leader is known; null when one is. */
  get leaderlessSinceMs(): number | null {
    return this.#leaderlessSinceMs
  }

  /** Something changed. */
  note({ role, term, leader }: Seen, nowMs: number): void {
    this.#epoch += 1
    this.#leaderlessSinceMs = leader === null ? (this.#leaderlessSinceMs ?? nowMs) : null
    if (role !== 'leader' || this.#led?.term === term) return
    this.#led = { term, sinceMs: term === FIRST_LED_TERM ? Number.NEGATIVE_INFINITY : nowMs }
  }

  /** Since when (monotonic) this node leads in `term`, -Infinity in the first of a cluster; null when that was not noted. */
  ledSinceMs(term: Term): number | null {
    return this.#led?.term === term ? this.#led.sinceMs : null
  }
}
