// The way between services of different nodes: messages that replication carries without looking at them, and what services need
// to know of the cluster at every request, without the cost of a status.
import type { MemberId } from '../../raft/types.ts'
import type { PeerMessage, ServiceMessage } from '../peer-messages.ts'
import type { PeerIdentity } from '../ports.ts'
import type { ReplicaMember } from './member.ts'

export interface ServiceChannelDeps {
  readonly memberId: () => MemberId
  /** Null while the node joins or serves nothing. */
  readonly member: () => ReplicaMember | null
  readonly addressOf: (member: MemberId) => string | undefined
  readonly isMember: (member: MemberId) => boolean
  readonly send: (raftAddress: string, message: PeerMessage) => boolean
  readonly schedule: (callback: () => void) => void
}

/** Who belongs to the cluster by what this node has applied. `address`: undefined while nobody knows it. */
interface AppliedMembers {
  readonly isSelfMember: boolean
  readonly others: readonly { readonly memberId: MemberId; readonly address: string | undefined }[]
  readonly noneRemovedSinceMs: number
}

/** Complete, or it does not compile: what is missing here would be taken for Raft's. */
const SERVICE_MESSAGES: Readonly<Record<ServiceMessage['type'], true>> = {
  TokenRequest: true,
  TokenGrant: true,
  OperationsRequest: true,
  OperationsReport: true,
  CatchUpRequest: true,
  CatchUpReport: true,
}

export function isServiceMessage(message: PeerMessage): message is ServiceMessage {
  return Object.hasOwn(SERVICE_MESSAGES, message.type)
}

export class ServiceChannel {
  readonly #deps: ServiceChannelDeps
  readonly #handlers: ((from: string, message: ServiceMessage) => void)[] = []

  constructor(deps: ServiceChannelDeps) {
    this.#deps = deps
  }

  /** Since when (monotonic) this node leads, -Infinity in the first term of a cluster; null when it does not. */
  get leadsSinceMs(): number | null {
    const member = this.#deps.member()
    return member?.raft.role === 'leader' ? member.leadership.ledSinceMs(member.raft.term) : null
  }

  /** Grows with every change of leader, term or role. */
  get leadershipEpoch(): number {
    return this.#deps.member()?.leadership.epoch ?? 0
  }

  /** Since when (monotonic) no leader is known; null when one is. */
  get leaderlessSinceMs(): number | null {
    return this.#deps.member()?.leadership.leaderlessSinceMs ?? null
  }

  /** Null when no leader is known or this node leads. */
  get leaderAddress(): string | null {
    const leader = this.#deps.member()?.raft.leader ?? null
    if (leader === null || leader === this.#deps.memberId()) return null
    return this.#deps.addressOf(leader) ?? null
  }

  get memberCount(): number {
    return this.#members().length
  }

  otherAddresses(): string[] {
    return this.#members().flatMap((id) => {
      const raftAddress = id === this.#deps.memberId() ? undefined : this.#deps.addressOf(id)
      return raftAddress === undefined ? [] : [raftAddress]
    })
  }

  /** The members as of the state that this node has applied; undefined while it has none. */
  get appliedMembers(): AppliedMembers | undefined {
    const applied = this.#deps.member()?.appliedMembership.current()
    if (applied === undefined) return undefined
    const { members, noneRemovedSinceMs } = applied
    const self = this.#deps.memberId()
    const others = members.filter((id) => id !== self)
    return {
      isSelfMember: others.length < members.length,
      others: others.map((memberId) => ({ memberId, address: this.#deps.addressOf(memberId) })),
      noneRemovedSinceMs,
    }
  }

  send(raftAddress: string, message: ServiceMessage): boolean {
    return this.#deps.send(raftAddress, message)
  }

  onMessage(handler: (from: string, message: ServiceMessage) => void): void {
    this.#handlers.push(handler)
  }

  schedule(callback: () => void): void {
    this.#deps.schedule(callback)
  }

  /** Hands over what a peer said; strangers are not heard. */
  deliver(from: PeerIdentity, message: ServiceMessage): void {
    if (!this.#deps.isMember(from.memberId)) return
    for (const handler of this.#handlers) handler(from.raftAddress, message)
  }

  #members(): MemberId[] {
    return (this.#deps.member()?.status().membership.members ?? []).map((member) => member.id)
  }
}
