// The pure parts of the peer transport: frames, the handshake's decisions, addresses.
import * as fc from 'fast-check'
import { InsiError } from '../../../src/base/errors.ts'
import { advertisedAddress, formatAddress, parseAddress } from '../../../src/replication/transport/address.ts'
import { FrameParser, encodeFrame } from '../../../src/replication/transport/frames.ts'
import type { FrameKind } from '../../../src/replication/transport/frames.ts'
import { decodeHello, encodeHello, faultOf, supersedes } from '../../../src/replication/transport/handshake.ts'
import type { Hello } from '../../../src/replication/transport/handshake.ts'
import { PeerLink } from '../../../src/replication/transport/link.ts'
import {
  DIAL_QUEUE_MESSAGES_MAX,
  DIAL_QUEUE_SIZE_BYTES_MAX,
  RECONNECT_DELAY_MS_MAX,
  RECONNECT_DELAY_MS_MIN,
} from '../../../src/replication/transport/limits.ts'
import { SeededRandom } from '../../support/seeded-random.ts'
import { unicodeText } from '../../support/text-arbitrary.ts'

const HELLO: Hello = {
  version: 1,
  versionMin: 1,
  instanceId: 'i1',
  dialNumber: 3,
  clusterId: null,
  nodeId: 'node0',
  memberId: 'node0/a',
  raftAddress: '127.0.0.1:7000',
  commandVersion: 1,
}

const kind = fc.constantFrom<FrameKind>('hello', 'message', 'ping', 'pong', 'goodbye')
const frame = fc.record({ kind, body: fc.uint8Array({ maxLength: 200 }) })

describe('frames', () => {
  test('whatever the chunks are, the same frames come out in the same order', () => {
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 20 }), fc.array(fc.integer({ min: 1, max: 300 })), (frames, cuts) => {
        const stream = Buffer.concat(frames.map(({ kind: of, body }) => encodeFrame(of, body)))
        const found: { kind: FrameKind; body: Uint8Array }[] = []
        const parser = new FrameParser(1_000, (of, body) => found.push({ kind: of, body: new Uint8Array(body) }))
        let position = 0
        for (let at = 0; position < stream.length; at += 1) {
          const sizeBytes = cuts[at % Math.max(1, cuts.length)] ?? stream.length
          parser.push(Buffer.from(stream.subarray(position, position + sizeBytes)))
          position += sizeBytes
        }
        expect(found).toEqual(frames)
      }),
      { numRuns: 1_000 },
    )
  })

  test('random bytes end in frames or in a refusal, and never allocate more than the limit', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 100 })), (chunks) => {
        const parser = new FrameParser(500, (_of, body) => expect(body.length).toBeLessThan(500))
        try {
          for (const chunk of chunks) parser.push(Buffer.from(chunk))
        } catch (error) {
          if (!(error instanceof InsiError) || error.code !== 'PEER_PROTOCOL') throw error
        }
      }),
      { numRuns: 2_000 },
    )
  })

  test('a body put together from several chunks is memory of its own, one within a chunk is not', () => {
    const owned: boolean[] = []
    const parser = new FrameParser(100, (_of, _body, isOwned) => owned.push(isOwned))
    const bytes = encodeFrame('message', Buffer.alloc(10))
    parser.push(bytes)
    parser.push(bytes.subarray(0, 8))
    parser.push(bytes.subarray(8))
    expect(owned).toEqual([false, true])
  })

  test('a large frame in tiny chunks takes time in proportion to its size, not to its square', () => {
    const sizeBytes = 4_000_000
    const stream = encodeFrame('message', Buffer.alloc(sizeBytes))
    let bodies = 0
    const parser = new FrameParser(sizeBytes + 1, () => (bodies += 1))
    const startMs = performance.now()
    for (let at = 0; at < stream.length; at += 64) parser.push(stream.subarray(at, at + 64))
    expect(bodies).toBe(1)
    expect(performance.now() - startMs).toBeLessThan(3_000)
  })
})

