// One subscriber or watcher: it connects to any node, leaves or is thrown out, and resumes anywhere from where it was.
import { InsiError, messageOf } from '../../src/base/errors.ts'
import type { StreamEnd } from '../../src/contract/stream-ends.ts'
import type { Replica } from '../../src/replication/replica/replica.ts'
import type { Caller } from '../../src/services/caller.ts'
import type { EventFrame } from '../../src/services/events/frame.ts'
import type { EventSink } from '../../src/services/events/subscriber.ts'
import type { Services } from '../../src/services/services.ts'
import type { SimClock } from './sim-clock.ts'
import type { SimNode } from './sim-node.ts'
import type { SimRandom } from './sim-random.ts'
import type { SimTrace } from './sim-trace.ts'
import { positionOf } from './stream-check.ts'
import type { Interest, Received } from './stream-check.ts'

const THINK_MS_MAX = 150
/** How often a stream leaves by itself when it thinks: some are restless. */
const LEAVE_RATES = [0.01, 0.1] as const
/** How often it then does not come back. */
const RETIRE_RATE = 0.3
/** How long the network takes to accept a frame. */
const SEND_MS_MAX = 20
const LEFT: StreamEnd = { code: 1000, reason: 'left' }
const FAILED_CODE = 1011
const KEY_DELETED_CODE = 4401
const CHANGES_LOST_CODE = 4410

/** What an attempt to connect may end with. */
const ANSWERS = new Set([
  'NO_LEADER',
  'OVERLOADED',
  'NODE_STOPPING',
  'OUTCOME_UNKNOWN',
  'READ_TIMEOUT',
  'SUBSCRIBER_LIMIT_EXCEEDED',
  'WATCH_TOO_OLD',
  'AUTHENTICATION_FAILED',
])

interface Session {
  readonly node: SimNode
  readonly replica: Replica
  close: (() => void) | null
  isOpen: boolean
}

interface StreamWorld {
  readonly clock: SimClock
  readonly trace: SimTrace
}

export class SimStream {
  readonly caller: Caller
  readonly interest: Interest
  readonly #topic: string
  readonly received: Received[] = []
  readonly #world: StreamWorld
  readonly #random: SimRandom
  /** For reports. */
  readonly name: string
  readonly #leaveRate: number
  #session: Session | null = null
  /** It stays where it is. */
  #isSettling = false
  /** The next connection does not resume: nothing was received yet, or changes were declared to be lost. */
  #isNew = true
  /** Why the last attempt to connect failed. */
  refusal: string | null = null
  /** The key that it uses was said to be deleted. */
  isRevoked = false
  /** It has left for good. */
  isRetired = false

  constructor(
    world: StreamWorld,
    random: SimRandom,
    what: { readonly caller: Caller; readonly interest: Interest; readonly topic: string },
  ) {
    this.#world = world
    this.#random = random
    this.#leaveRate = random.pick(LEAVE_RATES)
    this.caller = what.caller
    this.interest = what.interest
    this.#topic = what.topic
    this.name = `${what.interest.type} ${what.topic} of ${what.caller.entityId} (${what.caller.kind})`
  }

  /** The member that it is connected to, or null. */
  get memberId(): string | null {
    const session = this.#session
    return session?.isOpen === true && session.node.replica === session.replica ? session.node.memberId : null
  }

  get position(): number {
    return positionOf(this.received)
  }

  settle(): void {
    this.#isSettling = true
  }

  /** Resolves when the key is gone, or when the stream has left for good. */
  async live(nodes: readonly SimNode[]): Promise<void> {
    while (!this.isRevoked && !this.isRetired) {
      await this.#pass(1 + this.#random.int(THINK_MS_MAX))
      this.#checkKey()
      if (this.memberId === null) await this.#connect(this.#random.pick(nodes))
      else if (!this.#isSettling && this.#random.chance(this.#leaveRate)) {
        this.#session?.close?.()
        this.isRetired = this.#random.chance(RETIRE_RATE)
      }
    }
  }

