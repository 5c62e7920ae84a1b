// One test for each rule of the paper on logs and commits (§5.3, §5.4.2, §5.5, §8; Figure 2, Figure 7).
import { entriesOf, TestNode, textOf } from './node-fixture.ts'

test('§5.3: the leader appends a command as a new entry of its term and sends it to all others in parallel', () => {
  const node = new TestNode({ terms: [1] })
  node.lead()
  expect(node.propose('a', 'b')).toEqual({ ok: true, index: 4, term: 2 })
  expect(node.log.all().slice(2)).toEqual([
    { index: 3, term: 2, kind: 'command', data: textOf('a') },
    { index: 4, term: 2, kind: 'command', data: textOf('b') },
  ])
  const [first] = node.sentOf('AppendEntries')
  expect(first).toMatchObject({ to: '2', prevLogIndex: 2, prevLogTerm: 2, leaderCommit: 2 })
  expect(first?.entries.map((entry) => entry.index)).toEqual([3, 4])
})

test('§5.3: only a leader takes proposals', () => {
  const node = new TestNode()
  expect(node.propose('a')).toEqual({ ok: false, reason: 'not_leader' })
  node.raft.campaign()
  expect(node.propose('a')).toEqual({ ok: false, reason: 'not_leader' })
  expect(node.log.lastIndex).toBe(0)
})

test.each([
  { size: 1, acks: 0, committed: true },
  { size: 3, acks: 0, committed: false },
  { size: 3, acks: 1, committed: true },
  { size: 5, acks: 1, committed: false },
  { size: 5, acks: 2, committed: true },
  { size: 4, acks: 1, committed: false },
  { size: 4, acks: 2, committed: true },
])('§5.3: with $acks answers among $size servers, an entry is committed: $committed', ({ size, acks, committed }) => {
  const voters = Array.from({ length: size }, (_, i) => `${i + 1}`)
  const node = new TestNode({ voters })
  node.lead(voters.slice(1))
  node.propose('a')
  node.sent()
  for (const from of voters.slice(1, 1 + acks)) node.answer({ from, matchIndex: 2 })
  expect(node.raft.commitIndex).toBe(committed ? 2 : 1)
})

test('§5.3: answers of learners do not count', () => {
  const node = new TestNode({ learners: ['4', '5'] })
  node.lead()
  node.propose('a')
  node.sent()
  for (const from of ['4', '5']) node.answer({ from, matchIndex: 2 })
  expect(node.raft.commitIndex).toBe(1)
})

test('§5.3: once an entry is committed, the followers hear of it without waiting for a heartbeat', () => {
  const node = new TestNode()
  node.lead()
  for (const from of ['2', '3']) node.answer({ from, matchIndex: 1 })
  node.propose('a')
  node.sent()
  node.answer({ matchIndex: 2 })
  expect(node.raft.hasEffects()).toBe(true)
  const news = node.sentOf('AppendEntries')
  expect(news.map(({ to, leaderCommit, entries }) => ({ to, leaderCommit, count: entries.length }))).toEqual([
    { to: '2', leaderCommit: 2, count: 0 },
    { to: '3', leaderCommit: 2, count: 0 },
  ])
  expect(node.raft.hasEffects()).toBe(false)
})

test('§5.3: a follower refuses entries when it has none at prevLogIndex with prevLogTerm', () => {
  const node = new TestNode({ terms: [1, 1] })
  node.append({ prevLogIndex: 3, prevLogTerm: 1, entries: entriesOf(4, [1]) })
  node.append({ prevLogIndex: 2, prevLogTerm: 2, term: 2, entries: entriesOf(3, [2]) })
  expect(node.sentOf('AppendEntriesResponse').map(({ success, matchIndex }) => ({ success, matchIndex }))).toEqual([
    { success: false, matchIndex: 3 },
    { success: false, matchIndex: 2 },
  ])
  expect(node.terms).toEqual([1, 1])
})

test('§5.3: a follower deletes conflicting entries and all that follow, and appends the new ones', () => {
  const node = new TestNode({ terms: [1, 1, 2, 2] })
  node.append({ term: 3, prevLogIndex: 2, prevLogTerm: 1, entries: entriesOf(3, [3]) })
  expect(node.terms).toEqual([1, 1, 3])
})

