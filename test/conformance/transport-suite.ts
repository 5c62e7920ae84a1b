// What every PeerTransport promises, whether it runs on sockets or in the simulation.
import type { PeerMessage } from '../../src/replication/peer-messages.ts'
import { OUTGOING_QUEUE_MESSAGES_MAX } from '../../src/replication/transport/limits.ts'
import type { PeerIdentity, PeerTransport } from '../../src/replication/ports.ts'

/** A running node of the suite. Its records grow as things happen. */
export interface SuiteNode {
  readonly address: string
  readonly transport: PeerTransport
  readonly received: { readonly from: PeerIdentity; readonly message: PeerMessage }[]
  readonly disconnects: string[]
}

export interface TransportHarness {
  /** Starts a node; a node of the same name that was stopped gets its address back. */
  start(name: string): Promise<SuiteNode>
  /** Stops it without a goodbye, as a crash does. */
  crash(node: SuiteNode): Promise<void>
  /** Lets time pass until `check` is true; fails after a while. */
  until(what: string, check: () => boolean): Promise<void>
  /** Ends everything. */
  dispose(): Promise<void>
}

export function ack(sequence: number): PeerMessage {
  return { type: 'SnapshotChunkAck', transferId: 1, sequence, ok: true }
}

export function chunk(sequence: number, sizeBytes: number): PeerMessage {
  const data = new Uint8Array(sizeBytes).fill(sequence)
  return { type: 'SnapshotChunk', transferId: 1, term: 1, sequence, meta: null, last: false, data }
}

/** Sequence numbers of the received acknowledgements and chunks. */
export function sequences(node: SuiteNode): number[] {
  return node.received.flatMap(({ message }) => ('sequence' in message ? [message.sequence] : []))
}

export function describeTransport(name: string, newHarness: () => TransportHarness): void {
  describe(`${name}: what every peer transport promises`, () => {
    let harness: TransportHarness
    beforeEach(() => {
      harness = newHarness()
    })
    afterEach(() => harness.dispose())

    /** Sends until the message has arrived, as whoever needs an answer does. */
    async function connectPair(from: SuiteNode, to: SuiteNode): Promise<void> {
      const probe: PeerMessage = { type: 'ProbeRequest', requestId: 7 }
      const before = to.received.length
      await harness.until(`${from.address} reaches ${to.address}`, () => {
        from.transport.send(to.address, probe)
        return to.received.length > before
      })
    }

    test('messages arrive in the order in which they were sent, small and large ones', async () => {
      const [a, b] = [await harness.start('a'), await harness.start('b')]
      await connectPair(a, b)
      for (let sequence = 0; sequence < 300; sequence += 1) {
        const message = sequence % 50 === 0 ? chunk(sequence, 200_000) : ack(sequence)
        expect(a.transport.send(b.address, message)).toBe(true)
      }
      await harness.until('all have arrived', () => sequences(b).length >= 300)
      expect(sequences(b)).toEqual(Array.from({ length: 300 }, (_, at) => at))
      const large = b.received.find(({ message }) => message.type === 'SnapshotChunk' && message.sequence === 250)
      expect(large?.message.type === 'SnapshotChunk' && Buffer.alloc(200_000, 250).equals(large.message.data)).toBe(
        true,
      )
    })

    test('the receiver learns who sent a message, and answers to its address', async () => {
      const [a, b] = [await harness.start('a'), await harness.start('b')]
      await connectPair(a, b)
      const from = b.received[0]?.from
      expect(from).toMatchObject({ nodeId: 'a', memberId: 'a/1', raftAddress: a.address })
      expect(b.transport.send(from?.raftAddress ?? '', ack(5))).toBe(true)
      await harness.until('the answer arrives', () => sequences(a).includes(5))
      expect(a.received.find(({ message }) => message.type === 'SnapshotChunkAck')?.from.nodeId).toBe('b')
    })

    test('the first messages to a peer wait for the connection', async () => {
      const [a, b] = [await harness.start('a'), await harness.start('b')]
      for (let sequence = 0; sequence < 20; sequence += 1) expect(a.transport.send(b.address, ack(sequence))).toBe(true)
      await harness.until('all have arrived', () => sequences(b).length >= 20)
      expect(sequences(b)).toEqual(Array.from({ length: 20 }, (_, at) => at))
    })

    test('a message that is too large is refused and the connection lives on', async () => {
      const [a, b] = [await harness.start('a'), await harness.start('b')]
      await connectPair(a, b)
      expect(a.transport.send(b.address, chunk(1, 9 * 1024 * 1024))).toBe(false)
      expect(a.transport.send(b.address, ack(2))).toBe(true)
      await harness.until('the next one arrives', () => sequences(b).includes(2))
      expect(a.disconnects).toEqual([])
    })

    test('the queue of a peer is bounded: what does not fit is refused, the rest arrives in order', async () => {
      const [a, b] = [await harness.start('a'), await harness.start('b')]
      await connectPair(a, b)
      let taken = 0
      while (a.transport.send(b.address, ack(taken))) taken += 1
      expect(taken).toBeLessThanOrEqual(OUTGOING_QUEUE_MESSAGES_MAX)
      await harness.until('the taken ones arrive', () => sequences(b).length >= taken)
      expect(sequences(b)).toEqual(Array.from({ length: taken }, (_, at) => at))
      expect(a.transport.send(b.address, ack(taken))).toBe(true)
    })

    test('a crash of the peer is reported, and its successor at the same address is reached', async () => {
      const [a, b] = [await harness.start('a'), await harness.start('b')]
      await connectPair(a, b)
      await connectPair(b, a)
      await harness.crash(b)
      await harness.until('a hears of it', () => a.disconnects.includes(b.address))
      const successor = await harness.start('b')
      expect(successor.address).toBe(b.address)
      await connectPair(a, successor)
      await connectPair(successor, a)
    })

    test('messages to an address where nobody listens are refused or reported lost', async () => {
      const [a, b] = [await harness.start('a'), await harness.start('b')]
      await harness.crash(b)
      let refused = false
      await harness.until('it is refused or reported', () => {
        refused ||= !a.transport.send(b.address, ack(1))
        return refused || a.disconnects.includes(b.address)
      })
    })

    test('close() delivers what was sent, is reported to the peer, and then refuses', async () => {
      const [a, b] = [await harness.start('a'), await harness.start('b')]
      await connectPair(a, b)
      for (let sequence = 0; sequence < 100; sequence += 1) a.transport.send(b.address, ack(sequence))
      const closing = a.transport.close()
      expect(a.transport.send(b.address, ack(100))).toBe(false)
      await harness.until('all have arrived', () => sequences(b).length >= 100)
      await harness.until('b hears of it', () => b.disconnects.includes(a.address))
      await closing
      expect(sequences(b)).toEqual(Array.from({ length: 100 }, (_, at) => at))
      expect(a.disconnects).toEqual([])
    })

    test('disconnect() is reported to the peer only, and sending again connects again', async () => {
      const [a, b] = [await harness.start('a'), await harness.start('b')]
      await connectPair(a, b)
      a.transport.disconnect(b.address)
      await harness.until('b hears of it', () => b.disconnects.includes(a.address))
      expect(a.disconnects).toEqual([])
      await connectPair(a, b)
      await connectPair(b, a)
    })

    test('a node does not reach itself', async () => {
      const a = await harness.start('a')
      a.transport.send(a.address, ack(1))
      const b = await harness.start('b')
      await connectPair(a, b)
      expect(a.received).toEqual([])
    })
  })
}
