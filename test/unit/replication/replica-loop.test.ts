// The loop around the core: one flush at a time, and nothing that promises durability leaves before it.
import { must } from '../../../src/base/assert.ts'
import { MemoryLog } from '../../../src/raft/memory-log.ts'
import { Raft } from '../../../src/raft/raft.ts'
import type {
  AppendEntries,
  HardState,
  LogIndex,
  Membership,
  Message,
  SnapshotMeta,
  Term,
} from '../../../src/raft/types.ts'
import type { DurableLog } from '../../../src/replication/ports.ts'
import { ReplicaLog } from '../../../src/replication/replica/log.ts'
import { ReplicaLoop } from '../../../src/replication/replica/loop.ts'
import { silentObserver } from '../../../src/replication/replica-observer.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'

/** A log whose disk works when the test says so. */
class ManualLog extends MemoryLog implements DurableLog {
  readonly base: SnapshotMeta
  readonly sizeBytes = 0
  hardState: HardState = { term: 1, votedFor: null }
  durable: { index: LogIndex; term: Term } = { index: 0, term: 0 }
  /** Hard states of the flushes so far. */
  readonly flushes: (HardState | null)[] = []
  #end: { resolve: () => void; reject: (error: Error) => void } | null = null

  constructor(membership: Membership) {
    super()
    this.base = { index: 0, term: 0, membership }
  }

  flush(hardState: HardState | null): Promise<{ index: LogIndex; term: Term }> {
    expect(this.#end).toBeNull()
    this.flushes.push(hardState)
    const covered = { index: this.lastIndex, term: must(this.termAt(this.lastIndex), 'the last entry has a term') }
    return new Promise((resolve, reject) => {
      this.#end = {
        resolve: () => {
          this.durable = covered
          resolve(covered)
        },
        reject,
      }
    })
  }

