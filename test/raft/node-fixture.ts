// One Raft under test with everybody else played by the test: messages in by receive(), messages out by sent(). All defaults
// are here, so that what a test sets is what it is about.
import { must } from '../../src/base/assert.ts'
import { EMPTY_MEMBERSHIP, encodeMembership } from '../../src/raft/membership.ts'
import { MemoryLog } from '../../src/raft/memory-log.ts'
import { Raft } from '../../src/raft/raft.ts'
import { TEST_RAFT_OPTIONS } from './cluster-node.ts'
import type {
  AppendEntries,
  AppendEntriesResponse,
  Effects,
  Entry,
  MemberId,
  Membership,
  MembershipChange,
  Message,
  RaftOptions,
  RequestVote,
  RequestVoteResponse,
} from '../../src/raft/types.ts'

export interface NodeSetup {
  /** Default `1`. */
  readonly id?: MemberId
  /** Default `1`, `2` and `3`. */
  readonly voters?: readonly MemberId[]
  readonly learners?: readonly MemberId[]
  /** Terms of the entries in the log; default none. */
  readonly terms?: readonly number[]
  /** Default the last entry's term. */
  readonly term?: number
  readonly votedFor?: MemberId
  readonly commitIndex?: number
  /** A log that begins after a snapshot. */
  readonly base?: { readonly index: number; readonly term: number }
  readonly options?: Partial<RaftOptions>
}

export function membershipOf(voters: readonly MemberId[], learners: readonly MemberId[] = []): Membership {
  const voterMembers = voters.map((id) => ({ id, role: 'voter' as const, raftAddress: `${id}:7000` }))
  const learnerMembers = learners.map((id) => ({ id, role: 'learner' as const, raftAddress: `${id}:7000` }))
  return { members: [...voterMembers, ...learnerMembers].sort((a, b) => (a.id < b.id ? -1 : 1)) }
}

/** Commands from `from` on, one for each of `terms`; the data tells index and term. */
export function entriesOf(from: number, terms: readonly number[]): Entry[] {
  return terms.map((term, i) => ({ index: from + i, term, kind: 'command', data: textOf(`${from + i}@${term}`) }))
}

/** A configuration as it stands in the log. */
export function membershipEntry(index: number, term: number, membership: Membership): Entry {
  return { index, term, kind: 'membership', data: encodeMembership(membership) }
}

export function addLearner(id: MemberId): MembershipChange {
  return { type: 'add_learner', member: { id, raftAddress: `${id}:7000` } }
}

export function textOf(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

export class TestNode {
  readonly raft: Raft
  readonly log: MemoryLog
  readonly id: MemberId
  /** What take() handed over last. */
  effects: Effects | null = null

  constructor(setup: NodeSetup = {}) {
    const { id = '1', voters = ['1', '2', '3'], learners = [], terms = [], base = { index: 0, term: 0 } } = setup
    const membership = voters.length + learners.length === 0 ? EMPTY_MEMBERSHIP : membershipOf(voters, learners)
    this.id = id
    this.log = new MemoryLog(base, entriesOf(base.index + 1, terms))
    this.raft = new Raft(
      { ...TEST_RAFT_OPTIONS, id, randomInt: () => 0, ...setup.options },
      {
        hardState: { term: setup.term ?? terms.at(-1) ?? base.term, votedFor: setup.votedFor ?? null },
        base: { ...base, membership },
        commitIndex: setup.commitIndex ?? base.index,
      },
      this.log,
    )
  }

  /** Terms of the log, oldest first. */
  get terms(): number[] {
    return this.log.all().map((entry) => entry.term)
  }

  /** Takes the effects without making anything durable. */
  take(): Effects {
    this.effects = this.raft.takeEffects()
    return this.effects
  }

  /** Reports everything in the log as durable. */
  persist(): void {
    this.raft.persisted(this.log.lastIndex, must(this.log.termAt(this.log.lastIndex), 'last term'))
  }

  /** Takes the effects, makes everything durable and returns all messages that leave by that. */
  sent(): Message[] {
    const messages: Message[] = []
    while (this.raft.hasEffects()) {
      const { messages: early, durableMessages } = this.take()
      messages.push(...early)
      this.persist()
      messages.push(...durableMessages)
    }
    this.persist()
    return this.raft.hasEffects() ? [...messages, ...this.sent()] : messages
  }

  /** Messages of one type among sent(). */
  sentOf<T extends Message['type']>(type: T): Extract<Message, { type: T }>[] {
    return this.sent().filter((message): message is Extract<Message, { type: T }> => message.type === type)
  }

  tick(count = 1): void {
    for (let i = 0; i < count; i++) this.raft.tick()
  }

  propose(...commands: string[]): ReturnType<Raft['propose']> {
    return this.raft.propose(commands.map(textOf))
  }

  receive(message: Message): void {
    this.raft.step(message)
  }

  requestVote(fields: Partial<RequestVote>): void {
    const request = { from: '2', to: this.id, term: 1, preVote: false, lastLogIndex: 0, lastLogTerm: 0 } as const
    this.receive({ type: 'RequestVote', ...request, leadershipTransfer: false, ...fields })
  }

  vote(fields: Partial<RequestVoteResponse>): void {
    const response = { from: '2', to: this.id, term: this.raft.term, preVote: false, voteGranted: true }
    this.receive({ type: 'RequestVoteResponse', ...response, ...fields })
  }

  append(fields: Partial<AppendEntries>): void {
    const prev = { prevLogIndex: 0, prevLogTerm: 0, entries: [], leaderCommit: 0, readRound: 0 }
    this.receive({ type: 'AppendEntries', from: '2', to: this.id, term: this.raft.term, ...prev, ...fields })
  }

  answer(fields: Partial<AppendEntriesResponse>): void {
    const hints = { success: true, matchIndex: 0, hintIndex: 0, hintTerm: 0, readRound: 0 }
    this.receive({ type: 'AppendEntriesResponse', from: '2', to: this.id, term: this.raft.term, ...hints, ...fields })
  }

  /** Campaigns and gets the votes of `from`; everything sent meanwhile is taken. */
  becomeLeader(from: readonly MemberId[] = ['2']): void {
    this.raft.campaign()
    for (const voter of from) this.vote({ from: voter, term: this.raft.term + 1, preVote: true })
    this.sent()
    for (const voter of from) this.vote({ from: voter })
    if (this.raft.role !== 'leader') throw new Error(`${this.id} was not elected`)
  }

  /** becomeLeader(), and the no-op is committed. */
  lead(from: readonly MemberId[] = ['2']): void {
    this.becomeLeader(from)
    this.sent()
    for (const voter of from) this.answer({ from: voter, matchIndex: this.log.lastIndex })
    this.sent()
    if (!this.raft.status().committedInTerm) throw new Error('the no-op was not committed')
    this.raft.applied(this.raft.commitIndex)
  }
}
