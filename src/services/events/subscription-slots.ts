// The slots that this node's subscribers take of their entities' limits. The cluster counts slots by member in the replicated
// state, so that a limit holds everywhere; here stands what this node really holds, and how the two are made equal again after
// an outcome that is unknown, a restart, or a release that did not get through.
//
// A report says all that a member holds, so nothing that changes it may be under way at the same time: acquisitions and
// releases wait for a report, and a report waits for them.
import type { Clock, Timer } from '../../base/clock.ts'
import { messageOf } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'
import { insiError } from '../../contract/errors.ts'
import { PENDING_SUBSCRIPTIONS_MAX, SLOT_CHECK_INTERVAL_MS } from '../../contract/limits.ts'
import type { EntityId } from '../../state/commands.ts'
import type { StateReader } from '../../state/state-reader.ts'
import type { Caller } from '../caller.ts'
import { rejectionError } from '../key-values.ts'
import type { Proposer } from '../proposer.ts'
import type { Replicator } from '../replicator.ts'

export interface SlotsDeps {
  readonly clock: Clock
  readonly log: Log
  readonly reader: StateReader
  readonly replicator: Replicator
  readonly proposer: Proposer
}

/** What this node holds of an entity; kept until the state counts none either. Slots of earlier epochs do not exist any more. */
interface HeldSlots {
  epoch: number
  count: number
  /** Ended subscribers whose slot the state still counts. */
  toRelease: number
}

/** An acquisition may lose against a shake; then it is worth another try. */
const ACQUIRE_ATTEMPTS_MAX = 3

export class SubscriptionSlots {
  readonly #deps: SlotsDeps
  readonly #held = new Map<EntityId, HeldSlots>()
  #acquiringCount = 0
  #releasing: Promise<void> | undefined
  #reporting: Promise<void> | undefined
  #isReported = false
  #isStopping = false
  /** The state differed at the last look; once more and it is reported. */
  #differed = false
  #timer: Timer | undefined

  constructor(deps: SlotsDeps) {
    this.#deps = deps
  }

  /** Begins to compare; the first report frees what a former process of this member held. */
  start(): void {
    this.#timer = this.#deps.clock.every(SLOT_CHECK_INTERVAL_MS, () => this.#check(), { unref: true })
  }