test('§5.3: a late, shorter message does not delete what matches', () => {
  const node = new TestNode({ term: 1 })
  node.append({ entries: entriesOf(1, [1, 1, 1]) })
  node.append({ entries: entriesOf(1, [1]) })
  node.append({ prevLogIndex: 1, prevLogTerm: 1, entries: entriesOf(2, [1]) })
  node.append({ prevLogIndex: 1, prevLogTerm: 1 })
  expect(node.terms).toEqual([1, 1, 1])
})

test('§5.3: entries that are there already are not written again, the rest is', () => {
  const node = new TestNode({ terms: [1, 1] })
  const before = node.log.all()
  node.append({ prevLogIndex: 0, prevLogTerm: 0, entries: entriesOf(1, [1, 1, 1]) })
  expect(
    node.log
      .all()
      .slice(0, 2)
      .every((entry, i) => entry === before[i]),
  ).toBe(true)
  expect(node.terms).toEqual([1, 1, 1])
})

test('Figure 2: a committed entry is never deleted; a leader that wants it ends the process', () => {
  const node = new TestNode({ terms: [1, 1], commitIndex: 2 })
  expect(() => node.append({ term: 2, prevLogIndex: 1, prevLogTerm: 1, entries: entriesOf(2, [2]) })).toThrow(
    'refusing to cut the log at 2',
  )
  const other = new TestNode({ terms: [1, 1], commitIndex: 2 })
  expect(() => other.append({ term: 2, prevLogIndex: 2, prevLogTerm: 2 })).toThrow('one of term 1 is committed here')
})

test('Figure 2: commit index is the smaller one of leaderCommit and the last verified entry', () => {
  const node = new TestNode({ terms: [1, 1, 1, 1] })
  // Entries 3 and 4 may be leftovers of another leader: nothing here has compared them.
  node.append({ term: 2, prevLogIndex: 2, prevLogTerm: 1, leaderCommit: 4 })
  expect(node.raft.commitIndex).toBe(2)
  node.append({ prevLogIndex: 2, prevLogTerm: 1, entries: entriesOf(3, [2]), leaderCommit: 9 })
  expect(node.raft.commitIndex).toBe(3)
  expect(node.terms).toEqual([1, 1, 2])
})

test('Figure 2: commit index never decreases', () => {
  const node = new TestNode({ terms: [1, 1], commitIndex: 2 })
  node.append({ prevLogIndex: 2, prevLogTerm: 1, leaderCommit: 1 })
  expect(node.raft.commitIndex).toBe(2)
})

test('Figure 2: a follower answers only when the entries are durable', () => {
  const node = new TestNode({ term: 1 })
  node.append({ entries: entriesOf(1, [1, 1]) })
  const first = node.take()
  expect(first.messages).toEqual([])
  expect(first.durableMessages).toEqual([expect.objectContaining({ success: true, matchIndex: 2 })])
  // More arrives while the disk is busy; each answer tells what was there when it was made.
  node.append({ prevLogIndex: 2, prevLogTerm: 1, entries: entriesOf(3, [1]) })
  expect(node.take().durableMessages).toEqual([expect.objectContaining({ success: true, matchIndex: 3 })])
})

test('a heartbeat is answered without the disk, but only with what is known to be durable', () => {
  const node = new TestNode({ term: 1 })
  node.append({ entries: entriesOf(1, [1]) })
  node.sent()
  node.append({ prevLogIndex: 1, prevLogTerm: 1, entries: entriesOf(2, [1]) })
  node.append({ prevLogIndex: 2, prevLogTerm: 1, readRound: 7 })
  const { messages } = node.take()
  expect(messages).toEqual([expect.objectContaining({ success: true, matchIndex: 1, readRound: 7 })])
  node.persist()
  node.append({ prevLogIndex: 2, prevLogTerm: 1 })
  expect(node.take().messages).toEqual([expect.objectContaining({ success: true, matchIndex: 2 })])
})

test('a heartbeat in a term that is not durable yet is answered through the disk', () => {
  const node = new TestNode({ terms: [1] })
  node.append({ term: 2, prevLogIndex: 1, prevLogTerm: 1 })
  const { messages, durableMessages } = node.take()
  expect(messages).toEqual([])
  expect(durableMessages).toEqual([expect.objectContaining({ success: true, matchIndex: 1, term: 2 })])
})

