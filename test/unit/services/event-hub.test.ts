// The hub on a real state machine, with connections that take frames only when the test says so.
import { DELIVERIES_PER_TURN_MAX, SUBSCRIBER_IN_FLIGHT_BYTES_MAX } from '../../../src/contract/limits.ts'
import { SUBSCRIBER_QUEUE_BYTES_MAX } from '../../../src/contract/limits.ts'
import type { StreamEnd } from '../../../src/contract/stream-ends.ts'
import type { Caller } from '../../../src/services/caller.ts'
import type { EventFrame } from '../../../src/services/events/frame.ts'
import type { EventSink, EventSubscriber } from '../../../src/services/events/subscriber.ts'
import { encodeCommand } from '../../../src/state/command-codec.ts'
import { configOf, serviceNode } from '../../support/service-node.ts'
import type { ServiceNode } from '../../support/service-node.ts'

const ROOT: Caller = { kind: 'root', entityId: 0, keyUuid: 'r', presentedKeyUuid: 'r', scope: 'scope' }

/** Keeps frames; `isFast` ones count as written at once. */
class TestSink implements EventSink {
  readonly frames: EventFrame[] = []
  end: StreamEnd | undefined
  readonly #unsent: (() => void)[] = []
  readonly #isFast: boolean

  constructor(isFast: boolean) {
    this.#isFast = isFast
  }

