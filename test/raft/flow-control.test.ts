// Bounds on what is in flight to a member and on what is uncommitted, and the recovery from lost messages.
import * as fc from 'fast-check'
import { InflightWindow } from '../../src/raft/inflight-window.ts'
import { ENTRY_OVERHEAD_BYTES } from '../../src/raft/uncommitted-tail.ts'
import { TestNode, textOf } from './node-fixture.ts'

/** A leader that replicates to nodes 2 and 3 without anything in flight. */
function leaderWith(options: ConstructorParameters<typeof TestNode>[0] = {}): TestNode {
  const node = new TestNode(options)
  node.lead()
  for (const from of ['2', '3']) node.answer({ from, matchIndex: 1 })
  node.sent()
  return node
}

function sentTo(node: TestNode, to: string): number[][] {
  const appends = node.sentOf('AppendEntries').filter((message) => message.to === to)
  return appends.map((message) => message.entries.map((entry) => entry.index))
}

describe('pipelining', () => {
  test('messages follow each other without waiting for answers, up to a number', () => {
    const node = leaderWith({ options: { messageSizeBytesMax: 1, inflightMessagesMax: 3 } })
    node.propose('a', 'b', 'c', 'd', 'e')
    expect(sentTo(node, '2')).toEqual([[2], [3], [4]])
    node.answer({ matchIndex: 3 })
    expect(sentTo(node, '2')).toEqual([[5], [6]])
  })

  test('and up to a number of bytes, which one message may exceed', () => {
    const node = leaderWith({ options: { messageSizeBytesMax: 60, inflightSizeBytesMax: 150 } })
    node.propose(...Array.from({ length: 6 }, () => 'x'.repeat(50)))
    expect(sentTo(node, '2')).toEqual([[2], [3]])
    node.answer({ matchIndex: 3 })
    expect(sentTo(node, '2')).toEqual([[4], [5]])
  })

  test('several proposals before the effects are taken share a message', () => {
    const node = leaderWith()
    for (const command of ['a', 'b', 'c']) node.propose(command)
    expect(sentTo(node, '2')).toEqual([[2, 3, 4]])
  })

  test('messages to members at the same place share their entries', () => {
    const node = leaderWith()
    node.propose('a', 'b')
    const [first, second] = node.sentOf('AppendEntries')
    expect(first?.entries).toBe(second?.entries)
  })

  test('a window is the sum of what was added and not freed', () => {
    const steps = fc.array(
      fc.record({ entries: fc.integer({ min: 1, max: 5 }), freed: fc.integer({ min: 0, max: 9 }) }),
    )
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 30 }),
        steps,
        (countMax, bytesMax, script) => {
          const window = new InflightWindow(countMax, bytesMax)
          let model: { last: number; bytes: number }[] = []
          let last = 0
          for (const { entries, freed } of script) {
            if (!window.isFull) {
              last += entries
              window.add(last, entries * 3)
              model.push({ last, bytes: entries * 3 })
            }
            const through = last - freed
            window.freeThrough(through)
            model = model.filter((message) => message.last > through)
            const bytes = model.reduce((sum, message) => sum + message.bytes, 0)
            expect(window.count).toBe(model.length)
            expect(window.isFull).toBe(model.length >= countMax || bytes >= bytesMax)
          }
        },
      ),
    )
  })
})

