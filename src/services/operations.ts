// Operations a second of the whole cluster, by kind, over the last second. Each node counts what reaches it; whoever is asked adds
// up what the members answer in time. Events are counted where they are applied, which is on every node, so they are not added.
import type { Clock, Timer } from '../base/clock.ts'
import type { Random } from '../base/random.ts'
import type { PeerChannel, ServiceMessage } from './peer-channel.ts'
import { FIRST_REQUEST_ID_MAX, OPERATIONS_WAIT_MS } from './rates/limits.ts'

const OPERATION_KINDS = ['values', 'cache', 'events', 'subscribers', 'blobs', 'system'] as const
export type OperationKind = (typeof OPERATION_KINDS)[number]

/** Operations a second, by kind. */
export type OperationRates = Readonly<Record<OperationKind, number>>

const SLOT_MS = 100
const SLOTS = 10
/** Applied events are a counter of their own behind the kinds: they are not added up over the nodes. */
const APPLIED_EVENTS = OPERATION_KINDS.length
const COUNTERS = OPERATION_KINDS.length + 1

/** Counts of the last second in slots, so that a rate is true at any moment and 0 when nothing happens. */
class SlidingCounts {
  readonly #counts = new Float64Array((SLOTS + 1) * COUNTERS)
  #slot = 0

  add(counter: number, count: number, nowMs: number): void {
    this.#turnTo(nowMs)
    const at = (this.#slot % (SLOTS + 1)) * COUNTERS + counter
    this.#counts[at] = (this.#counts[at] ?? 0) + count
  }

  /** Of the slots that are complete: exactly one second. */
  perSecond(counter: number, nowMs: number): number {
    this.#turnTo(nowMs)
    let sum = 0
    for (let slot = 0; slot <= SLOTS; slot++) {
      if (slot !== this.#slot % (SLOTS + 1)) sum += this.#counts[slot * COUNTERS + counter] ?? 0
    }
    return sum
  }

  #turnTo(nowMs: number): void {
    const slot = Math.floor(nowMs / SLOT_MS)
    if (slot === this.#slot) return
    const first = Math.max(this.#slot + 1, slot - SLOTS)
    for (let next = first; next <= slot; next++) {
      const from = (next % (SLOTS + 1)) * COUNTERS
      this.#counts.fill(0, from, from + COUNTERS)
    }
    this.#slot = slot
  }
}

interface Question {
  readonly sums: number[]
  /** Addresses whose answer is waited for. */
  readonly waiting: Set<string>
  readonly timer: Timer
  readonly resolve: () => void
}

export class OperationsService {
  readonly #clock: Clock
  readonly #channel: PeerChannel
  readonly #counts = new SlidingCounts()
  readonly #questions = new Map<number, Question>()
  /** Addresses that left the last question to them open: they are asked, but nobody waits for them until they answer again. */
  #silent = new Set<string>()
  #appliedEventCount = 0
  #nextRequestId: number

  constructor(deps: { readonly clock: Clock; readonly channel: PeerChannel; readonly random: Random }) {
    this.#clock = deps.clock
    this.#channel = deps.channel
    this.#nextRequestId = 1 + deps.random.int(FIRST_REQUEST_ID_MAX)
    this.#channel.onMessage((from, message) => this.#onMessage(from, message))
  }

  /** A request of the kind reached this node. */
  count(kind: OperationKind): void {
    this.#counts.add(OPERATION_KINDS.indexOf(kind), 1, this.#clock.monotonicMs())
  }

  /** Published events that were applied on this node since it started. */
  get appliedEventCount(): number {
    return this.#appliedEventCount
  }

  /** Published events were applied on this node. */
  countEvents(count: number): void {
    this.#appliedEventCount += count
    this.#counts.add(APPLIED_EVENTS, count, this.#clock.monotonicMs())
  }

  /**
   * Of the cluster; a member that does not answer within OPERATIONS_WAIT_MS is left out, and so is one that did not answer the
   * last time unless it is quicker than the others now. Never rejects.
   */
  async rates(): Promise<OperationRates> {
    const sums = await this.#addUp()
    const applied = this.#counts.perSecond(APPLIED_EVENTS, this.#clock.monotonicMs())
    const rate = (kind: OperationKind): number => sums[OPERATION_KINDS.indexOf(kind)] ?? 0
    return {
      values: rate('values'),
      cache: rate('cache'),
      events: rate('events') + applied,
      subscribers: rate('subscribers'),
      blobs: rate('blobs'),
      system: rate('system'),
    }
  }

  #own(): number[] {
    const nowMs = this.#clock.monotonicMs()
    return OPERATION_KINDS.map((_kind, at) => this.#counts.perSecond(at, nowMs))
  }

  async #addUp(): Promise<number[]> {
    const sums = this.#own()
    const addresses = this.#channel.otherAddresses()
    if (addresses.length === 0) return sums
    this.#silent = new Set(addresses.filter((address) => this.#silent.has(address)))
    const requestId = this.#nextRequestId++
    await new Promise<void>((resolve) => {
      const timer = this.#clock.after(OPERATIONS_WAIT_MS, () => this.#giveUp(requestId))
      const waiting = new Set(addresses.filter((address) => !this.#silent.has(address)))
      this.#questions.set(requestId, { sums, waiting, timer, resolve })
      for (const address of addresses) {
        if (!this.#channel.send(address, { type: 'OperationsRequest', requestId })) waiting.delete(address)
      }
      if (waiting.size === 0) this.#end(requestId)
    })
    return sums
  }

  #onMessage(from: string, message: ServiceMessage): void {
    if (message.type === 'OperationsRequest') {
      this.#channel.send(from, { type: 'OperationsReport', requestId: message.requestId, rates: this.#own() })
    } else if (message.type === 'OperationsReport') {
      this.#silent.delete(from)
      const question = this.#questions.get(message.requestId)
      if (question === undefined) return
      message.rates.forEach((rate, at) => {
        question.sums[at] = (question.sums[at] ?? 0) + rate
      })
      question.waiting.delete(from)
      if (question.waiting.size === 0) this.#end(message.requestId)
    }
  }

  #giveUp(requestId: number): void {
    for (const address of this.#questions.get(requestId)?.waiting ?? []) this.#silent.add(address)
    this.#end(requestId)
  }

  #end(requestId: number): void {
    const question = this.#questions.get(requestId)
    if (question === undefined) return
    this.#questions.delete(requestId)
    question.timer.cancel()
    question.resolve()
  }
}