test('a report about an entry that was replaced meanwhile is not believed', () => {
  const node = new TestNode({ term: 1 })
  node.append({ entries: entriesOf(1, [1]) })
  node.append({ from: '3', term: 2, entries: entriesOf(1, [2]) })
  node.append({ from: '2', term: 3, entries: entriesOf(1, [1, 3]) })
  node.take()
  // The first writing of 1@1; the second one is not durable before both writes that follow are.
  node.raft.persisted(1, 1)
  node.append({ from: '2', term: 3, prevLogIndex: 2, prevLogTerm: 3 })
  expect(node.take().messages).toEqual([])
  node.raft.persisted(2, 3)
  node.append({ from: '2', term: 3, prevLogIndex: 2, prevLogTerm: 3 })
  expect(node.take().messages).toEqual([expect.objectContaining({ matchIndex: 2 })])
})

test('what was durable before a cut does not count for what replaces it', () => {
  const node = new TestNode({ term: 1 })
  node.append({ entries: entriesOf(1, [1, 1, 1, 1]) })
  node.sent()
  node.append({ from: '3', term: 2, prevLogIndex: 1, prevLogTerm: 1, entries: entriesOf(2, [2, 2, 2]) })
  node.take()
  node.raft.persisted(2, 2)
  node.append({ from: '3', term: 2, prevLogIndex: 4, prevLogTerm: 2 })
  expect(node.take().messages).toEqual([expect.objectContaining({ matchIndex: 2 })])
})

test('thesis §10.2.1: a leader sends before its own disk is done, and counts itself only then', () => {
  const node = new TestNode({ voters: ['1', '2', '3'] })
  node.lead()
  node.answer({ from: '3', matchIndex: 1 })
  node.sent()
  node.propose('a')
  expect(node.take().messages.map((message) => message.type)).toEqual(['AppendEntries', 'AppendEntries'])
  node.answer({ from: '2', matchIndex: 2 })
  expect(node.raft.commitIndex).toBe(1)
  node.persist()
  expect(node.raft.commitIndex).toBe(2)
})

test('thesis §10.2.1: an entry may be committed before it is durable on the leader', () => {
  const node = new TestNode()
  node.lead()
  node.propose('a')
  node.take()
  for (const from of ['2', '3']) node.answer({ from, matchIndex: 2 })
  expect(node.raft.commitIndex).toBe(2)
})

test('a sole voter sends nothing to its learner before its term is durable', () => {
  const node = new TestNode({ voters: ['1'], learners: ['2'] })
  node.raft.campaign()
  expect(node.raft.role).toBe('leader')
  const { messages, durableMessages } = node.take()
  expect(messages).toEqual([])
  expect(durableMessages.map((message) => message.type)).toEqual(['AppendEntries'])
  node.persist()
  node.propose('a')
  node.answer({ matchIndex: 1 })
  expect(node.take().messages.map((message) => message.type)).toEqual(['AppendEntries'])
})

test('§5.4.2: entries of earlier terms are not committed by counting, but along with one of the current term', () => {
  const node = new TestNode({ terms: [1, 2] })
  node.becomeLeader()
  node.sent()
  for (const from of ['2', '3']) node.answer({ from, matchIndex: 2 })
  expect(node.raft.commitIndex).toBe(0)
  node.answer({ from: '2', matchIndex: 3 })
  expect(node.raft.commitIndex).toBe(3)
})

test('§8: each leader begins its term with a no-op', () => {
  const node = new TestNode({ terms: [1] })
  node.becomeLeader()
  expect(node.log.all().at(-1)).toEqual({ index: 2, term: 2, kind: 'noop', data: new Uint8Array(0) })
  expect(node.raft.status().committedInTerm).toBe(false)
  node.sent()
  node.answer({ matchIndex: 2 })
  expect(node.raft.status().committedInTerm).toBe(true)
})

test('§5.3: nextIndex starts after the leader’s last entry and goes back on refusal until the logs match', () => {
  const node = new TestNode({ terms: [1, 1, 2, 2] })
  node.becomeLeader()
  expect(node.sentOf('AppendEntries')[0]).toMatchObject({ to: '2', prevLogIndex: 4, prevLogTerm: 2 })
  node.answer({ success: false, matchIndex: 4, hintIndex: 2, hintTerm: 1 })
  const [retry] = node.sentOf('AppendEntries')
  expect(retry).toMatchObject({ to: '2', prevLogIndex: 2, prevLogTerm: 1 })
  expect(retry?.entries.map((entry) => entry.term)).toEqual([2, 2, 3])
  node.answer({ matchIndex: 5 })
  expect(node.raft.status().peers.get('2')).toMatchObject({ state: 'replicate', matchIndex: 5, nextIndex: 6 })
})

