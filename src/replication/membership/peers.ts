// Where members are dialled. What a peer says of itself when it connects is certain. Until it is heard there are two guesses: the
// membership in the log, and the configuration, which is right alone when all nodes of a cluster moved at once.
import type { MemberId, Membership } from '../../raft/types.ts'
import type { PeerIdentity } from '../ports.ts'
import type { ConfiguredPeer } from '../replica-options.ts'

/** Peers outside of the membership whose address is remembered. */
const HEARD_MAX = 64

export class AddressBook {
  /** Newest known addresses; insertion order is age. */
  readonly #heard = new Map<MemberId, string>()
  #configured: ReadonlyMap<string, string>
  #members = new Map<MemberId, string>()

  constructor(configured: readonly ConfiguredPeer[]) {
    this.#configured = byNode(configured)
  }

  /** The configuration changed. */
  setConfigured(configured: readonly ConfiguredPeer[]): void {
    this.#configured = byNode(configured)
  }

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

  isMember(id: MemberId): boolean {
    return this.#members.has(id)
  }

  /** The best guess. */
  addressOf(id: MemberId): string | undefined {
    return this.#heard.get(id) ?? this.#members.get(id) ?? this.#configured.get(nodeIdOf(id))
  }

  /** The incarnation of `nodeId` that was heard last and says that it listens at `raftAddress`. */
  memberAt(nodeId: string, raftAddress: string): MemberId | undefined {
    const heard = [...this.#heard].filter(([id, address]) => nodeIdOf(id) === nodeId && address === raftAddress)
    return heard.at(-1)?.[0]
  }

  /** Another place where a member that was not heard yet may be. */
  otherAddressOf(id: MemberId): string | undefined {
    if (this.#heard.has(id)) return undefined
    const configured = this.#configured.get(nodeIdOf(id))
    return configured === this.addressOf(id) ? undefined : configured
  }
}

function byNode(peers: readonly ConfiguredPeer[]): ReadonlyMap<string, string> {
  return new Map(peers.map(({ nodeId, raftAddress }) => [nodeId, raftAddress]))
}

/** The node of a member: the part of its id before the incarnation. */
export function nodeIdOf(memberId: MemberId): string {
  const slash = memberId.lastIndexOf('/')
  return slash === -1 ? memberId : memberId.slice(0, slash)
}
