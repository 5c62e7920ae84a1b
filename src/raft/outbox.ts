// Collects what the owner has to do until it asks for it: the mutable side of Effects. Whether a message may leave before the disk
// is done is decided where it is made, by the choice between send() and sendWhenDurable(); the comments there say why.
import type { Effects, HardState, LogIndex, MemberId, Message, ReadState, SnapshotMeta } from './types.ts'

// Most calls find most kinds empty; these spare an allocation each.
const NO_MESSAGES: readonly Message[] = []
const NO_MEMBERS: readonly MemberId[] = []
const NO_READ_STATES: readonly ReadState[] = []

export class Outbox {
  /** The newest hard state that was not taken yet; null when the one taken last still holds. */
  hardState: HardState | null = null
  /** The newest accepted snapshot: one accepted later covers the one before. */
  installSnapshot: SnapshotMeta | null = null
  #messages: Message[] = []
  #durableMessages: Message[] = []
  #snapshotsToSend: MemberId[] = []
  #readStates: ReadState[] = []

  /** Queues a message that promises nothing about this node's disk. */
  send(message: Message): void {
    this.#messages.push(message)
  }

  /** Queues a message that is true only once everything changed so far is durable. */
  sendWhenDurable(message: Message): void {
    this.#durableMessages.push(message)
  }

  /** Asks for a snapshot to be streamed to `member`. */
  streamSnapshot(member: MemberId): void {
    this.#snapshotsToSend.push(member)
  }

  /** Answers a read of this node; `readIndex` null when it could not be confirmed. */
  answerRead(requestId: number, readIndex: LogIndex | null): void {
    this.#readStates.push({ requestId, readIndex })
  }

  get isEmpty(): boolean {
    return (
      this.#messages.length === 0 &&
      this.#durableMessages.length === 0 &&
      this.#readStates.length === 0 &&
      this.#snapshotsToSend.length === 0 &&
      this.hardState === null &&
      this.installSnapshot === null
    )
  }

  /** Hands everything over and starts anew. The arrays belong to the caller; empty ones are shared. */
  take(): Effects {
    const effects: Effects = {
      hardState: this.hardState,
      messages: this.#messages.length === 0 ? NO_MESSAGES : this.#messages,
      durableMessages: this.#durableMessages.length === 0 ? NO_MESSAGES : this.#durableMessages,
      installSnapshot: this.installSnapshot,
      snapshotsToSend: this.#snapshotsToSend.length === 0 ? NO_MEMBERS : this.#snapshotsToSend,
      readStates: this.#readStates.length === 0 ? NO_READ_STATES : this.#readStates,
    }
    this.hardState = null
    this.installSnapshot = null
    if (this.#messages.length > 0) this.#messages = []
    if (this.#durableMessages.length > 0) this.#durableMessages = []
    if (this.#snapshotsToSend.length > 0) this.#snapshotsToSend = []
    if (this.#readStates.length > 0) this.#readStates = []
    return effects
  }
}
