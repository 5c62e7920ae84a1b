// What the transport knows of one address: its connection, the attempt to make one, what waits for it, when to try again.
import type { Random } from '../../base/random.ts'
import type { PeerConnection } from './connection.ts'
import {
  ADDRESS_FORGOTTEN_AFTER_MS,
  DIAL_QUEUE_MESSAGES_MAX,
  DIAL_QUEUE_SIZE_BYTES_MAX,
  RECONNECT_DELAY_MS_MAX,
  RECONNECT_DELAY_MS_MIN,
} from './limits.ts'

const BACKOFF_DOUBLINGS_MAX = 16

export class PeerLink {
  readonly address: string
  /** Past the handshake. */
  connection: PeerConnection | null = null
  /** Not past it. */
  dialling: PeerConnection | null = null
  /** Messages are taken although nothing is dialled: the peer has said that it holds another connection to us. */
  expecting = false
  #retryAtMs = 0
  #failures = 0
  #pending: Buffer[] = []
  #pendingBytes = 0

  constructor(address: string) {
    this.address = address
  }

  get pendingCount(): number {
    return this.#pending.length
  }

  /** True when nothing stands against dialling now. */
  mayDial(nowMs: number): boolean {
    return this.connection === null && this.dialling === null && nowMs >= this.#retryAtMs
  }

  /** False when what waits for the connection, or is queued on it, is too much for another message. */
  get hasRoom(): boolean {
    if (this.connection !== null) return this.connection.hasRoom
    return this.#pending.length < DIAL_QUEUE_MESSAGES_MAX && this.#pendingBytes < DIAL_QUEUE_SIZE_BYTES_MAX
  }

  /** Sends a frame, or keeps it for the connection to come; false when there is no room. */
  send(frame: Buffer): boolean {
    if (this.connection !== null) return this.connection.send(frame)
    if (!this.hasRoom) return false
    this.#pending.push(frame)
    this.#pendingBytes += frame.length
    return true
  }

  /** Takes away what waits. */
  takePending(): Buffer[] {
    const pending = this.#pending
    this.#pending = []
    this.#pendingBytes = 0
    return pending
  }

  /** The next attempt waits longer than the one before, by an amount that differs between nodes. */
  failed(nowMs: number, random: Random): void {
    const exponent = Math.min(this.#failures, BACKOFF_DOUBLINGS_MAX)
    this.#failures += 1
    const delayMs = Math.min(RECONNECT_DELAY_MS_MIN * 2 ** exponent, RECONNECT_DELAY_MS_MAX)
    const retryAtMs = nowMs + delayMs / 2 + random.int(Math.ceil(delayMs / 2) + 1)
    this.#retryAtMs = Math.max(this.#retryAtMs, retryAtMs)
  }

  /** The peer refuses us: trying often is of no use. */
  refused(nowMs: number): void {
    this.#retryAtMs = nowMs + RECONNECT_DELAY_MS_MAX
  }

  reached(): void {
    this.#failures = 0
  }

  /** True when there is nothing to remember. */
  isForgettable(nowMs: number): boolean {
    if (this.connection !== null || this.dialling !== null || this.#pending.length > 0) return false
    return nowMs >= this.#retryAtMs + ADDRESS_FORGOTTEN_AFTER_MS
  }
}
