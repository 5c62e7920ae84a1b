// What became of leadership and membership lately, as this node saw it since it started.
import type { Clock } from '../base/clock.ts'
import { HISTORY_ENTRIES_MAX } from '../contract/limits.ts'

export interface HistoryEntry {
  readonly timeMs: number
  readonly type: 'leader' | 'no-leader' | 'membership'
  readonly term: number
  /** For people. */
  readonly text: string
}

/** Characters of an incarnation that tell it from another one. */
const INCARNATION_CHARS_SHOWN = 8

interface Member {
  readonly id: string
  readonly role: 'voter' | 'learner'
}

export class ClusterHistory {
  readonly #clock: Clock
  #entries: HistoryEntry[] = []
  #leader: string | null = null
  #term = 0
  #members: ReadonlyMap<string, Member['role']> | null = null

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** The newest first. */
  get entries(): readonly HistoryEntry[] {
    return this.#entries.toReversed()
  }

  /** Role, term or leader of this node changed; `leader` is a node id. */
  onRole({ leader, term }: { readonly leader: string | null; readonly term: number }): void {
    const isNew = leader !== this.#leader || (leader !== null && term !== this.#term)
    const before = this.#leader
    this.#leader = leader
    this.#term = term
    if (!isNew) return
    if (leader !== null) this.#add('leader', `${leader} leads`)
    else if (before !== null) this.#add('no-leader', `${before} leads no more`)
  }

  /** The membership in force changed. The first one is what the node began with. */
  onMembership(members: readonly Member[]): void {
    const before = this.#members
    this.#members = new Map(members.map(({ id, role }) => [id, role]))
    if (before === null) return
    for (const { id, role } of members) {
      const was = before.get(id)
      if (was === undefined) this.#add('membership', `${shown(id)} was added as a ${role}`)
      else if (was !== role) this.#add('membership', `${shown(id)} became a ${role}`)
    }
    for (const id of before.keys()) if (!this.#members.has(id)) this.#add('membership', `${shown(id)} was removed`)
  }

  #add(type: HistoryEntry['type'], text: string): void {
    this.#entries = [...this.#entries, { timeMs: this.#clock.nowMs(), type, term: this.#term, text }]
    if (this.#entries.length > HISTORY_ENTRIES_MAX) this.#entries = this.#entries.slice(1)
  }
}

/** `<node>/<incarnation>`, shortened. */
function shown(memberId: string): string {
  const slash = memberId.lastIndexOf('/')
  return memberId.slice(0, slash + 1 + INCARNATION_CHARS_SHOWN)
}
