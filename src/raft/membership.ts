// Configurations as values: the effect of one change (thesis §4.1, single-server changes) and their encoding in the log. Whether a
// change may be made now is change-membership.ts's business; here it is only whether it makes sense.
import { assert } from '../base/assert.ts'
import type { Member, MemberId, MemberRole, Membership, MembershipChange } from './types.ts'

/** Why a change makes no sense for a membership, whoever leads. */
export type ChangeRefusal = 'unknown_member' | 'already' | 'last_voter'

/** First byte of an encoded membership. 1: JSON array of [id, role, raftAddress] or [id, role, raftAddress, demoted]. */
const ENCODING_VERSION = 1

export const EMPTY_MEMBERSHIP: Membership = { members: [] }

/** The member with `id`; memberships have a few members, so nothing is indexed. */
export function findMember(membership: Membership, id: MemberId): Member | undefined {
  return membership.members.find((member) => member.id === id)
}

/** Ids of the members whose votes and acknowledgements count. */
export function votersOf(membership: Membership): MemberId[] {
  return membership.members.filter((member) => member.role === 'voter').map((member) => member.id)
}

/**
 * `membership` after `change`. Each change adds or removes at most one vote, so that every majority of the old configuration
 * shares a member with every majority of the new one (thesis §4.1, Figure 4.3).
 */
export function changedMembership(membership: Membership, change: MembershipChange): Membership | ChangeRefusal {
  if (change.type === 'add_learner') {
    const { id, raftAddress } = change.member
    if (findMember(membership, id) !== undefined) return 'already'
    return sorted([...membership.members, { id, role: 'learner', raftAddress }])
  }
  const member = findMember(membership, change.id)
  if (member === undefined) return 'unknown_member'
  const others = membership.members.filter((other) => other.id !== change.id)
  const isLastVoter = member.role === 'voter' && !others.some((other) => other.role === 'voter')
  const { id, raftAddress } = member
  switch (change.type) {
    case 'promote':
      return member.role === 'voter' ? 'already' : sorted([...others, { id, role: 'voter', raftAddress }])
    case 'demote':
      // Also turns a learner that waits for its promotion into one that does not.
      if (member.role === 'learner' && member.demoted === true) return 'already'
      return isLastVoter ? 'last_voter' : sorted([...others, { id, role: 'learner', raftAddress, demoted: true }])
    case 'remove':
      return isLastVoter ? 'last_voter' : sorted(others)
    case 'set_address':
      if (raftAddress === change.raftAddress) return 'already'
      return sorted([...others, { ...member, raftAddress: change.raftAddress }])
  }
}

/** The bytes of a membership entry: a version byte, then JSON. Equal memberships give equal bytes. */
export function encodeMembership(membership: Membership): Uint8Array {
  const rows = sorted(membership.members).members.map(({ id, role, raftAddress, demoted }) =>
    demoted === true ? [id, role, raftAddress, true] : [id, role, raftAddress],
  )
  const json = new TextEncoder().encode(JSON.stringify(rows))
  const bytes = new Uint8Array(json.length + 1)
  bytes[0] = ENCODING_VERSION
  bytes.set(json, 1)
  return bytes
}

/** Inverse of encodeMembership(). Throws AssertionError: a log entry that passed its checksum but does not decode is a bug. */
export function decodeMembership(bytes: Uint8Array): Membership {
  assert(bytes[0] === ENCODING_VERSION, `unknown encoding ${String(bytes[0])} of a membership`)
  const rows: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(1)))
  assert(Array.isArray(rows), 'an encoded membership is an array')
  return sorted(rows.map(parseMember))
}

function parseMember(row: unknown): Member {
  assert(Array.isArray(row), 'an encoded member is an array')
  const [id, role, raftAddress, demoted] = row as unknown[]
  assert(typeof id === 'string' && typeof raftAddress === 'string', 'a member has an id and an address')
  assert(isRole(role), 'a member is a voter or a learner')
  return demoted === true ? { id, role, raftAddress, demoted } : { id, role, raftAddress }
}

function isRole(value: unknown): value is MemberRole {
  return value === 'voter' || value === 'learner'
}

/** Order by code units, not by locale: every node must produce the same bytes. */
function sorted(members: readonly Member[]): Membership {
  return { members: [...members].sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)) }
}