describe('probing', () => {
  test('one message at a time until the match is known', () => {
    const node = new TestNode({ options: { messageSizeBytesMax: 1 } })
    node.becomeLeader()
    node.propose('aa', 'bb')
    expect(sentTo(node, '2')).toEqual([[1]])
    node.propose('cc')
    expect(sentTo(node, '2')).toEqual([])
    node.answer({ matchIndex: 1 })
    expect(sentTo(node, '2')).toEqual([[2], [3], [4]])
  })

  test('the answer to a heartbeat lifts the pause after a lost probe', () => {
    const node = new TestNode()
    node.becomeLeader()
    node.sent()
    node.tick(1)
    expect(sentTo(node, '2')).toEqual([[]])
    node.answer({ matchIndex: 0 })
    expect(sentTo(node, '2')).toEqual([[1]])
  })

  test('a lost message shows when the next heartbeat is refused, and is sent again', () => {
    const node = leaderWith({ options: { messageSizeBytesMax: 1 } })
    node.propose('a', 'b')
    node.sent()
    node.tick(1)
    expect(node.sentOf('AppendEntries')[0]).toMatchObject({ to: '2', prevLogIndex: 3 })
    node.answer({ success: false, matchIndex: 3, hintIndex: 1, hintTerm: 1 })
    expect(node.raft.status().peers.get('2')?.state).toBe('probe')
    expect(sentTo(node, '2')).toEqual([[2]])
  })

  test('a lost answer is made up for by the answer to a heartbeat, full window or not', () => {
    const node = leaderWith({ options: { messageSizeBytesMax: 1, inflightMessagesMax: 2 } })
    node.propose('a', 'b', 'c')
    node.sent()
    node.answer({ matchIndex: 3 })
    expect(node.raft.commitIndex).toBe(3)
    expect(sentTo(node, '2')).toEqual([[4]])
  })

  test('refusals that are out of date change nothing', () => {
    const node = leaderWith()
    node.propose('a')
    node.sent()
    node.answer({ matchIndex: 2 })
    const before = node.raft.status().peers.get('2')
    node.answer({ success: false, matchIndex: 1, hintIndex: 0, hintTerm: 0 })
    node.answer({ success: false, matchIndex: 2, hintIndex: 1, hintTerm: 1 })
    expect(node.raft.status().peers.get('2')).toEqual(before)
    const probing = new TestNode({ terms: [1, 1, 1] })
    probing.becomeLeader()
    probing.sent()
    probing.answer({ success: false, matchIndex: 3, hintIndex: 1, hintTerm: 1 })
    probing.answer({ success: false, matchIndex: 3, hintIndex: 0, hintTerm: 0 })
    expect(probing.raft.status().peers.get('2')).toMatchObject({ state: 'probe', nextIndex: 2 })
  })

  test('a repeated refusal does not send the probe once more', () => {
    const node = new TestNode({ terms: [1, 1, 1] })
    node.becomeLeader()
    node.sent()
    const refusal = { success: false, matchIndex: 3, hintIndex: 1, hintTerm: 1 }
    node.answer(refusal)
    expect(sentTo(node, '2')).toEqual([[2, 3, 4]])
    node.answer(refusal)
    expect(sentTo(node, '2')).toEqual([])
  })

  test('answers out of order never take back what is known', () => {
    const node = leaderWith()
    node.propose('a', 'b', 'c')
    node.sent()
    node.answer({ matchIndex: 4 })
    node.answer({ matchIndex: 2 })
    expect(node.raft.status().peers.get('2')).toMatchObject({ matchIndex: 4, nextIndex: 5 })
    expect(node.raft.commitIndex).toBe(4)
  })
})

describe('the uncommitted tail', () => {
  const sizeBytes = 10 + ENTRY_OVERHEAD_BYTES

  test('proposals beyond its bound are refused as a whole, until some are committed', () => {
    const node = leaderWith({ options: { uncommittedSizeBytesMax: 3 * sizeBytes } })
    const command = 'x'.repeat(10)
    expect(node.propose(command, command).ok).toBe(true)
    expect(node.propose(command, command)).toEqual({ ok: false, reason: 'overloaded' })
    expect(node.log.lastIndex).toBe(3)
    expect(node.propose(command).ok).toBe(true)
    expect(node.propose(command).ok).toBe(false)
    node.sent()
    node.answer({ matchIndex: 3 })
    expect(node.propose(command, command).ok).toBe(true)
    expect(node.propose(command).ok).toBe(false)
  })

  test('empty commands count as well', () => {
    const node = leaderWith({ options: { uncommittedSizeBytesMax: 10 * ENTRY_OVERHEAD_BYTES } })
    let accepted = 0
    while (node.propose('').ok) accepted++
    expect(accepted).toBe(10)
  })

  test('a single proposal may exceed it, or it would be refused for ever', () => {
    const node = leaderWith({ options: { uncommittedSizeBytesMax: 10 } })
    expect(node.propose('x'.repeat(1000)).ok).toBe(true)
    expect(node.propose('y').ok).toBe(false)
  })

  test('it starts empty with each leadership and is exact after many commits', () => {
    const node = leaderWith({ options: { uncommittedSizeBytesMax: 5000 * sizeBytes } })
    for (let round = 0; round < 5; round++) {
      for (let i = 0; i < 5000; i++) node.propose('x'.repeat(10))
      expect(node.propose('y').ok).toBe(false)
      node.sent()
      for (let match = 100; match <= 5000; match += 100)
        node.answer({ matchIndex: node.raft.status().lastIndex - 5000 + match })
      expect(node.raft.commitIndex).toBe(node.log.lastIndex)
    }
    expect(node.propose('y').ok).toBe(true)
  })

  test('a proposal without commands is a mistake of the caller', () => {
    const node = leaderWith()
    expect(() => node.raft.propose([])).toThrow('at least one command')
    expect(() => node.raft.propose([textOf('a')])).not.toThrow()
  })
})

test('a member that is behind knows how far the cluster has committed, also from messages that it refuses', () => {
  const node = new TestNode({ terms: [1, 1] })
  node.append({ term: 2, prevLogIndex: 90, prevLogTerm: 2, entries: [], leaderCommit: 95, readRound: 0 })
  expect(node.sentOf('AppendEntriesResponse')).toMatchObject([{ success: false }])
  expect(node.raft.status()).toMatchObject({ commitIndex: 0, clusterCommitIndex: 95 })
})
