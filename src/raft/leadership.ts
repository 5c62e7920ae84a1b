// What exists only while a node leads: progress of the others, waiting reads, the transfer under way. Made by becomeLeader(),
// dropped as a whole on step-down, so that nothing of one term leaks into the next.
import { assert } from '../base/assert.ts'
import { Progress } from './progress.ts'
import { highestOnMajority } from './quorum.ts'
import { LeaderReads } from './read-queue.ts'
import { ENTRY_OVERHEAD_BYTES, UncommittedTail } from './uncommitted-tail.ts'
import type { Entry, LogIndex, MemberId, Membership, RaftLog, RaftOptions } from './types.ts'

/** Entries for one AppendEntries; shared by the members that need the same ones, hence never changed. */
export interface Batch {
  readonly entries: readonly Entry[]
  readonly sizeBytes: number
}

export interface Transfer {
  readonly target: MemberId
  readonly startedAtTick: number
}

export class Leadership {
  /** Index of the no-op that opened the term: this entry and all later ones are of the leader's term (§8). */
  readonly termStartIndex: LogIndex
  readonly startedAtTick: number
  readonly peers = new Map<MemberId, Progress>()
  /** The values of `peers`, and the voters among them: iterated without allocation on hot paths. */
  peerList: Progress[] = []
  voterPeers: Progress[] = []
  /** False while the leader works off its own removal: it leads, but does not count (thesis §4.2.2). */
  selfIsVoter = true
  heartbeatElapsedTicks = 0
  /** Something changed that members may have to be told; messages are made once, when the owner takes the effects. */
  appendDue = false
  /**
   * The term may not be durable here yet, which only happens to a sole voter: it wins without asking anybody. Until then its
   * messages wait, since after a crash it could lead the same term again with other entries.
   */
  holdsMessages: boolean
  transfer: Transfer | null = null
  /** Did not take over within an election timeout. */
  failedTarget: MemberId | null = null
  /** Counts only this leadership's proposals: what earlier leaders left was bounded by them. */
  readonly uncommitted: UncommittedTail
  readonly reads = new LeaderReads()
  readonly #options: RaftOptions
  // Scratch space for quorum counts.
  readonly #counts: number[] = []
  #batch: (Batch & { readonly from: LogIndex; readonly logEnd: LogIndex }) | null = null

  /** `lastIndex`: the end of the log before the term's no-op. */
  constructor(options: RaftOptions, membership: Membership, lastIndex: LogIndex, nowTick: number) {
    this.#options = options
    this.termStartIndex = lastIndex + 1
    this.startedAtTick = nowTick
    this.uncommitted = new UncommittedTail(options.uncommittedSizeBytesMax)
    this.setMembership(membership, this.termStartIndex)
    // With other voters, their votes prove that the term is durable: the requests for them waited for it.
    this.holdsMessages = this.voterPeers.length === 0
  }

  /** Takes `membership` into force; new members are probed from `nextIndex`, the newest entry, like after an election (§5.3). */
  setMembership(membership: Membership, nextIndex: LogIndex): void {
    // Whoever the new configuration does not name is leaving.
    this.selfIsVoter = false
    for (const peer of this.peerList) {
      peer.isVoter = false
      peer.isLeaving = true
    }
    for (const { id, role } of membership.members) {
      const isVoter = role === 'voter'
      if (id === this.#options.id) this.selfIsVoter = isVoter
      else this.#keep(id, isVoter, nextIndex)
    }
    this.#refreshLists()
    // A transfer to a member that may no longer lead ends here (thesis §3.10).
    if (this.transfer !== null && this.peers.get(this.transfer.target)?.isVoter !== true) this.transfer = null
  }

  /**
   * Forgets members whose removal is committed. Until then they get the log as before, so that they learn of their removal and
   * stop campaigning; whether they do is up to luck, and not needed (thesis §4.2.3).
   */
  dropLeaving(): void {
    for (const peer of this.peerList) if (peer.isLeaving) this.peers.delete(peer.id)
    this.#refreshLists()
  }

  #keep(id: MemberId, isVoter: boolean, nextIndex: LogIndex): void {
    const peer = this.peers.get(id)
    if (peer === undefined) {
      this.peers.set(id, new Progress(id, isVoter, nextIndex, this.#options))
      return
    }
    peer.isVoter = isVoter
    peer.isLeaving = false
  }

  #refreshLists(): void {
    this.peerList = [...this.peers.values()]
    this.voterPeers = this.peerList.filter((peer) => peer.isVoter)
  }

  /** Highest index on a majority of voters; the leader counts only up to `durableIndex` of its own log (thesis §10.2.1). */
  quorumMatchIndex(durableIndex: LogIndex): LogIndex {
    const counts = this.#counts
    counts.length = 0
    for (const peer of this.voterPeers) counts.push(peer.matchIndex)
    if (this.selfIsVoter) counts.push(durableIndex)
    return highestOnMajority(counts)
  }

  /** Newest ReadIndex round that a majority of voters answered; the leader answers its own rounds at once (thesis §6.4). */
  quorumReadRound(): number {
    const counts = this.#counts
    counts.length = 0
    for (const peer of this.voterPeers) counts.push(peer.readRound)
    if (this.selfIsVoter) counts.push(this.reads.round)
    return highestOnMajority(counts)
  }

  /** Whether a majority of voters was heard from within an election timeout (thesis §6.2, CheckQuorum). */
  isQuorumActive(nowTick: number): boolean {
    // One for each voter that is there: 1 is on a majority exactly when enough of them are.
    const counts = this.#counts
    counts.length = 0
    for (const peer of this.voterPeers) counts.push(peer.isActive(nowTick, this.#options.electionTicks) ? 1 : 0)
    if (this.selfIsVoter) counts.push(1)
    return highestOnMajority(counts) === 1
  }

  /** The entries from `from` that one message may carry; undefined when they were cut away. `from` is in the log. */
  batchFrom(log: RaftLog, from: LogIndex): Batch | undefined {
    const logEnd = log.lastIndex
    // Followers mostly stand at the same index: what was read for one serves the next.
    if (this.#batch !== null && this.#batch.from === from && this.#batch.logEnd === logEnd) return this.#batch
    const entries = log.entries(from, logEnd + 1, this.#options.messageSizeBytesMax)
    if (entries === undefined) return undefined
    assert(entries.length > 0, 'the log returns at least one entry')
    let sizeBytes = 0
    for (const entry of entries) sizeBytes += entry.data.length + ENTRY_OVERHEAD_BYTES
    this.#batch = { entries, sizeBytes, from, logEnd }
    return this.#batch
  }

  /** Lets go of the entries kept for sharing. */
  dropBatch(): void {
    this.#batch = null
  }
}
