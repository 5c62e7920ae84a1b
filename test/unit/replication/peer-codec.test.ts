// The codec of peer messages: everything survives the trip, nothing else is accepted, nothing is retained.
import * as fc from 'fast-check'
import { InsiError } from '../../../src/base/errors.ts'
import {
  PEER_MESSAGE_SIZE_BYTES_MAX,
  PEER_PROTOCOL_VERSION,
  decodePeerMessage,
  encodePeerMessage,
} from '../../../src/replication/transport/peer-codec.ts'
import type { PeerMessage } from '../../../src/replication/peer-messages.ts'
import { peerMessage } from '../../support/peer-message-arbitraries.ts'

/** The decoded message, or null when it was refused in the documented way; anything else is thrown. */
function decodeOrNull(bytes: Uint8Array): PeerMessage | null {
  try {
    return decodePeerMessage(bytes)
  } catch (error) {
    if (error instanceof InsiError && error.code === 'PEER_PROTOCOL') return null
    throw error
  }
}

function appendEntries(entryCount: number, dataSizeBytes: number): PeerMessage {
  const entries = Array.from({ length: entryCount }, (_, at) => ({
    index: 1_000_001 + at,
    term: 7,
    kind: 'command' as const,
    data: new Uint8Array(dataSizeBytes).fill(at),
  }))
  const message = { from: 'node0/a', to: 'node1/b', term: 7, prevLogIndex: 1_000_000, prevLogTerm: 7 }
  return {
    type: 'Raft',
    message: { type: 'AppendEntries', ...message, entries, leaderCommit: 999_990, readRound: 3 },
  }
}

describe('the codec of peer messages', () => {
  test('every message equals itself after the trip', () => {
    fc.assert(
      fc.property(peerMessage, (message) => {
        expect(decodePeerMessage(encodePeerMessage(message))).toEqual(message)
      }),
      { numRuns: 2_000 },
    )
  })

  test('negative zero, the extremes of 53 bits and empty lists survive', () => {
    for (const hash of [-0, 2 ** 53 - 1, 0xffffffff, 0.1]) {
      const message: PeerMessage = { type: 'StateHash', index: 2 ** 53 - 1, hash }
      expect(decodePeerMessage(encodePeerMessage(message))).toEqual(message)
    }
    const empty: PeerMessage = { type: 'ProposeRequest', requestId: 2 ** 31, commands: [], traced: false }
    expect(decodePeerMessage(encodePeerMessage(empty))).toEqual(empty)
  })

  test('an entry costs at most three bytes beside its data when the log is regular', () => {
    const few = encodePeerMessage(appendEntries(1, 200)).length
    const many = encodePeerMessage(appendEntries(101, 200)).length
    expect(many - few).toBeLessThanOrEqual(100 * (200 + 3))
  })

  test('a message that is cut anywhere is refused', () => {
    fc.assert(
      fc.property(peerMessage, fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (message, part) => {
        const bytes = encodePeerMessage(message)
        expect(decodeOrNull(bytes.subarray(0, Math.floor(bytes.length * part)))).toBeNull()
      }),
      { numRuns: 500 },
    )
  })

  test('a message with bytes behind its end is refused', () => {
    fc.assert(
      fc.property(peerMessage, fc.uint8Array({ minLength: 1, maxLength: 4 }), (message, tail) => {
        expect(decodeOrNull(Buffer.concat([encodePeerMessage(message), tail]))).toBeNull()
      }),
    )
  })

  test('random bytes are refused or decoded, never a crash', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.nat(12), fc.nat(10), (noise, type, raftType) => {
        decodeOrNull(noise)
        decodeOrNull(Buffer.concat([Uint8Array.of(PEER_PROTOCOL_VERSION, type), noise]))
        decodeOrNull(Buffer.concat([Uint8Array.of(PEER_PROTOCOL_VERSION, 0, raftType), noise]))
      }),
      { numRuns: 5_000 },
    )
  })

  test('a flipped bit is refused or decoded, never a crash', () => {
    fc.assert(
      fc.property(peerMessage, fc.nat(), fc.nat(7), (message, at, bit) => {
        const bytes = encodePeerMessage(message)
        const offset = at % bytes.length
        bytes[offset] = (bytes[offset] ?? 0) ^ (1 << bit)
        decodeOrNull(bytes)
      }),
      { numRuns: 2_000 },
    )
  })

  test.each([
    ['entries', [PEER_PROTOCOL_VERSION, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0x7f]],
    ['commands', [PEER_PROTOCOL_VERSION, 1, 0, 0xff, 0xff, 0xff, 0x7f]],
    ['results', [PEER_PROTOCOL_VERSION, 2, 0, 1, 5, 0xdd, 0xff, 0xff, 0xff, 0xff]],
  ])('announcing many %s that do not follow allocates nothing', (_name, bytes) => {
    const before = process.memoryUsage().rss
    for (let round = 0; round < 20; round += 1) expect(decodeOrNull(Uint8Array.from(bytes))).toBeNull()
    expect(process.memoryUsage().rss - before).toBeLessThan(PEER_MESSAGE_SIZE_BYTES_MAX)
  })

  test('a version that is not known is refused by name', () => {
    const bytes = encodePeerMessage({ type: 'ProbeRequest', requestId: 1 })
    bytes[0] = PEER_PROTOCOL_VERSION + 1
    expect(() => decodePeerMessage(bytes)).toThrow(/version 2 of the peer protocol/)
  })

  test('a message over the limit is neither encoded nor decoded', () => {
    const data = new Uint8Array(PEER_MESSAGE_SIZE_BYTES_MAX)
    const chunk: PeerMessage = {
      type: 'SnapshotChunk',
      transferId: 1,
      term: 1,
      sequence: 0,
      meta: null,
      last: true,
      data,
    }
    expect(() => encodePeerMessage(chunk)).toThrow(/too large|larger than/)
    expect(() => encodePeerMessage({ ...chunk, data: Buffer.concat([data, data]) })).toThrow(/too large|larger than/)
    expect(decodeOrNull(new Uint8Array(PEER_MESSAGE_SIZE_BYTES_MAX + 1))).toBeNull()
    const fitting = { ...chunk, data: data.subarray(100) }
    const decoded = decodePeerMessage(encodePeerMessage(fitting))
    expect(decoded.type === 'SnapshotChunk' && Buffer.from(fitting.data).equals(decoded.data)).toBe(true)
  })

  test('a decoded message does not change with the buffer it came in, and shares no memory with it', () => {
    const message = appendEntries(3, 50)
    const received = Buffer.alloc(64 * 1024)
    const bytes = encodePeerMessage(message)
    bytes.copy(received, 1000)
    const decoded = decodePeerMessage(received.subarray(1000, 1000 + bytes.length))
    received.fill(0xee)
    expect(decoded).toEqual(message)
    if (decoded.type !== 'Raft' || decoded.message.type !== 'AppendEntries') throw new Error('another type')
    const backing = new Set(decoded.message.entries.map((entry) => entry.data.buffer))
    expect(backing.size).toBe(1)
    expect([...backing][0]?.byteLength).toBeLessThanOrEqual(bytes.length)
  })

  test('an encoded message does not change when the next one is encoded', () => {
    const first = encodePeerMessage(appendEntries(3, 50))
    const copy = Buffer.from(first)
    encodePeerMessage(appendEntries(4, 60))
    expect(first.equals(copy)).toBe(true)
  })
})
