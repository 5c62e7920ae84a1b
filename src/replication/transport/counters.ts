// What the peer transport counts for metrics, and the log lines about refused connections, at most one a reason and interval.
import type { Clock } from '../../base/clock.ts'
import type { Log, LogFields } from '../../base/log.ts'
import { REFUSAL_LOG_INTERVAL_MS } from './limits.ts'

const REFUSAL_REASONS = [
  /** No TLS at all. */
  'plaintext',
  /** TLS with a key or a certificate that is not ours. */
  'credentials',
  /** TLS that failed in another way. */
  'tls',
  /** TLS or the handshake after it took too long. */
  'handshake_timeout',
  /** Frames or messages that are none. */
  'protocol',
  'version',
  'cluster',
  /** The node reached itself. */
  'self',
  /** More connections than CONNECTIONS_MAX. */
  'too_many',
] as const

/** Why a connection was refused or given up. */
export type RefusalReason = (typeof REFUSAL_REASONS)[number]

/** Only `connectionsOpen` goes down. Bytes are those of frames, before encryption. */
export interface PeerTransportCounters {
  connectionsAccepted: number
  connectionsDialled: number
  /** Past the handshake now. */
  connectionsOpen: number
  dialsFailed: number
  sentBytes: number
  sentFrames: number
  receivedBytes: number
  receivedFrames: number
  /** Messages that send() refused because the queue of the peer was full. */
  droppedQueueFull: number
  /** Messages that send() refused, or lost from the queue, because the peer is not reached. */
  droppedUnreachable: number
  droppedTooLarge: number
  readonly refused: Record<RefusalReason, number>
}

export function newPeerTransportCounters(): PeerTransportCounters {
  return {
    connectionsAccepted: 0,
    connectionsDialled: 0,
    connectionsOpen: 0,
    dialsFailed: 0,
    sentBytes: 0,
    sentFrames: 0,
    receivedBytes: 0,
    receivedFrames: 0,
    droppedQueueFull: 0,
    droppedUnreachable: 0,
    droppedTooLarge: 0,
    refused: Object.fromEntries(REFUSAL_REASONS.map((reason) => [reason, 0])) as Record<RefusalReason, number>,
  }
}

/** Counts refusals and logs them without letting a stranger fill the log. */
export class Refusals {
  readonly #counters: PeerTransportCounters
  readonly #clock: Clock
  readonly #log: Log
  readonly #lastLogged = new Map<RefusalReason, { readonly atMs: number; readonly count: number }>()

  constructor(counters: PeerTransportCounters, clock: Clock, log: Log) {
    this.#counters = counters
    this.#clock = clock
    this.#log = log
  }

  /** `fields` say where the connection came from and what was wrong. */
  add(reason: RefusalReason, fields: LogFields): void {
    const count = (this.#counters.refused[reason] += 1)
    const nowMs = this.#clock.monotonicMs()
    const last = this.#lastLogged.get(reason)
    if (last !== undefined && nowMs - last.atMs < REFUSAL_LOG_INTERVAL_MS) return
    this.#lastLogged.set(reason, { atMs: nowMs, count })
    const unlogged = count - (last?.count ?? 0) - 1
    this.#log.warn({ ...fields, reason, unlogged }, 'refused a peer connection')
  }
}
