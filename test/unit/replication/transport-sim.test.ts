// The simulated network itself: what it promises to the simulation, and that a seed repeats.
import type { PeerMessage } from '../../../src/replication/peer-messages.ts'
import type { PeerTransport } from '../../../src/replication/ports.ts'
import { SimNetwork } from '../../sim/sim-network.ts'
import type { SimFaults } from '../../sim/sim-network.ts'
import { SeededRandom } from '../../support/seeded-random.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'

function raft(term: number): PeerMessage {
  return { type: 'Raft', message: { type: 'TimeoutNow', from: 'a', to: 'b', term } }
}

function ack(sequence: number): PeerMessage {
  return { type: 'SnapshotChunkAck', transferId: 1, sequence, ok: true }
}

function setup(seed: number, faults: Partial<SimFaults> = {}) {
  const clock = new VirtualClock()
  const network = new SimNetwork({ clock, random: new SeededRandom(seed), faults })
  const events: string[] = []
  const attach = (name: string, clusterId: string | null = null): PeerTransport => {
    const transport = network.attach(() => ({ nodeId: name, memberId: `${name}/1`, raftAddress: name, clusterId }))
    void transport.start({
      onMessage: (from, message) =>
        events.push(
          `${name}<${from.nodeId} ${message.type === 'Raft' ? message.message.term : JSON.stringify(message)}`,
        ),
      onDisconnect: (address) => events.push(`${name}!${address}`),
    })
    return transport
  }
  return { clock, network, events, attach }
}

describe('the simulated network', () => {
  test('the same seed repeats a faulty run exactly and another seed differs', () => {
    const run = (seed: number): string[] => {
      const faults = { dropRate: 0.1, duplicateRate: 0.1, reorderRate: 0.2, disconnectRate: 0.02, latencyMsMax: 20 }
      const { clock, network, events, attach } = setup(seed, faults)
      const [a, b] = [attach('a'), attach('b')]
      for (let round = 0; round < 200; round += 1) {
        a.send('b', raft(round))
        b.send('a', ack(round))
        if (round === 100) network.partition([['a'], ['b']])
        if (round === 150) network.heal()
        clock.advance(3)
      }
      clock.advance(10_000)
      return events
    }
    expect(run(7)).toEqual(run(7))
    expect(run(7)).not.toEqual(run(8))
  })

  test('Raft messages are reordered and duplicated, others never', () => {
    const { clock, events, attach, network } = setup(3, { reorderRate: 0.3, duplicateRate: 0.3 })
    const a = attach('a')
    attach('b')
    for (let round = 0; round < 100; round += 1) {
      a.send('b', raft(round))
      a.send('b', ack(round))
    }
    clock.advance(1_000)
    const acks = events.filter((event) => event.includes('Ack'))
    expect(acks).toEqual(Array.from({ length: 100 }, (_, at) => `b<a ${JSON.stringify(ack(at))}`))
    const terms = events.filter((event) => !event.includes('Ack')).map((event) => Number(event.split(' ')[1]))
    expect(terms).not.toEqual(terms.toSorted((one, other) => one - other))
    expect(terms.length).toBe(100 + network.counters.duplicated)
  })

  test('a partition stops messages, is noticed on both sides, and ends with heal', () => {
    const { clock, network, events, attach } = setup(5)
    const [a, b] = [attach('a'), attach('b')]
    a.send('b', raft(1))
    clock.advance(100)
    network.partition([['a'], ['b']])
    a.send('b', raft(2))
    b.send('a', raft(3))
    clock.advance(2_000)
    expect(events.toSorted()).toEqual(['a!b', 'b!a', 'b<a 1'])
    network.heal()
    a.send('b', raft(4))
    clock.advance(100)
    expect(events.at(-1)).toBe('b<a 4')
  })

  test('a block holds in one direction only while the connection stands', () => {
    const { clock, network, events, attach } = setup(6, { detectionMsMax: 1_000_000 })
    const [a, b] = [attach('a'), attach('b')]
    a.send('b', raft(1))
    clock.advance(100)
    network.block('a', 'b')
    a.send('b', raft(2))
    b.send('a', raft(3))
    clock.advance(100)
    expect(events).toEqual(['b<a 1', 'a<b 3'])
  })

  test('a crashed node receives nothing; some of what it sent may still arrive; its successor is reached anew', () => {
    const arrivals = new Set<number>()
    for (let seed = 0; seed < 20; seed += 1) {
      const { clock, network, events, attach } = setup(seed, { latencyMsMin: 1, latencyMsMax: 50 })
      const [a, b] = [attach('a'), attach('b')]
      a.send('b', raft(0))
      clock.advance(200)
      for (let round = 1; round <= 10; round += 1) a.send('b', raft(round))
      b.send('a', raft(99))
      network.detach('a')
      expect(a.send('b', raft(100))).toBe(false)
      clock.advance(1_000)
      expect(events.filter((event) => event.startsWith('a'))).toEqual([])
      expect(events).toContain('b!a')
      const late = events.filter((event) => event.startsWith('b<a')).map((event) => Number(event.split(' ')[1]))
      expect(late).toEqual(Array.from({ length: late.length }, (_, at) => at))
      arrivals.add(late.length)
      attach('a')
      b.send('a', raft(5))
      clock.advance(1_000)
      expect(events.at(-1)).toBe('a<b 5')
    }
    expect(arrivals.size).toBeGreaterThan(2)
  })

  test('nodes of two clusters do not reach each other', () => {
    const { clock, events, attach } = setup(1)
    const a = attach('a', 'one')
    attach('b', 'two')
    attach('c')
    a.send('b', raft(1))
    a.send('c', raft(2))
    clock.advance(1_000)
    expect(events.filter((event) => event.includes('<'))).toEqual(['c<a 2'])
  })
})
