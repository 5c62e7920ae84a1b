// What a leader knows about one other member's log, and how fast it may send to it.
//
//                 refusal, lost messages
//        +-----------------------------------+
//        v                                   |
//     probe -- success --> replicate --------+
//        |                     ^
//        | next was cut away   | the member's log reaches ours again
//        +----> snapshot ------+
//        ^          |
//        +--failed--+
import { InflightWindow } from './inflight-window.ts'
import type { LogIndex, MemberId, PeerStatus, RaftOptions } from './types.ts'

export class Progress {
  readonly id: MemberId
  isVoter: boolean
  /** Removed by a configuration that is not committed yet; see Leadership.dropLeaving(). */
  isLeaving = false
  /** Highest index known to be durable on the member and equal to our log (Figure 2, matchIndex). */
  matchIndex: LogIndex = 0
  /** Next index to send (Figure 2, nextIndex); moves ahead of matchIndex while messages are in flight. */
  nextIndex: LogIndex
  /** `probe`: one message a round until the match is found; `replicate`: pipelined; `snapshot`: nothing but heartbeats. */
  state: PeerStatus['state'] = 'probe'
  /** A probe is on its way; the next answer of any kind lifts the pause. */
  probePaused = false
  readonly inflight: InflightWindow
  /** The commit index that the member knows once everything sent so far arrives. */
  commitSent: LogIndex = 0
  /** Newest ReadIndex round that the member answered (thesis §6.4). */
  readRound = 0
  /** Tick of the newest answer; minus infinity before the first. */
  heardAtTick = Number.NEGATIVE_INFINITY
  /** Heartbeat rounds in a row in which a learner was close enough to be promoted. */
  caughtUpRounds = 0
  /** Tick at which a snapshot was handed over completely; null while it streams and outside of `snapshot`. */
  snapshotDeliveredAtTick: number | null = null

  constructor(id: MemberId, isVoter: boolean, nextIndex: LogIndex, options: RaftOptions) {
    this.id = id
    this.isVoter = isVoter
    this.nextIndex = nextIndex
    this.inflight = new InflightWindow(options.inflightMessagesMax, options.inflightSizeBytesMax)
  }

  /** Back to one message at a time from `nextIndex`, which never goes back behind what is known to match. */
  becomeProbe(nextIndex: LogIndex): void {
    this.state = 'probe'
    this.probePaused = false
    this.snapshotDeliveredAtTick = null
    this.inflight.clear()
    this.nextIndex = Math.max(nextIndex, this.matchIndex + 1)
    this.commitSent = 0
  }

  /** The logs agree up to matchIndex: messages may be pipelined from there. */
  becomeReplicate(): void {
    this.state = 'replicate'
    this.probePaused = false
    this.snapshotDeliveredAtTick = null
    this.inflight.clear()
    this.nextIndex = this.matchIndex + 1
  }

  /** The entries that the member needs are gone: only a snapshot helps. */
  becomeSnapshot(): void {
    this.state = 'snapshot'
    this.probePaused = false
    this.snapshotDeliveredAtTick = null
    this.inflight.clear()
  }

  /** False while a probe, a full window or a snapshot holds back further entries. */
  get canSend(): boolean {
    if (this.state === 'replicate') return !this.inflight.isFull
    return this.state === 'probe' && !this.probePaused
  }

  /** Notes a message that was sent with entries up to `lastIndex`. */
  sent(lastIndex: LogIndex, sizeBytes: number): void {
    if (this.state === 'replicate') {
      // Optimistic: the next message follows without waiting for the answer.
      this.nextIndex = lastIndex + 1
      this.inflight.add(lastIndex, sizeBytes)
    } else {
      this.probePaused = true
    }
  }

  /** The member confirmed its log up to `index`. Returns whether that is news. Answers may be late, repeated and reordered. */
  acknowledge(index: LogIndex): boolean {
    const advanced = index > this.matchIndex
    if (advanced) {
      this.matchIndex = index
      if (this.nextIndex <= index) this.nextIndex = index + 1
    }
    this.inflight.freeThrough(index)
    return advanced
  }

  /**
   * The member refused entries after `refusedIndex`; `probeIndex` is where the logs may agree. Returns false for an answer
   * that is out of date: the refusal of a message from before something newer was learnt changes nothing.
   */
  refuse(refusedIndex: LogIndex, probeIndex: LogIndex): boolean {
    if (this.state === 'snapshot' || refusedIndex <= this.matchIndex) return false
    if (this.state === 'probe' && refusedIndex !== this.nextIndex - 1) return false
    this.becomeProbe(Math.min(refusedIndex, probeIndex + 1))
    return true
  }

  /** Heard from within the last `electionTicks`. */
  isActive(nowTick: number, electionTicks: number): boolean {
    return nowTick - this.heardAtTick <= electionTicks
  }

  status(nowTick: number, electionTicks: number): PeerStatus {
    return {
      matchIndex: this.matchIndex,
      nextIndex: this.nextIndex,
      state: this.state,
      inflightMessages: this.inflight.count,
      active: this.isActive(nowTick, electionTicks),
    }
  }
}