describe('the handshake', () => {
  test('a hello equals itself after the trip', () => {
    const text = unicodeText
    const hello = fc.record({
      version: fc.constant(1),
      versionMin: fc.constant(1),
      instanceId: text,
      dialNumber: fc.maxSafeNat(),
      clusterId: fc.option(text, { nil: null }),
      nodeId: text,
      memberId: text,
      raftAddress: text,
      commandVersion: fc.maxSafeNat(),
    })
    fc.assert(fc.property(hello, (value) => expect(decodeHello(encodeHello(value))).toEqual(value)))
  })

  test.each([
    ['the same version and no cluster on either side', {}, {}, null],
    ['one cluster', { clusterId: 'one' }, { clusterId: 'one' }, null],
    ['a cluster and none', { clusterId: 'one' }, {}, null],
    ['two clusters', { clusterId: 'one' }, { clusterId: 'two' }, 'cluster'],
    ['a peer that is too new', { version: 3, versionMin: 2 }, {}, 'version'],
    ['a peer that is too old', {}, { version: 3, versionMin: 2 }, 'version'],
    ['ranges that overlap', { version: 3, versionMin: 1 }, { version: 2, versionMin: 2 }, null],
    ['the same process', { instanceId: 'mine' }, { instanceId: 'mine' }, 'self'],
  ] as const)('%s', (_name, theirs, ours, expected) => {
    const fault = faultOf({ ...HELLO, ...theirs }, { ...HELLO, instanceId: 'other', ...ours })
    expect(fault).toBe(expected)
  })

  test('both sides give up the same one of two connections', () => {
    const side = fc.record({ memberId: fc.constantFrom('a', 'b', 'c'), instanceId: fc.constantFrom('x', 'y', 'z') })
    const dial = fc.record({ byFirst: fc.boolean(), dialNumber: fc.nat(5) })
    fc.assert(
      fc.property(side, side, dial, dial, (first, second, one, other) => {
        fc.pre(first.instanceId !== second.instanceId)
        fc.pre(one.byFirst !== other.byFirst || one.dialNumber !== other.dialNumber)
        const [helloOfFirst, helloOfSecond] = [first, second].map((who) => ({ ...HELLO, ...who })) as [Hello, Hello]
        const seenByFirst = ({ byFirst, dialNumber }: typeof one) => ({ dialledByUs: byFirst, dialNumber })
        const seenBySecond = ({ byFirst, dialNumber }: typeof one) => ({ dialledByUs: !byFirst, dialNumber })
        const first1 = supersedes(seenByFirst(one), seenByFirst(other), helloOfFirst, helloOfSecond)
        const second1 = supersedes(seenBySecond(one), seenBySecond(other), helloOfSecond, helloOfFirst)
        const first2 = supersedes(seenByFirst(other), seenByFirst(one), helloOfFirst, helloOfSecond)
        expect(second1).toBe(first1)
        expect(first2).toBe(!first1)
      }),
    )
  })
})

describe('the link to an address', () => {
  test('attempts are spaced from the first delay to the longest, with chance, until one succeeds', () => {
    const random = new SeededRandom(1)
    const link = new PeerLink('host:1')
    let nowMs = 0
    const waits = Array.from({ length: 12 }, () => {
      link.failed(nowMs, random)
      const failedAtMs = nowMs
      while (!link.mayDial(nowMs)) nowMs += 1
      return nowMs - failedAtMs
    })
    for (const [at, waitMs] of waits.entries()) {
      const fullMs = Math.min(RECONNECT_DELAY_MS_MIN * 2 ** at, RECONNECT_DELAY_MS_MAX)
      expect(waitMs).toBeGreaterThanOrEqual(fullMs / 2)
      expect(waitMs).toBeLessThanOrEqual(fullMs + 1)
    }
    expect(new Set(waits.slice(6)).size).toBeGreaterThan(1)
    link.reached()
    link.failed(nowMs, random)
    expect(link.mayDial(nowMs + RECONNECT_DELAY_MS_MIN + 1)).toBe(true)
  })

  test('few messages wait for a connection, and waiting ones keep the address remembered', () => {
    const link = new PeerLink('host:1')
    const taken = Array.from({ length: DIAL_QUEUE_MESSAGES_MAX + 5 }, () => link.send(Buffer.alloc(10)))
    expect(taken.filter(Boolean)).toHaveLength(DIAL_QUEUE_MESSAGES_MAX)
    expect(link.isForgettable(1e9)).toBe(false)
    expect(link.takePending()).toHaveLength(DIAL_QUEUE_MESSAGES_MAX)
    expect(link.isForgettable(1e9)).toBe(true)
    expect(link.send(Buffer.alloc(DIAL_QUEUE_SIZE_BYTES_MAX))).toBe(true)
    expect(link.send(Buffer.alloc(1))).toBe(false)
  })
})

describe('addresses', () => {
  test.each([
    ['127.0.0.1:7000', undefined, '127.0.0.1:7000'],
    ['node0.insi:7000', 'elsewhere', 'node0.insi:7000'],
    ['0.0.0.0:7000', undefined, '127.0.0.1:7000'],
    ['0.0.0.0:7000', 'node0.example', 'node0.example:7000'],
    ['0.0.0.0:7000', '', '127.0.0.1:7000'],
    [':7000', 'node0.example', 'node0.example:7000'],
    ['*:7000', undefined, '127.0.0.1:7000'],
    ['[::]:7000', 'node0.example', 'node0.example:7000'],
    ['[::]:7000', '2001:db8::1', '[2001:db8::1]:7000'],
    ['[2001:db8::1]:7000', 'node0.example', '[2001:db8::1]:7000'],
    ['no address', 'node0.example', 'no address'],
  ])('%s with the domain %s is advertised as %s', (binding, domain, expected) => {
    expect(advertisedAddress(binding, domain)).toBe(expected)
  })

  test.each(['', 'host', 'host:', 'host:70000', 'host:-1', 'host:1:2', '::1:7000', '[::1]', 'host:1x'])(
    '%p is no address',
    (text) => expect(parseAddress(text)).toBeNull(),
  )

  test('reading undoes writing', () => {
    for (const address of [
      { host: 'node0.example', port: 1 },
      { host: '::1', port: 65_535 },
      { host: '', port: 0 },
    ]) {
      expect(parseAddress(formatAddress(address))).toEqual(address)
    }
  })
})
