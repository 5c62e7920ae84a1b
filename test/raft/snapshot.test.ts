// Snapshots (§7): what a follower installs or refuses, and when a leader asks for one to be streamed.
import { Cluster } from './cluster-fixture.ts'
import { entriesOf, membershipOf, TestNode } from './node-fixture.ts'
import type { SnapshotMeta } from '../../src/raft/types.ts'

function metaOf(index: number, term: number, voters: readonly string[] = ['1', '2', '3']): SnapshotMeta {
  return { index, term, membership: membershipOf(voters) }
}

function install(node: TestNode, snapshot: SnapshotMeta, term = node.raft.term): void {
  node.receive({ type: 'InstallSnapshot', from: '2', to: node.id, term, snapshot })
}

describe('on a follower', () => {
  test('a snapshot beyond its log replaces log, membership and commit index', () => {
    const node = new TestNode({ terms: [1, 1], commitIndex: 1 })
    install(node, metaOf(9, 3, ['1', '2', '3', '4']), 3)
    expect(node.log.firstIndex).toBe(10)
    expect(node.log.lastIndex).toBe(9)
    expect(node.raft.commitIndex).toBe(9)
    expect(node.raft.leader).toBe('2')
    expect(node.raft.status().membership).toEqual(membershipOf(['1', '2', '3', '4']))
    const { installSnapshot, messages, durableMessages } = node.take()
    expect(installSnapshot).toEqual(metaOf(9, 3, ['1', '2', '3', '4']))
    expect(messages).toEqual([])
    expect(durableMessages).toEqual([expect.objectContaining({ type: 'InstallSnapshotResponse', matchIndex: 9 })])
  })

  test('entries after it are appended to it', () => {
    const node = new TestNode()
    install(node, metaOf(9, 3), 3)
    node.append({ prevLogIndex: 9, prevLogTerm: 3, entries: entriesOf(10, [3]), leaderCommit: 10 })
    expect(node.raft.commitIndex).toBe(10)
    expect(node.sentOf('AppendEntriesResponse')).toEqual([expect.objectContaining({ success: true, matchIndex: 10 })])
  })

  test.each([1, 2])('an outdated one (%i) is refused, with what is committed', (index) => {
    const node = new TestNode({ terms: [1, 1, 1], commitIndex: 2 })
    install(node, metaOf(index, 1))
    const { installSnapshot, durableMessages } = node.take()
    expect(installSnapshot).toBeNull()
    expect(durableMessages).toEqual([expect.objectContaining({ type: 'InstallSnapshotResponse', matchIndex: 2 })])
    expect(node.terms).toEqual([1, 1, 1])
  })

  test('Figure 13, step 6: when the log has its last entry, the log is kept and only the commit index moves', () => {
    const node = new TestNode({ terms: [1, 1, 2, 2] })
    install(node, metaOf(3, 2))
    expect(node.take().installSnapshot).toBeNull()
    expect(node.raft.commitIndex).toBe(3)
    expect(node.terms).toEqual([1, 1, 2, 2])
  })

  test('when the log conflicts with its last entry, the log is replaced', () => {
    const node = new TestNode({ terms: [1, 1, 1, 1], term: 2 })
    install(node, metaOf(3, 2))
    expect(node.take().installSnapshot).not.toBeNull()
    expect(node.log.lastIndex).toBe(3)
  })

  test('one of an earlier term is answered with ours', () => {
    const node = new TestNode({ term: 5 })
    install(node, metaOf(3, 2), 4)
    expect(node.raft.commitIndex).toBe(0)
    expect(node.sent()).toEqual([expect.objectContaining({ type: 'AppendEntriesResponse', term: 5, success: false })])
  })

  test('a later one replaces one that was not taken yet', () => {
    const node = new TestNode()
    install(node, metaOf(9, 3), 3)
    install(node, metaOf(12, 3), 3)
    expect(node.take().installSnapshot?.index).toBe(12)
  })

  test('the heartbeat after a lost answer tells the leader all the same', () => {
    const node = new TestNode()
    install(node, metaOf(9, 3), 3)
    node.take()
    node.append({ prevLogIndex: 0, prevLogTerm: 0 })
    expect(node.take().durableMessages).toEqual([expect.objectContaining({ success: true, matchIndex: 9 })])
  })

  test('what was durable of the old log does not count for entries behind the snapshot', () => {
    const node = new TestNode({ terms: [1, 1, 1, 1, 1, 1], term: 3 })
    install(node, metaOf(3, 2))
    node.append({ prevLogIndex: 3, prevLogTerm: 2, entries: entriesOf(4, [3, 3]) })
    node.take()
    node.raft.persisted(4, 3)
    node.append({ prevLogIndex: 5, prevLogTerm: 3 })
    expect(node.take().messages).toEqual([expect.objectContaining({ matchIndex: 4 })])
  })

  test('a new learner accepts one that does not name it', () => {
    const node = new TestNode({ id: '9', voters: [] })
    install(node, metaOf(9, 3), 3)
    expect(node.raft.commitIndex).toBe(9)
    expect(node.raft.role).toBe('learner')
  })

  test('no campaign before the snapshot is handed over', () => {
    const node = new TestNode()
    install(node, metaOf(9, 3), 3)
    node.tick(30)
    expect(node.raft.role).toBe('follower')
    node.take()
    node.tick(20)
    expect(node.raft.role).toBe('preCandidate')
  })
})

