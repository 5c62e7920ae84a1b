// When the deletion of a key may be acknowledged: once no node accepts it any more. Either every member says that it has applied
// what was committed before, or the lease (authorization-lease.ts) has ended under which one that does not answer may still accept
// keys. Neither depends on who leads: leases begin with a read barrier, and none that begins after the commit misses the deletion.
//
//   deletion committed ── members asked ── all have answered ── acknowledged
//                   |──────────── REVOCATION_WAIT_MS ──────────| at the latest
import { messageOf } from '../../base/errors.ts'
import type { Clock, Timer } from '../../base/clock.ts'
import type { Log } from '../../base/log.ts'
import type { Random } from '../../base/random.ts'
import { REVOCATION_WAIT_MS } from '../../contract/limits.ts'
import type { ServiceMessage } from '../peer-channel.ts'
import { FIRST_REQUEST_ID_MAX } from '../rates/limits.ts'
import type { Replicator } from '../replicator.ts'

export interface RevocationsDeps {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly replicator: Replicator
}

interface Question {
  /** Members that have not answered; null: nobody was asked yet. */
  silent: Set<string> | null
  readonly answered: () => void
}

export class Revocations {
  readonly #deps: RevocationsDeps
  /** Each ends after REVOCATION_WAIT_MS, so there are as many as deletions under way. */
  readonly #questions = new Map<number, Question>()
  #nextRequestId: number

  constructor(deps: RevocationsDeps) {
    this.#deps = deps
    this.#nextRequestId = 1 + deps.random.int(FIRST_REQUEST_ID_MAX)
    deps.replicator.channel.onMessage((from, message) => this.#onMessage(from, message))
  }

  /**
   * Called when a deletion is known to be committed; resolves when every node refuses the key. Never rejects, and takes
   * REVOCATION_WAIT_MS at most.
   */
  async settle(): Promise<void> {
    const { clock } = this.#deps
    const committedMs = clock.monotonicMs()
    const confirmed = Promise.withResolvers<void>()
    const requestId = this.#nextRequestId++
    this.#questions.set(requestId, { silent: null, answered: confirmed.resolve })
    void this.#ask(requestId, committedMs)
    let timer: Timer | undefined
    const wait = (leftMs: number): void => {
      timer = clock.after(leftMs, () => {
        const stillMs = committedMs + REVOCATION_WAIT_MS - clock.monotonicMs()
        // A timer may fire a little early.
        if (stillMs <= 0) confirmed.resolve()
        else wait(stillMs)
      })
    }
    wait(REVOCATION_WAIT_MS)
    await confirmed.promise
    timer?.cancel()
    this.#questions.delete(requestId)
  }

  /** Leaves the question open when this node cannot know who might accept keys. */
  async #ask(requestId: number, committedMs: number): Promise<void> {
    const { log, replicator } = this.#deps
    try {
      // From here on this node knows everybody who was a member when the deletion was committed.
      await replicator.readBarrier()
    } catch (error) {
      log.debug({ reason: messageOf(error) }, 'a deletion is confirmed by time')
      return
    }
    const question = this.#questions.get(requestId)
    const members = replicator.channel.appliedMembers
    // Whoever was removed lately may hold a lease and is not asked.
    if (members === undefined || members.noneRemovedSinceMs > committedMs - REVOCATION_WAIT_MS) return
    if (members.others.length === 0) question?.answered()
    if (question === undefined || members.others.length === 0) return
    question.silent = new Set(members.others.map(({ memberId }) => memberId))
    for (const { address } of members.others) {
      if (address !== undefined) replicator.channel.send(address, { type: 'CatchUpRequest', requestId })
    }
  }

  #onMessage(from: string, message: ServiceMessage): void {
    if (message.type === 'CatchUpRequest') void this.#catchUp(from, message.requestId)
    else if (message.type === 'CatchUpReport') {
      const question = this.#questions.get(message.requestId)
      if (question?.silent?.delete(message.memberId) === true && question.silent.size === 0) question.answered()
    }
  }

  /** Silence says that this node may not have caught up. */
  async #catchUp(from: string, requestId: number): Promise<void> {
    const { log, replicator } = this.#deps
    try {
      await replicator.readBarrier()
    } catch (error) {
      log.debug({ reason: messageOf(error) }, 'not caught up for a deletion')
      return
    }
    const { memberId } = replicator.status()
    replicator.channel.send(from, { type: 'CatchUpReport', requestId, memberId })
  }
}
