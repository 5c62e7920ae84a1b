// The subscribers and watchers of a run, and the slots that they take.
import type { EntityId } from '../../src/state/commands.ts'
import type { CommittedHistory } from './committed-history.ts'
import { byText } from './model-entity.ts'
import type { SimClock } from './sim-clock.ts'
import type { SimNode } from './sim-node.ts'
import type { SimRandom } from './sim-random.ts'
import { SimStream } from './sim-stream.ts'
import type { SimTrace } from './sim-trace.ts'
import { expectedOf, findStreamAnomaly } from './stream-check.ts'
import type { Interest } from './stream-check.ts'
import { TOPICS } from './workload-operations.ts'
import type { Workload } from './workload.ts'

const SUBSCRIBERS_MAX = 4
const WATCHERS_MAX = 5
/** Topics and patterns, with what matches them. */
const SUBJECTS: readonly (readonly [topic: string, topics: readonly string[]])[] = [
  ['t.a', ['t.a']],
  ['u', ['u']],
  ['t.*', ['t.a', 't.b']],
  ['>', TOPICS],
]

export class SimStreams {
  readonly streams: SimStream[] = []
  readonly #world: { clock: SimClock; trace: SimTrace }
  readonly #nodes: readonly SimNode[]
  readonly #workload: Workload
  readonly #random: SimRandom
  #isSettling = false

  constructor(
    world: { clock: SimClock; trace: SimTrace },
    nodes: readonly SimNode[],
    workload: Workload,
    random: SimRandom,
  ) {
    this.#world = world
    this.#nodes = nodes
    this.#workload = workload
    this.#random = random
  }

  start(): void {
    for (let count = this.#random.between(1, SUBSCRIBERS_MAX); count > 0; count--) void this.#live('events')
    for (let count = this.#random.between(2, WATCHERS_MAX); count > 0; count--) void this.#live('writes')
  }

  /** From now on streams stay where they are. */
  settle(): void {
    this.#isSettling = true
    for (const stream of this.streams) stream.settle()
  }

  /** Why not everything has come to rest: streams are connected and caught up, slots counted right, deleted entities gone. */
  unrest(history: CommittedHistory): string | null {
    for (const stream of this.streams) {
      const isGone = !isKnown(stream, history)
      if (isGone && stream.memberId !== null) return `${stream.name} is still connected, though its key is gone`
      if (isGone || stream.isRevoked || stream.isRetired || stream.refusal === 'SUBSCRIBER_LIMIT_EXCEEDED') continue
      if (stream.memberId === null) return `${stream.name} is not connected: ${stream.refusal ?? 'not tried'}`
      const missing = expectedOf(stream.interest, history, stream.position).at(-1)
      if (missing !== undefined) return `${stream.name} did not receive ${missing.json}`
    }
    for (const { entityId, isActive, slots } of history.model.entities.values()) {
      if (!isActive) return `entity ${entityId} is not gone`
      const counted = [...slots].map(([memberId, count]) => `${memberId} ${count}`).sort(byText)
      const held = this.#held(entityId)
      if (counted.join() !== held.join()) return `the slots of ${entityId} are ${counted.join()} and not ${held.join()}`
    }
    return null
  }

  /** The slots that the subscribers of an entity really hold, by member. */
  #held(entityId: EntityId): string[] {
    const held = new Map<string, number>()
    for (const { interest, memberId } of this.streams) {
      if (interest.type !== 'events' || interest.entityId !== entityId || memberId === null) continue
      held.set(memberId, (held.get(memberId) ?? 0) + 1)
    }
    return [...held].map(([memberId, count]) => `${memberId} ${count}`).sort(byText)
  }

  findAnomaly(history: CommittedHistory): string | null {
    for (const stream of this.streams) {
      const anomaly = findStreamAnomaly(stream.received, expectedOf(stream.interest, history))
      if (anomaly !== null) return `${stream.name}: ${anomaly}`
      if (stream.isRevoked && isKnown(stream, history)) return `${stream.name} was refused, but its key exists`
    }
    return null
  }

  async #live(type: Interest['type']): Promise<void> {
    for (;;) {
      const stream = this.#make(type)
      this.streams.push(stream)
      if (this.#isSettling) stream.settle()
      await stream.live(this.#nodes)
    }
  }

  #make(type: Interest['type']): SimStream {
    const caller = this.#workload.caller()
    const { entityId, scope } = caller
    if (type === 'events') {
      const [topic, topics] = this.#random.pick(SUBJECTS)
      return new SimStream(this.#world, this.#random.fork(), {
        caller,
        topic,
        interest: { type, entityId, scope, topics },
      })
    }
    const topic = this.#random.pick(['', '', 'p/', 'a'])
    const space = this.#random.chance(0.7) ? 'value' : 'cache'
    return new SimStream(this.#world, this.#random.fork(), {
      caller,
      topic,
      interest: { type, entityId, space, prefix: topic },
    })
  }
}

function isKnown({ caller }: SimStream, { model }: CommittedHistory): boolean {
  if (caller.kind === 'root') return true
  return model.keys.has(caller.presentedKeyUuid) && model.entities.get(caller.entityId)?.isActive === true
}
