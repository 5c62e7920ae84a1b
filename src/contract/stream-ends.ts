// Why the server ends a subscription: close codes and reasons of its WebSocket, and of the last event of an event stream.

export interface StreamEnd {
  readonly code: number
  readonly reason: string
}

export const STREAM_ENDS = {
  /** events/purge. */
  purged: { code: 1001, reason: 'purged' },
  /** events/shake. */
  shaken: { code: 1001, reason: 'shaken' },
  /** The node stops: subscribe on another one, since the last event. */
  stopping: { code: 1012, reason: 'node is stopping' },
  /** More events wait than the queue holds: subscribe again since the last event. */
  tooSlow: { code: 1013, reason: 'too slow: resume since the last event' },
  /** The node failed to read what was missed. */
  failed: { code: 1011, reason: 'internal error' },
  /** The key, or the entity of an alias, was deleted. */
  keyDeleted: { code: 4401, reason: 'key deleted' },
  /** A watcher did not read what the node had to drop, or the node was given a new state: list again, then watch. */
  changesLost: { code: 4410, reason: 'changes were lost: list again' },
  /** Neither a message nor a pong came in time. */
  silent: { code: 4408, reason: 'no pong' },
} as const satisfies Readonly<Record<string, StreamEnd>>
