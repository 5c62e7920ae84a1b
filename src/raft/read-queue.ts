// The two waiting rooms of linearizable reads (thesis §6.4): on the leader until a round of heartbeats confirms that it still
// leads, and on a follower until the leader answers. No I/O and no time of their own.
import type { LogIndex, MemberId } from './types.ts'

/** Reads that may wait on a leader, its own and forwarded ones together; more are answered null at once. */
export const LEADER_READS_MAX = 65_536
/** Read requests of a follower that may be unanswered; more are answered null at once. */
export const FORWARDED_READS_MAX = 16_384

/** Bound for the first id on the wire; leaves room for counting up without losing integer precision. */
const FIRST_WIRE_ID_MAX = 2 ** 31

export interface WaitingRead {
  /** Who asked; null for this node. */
  readonly from: MemberId | null
  readonly requestId: number
}

/**
 * Reads on a leader. One round is in flight at a time and carries every read that arrived before it started: the busier the
 * leader, the more reads a round confirms.
 */
export class LeaderReads {
  #waiting: WaitingRead[] = []
  #inRound: WaitingRead[] = []
  #round = 0
  #roundReadIndex: LogIndex = 0

  /** The newest round; every AppendEntries carries it, so that a lost one is repeated by the next heartbeat. */
  get round(): number {
    return this.#round
  }

  /** The commit index at the start of the round: what every read of it must see. */
  get roundReadIndex(): LogIndex {
    return this.#roundReadIndex
  }

  /** True when reads wait and no round is in flight. */
  get isRoundDue(): boolean {
    return this.#waiting.length > 0 && this.#inRound.length === 0
  }

  get isRoundInFlight(): boolean {
    return this.#inRound.length > 0
  }

  /** False when too many reads wait already. */
  add(read: WaitingRead): boolean {
    if (this.#waiting.length + this.#inRound.length >= LEADER_READS_MAX) return false
    this.#waiting.push(read)
    return true
  }

  startRound(commitIndex: LogIndex): void {
    this.#inRound = this.#waiting
    this.#waiting = []
    this.#round++
    this.#roundReadIndex = commitIndex
  }

  /** The reads of the round in flight, which a quorum confirmed. */
  takeConfirmed(): readonly WaitingRead[] {
    const reads = this.#inRound
    this.#inRound = []
    return reads
  }

  /** Every read, confirmed or not: leadership is lost. */
  takeAll(): readonly WaitingRead[] {
    const reads = [...this.#inRound, ...this.#waiting]
    this.#inRound = []
    this.#waiting = []
    return reads
  }
}

/**
 * Reads that a follower sent to its leader. Ids on the wire start at a random number: an answer to a request from before a
 * restart must not be taken for the answer to a later one, which would be a stale read.
 */
export class ForwardedReads {
  /** Wire id → the owner's id; `#older` are those that have waited since before the last call of expire(). */
  #newer = new Map<number, number>()
  #older = new Map<number, number>()
  #nextWireId: number

  constructor(randomInt: (exclusiveMax: number) => number) {
    this.#nextWireId = randomInt(FIRST_WIRE_ID_MAX)
  }

  /** Returns the id to send, or null when too many reads wait already. */
  add(requestId: number): number | null {
    if (this.#newer.size + this.#older.size >= FORWARDED_READS_MAX) return null
    const wireId = this.#nextWireId++
    this.#newer.set(wireId, requestId)
    return wireId
  }

  /** The owner's id of the request that `wireId` answers; undefined when nobody waits for it any more. */
  take(wireId: number): number | undefined {
    const room = this.#newer.has(wireId) ? this.#newer : this.#older
    const requestId = room.get(wireId)
    room.delete(wireId)
    return requestId
  }

  /** Gives up the requests that were there at the previous call already; a lost message must not occupy a place forever. */
  takeExpired(): Iterable<number> {
    const expired = this.#older
    this.#older = this.#newer
    this.#newer = new Map()
    return expired.values()
  }

  /** Every request: the leader that was asked is no longer the leader. */
  takeAll(): number[] {
    const requestIds = [...this.#older.values(), ...this.#newer.values()]
    if (requestIds.length > 0) {
      this.#older = new Map()
      this.#newer = new Map()
    }
    return requestIds
  }
}