  /** A node ends the streams of a key as soon as it knows that the key is deleted. */
  #checkKey(): void {
    const { kind, presentedKeyUuid } = this.caller
    const { node } = this.#session ?? {}
    if (kind === 'root' || node === undefined || this.memberId === null) return
    if (node.state?.reader.key(presentedKeyUuid) !== undefined) return
    this.#world.trace.violate(`${this.name} is still connected to ${node.nodeId}, which knows that its key is gone`)
  }

  async #connect(node: SimNode): Promise<void> {
    const { replica, services, state } = node
    if (replica === null || services === null || state === null) return
    this.#session = null
    const attempt = this.#attach(node, replica, services)
    const gone = this.#goneFrom(node, replica)
    try {
      await Promise.race([attempt, gone.promise])
    } catch (error) {
      const code = error instanceof InsiError ? error.code : ''
      if (!ANSWERS.has(code)) this.#world.trace.violate(`${this.name} was refused: ${messageOf(error)}`)
      this.#world.trace.reach(`stream ${code}`)
      this.refusal = code
      this.isRevoked = code === 'AUTHENTICATION_FAILED'
      this.#isNew ||= code === 'WATCH_TOO_OLD'
    } finally {
      gone.cancel()
    }
  }

  async #attach(node: SimNode, replica: Replica, services: Services): Promise<void> {
    const { reader } = node.state ?? {}
    const { presentedKeyUuid, kind, entityId } = this.caller
    // As authentication does: the key may be newer than the state of the node.
    if (kind !== 'root' && reader?.key(presentedKeyUuid) === undefined) await replica.readBarrier()
    if (kind !== 'root' && reader?.key(presentedKeyUuid) === undefined) {
      throw new InsiError('AUTHENTICATION_FAILED', 'the key is not known')
    }
    const since = this.#isNew ? null : this.position
    const session: Session = { node, replica, close: null, isOpen: true }
    const sink = this.#sink(session)
    if (this.interest.type === 'events') {
      const admission = await services.events.admit(this.caller, { topic: this.#topic, since })
      if (this.#session !== null || node.replica !== replica) return
      this.#session = session
      const lastEventId = reader?.eventWindow(entityId).lastEventId ?? 0
      this.#begin(since ?? lastEventId)
      const subscriber = admission.attach(sink)
      session.close = () => subscriber?.close(LEFT)
    } else {
      const { space } = this.interest
      const admission = await services.watches.admit(this.caller, { space, prefix: Buffer.from(this.#topic), since })
      if (this.#session !== null || node.replica !== replica) return
      this.#session = session
      const watcher = admission.attach(sink)
      session.close = () => watcher.close(LEFT)
    }
    this.refusal = null
    this.#world.trace.line(`${this.name} is at ${node.nodeId} from ${this.position} on`)
  }

  #begin(position: number): void {
    if (!this.#isNew) this.#world.trace.reach(`${this.interest.type} resumed`)
    this.received.push({ type: 'begin', position, isNew: this.#isNew })
    this.#isNew = false
  }

  #sink(session: Session): EventSink {
    let isFirst = true
    return {
      send: (frame, onSent) => {
        if (!session.isOpen) return
        if (this.interest.type === 'events') this.#takeEvent(session, frame)
        else this.#takeChanges(frame, isFirst)
        isFirst = false
        this.#world.clock.after(this.#random.int(SEND_MS_MAX), () => {
          if (session.isOpen && session.node.replica === session.replica) session.node.run(onSent)
        })
      },
      close: ({ code, reason }) => {
        session.isOpen = false
        this.#world.trace.line(`${this.name} ends at ${session.node.nodeId}: ${code} ${reason}`)
        this.#world.trace.reach(`stream ended ${code}`)
        if (code === FAILED_CODE) this.#world.trace.violate(`${this.name} ended with ${reason}`)
        if (code === KEY_DELETED_CODE) this.isRevoked = true
        if (code === CHANGES_LOST_CODE) this.#isNew = true
      },
    }
  }

  #takeEvent(session: Session, { eventId, json }: EventFrame): void {
    const text = json.toString('latin1')
    if (eventId !== null) {
      this.received.push({ type: 'item', position: eventId, json: text })
      return
    }
    const gap = JSON.parse(text) as { missed_after: number; missed_through: number }
    const trimmedThrough = session.node.state?.reader.eventWindow(this.caller.entityId).trimmedThrough ?? 0
    this.received.push({ type: 'gap', after: gap.missed_after, through: gap.missed_through, trimmedThrough })
    this.#world.trace.reach('events gap')
  }

  /** The first frame of a connection says where it begins. */
  #takeChanges({ json }: EventFrame, isFirst: boolean): void {
    const text = json.toString('latin1')
    const { revision } = JSON.parse(text) as { revision: number }
    if (isFirst) this.#begin(revision)
    else this.received.push({ type: 'item', position: revision, json: text })
  }

  #pass(durationMs: number): Promise<void> {
    return new Promise((resolve) => this.#world.clock.after(durationMs, resolve))
  }

  /** Resolves when the process that a request was made to is gone. */
  #goneFrom(node: SimNode, replica: Replica): { readonly promise: Promise<void>; cancel(): void } {
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = this.#world.clock.every(THINK_MS_MAX, () => {
      if (node.replica !== replica) resolve()
    })
    return { promise, cancel: () => timer.cancel() }
  }
}
