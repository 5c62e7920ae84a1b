// Frees the slots of members that are gone. The leader hears from every member many times a second; one that it has not heard
// from for some seconds, or that is no member any more, holds nothing. Should it live after all, its own comparison
// (subscription-slots.ts) counts its subscribers again.
import type { Clock, Timer } from '../../base/clock.ts'
import { messageOf } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'
import { SLOT_CHECK_INTERVAL_MS, SLOT_SILENCE_MAX_MS } from '../../contract/limits.ts'
import type { StateReader } from '../../state/state-reader.ts'
import type { Proposer } from '../proposer.ts'

/** On the leader: the members that it hears from, itself included. Null on every other node. */
export type LiveMembers = () => ReadonlySet<string> | null

export interface LeasesDeps {
  readonly clock: Clock
  readonly log: Log
  readonly reader: StateReader
  readonly proposer: Proposer
  readonly liveMembers: LiveMembers
}

export class SubscriptionLeases {
  readonly #deps: LeasesDeps
  /** Since when (monotonic) each member with slots is silent. */
  readonly #silentSinceMs = new Map<string, number>()
  #round: Promise<void> | undefined
  #timer: Timer | undefined

  constructor(deps: LeasesDeps) {
    this.#deps = deps
  }

  start(): void {
    this.#timer = this.#deps.clock.every(SLOT_CHECK_INTERVAL_MS / 2, () => this.#look(), { unref: true })
  }

  /** Resolves when no command is under way. */
  async stop(): Promise<void> {
    this.#timer?.cancel()
    await this.#round
  }

  #look(): void {
    if (this.#round !== undefined) return
    const gone = this.#gone()
    if (gone.length === 0) return
    this.#round = Promise.all(gone.map((memberId) => this.#free(memberId)))
      .then(() => {})
      .finally(() => {
        this.#round = undefined
      })
  }

  #gone(): string[] {
    const { clock, reader, liveMembers } = this.#deps
    const live = liveMembers()
    if (live === null) {
      // A new leader starts to count anew: it has not listened to anybody yet.
      this.#silentSinceMs.clear()
      return []
    }
    const nowMs = clock.monotonicMs()
    const holders = reader.membersWithSubscribers()
    for (const memberId of this.#silentSinceMs.keys()) {
      if (live.has(memberId) || !holders.includes(memberId)) this.#silentSinceMs.delete(memberId)
    }
    return holders.filter((memberId) => {
      if (live.has(memberId)) return false
      const sinceMs = this.#silentSinceMs.get(memberId) ?? nowMs
      this.#silentSinceMs.set(memberId, sinceMs)
      return nowMs - sinceMs >= SLOT_SILENCE_MAX_MS
    })
  }

  async #free(memberId: string): Promise<void> {
    const { clock, log, proposer } = this.#deps
    try {
      await proposer.submit({ type: 'subscription.report', timeMs: clock.nowMs(), memberId, counts: [] })
      log.info({ memberId }, 'slots of a silent member freed')
    } catch (error) {
      log.info({ memberId, reason: messageOf(error) }, 'slots of a silent member not freed yet')
    }
  }
}