  send(frame: EventFrame, onSent: () => void): void {
    this.frames.push(frame)
    if (this.#isFast) onSent()
    else this.#unsent.push(onSent)
  }

  close(end: StreamEnd): void {
    this.end = end
  }

  /** The network takes all that it was given. */
  flush(): void {
    for (const onSent of this.#unsent.splice(0)) onSent()
  }

  get data(): unknown[] {
    return this.frames.map((frame) => (JSON.parse(frame.json.toString('utf8')) as { data: unknown }).data)
  }
}

async function attach(
  node: ServiceNode,
  sink: EventSink,
  options: { readonly topic?: string; readonly since?: number } = {},
): Promise<EventSubscriber | undefined> {
  const request = { topic: options.topic ?? 't', since: options.since ?? null }
  return (await node.services.events.admit(ROOT, request)).attach(sink)
}

const publish = (node: ServiceNode, data: unknown, topic = 't'): Promise<number> =>
  node.services.events.publish(ROOT, { topic, data: Buffer.from(JSON.stringify(data)) })

let node: ServiceNode
beforeEach(async () => {
  node = await serviceNode({ config: configOf('sessions: { eventChannelSize: 10 }') })
})
afterEach(() => node.state.close())

test('one frame of an event is shared by all its subscribers', async () => {
  const sinks = [new TestSink(true), new TestSink(true)]
  for (const sink of sinks) await attach(node, sink)
  await publish(node, 'x')
  expect(sinks[0]?.frames[0]).toBe(sinks[1]?.frames[0])
})

test('a slow subscriber is closed once more events wait than its queue holds, and can resume', async () => {
  const slow = new TestSink(false)
  const fast = new TestSink(true)
  const subscriber = await attach(node, slow)
  await attach(node, fast)
  const big = 'x'.repeat(SUBSCRIBER_IN_FLIGHT_BYTES_MAX)
  const ids: number[] = []
  for (let n = 0; n < 11; n += 1) ids.push(await publish(node, big))
  expect(subscriber?.waiting.count).toBe(10)
  expect(slow.end).toBeUndefined()
  await publish(node, big)
  expect(slow.end?.code).toBe(1013)
  expect(slow.frames).toHaveLength(1)
  expect(subscriber?.waiting).toEqual({ count: 0, sizeBytes: 0 })
  expect(fast.frames).toHaveLength(12)
  const resumed = new TestSink(true)
  await attach(node, resumed, { since: ids[0] ?? 0 })
  node.clock.advance(1_000)
  expect(resumed.frames.map(({ eventId }) => eventId)).toEqual(fast.frames.slice(1).map(({ eventId }) => eventId))
})

test('a slow subscriber is closed once more bytes wait than its queue holds', async () => {
  const wide = await serviceNode({ config: configOf('sessions: { eventChannelSize: 1000000 }') })
  const slow = new TestSink(false)
  const subscriber = await attach(wide, slow)
  const mebibyte = 'x'.repeat(2 ** 20 - 2)
  let largest = 0
  while (slow.end === undefined) {
    await publish(wide, mebibyte)
    largest = Math.max(largest, subscriber?.waiting.sizeBytes ?? 0)
  }
  expect(slow.end.code).toBe(1013)
  expect(largest).toBeLessThanOrEqual(SUBSCRIBER_QUEUE_BYTES_MAX)
  await wide.state.close()
})

test('what waits goes out in order as the connection takes it', async () => {
  const sink = new TestSink(false)
  await attach(node, sink)
  const big = 'x'.repeat(SUBSCRIBER_IN_FLIGHT_BYTES_MAX)
  for (let n = 0; n < 5; n += 1) await publish(node, `${n}${big}`)
  for (let n = 0; n < 5; n += 1) {
    expect(sink.frames).toHaveLength(n + 1)
    sink.flush()
  }
  expect(sink.data.map((data) => String(data)[0])).toEqual(['0', '1', '2', '3', '4'])
})

test('a replay goes no faster than its connection, and holds no more than a page', async () => {
  const big = 'x'.repeat(SUBSCRIBER_IN_FLIGHT_BYTES_MAX)
  for (let n = 0; n < 40; n += 1) await publish(node, `${n}-${big}`)
  const sink = new TestSink(false)
  const subscriber = await attach(node, sink, { since: 0 })
  for (let n = 0; n < 20; n += 1) await publish(node, `${40 + n}-${big}`)
  let most = 0
  while (sink.frames.length < 60) {
    const before = sink.frames.length
    sink.flush()
    node.clock.advance(1)
    most = Math.max(most, subscriber?.waiting.count ?? 0)
    expect(sink.frames.length).toBeGreaterThan(before)
  }
  expect(sink.end).toBeUndefined()
  expect(most).toBeLessThanOrEqual(6)
  expect(sink.data.map((data) => Number.parseInt(String(data), 10))).toEqual(Array.from({ length: 60 }, (_, n) => n))
  sink.flush()
  node.clock.advance(1)
  await publish(node, 'live')
  expect(sink.data.at(-1)).toBe('live')
})

test('a crowd is served over several turns, each event once and in order', async () => {
  const sinks = Array.from({ length: DELIVERIES_PER_TURN_MAX + 10 }, () => new TestSink(true))
  for (const sink of sinks) await attach(node, sink)
  await Promise.all([publish(node, 1), publish(node, 2)])
  expect(sinks.at(-1)?.frames).toEqual([])
  node.clock.advance(10)
  for (const sink of sinks) expect(sink.data).toEqual([1, 2])
})

test('a snapshot that replaced the state is made up for from the store', async () => {
  const sink = new TestSink(true)
  await attach(node, sink)
  await publish(node, 'told')
  node.state.setChangeListener(null)
  await publish(node, 'not told')
  node.state.setChangeListener(node.services.changes)
  node.services.changes.onApplied([{ type: 'installed', index: node.state.appliedIndex }])
  node.clock.advance(10)
  await publish(node, 'told again')
  expect(sink.data).toEqual(['told', 'not told', 'told again'])
})

test('a slot that a shake took away before its connection was made does not attach', async () => {
  const admission = await node.services.events.admit(ROOT, { topic: 't', since: null })
  await node.services.events.shake(ROOT)
  const sink = new TestSink(true)
  expect(admission.attach(sink)).toBeUndefined()
  expect(sink.end?.reason).toBe('shaken')
  expect(node.state.reader.subscriberCounts(0).total).toBe(0)
})

describe('when more waits for delivery than a node may hold', () => {
  const LARGE = 'x'.repeat(900 * 1024)
  const EVENTS = 24

  test('a crowd reads each stored event once for all of them, and misses nothing', async () => {
    const sinks = Array.from({ length: DELIVERIES_PER_TURN_MAX + 10 }, () => new TestSink(true))
    for (const sink of sinks) await attach(node, sink)
    const { reader } = node.state
    const read = reader.events.bind(reader)
    const readIds: number[] = []
    reader.events = (...request) => {
      const events = read(...request)
      readIds.push(...events.map(({ eventId }) => eventId))
      return events
    }
    await Promise.all(Array.from({ length: EVENTS }, (_, n) => publish(node, `${n}-${LARGE}`)))
    for (let turn = 0; turn < 2 * EVENTS; turn += 1) node.clock.advance(1)
    expect(new Set(sinks.map(({ frames }) => frames.length))).toEqual(new Set([EVENTS]))
    const order = sinks[0]?.frames.map(({ json }) =>
      Number.parseInt(json.toString('latin1').split('"data":"')[1] ?? '', 10),
    )
    expect(order).toEqual(Array.from({ length: EVENTS }, (_, n) => n))
    expect(sinks.at(-1)?.frames).toEqual(sinks[0]?.frames)
    expect(sinks.at(-1)?.frames.every((frame, at) => frame === sinks[0]?.frames[at])).toBe(true)
    expect(readIds).toHaveLength(EVENTS)
    await publish(node, 'live again')
    node.clock.advance(10)
    expect(sinks.at(-1)?.data.at(-1)).toBe('live again')
  })
})

describe('a snapshot that replaced the state', () => {
  const untold = async (change: () => Promise<unknown>): Promise<void> => {
    node.state.setChangeListener(null)
    await change()
    node.state.setChangeListener(node.services.changes)
    node.services.changes.onApplied([{ type: 'installed', index: node.state.appliedIndex }])
    node.clock.advance(10)
  }
  const subscribe = async (caller: Caller): Promise<TestSink> => {
    const sink = new TestSink(true)
    ;(await node.services.events.admit(caller, { topic: 't', since: null })).attach(sink)
    return sink
  }
  const callerOf = async (token: string): Promise<Caller> => node.services.keys.authenticate(token)

  test('ends the subscribers of an alias that was deleted meanwhile, and no others', async () => {
    const token = await node.services.entities.create('a')
    const parent = await callerOf(token)
    const alias = await node.services.aliases.create(parent)
    const [own, ofAlias, ofRoot] = [
      await subscribe(parent),
      await subscribe(await callerOf(alias)),
      await subscribe(ROOT),
    ]
    await untold(() => node.services.aliases.delete(parent, alias))
    expect([own.end, ofAlias.end, ofRoot.end]).toEqual([undefined, { code: 4401, reason: 'key deleted' }, undefined])
  })

  test('ends the subscribers of an entity that is being deleted, or is gone', async () => {
    const token = await node.services.entities.create('a')
    const own = await subscribe(await callerOf(token))
    await untold(() => node.services.entities.delete(token))
    expect(own.end?.code).toBe(4401)
    expect(node.services.events.purge({ ...ROOT, entityId: 1 })).toBe(0)
  })

  test('ends the subscribers that were shaken meanwhile', async () => {
    const [before, sink] = [await subscribe(ROOT), await subscribe(ROOT)]
    await untold(() => node.services.events.shake(ROOT))
    expect([before.end?.reason, sink.end?.reason]).toEqual(['shaken', 'shaken'])
    const after = await subscribe(ROOT)
    await publish(node, 'x')
    expect(after.data).toEqual(['x'])
  })
})

test('a key whose entity was deleted before its connection was made does not attach', async () => {
  const token = await node.services.entities.create('a')
  const caller = await node.services.keys.authenticate(token)
  const admission = await node.services.events.admit(caller, { topic: 't', since: null })
  await node.services.entities.delete(token)
  const sink = new TestSink(true)
  expect(admission.attach(sink)).toBeUndefined()
  expect(sink.end?.code).toBe(4401)
})

test('who resumes while its key is deleted elsewhere is told so, and not that the event is unknown', async () => {
  const token = await node.services.entities.create('a')
  const caller = await node.services.keys.authenticate(token)
  const since = await node.services.events.publish(caller, { topic: 't', data: Buffer.from('1') })
  const { keyUuid } = caller
  const deleting = node.replicator.propose(encodeCommand({ type: 'entity.delete', timeMs: 1, keyUuid }))
  const later = node.services.events.admit(caller, { topic: 't', since: since + 1 })
  await expect(later).rejects.toMatchObject({ code: 'AUTHENTICATION_FAILED' })
  await deleting
})
