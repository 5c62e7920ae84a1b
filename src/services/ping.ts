// What a node says about itself and about the caller's key.
import type { Clock } from '../base/clock.ts'
import type { StateReader } from '../state/state-reader.ts'
import type { Caller } from './caller.ts'
import { durationText } from './duration-text.ts'
import type { Replicator } from './replicator.ts'

export interface PingServiceDeps {
  readonly clock: Clock
  readonly reader: StateReader
  readonly replicator: Replicator
}

export interface Pong {
  /** Normalised name of the key. */
  readonly entity: string
  /** Raft address of the leader; empty when none is known. */
  readonly leader: string
  /** Identity of the node's data directory. */
  readonly badgeId: string
  /** Time since the node started, such as `2m53.8s`. */
  readonly uptime: string
}

export class PingService {
  readonly #deps: PingServiceDeps
  readonly #startedMs: number

  constructor(deps: PingServiceDeps) {
    this.#deps = deps
    this.#startedMs = deps.clock.monotonicMs()
  }

  ping(caller: Caller): Pong {
    const { leader, memberId } = this.#deps.replicator.status()
    return {
      entity: this.#entityName(caller),
      leader: leader?.raftAddress ?? '',
      // A member id is the node's name, a slash, and the identity of its data directory.
      badgeId: memberId.slice(memberId.lastIndexOf('/') + 1),
      uptime: durationText(this.#deps.clock.monotonicMs() - this.#startedMs),
    }
  }

  #entityName(caller: Caller): string {
    if (caller.kind === 'root') return 'root'
    const name = normalizedName(this.#deps.reader.entity(caller.entityId)?.name ?? '')
    return caller.kind === 'alias' ? `alias_for_${name}` : name
  }
}

/** Trimmed, lower case, and `_` for each character that is not wanted in labels and paths. */
export function normalizedName(name: string): string {
  return name
    .trim()
    .toLowerCase()
    .replaceAll(/[ \-.:/\\|`~!@#$%^&*()[\]{}=+?]/g, '_')
}
