// Every limit and deadline of the peer transport, by name.

/** Largest frame: the largest message and its frame's kind byte. */
export const FRAME_SIZE_BYTES_MAX = 8 * 1024 * 1024 + 1

/** Largest frame before the handshake is done. */
export const HANDSHAKE_FRAME_SIZE_BYTES_MAX = 4 * 1024

/**
 * What may wait to be written to one peer; more is dropped, because a late Raft message is worth nothing. A limit of bytes may
 * be passed by one message.
 */
export const OUTGOING_QUEUE_MESSAGES_MAX = 4_096
export const OUTGOING_QUEUE_SIZE_BYTES_MAX = 32 * 1024 * 1024

/** What may wait for a connection that is being made. */
export const DIAL_QUEUE_MESSAGES_MAX = 64
export const DIAL_QUEUE_SIZE_BYTES_MAX = 4 * 1024 * 1024

/** Frames are joined into one socket write up to about this size. */
export const WRITE_BATCH_SIZE_BYTES = 256 * 1024

/** How often deadlines are looked at. */
export const SWEEP_INTERVAL_MS = 100

/** Pause between two attempts to reach a peer: doubles from the first to the last, then 50 to 100 % of it by chance. */
export const RECONNECT_DELAY_MS_MIN = 50
export const RECONNECT_DELAY_MS_MAX = 1_000

/** Connections that may be open or in the making at the same time. */
export const CONNECTIONS_MAX = 256

/** Refusals of one reason are logged once in this time. */
export const REFUSAL_LOG_INTERVAL_MS = 10_000

/** An address that nothing is sent to and that is not connected is forgotten after this time. */
export const ADDRESS_FORGOTTEN_AFTER_MS = 60_000

/** A connection that lived shorter than this does not make its address count as reached. */
export const STABLE_CONNECTION_MS = 1_000

/** The deadlines of connections; tests shorten them. */
export interface PeerDeadlines {
  /** From the accepted connection to the end of the handshake. */
  readonly handshakeMs: number
  /** From dialling to the end of the handshake. */
  readonly connectMs: number
  /** Silence after which a peer is asked for a sign of life. */
  readonly keepAliveIntervalMs: number
  /** Silence after which a connection counts as dead. */
  readonly keepAliveDeadlineMs: number
  /** For a sign of life over a connection that another one to the same peer calls into question. */
  readonly probeMs: number
  /** For what is queued when a connection ends. */
  readonly closeMs: number
}

export const DEADLINES: PeerDeadlines = {
  handshakeMs: 5_000,
  connectMs: 3_000,
  keepAliveIntervalMs: 1_000,
  keepAliveDeadlineMs: 4_000,
  probeMs: 500,
  closeMs: 500,
}