describe('on a leader', () => {
  /** A leader whose log begins at 6; node 2 is up to date, node 3 has refused and lacks entries that are gone. */
  function leaderWithSlowFollower(): TestNode {
    const node = new TestNode({ base: { index: 5, term: 1 }, terms: [1, 1], commitIndex: 7 })
    node.lead()
    node.answer({ from: '3', success: false, matchIndex: 7, hintIndex: 2, hintTerm: 1 })
    return node
  }

  test('a snapshot is asked for once, when entries that a live member needs are gone', () => {
    const node = leaderWithSlowFollower()
    expect(node.take().snapshotsToSend).toEqual(['3'])
    node.tick(1)
    node.answer({ from: '3', matchIndex: 2 })
    expect(node.take().snapshotsToSend).toEqual([])
    expect(node.raft.status().peers.get('3')?.state).toBe('snapshot')
  })

  test('no entries go to a member that waits for a snapshot, heartbeats do', () => {
    const node = leaderWithSlowFollower()
    node.sent()
    node.propose('a')
    expect(node.sentOf('AppendEntries').map((message) => message.to)).toEqual(['2'])
    node.tick(1)
    expect(node.sentOf('AppendEntries').map((message) => message.to)).toEqual(['2', '3'])
  })

  test('after the answer, replication goes on behind the snapshot', () => {
    const node = leaderWithSlowFollower()
    node.sent()
    node.raft.snapshotFinished('3', true)
    node.receive({ type: 'InstallSnapshotResponse', from: '3', to: '1', term: 2, matchIndex: 7 })
    expect(node.raft.status().peers.get('3')).toMatchObject({ state: 'replicate', matchIndex: 7 })
    expect(node.sentOf('AppendEntries')).toEqual([expect.objectContaining({ to: '3', prevLogIndex: 7 })])
  })

  test('the answer may come before the end of the streaming is reported', () => {
    const node = leaderWithSlowFollower()
    node.sent()
    node.receive({ type: 'InstallSnapshotResponse', from: '3', to: '1', term: 2, matchIndex: 7 })
    node.raft.snapshotFinished('3', true)
    node.raft.snapshotFinished('3', false)
    expect(node.raft.status().peers.get('3')?.state).toBe('replicate')
  })

  test('one that failed is asked for again after the next answer, not in a loop', () => {
    const node = leaderWithSlowFollower()
    node.sent()
    node.raft.snapshotFinished('3', false)
    expect(node.take().snapshotsToSend).toEqual([])
    node.answer({ from: '3', matchIndex: 2 })
    expect(node.take().snapshotsToSend).toEqual(['3'])
  })

  test('one that is delivered but never answered is asked for again after a long while', () => {
    const node = leaderWithSlowFollower()
    node.sent()
    node.raft.snapshotFinished('3', true)
    const askedAt: number[] = []
    for (let tick = 1; tick <= 150; tick++) {
      node.tick(1)
      for (const from of ['2', '3']) node.answer({ from, matchIndex: 2 })
      if (node.take().snapshotsToSend.length > 0) askedAt.push(tick)
    }
    expect(askedAt).toEqual([100])
  })

  test('a log that catches up first makes it superfluous', () => {
    const node = leaderWithSlowFollower()
    node.sent()
    node.answer({ from: '3', matchIndex: 5 })
    expect(node.raft.status().peers.get('3')?.state).toBe('replicate')
    expect(node.sentOf('AppendEntries')).toEqual([expect.objectContaining({ to: '3', prevLogIndex: 5 })])
  })

  test('one that is too old when it arrives is followed by another', () => {
    const node = leaderWithSlowFollower()
    node.sent()
    node.log.compactThrough(7)
    node.receive({ type: 'InstallSnapshotResponse', from: '3', to: '1', term: 2, matchIndex: 4 })
    expect(node.take().snapshotsToSend).toEqual(['3'])
  })

  test('a member that does not answer gets none', () => {
    const node = leaderWithSlowFollower()
    node.sent()
    node.raft.snapshotFinished('3', false)
    for (let i = 0; i < 30; i++) {
      node.tick(1)
      node.answer({ from: '2', matchIndex: 8 })
      expect(node.take().snapshotsToSend).toEqual([])
    }
    expect(node.raft.status().peers.get('3')).toMatchObject({ state: 'probe', active: false })
  })

  test('a member that has been silent gets none when its entries are cut away, before it speaks again', () => {
    const node = new TestNode({ options: { messageSizeBytesMax: 1, inflightMessagesMax: 1 } })
    node.lead()
    node.answer({ from: '3', matchIndex: 1 })
    for (let i = 0; i < 12; i++) {
      node.tick(1)
      node.answer({ from: '2', matchIndex: 1 })
    }
    node.propose('a', 'b')
    for (const matchIndex of [2, 3]) {
      node.sent()
      node.answer({ from: '2', matchIndex })
    }
    node.log.compactThrough(3)
    node.tick(1)
    expect(node.take().snapshotsToSend).toEqual([])
    node.answer({ from: '3', matchIndex: 1 })
    expect(node.take().snapshotsToSend).toEqual(['3'])
  })

  test('a member that is being removed gets none, and is forgotten once that is committed', () => {
    const node = leaderWithSlowFollower()
    expect(node.raft.proposeMembership({ type: 'remove', id: '3' }).ok).toBe(true)
    expect(node.take().snapshotsToSend).toEqual([])
    node.raft.snapshotFinished('3', false)
    node.answer({ from: '3', matchIndex: 2 })
    expect(node.take().snapshotsToSend).toEqual([])
    node.persist()
    node.answer({ from: '2', matchIndex: 9 })
    node.raft.snapshotFinished('3', true)
    expect(node.raft.status().peers.has('3')).toBe(false)
  })
})

test('a follower that was away while the log was cut catches up by snapshot and log, under load', () => {
  const cluster = new Cluster({ voters: ['1', '2', '3'], raft: { messageSizeBytesMax: 16, inflightMessagesMax: 2 } })
  cluster.elect('1')
  cluster.crash('3')
  for (let round = 0; round < 20; round++) {
    cluster.propose('1', `before ${round}`)
    cluster.stabilize()
    if (round % 5 === 4) cluster.compact('1')
  }
  cluster.restart('3')
  for (let round = 0; round < 20; round++) {
    cluster.propose('1', `after ${round}`)
    cluster.tick(1)
  }
  expect(cluster.node('3').commands).toEqual(cluster.node('1').commands)
  expect(cluster.node('3').commands).toHaveLength(40)
})
