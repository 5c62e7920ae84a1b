// Which configuration is in force at which index. A configuration holds from the moment its entry is in the log, committed or
// not (thesis §4.1), so cutting the log back must bring the one before it into force again. A snapshot carries the one in force at
// its index, which is why configurations are kept by index as far back as the log goes.
//
//   index          base ..... 7 ............ 12 ........ end
//   in force       [ base's ][ entry 7's    ][ entry 12's
import { assert, must } from '../base/assert.ts'
import { decodeMembership } from './membership.ts'
import type { Entry, LogIndex, Membership, RaftLog, SnapshotMeta } from './types.ts'

interface Configuration {
  readonly index: LogIndex
  readonly membership: Membership
}

/** Bytes of entries that are looked through at a time when a node starts. */
const SCAN_SIZE_BYTES_MAX = 1024 * 1024

export class MembershipHistory {
  // Ascending by index and never empty; the first record is the configuration at the log's base or before it.
  #records: Configuration[]

  constructor(base: SnapshotMeta) {
    this.#records = [{ index: base.index, membership: base.membership }]
  }

  /** The history of `log`. Must run before the node does anything else: a node that forgets its peers elects itself. */
  static restore(base: SnapshotMeta, log: RaftLog): MembershipHistory {
    const history = new MembershipHistory(base)
    let next = log.firstIndex
    while (next <= log.lastIndex) {
      const entries = must(log.entries(next, log.lastIndex + 1, SCAN_SIZE_BYTES_MAX), 'the log holds what it says')
      assert(entries.length > 0, 'the log returns at least one entry')
      history.append(entries, log.firstIndex - 1)
      next += entries.length
    }
    return history
  }

  /** The newest configuration, which is in force. */
  get current(): Membership {
    return this.#last.membership
  }

  /** Index of the entry that the newest configuration comes from. */
  get currentIndex(): LogIndex {
    return this.#last.index
  }

  /** The configuration in force at `index`, which must not be before the log's base. */
  at(index: LogIndex): Membership {
    // A handful of records: a search from the end is all it takes.
    const record = this.#records.findLast((candidate) => candidate.index <= index)
    return must(record, `the membership at index ${index} was forgotten`).membership
  }

  /** Whether a configuration came into force in (after, through]. */
  hasChangeIn(after: LogIndex, through: LogIndex): boolean {
    return this.#records.some((record) => record.index > after && record.index <= through)
  }

  /** Takes up the membership entries among `entries`; returns whether there were any. */
  append(entries: readonly Entry[], logBaseIndex: LogIndex): boolean {
    let changed = false
    for (const entry of entries) {
      if (entry.kind !== 'membership') continue
      assert(entry.index > this.currentIndex, 'membership entries come in order')
      this.#records.push({ index: entry.index, membership: decodeMembership(entry.data) })
      changed = true
    }
    if (changed) this.#forgetBefore(logBaseIndex)
    return changed
  }

  /** Entries from `from` on were cut; returns whether the configuration in force changed by that. */
  truncateFrom(from: LogIndex): boolean {
    const kept = this.#records.filter((record) => record.index < from)
    const changed = kept.length < this.#records.length
    assert(kept.length > 0, 'the membership of the base cannot be cut')
    this.#records = kept
    return changed
  }

  /** A snapshot replaced the log: what was in force before its index is not known any more. */
  resetTo(base: SnapshotMeta): void {
    this.#records = [{ index: base.index, membership: base.membership }]
  }

  get #last(): Configuration {
    return must(this.#records.at(-1), 'there is always a membership')
  }

  /** Drops what only indexes before the log's base would need, so that years of changes do not pile up. */
  #forgetBefore(logBaseIndex: LogIndex): void {
    const needed = this.#records.findLastIndex((record) => record.index <= logBaseIndex)
    if (needed > 0) this.#records.splice(0, needed)
  }
}
