// Which commands the whole cluster understands. A command begins with a byte that says which version of the state machine it needs;
// members announce theirs when they connect. A leader does not log what a member could not apply: that member would have to stop.
import { InsiError } from '../../base/errors.ts'
import type { MemberId } from '../../raft/types.ts'
import type { PeerIdentity } from '../ports.ts'

/** Every release applies commands of this version. */
export const FIRST_COMMAND_VERSION = 1

/** Peers whose version is remembered. */
const HEARD_MAX = 64

/** The version that a member must have to apply `command`; Infinity for what no release writes. */
export function versionOfCommand(command: Uint8Array): number {
  const [version = 0] = command
  return version >= FIRST_COMMAND_VERSION ? version : Number.POSITIVE_INFINITY
}

/** Certainly not applied, because a member could not. */
export function upgradePending(): InsiError {
  return new InsiError(
    'UPGRADE_PENDING',
    'a member of the cluster does not know this operation yet; nothing was changed',
  )
}

export class CommandVersions {
  /** Insertion order is age. */
  readonly #heard = new Map<MemberId, number>()

  /** A message came from `peer`. */
  heard({ commandVersion = FIRST_COMMAND_VERSION, memberId }: PeerIdentity): void {
    if (this.#heard.get(memberId) === commandVersion) return
    this.#heard.delete(memberId)
    this.#heard.set(memberId, commandVersion)
    if (this.#heard.size <= HEARD_MAX) return
    for (const oldest of this.#heard.keys()) {
      this.#heard.delete(oldest)
      return
    }
  }

  /** What all of `members` understand. Of one that was not heard yet the least is assumed. */
  lowestOf(members: readonly MemberId[]): number {
    return Math.min(...members.map((member) => this.#heard.get(member) ?? FIRST_COMMAND_VERSION))
  }
}