  /** Gives everything back in one command, if the cluster takes it. */
  async stop(): Promise<void> {
    this.#isStopping = true
    this.#timer?.cancel()
    await this.#releasing
    await this.#reporting
    if (!this.#isReported || !this.#isCounted()) return
    this.#held.clear()
    await this.#propose([])
  }

  /**
   * Takes a slot; resolves with its epoch. Rejects with SUBSCRIBER_LIMIT_EXCEEDED, OVERLOADED when too many wait,
   * AUTHENTICATION_FAILED when the entity is deleted meanwhile, or with what a proposal rejects with.
   */
  async acquire(caller: Caller): Promise<number> {
    if (this.#acquiringCount >= PENDING_SUBSCRIPTIONS_MAX) throw insiError('OVERLOADED')
    if (this.#isStopping) throw insiError('NODE_STOPPING')
    this.#acquiringCount += 1
    try {
      await this.#refuseWhenFull(caller.entityId)
      for (let attempt = 1; attempt <= ACQUIRE_ATTEMPTS_MAX; attempt += 1) {
        await this.#reported()
        const epoch = await this.#acquireOnce(caller)
        if (epoch >= this.#deps.reader.subscriptionEpoch(caller.entityId)) return epoch
        this.release(caller.entityId, epoch)
      }
      throw insiError('SUBSCRIBER_LIMIT_EXCEEDED', 'subscriber limit exceeded: subscriptions are being shaken')
    } finally {
      this.#acquiringCount -= 1
    }
  }

  /** Gives a slot back in the background, together with others that end meanwhile. */
  release(entityId: EntityId, epoch: number): void {
    const held = this.#held.get(entityId)
    if (held === undefined || held.epoch !== epoch || held.count === 0) return
    held.count -= 1
    held.toRelease += 1
    this.#releasing ??= this.#releaseAll().finally(() => {
      this.#releasing = undefined
    })
  }

  /** A full entity is refused without an entry in the log, so that a client that tries for ever costs little. */
  async #refuseWhenFull(entityId: EntityId): Promise<void> {
    if (!this.#isFull(entityId)) return
    await this.#deps.replicator.readBarrier()
    if (this.#isFull(entityId)) throw insiError('SUBSCRIBER_LIMIT_EXCEEDED')
  }

  #isFull(entityId: EntityId): boolean {
    const limit = this.#deps.reader.entity(entityId)?.limits.subscribers ?? null
    return limit !== null && this.#deps.reader.subscriberCounts(entityId).total >= limit
  }

  async #acquireOnce(caller: Caller): Promise<number> {
    const { entityId } = caller
    const { clock, proposer, reader } = this.#deps
    const known = this.#held.get(entityId)
    // Also when the outcome stays unknown the entity is one of those that are compared.
    if (known === undefined) {
      this.#held.set(entityId, { epoch: reader.subscriptionEpoch(entityId), count: 0, toRelease: 0 })
    }
    const result = await proposer.submitFor(caller, {
      type: 'subscription.acquire',
      timeMs: clock.nowMs(),
      entityId,
      memberId: this.#memberId(),
    })
    if (!result.ok) throw rejectionError(result.code, result.details)
    const epoch = result.epoch ?? 0
    const held = this.#held.get(entityId)
    if (held === undefined || held.epoch < epoch) this.#held.set(entityId, { epoch, count: 1, toRelease: 0 })
    else if (held.epoch === epoch) held.count += 1
    return epoch
  }

  async #releaseAll(): Promise<void> {
    // Whatever ends in the same turn goes into the same command.
    await Promise.resolve()
    for (;;) {
      await this.#reporting
      const due = [...this.#held].filter(([, held]) => held.toRelease > 0)
      if (due.length === 0) return
      await Promise.all(due.map(([entityId, held]) => this.#releaseOf(entityId, held)))
    }
  }

  /** What cannot be given back now is found by the next comparison. */
  async #releaseOf(entityId: EntityId, held: HeldSlots): Promise<void> {
    const { clock, proposer, log } = this.#deps
    const { toRelease: count, epoch } = held
    held.toRelease = 0
    try {
      await proposer.submit({
        type: 'subscription.release',
        timeMs: clock.nowMs(),
        entityId,
        memberId: this.#memberId(),
        count,
        epoch,
      })
    } catch (error) {
      log.info({ entityId, count, reason: messageOf(error) }, 'slots of ended subscribers not released yet')
    }
  }

  /** Before an acquisition: no report is under way, and nothing of a former process of this member counts any more. */
  async #reported(): Promise<void> {
    while (this.#reporting !== undefined) await this.#reporting
    if (this.#isReported) return
    await this.#deps.replicator.readBarrier()
    if (!this.#isCounted()) {
      this.#isReported = true
      return
    }
    await (this.#reporting ?? this.#report())
    if (!this.#isReported) throw insiError('NO_LEADER')
  }

  #check(): void {
    if (this.#isStopping || this.#acquiringCount > 0 || this.#releasing !== undefined) return
    if (this.#reporting !== undefined) return
    const differs = this.#differs()
    // A follower may be a moment behind: only what differs twice in a row is wrong.
    if (differs && this.#differed) void this.#report()
    this.#differed = differs
  }

  /** Resolves also when it fails: the next comparison tries again. */
  #report(): Promise<void> {
    const { reader } = this.#deps
    const counts = [...this.#held]
      .filter(([entityId, { count, epoch }]) => count > 0 && epoch >= reader.subscriptionEpoch(entityId))
      .map(([entityId, { count }]) => [entityId, count] as const)
    this.#reporting = this.#propose(counts).finally(() => {
      this.#reporting = undefined
    })
    return this.#reporting
  }

  async #propose(counts: readonly (readonly [EntityId, number])[]): Promise<void> {
    const { clock, proposer, log } = this.#deps
    try {
      const command = { timeMs: clock.nowMs(), memberId: this.#memberId(), counts }
      const result = await proposer.submit({ type: 'subscription.report', ...command })
      this.#isReported ||= result.ok
    } catch (error) {
      log.info({ reason: messageOf(error) }, 'slots of this node not reported yet')
    }
  }

  #differs(): boolean {
    const { reader } = this.#deps
    let heldCount = 0
    for (const [entityId, held] of this.#held) {
      // After a shake the state counts none; the subscribers end as soon as this node applies it.
      if (held.epoch < reader.subscriptionEpoch(entityId)) continue
      const counted = reader.subscriberCounts(entityId).byMember.get(this.#memberId()) ?? 0
      if (counted !== held.count) return true
      if (counted === 0) this.#held.delete(entityId)
      heldCount += counted
    }
    // More: of entities that this process does not know of, by a command of a former one that came through late.
    return reader.slotsOf(this.#memberId()) !== heldCount
  }

  /** Whether the state counts any slot for this member. */
  #isCounted(): boolean {
    return this.#deps.reader.membersWithSubscribers().includes(this.#memberId())
  }

  #memberId(): string {
    return this.#deps.replicator.status().memberId
  }
}