  async finishFlush(): Promise<void> {
    const end = must(this.#end, 'a flush runs')
    this.#end = null
    end.resolve()
    await settled()
  }

  async failFlush(): Promise<void> {
    const end = must(this.#end, 'a flush runs')
    this.#end = null
    end.reject(new Error('EIO'))
    await settled()
  }

  get isFlushing(): boolean {
    return this.#end !== null
  }

  async cutTo(): Promise<void> {}
  async close(): Promise<void> {}
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

interface Fixture {
  readonly raft: Raft
  readonly log: ManualLog
  readonly loop: ReplicaLoop
  readonly clock: VirtualClock
  readonly sent: Message[]
  readonly failures: Error[]
  /** What beforeEffects() does in the next turns. */
  work: (raft: Raft) => void
}

function createFixture(memberIds: readonly string[]): Fixture {
  const members = memberIds.map((id) => ({ id, role: 'voter' as const, raftAddress: `${id}:1` }))
  const manual = new ManualLog({ members })
  const log = new ReplicaLog(manual)
  const raft = new Raft(
    {
      id: 'a',
      heartbeatTicks: 1,
      electionTicks: 10,
      messageSizeBytesMax: 1_000,
      inflightMessagesMax: 8,
      inflightSizeBytesMax: 8_000,
      uncommittedSizeBytesMax: 8_000,
      promotionLagEntriesMax: 10,
      randomInt: () => 0,
    },
    { hardState: manual.hardState, base: manual.base, commitIndex: 0 },
    log,
  )
  const sent: Message[] = []
  const failures: Error[] = []
  const clock = new VirtualClock()
  const loop = new ReplicaLoop({
    raft,
    log,
    clock,
    observer: silentObserver,
    schedule: queueMicrotask,
    hooks: {
      send: (message) => sent.push(message),
      beforeEffects: () => {
        fixture.work(raft)
        fixture.work = () => undefined
      },
      onReadStates: () => undefined,
      onSnapshotsToSend: () => undefined,
      onInstallSnapshot: () => undefined,
      afterEffects: () => undefined,
      onFatal: (error) => failures.push(error),
    },
  })
  const fixture: Fixture = { raft, log: manual, loop, clock, sent, failures, work: () => undefined }
  return fixture
}

function appendEntries(prevLogIndex: number, count: number): AppendEntries {
  const entries = Array.from({ length: count }, (_, offset) => ({
    index: prevLogIndex + 1 + offset,
    term: 1,
    kind: 'command' as const,
    data: new Uint8Array(1),
  }))
  const prevLogTerm = prevLogIndex === 0 ? 0 : 1
  return {
    type: 'AppendEntries',
    from: 'b',
    to: 'a',
    term: 1,
    prevLogIndex,
    prevLogTerm,
    entries,
    leaderCommit: 0,
    readRound: 0,
  }
}

const acknowledged = (sent: readonly Message[]): number[] =>
  sent.flatMap((message) => (message.type === 'AppendEntriesResponse' ? [message.matchIndex] : []))

describe('a follower', () => {
  test('acknowledges entries only once they are durable, and those that come meanwhile with the next flush', async () => {
    const { log, loop, sent } = createFixture(['a', 'b', 'c'])
    loop.receive(appendEntries(0, 2))
    await settled()
    expect(log.flushes).toHaveLength(1)
    loop.receive(appendEntries(2, 1))
    loop.receive(appendEntries(3, 1))
    await settled()
    expect(log.flushes).toHaveLength(1)
    expect(acknowledged(sent)).toEqual([])
    await log.finishFlush()
    expect(acknowledged(sent)).toEqual([2])
    expect(log.flushes).toHaveLength(2)
    await log.finishFlush()
    expect(Math.max(...acknowledged(sent))).toBe(4)
    expect(log.isFlushing).toBe(false)
  })

  test('answers at once what needs no disk while nothing is being written', async () => {
    const { log, loop, sent } = createFixture(['a', 'b', 'c'])
    loop.receive(appendEntries(0, 1))
    await settled()
    await log.finishFlush()
    const before = sent.length
    loop.receive(appendEntries(1, 0))
    await settled()
    expect(sent.length).toBe(before + 1)
    expect(log.flushes).toHaveLength(1)
  })

  test('says since when its disk has not answered, and nothing once it has', async () => {
    const { clock, log, loop } = createFixture(['a', 'b', 'c'])
    expect(loop.flushingSinceMs).toBeNull()
    clock.advance(7)
    loop.receive(appendEntries(0, 1))
    await settled()
    const sinceMs = clock.monotonicMs()
    clock.advance(60_000)
    expect(loop.flushingSinceMs).toBe(sinceMs)
    await log.finishFlush()
    expect(loop.flushingSinceMs).toBeNull()
  })

  test('gives its vote away only once it is durable', async () => {
    const { log, loop, sent } = createFixture(['a', 'b', 'c'])
    loop.receive({
      type: 'RequestVote',
      from: 'b',
      to: 'a',
      term: 5,
      preVote: false,
      lastLogIndex: 9,
      lastLogTerm: 4,
      leadershipTransfer: false,
    })
    await settled()
    expect(log.flushes).toEqual([{ term: 5, votedFor: 'b' }])
    expect(sent).toEqual([])
    await log.finishFlush()
    expect(sent).toMatchObject([{ type: 'RequestVoteResponse', voteGranted: true, term: 5 }])
  })

  test('never flushes again, nor acknowledges anything, after a flush has failed', async () => {
    const { failures, log, loop, sent } = createFixture(['a', 'b', 'c'])
    loop.receive(appendEntries(0, 2))
    await settled()
    await log.failFlush()
    loop.receive(appendEntries(2, 1))
    await settled()
    expect(failures).toMatchObject([{ code: 'STORAGE_FAILED' }])
    expect(acknowledged(sent)).toEqual([])
    expect(log.flushes).toHaveLength(1)
  })

  test('drops what does not fit into its inbox', async () => {
    const { loop, raft } = createFixture(['a', 'b', 'c'])
    for (let count = 0; count < 20_000; count++) loop.receive(appendEntries(count, 1))
    await settled()
    await settled()
    expect(raft.status().lastIndex).toBe(8_192)
  })
})

describe('a leader that is its own quorum', () => {
  test('commits what is proposed while a flush runs with the next one', async () => {
    const fixture = createFixture(['a'])
    const { log, loop, raft } = fixture
    loop.tell((core) => core.campaign())
    await settled()
    await log.finishFlush()
    expect(raft.commitIndex).toBe(1)
    const propose = (): void => {
      fixture.work = (core) => void core.propose([new Uint8Array(1)])
      loop.requestTurn()
    }
    propose()
    await settled()
    const flushCount = log.flushes.length
    for (let count = 0; count < 3; count++) {
      propose()
      await settled()
    }
    expect(log.flushes).toHaveLength(flushCount)
    expect(raft.commitIndex).toBe(1)
    await log.finishFlush()
    expect(raft.commitIndex).toBe(2)
    await log.finishFlush()
    expect(raft.commitIndex).toBe(5)
  })
})

describe('the log of a replica', () => {
  test('does not take a flush for durable that was overtaken by a cut of the tail', async () => {
    const manual = new ManualLog({ members: [] })
    const log = new ReplicaLog(manual)
    const entry = (index: number, term: number) => ({ index, term, kind: 'command' as const, data: new Uint8Array(1) })
    log.append([entry(1, 1), entry(2, 1), entry(3, 1)])
    const flush = log.flush(null)
    log.truncateFrom(2)
    log.append([entry(2, 2), entry(3, 2)])
    await manual.finishFlush()
    await flush
    expect(log.durableIndex).toBe(1)
    expect(log.isDirty).toBe(true)
    const next = log.flush(null)
    await manual.finishFlush()
    await next
    expect(log.durableIndex).toBe(3)
  })
})