describe('§5.3: a refusal lets the leader skip a whole term in a round (logs of Figure 7)', () => {
  const leaderTerms = [1, 1, 1, 4, 4, 5, 5, 6, 6, 6]
  test.each([
    { name: 'a', terms: [1, 1, 1, 4, 4, 5, 5, 6, 6], hint: [9, 6], next: 9 },
    { name: 'b', terms: [1, 1, 1, 4], hint: [4, 4], next: 4 },
    { name: 'e', terms: [1, 1, 1, 4, 4, 4, 4], hint: [7, 4], next: 5 },
    { name: 'f', terms: [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3], hint: [10, 3], next: 3 },
  ])('follower $name', ({ terms, hint: [hintIndex = 0, hintTerm = 0], next }) => {
    const follower = new TestNode({ id: '2', terms })
    follower.append({ from: '1', term: 8, prevLogIndex: 10, prevLogTerm: 6 })
    const [refusal] = follower.sentOf('AppendEntriesResponse')
    expect(refusal).toMatchObject({ success: false, matchIndex: 10, hintIndex, hintTerm })
    const leader = new TestNode({ terms: leaderTerms, term: 7 })
    leader.becomeLeader()
    leader.sent()
    leader.answer({ success: false, matchIndex: 10, hintIndex, hintTerm })
    expect(leader.sentOf('AppendEntries')[0]).toMatchObject({ to: '2', prevLogIndex: next })
  })
})

test('§5.3: a leader never overwrites or deletes entries in its own log', () => {
  const node = new TestNode({ terms: [1, 2, 2] })
  node.lead()
  const before = node.log.all()
  for (const hintIndex of [0, 1, 2]) node.answer({ success: false, matchIndex: 3, hintIndex, hintTerm: 1 })
  node.propose('a')
  node.sent()
  expect(node.log.all().slice(0, before.length)).toEqual(before)
})

test('§5.5: requests are idempotent: what a follower holds already it acknowledges again', () => {
  const node = new TestNode({ term: 1 })
  for (let i = 0; i < 3; i++) node.append({ entries: entriesOf(1, [1, 1]), leaderCommit: 1 })
  expect(node.terms).toEqual([1, 1])
  expect(node.raft.commitIndex).toBe(1)
  expect(node.sentOf('AppendEntriesResponse').map((message) => message.matchIndex)).toEqual([2, 2, 2])
})

test('§5.4.3: a follower that has more committed than a message covers acknowledges all of that', () => {
  const node = new TestNode({ terms: [1, 1, 1], commitIndex: 3 })
  node.append({ prevLogIndex: 0, prevLogTerm: 0 })
  expect(node.sentOf('AppendEntriesResponse')).toEqual([expect.objectContaining({ success: true, matchIndex: 3 })])
})

test('§5.4.3: a member that matches beyond the leader’s end ends the process', () => {
  const node = new TestNode()
  node.lead()
  expect(() => node.answer({ matchIndex: 9 })).toThrow("the leader's log ends")
})

test.each([
  { name: 'a gap', entries: entriesOf(2, [1]) },
  { name: 'a decreasing term', entries: entriesOf(1, [2, 1]) },
  { name: 'a term beyond the leader’s', entries: entriesOf(1, [3]) },
])('a message with $name ends the process', ({ entries }) => {
  const node = new TestNode({ term: 2 })
  expect(() => node.append({ entries })).toThrow()
})

test('answers from a node that is no member change nothing', () => {
  const node = new TestNode()
  node.lead()
  node.answer({ from: '9', matchIndex: 1 })
  expect(node.raft.status().peers.has('9')).toBe(false)
  expect(node.raft.hasEffects()).toBe(false)
})

test('messages for another incarnation of this node are ignored', () => {
  const node = new TestNode()
  node.requestVote({ to: '1/old', term: 7 })
  node.requestVote({ from: '1', term: 7 })
  expect(node.raft.term).toBe(0)
})
