// Where members are dialled. Two sources, the newest wins: the membership in the log, and what a peer says of itself when it
// connects (a joiner knows no membership yet, and a node that moved is heard before its change is committed).
import type { MemberId, Membership } from '../raft/types.ts'
import type { PeerIdentity } from './ports.ts'

/** Peers outside of the membership whose address is remembered. */
const HEARD_MAX = 64

export class AddressBook {
  /** Newest known addresses; insertion order is age. */
  readonly #heard = new Map<MemberId, string>()
  #members = new Map<MemberId, string>()

  /** A message came from `peer`. */
  heard(peer: PeerIdentity): void {
    if (this.#heard.get(peer.memberId) === peer.raftAddress) return
    this.#heard.delete(peer.memberId)
    this.#heard.set(peer.memberId, peer.raftAddress)
    if (this.#heard.size <= HEARD_MAX) return
    for (const oldest of this.#heard.keys()) {
      this.#heard.delete(oldest)
      return
    }
  }

  /** Takes over `membership`; returns the addresses that no member has any more. */
  setMembership(membership: Membership): string[] {
    const members = new Map(membership.members.map((member) => [member.id, member.raftAddress]))
    for (const [id, raftAddress] of members) {
      if (this.#members.get(id) !== raftAddress) this.#heard.delete(id)
    }
    const inUse = new Set(members.values())
    const gone = [...this.#members.values()].filter((raftAddress) => !inUse.has(raftAddress))
    this.#members = members
    return gone
  }

  addressOf(id: MemberId): string | undefined {
    return this.#heard.get(id) ?? this.#members.get(id)
  }
}

/** The node of a member: the part of its id before the incarnation. */
export function nodeIdOf(memberId: MemberId): string {
  const slash = memberId.lastIndexOf('/')
  return slash === -1 ? memberId : memberId.slice(0, slash)
}
