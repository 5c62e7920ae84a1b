// Read barriers: a linearizable read waits here until this node's state contains everything acknowledged before it began.
// All barriers that gather while one round is under way share the next round (thesis §6.4).
//
//   barrier --> gathering --start of a round--> asked --read index known--> applying --applied that far--> done
//                   ^                             |
//                   +-----no leader confirmed it--+
import { InsiError } from '../base/errors.ts'
import type { LogIndex, ReadState } from '../raft/types.ts'

interface Waiter {
  readonly startedMs: number
  readonly resolve: () => void
  readonly reject: (error: InsiError) => void
  isSettled: boolean
}

interface Round {
  readonly requestId: number
  readonly startedMs: number
  readonly waiters: Waiter[]
}

interface Applying {
  readonly readIndex: LogIndex
  readonly waiters: Waiter[]
}

/** Barriers that may wait at the same time. */
const WAITERS_MAX = 65_536

export interface ReadBarrierOptions {
  readonly readTimeoutMs: number
  /** A round without an answer is asked for again after this time: its message may be lost. */
  readonly roundTimeoutMs: number
  readonly onRound: (round: { readCount: number; confirmed: boolean; durationMs: number }) => void
}

export class ReadBarriers {
  readonly #options: ReadBarrierOptions
  #nextRequestId = 1
  #gathering: Waiter[] = []
  #asked: Round | null = null
  #applying: Applying[] = []
  /** Waiters in order of their start, for expiry; settled ones leave from the front. */
  #oldestFirst: Waiter[] = []
  #waiterCount = 0
  /** No new round before this time: nobody could confirm the one before. */
  #pausedUntilMs = 0

  constructor(options: ReadBarrierOptions) {
    this.#options = options
  }

  get waiterCount(): number {
    return this.#waiterCount
  }

  /** Resolves once the barrier is passed. Rejects with READ_TIMEOUT, NO_LEADER or OVERLOADED. */
  barrier(nowMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#waiterCount >= WAITERS_MAX) {
        reject(new InsiError('OVERLOADED', `${WAITERS_MAX} reads wait already`))
        return
      }
      const waiter: Waiter = { startedMs: nowMs, resolve, reject, isSettled: false }
      this.#waiterCount++
      this.#gathering.push(waiter)
      this.#oldestFirst.push(waiter)
    })
  }

  /** True when startRound() would ask. */
  isRoundDue(nowMs: number): boolean {
    return this.#gathering.length > 0 && this.#asked === null && nowMs >= this.#pausedUntilMs
  }

  /** Starts a round with everything gathered; returns the id to ask for with. */
  startRound(nowMs: number): number {
    const requestId = this.#nextRequestId++
    this.#asked = { requestId, startedMs: nowMs, waiters: this.#gathering }
    this.#gathering = []
    return requestId
  }

  /** An answer of the core. `retryAtMs`: when to ask again if nobody confirmed. */
  onReadState(state: ReadState, nowMs: number, retryAtMs: number): void {
    const round = this.#asked
    if (round === null || round.requestId !== state.requestId) return
    this.#asked = null
    const confirmed = state.readIndex !== null
    this.#options.onRound({ readCount: round.waiters.length, confirmed, durationMs: nowMs - round.startedMs })
    if (state.readIndex === null) {
      this.#gathering = [...round.waiters, ...this.#gathering]
      this.#pausedUntilMs = retryAtMs
      return
    }
    this.#applying.push({ readIndex: state.readIndex, waiters: round.waiters })
  }

  /** Lets everything pass that waits for `appliedIndex` or less. */
  onApplied(appliedIndex: LogIndex): void {
    if (this.#applying.length === 0) return
    const stillWaiting: Applying[] = []
    for (const group of this.#applying) {
      if (group.readIndex > appliedIndex) stillWaiting.push(group)
      else for (const waiter of group.waiters) this.#settle(waiter, null)
    }
    this.#applying = stillWaiting
    this.#dropSettled()
  }

  /** Gives up barriers that waited too long and asks again for a round that was lost. */
  expire(nowMs: number, hasLeader: boolean): void {
    const { readTimeoutMs, roundTimeoutMs } = this.#options
    for (const waiter of this.#oldestFirst) {
      if (nowMs - waiter.startedMs < readTimeoutMs) break
      if (waiter.isSettled) continue
      const error = hasLeader
        ? new InsiError('READ_TIMEOUT', 'the read was not confirmed in time')
        : new InsiError('NO_LEADER', 'no leader confirmed the read in time')
      this.#settle(waiter, error)
    }
    this.#dropSettled()
    this.#gathering = this.#gathering.filter((waiter) => !waiter.isSettled)
    const round = this.#asked
    if (round !== null && nowMs - round.startedMs >= roundTimeoutMs) {
      this.onReadState({ requestId: round.requestId, readIndex: null }, nowMs, nowMs)
    }
  }

  rejectAll(error: InsiError): void {
    for (const waiter of this.#oldestFirst) this.#settle(waiter, error)
    this.#oldestFirst = []
    this.#gathering = []
    this.#asked = null
    this.#applying = []
  }

  #settle(waiter: Waiter, error: InsiError | null): void {
    if (waiter.isSettled) return
    waiter.isSettled = true
    this.#waiterCount--
    if (error === null) waiter.resolve()
    else waiter.reject(error)
  }

  #dropSettled(): void {
    const firstOpen = this.#oldestFirst.findIndex((waiter) => !waiter.isSettled)
    if (firstOpen === -1) this.#oldestFirst = []
    else if (firstOpen > 0) this.#oldestFirst = this.#oldestFirst.slice(firstOpen)
  }
}
