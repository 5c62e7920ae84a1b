// The handshake: each side says first who it is. What comes from an unsuitable peer is refused before any message is read.
import { FIRST_COMMAND_VERSION } from '../membership/command-versions.ts'
import { PEER_PROTOCOL_VERSION } from './peer-codec.ts'
import { PeerReader, PeerWriter } from './codec-bytes.ts'
import { HANDSHAKE_FRAME_SIZE_BYTES_MAX } from './limits.ts'
import type { PeerIdentity } from '../ports.ts'

/** Who this node is at the moment. */
export interface LocalPeerIdentity extends PeerIdentity {
  /** Null while the node belongs to no cluster. */
  readonly clusterId: string | null
}

/** The first frame in each direction; sent again when the sender has joined a cluster meanwhile. */
export interface Hello extends LocalPeerIdentity {
  /** Newest version that the sender speaks. */
  readonly version: number
  /** Oldest version that the sender still understands. */
  readonly versionMin: number
  /** Drawn at each start of a process: tells a restarted peer from a second connection of the same one. */
  readonly instanceId: string
  /** Counts the connections that the sender has dialled; 0 from the side that was dialled. */
  readonly dialNumber: number
}

/** Why a peer is not talked to. */
export type HelloFault = 'version' | 'cluster' | 'self'

const scratch = new PeerWriter(HANDSHAKE_FRAME_SIZE_BYTES_MAX)

/** The body of a hello frame. */
export function encodeHello(hello: Hello): Buffer {
  scratch.reset(0)
  scratch.uint(hello.version)
  scratch.uint(hello.versionMin)
  scratch.text(hello.instanceId)
  scratch.uint(hello.dialNumber)
  scratch.boolean(hello.clusterId !== null)
  if (hello.clusterId !== null) scratch.text(hello.clusterId)
  scratch.text(hello.nodeId)
  scratch.text(hello.memberId)
  scratch.text(hello.raftAddress)
  scratch.uint(hello.commandVersion ?? FIRST_COMMAND_VERSION)
  return scratch.finish()
}

/** Reads the body of a hello frame; newer versions may add fields at the end. Throws InsiError PEER_PROTOCOL. */
export function decodeHello(body: Uint8Array): Hello {
  const reader = new PeerReader(body)
  const version = reader.uint()
  const versionMin = reader.uint()
  const instanceId = reader.text()
  const dialNumber = reader.uint()
  const clusterId = reader.boolean() ? reader.text() : null
  const nodeId = reader.text()
  const memberId = reader.text()
  const raftAddress = reader.text()
  const commandVersion = reader.uint()
  if (version <= PEER_PROTOCOL_VERSION) reader.end()
  return { version, versionMin, instanceId, dialNumber, clusterId, nodeId, memberId, raftAddress, commandVersion }
}

/** What makes `theirs` unsuitable for a node that says `ours`; null when nothing does. */
export function faultOf(theirs: Hello, ours: Hello): HelloFault | null {
  if (theirs.versionMin > ours.version || theirs.version < ours.versionMin) return 'version'
  if (theirs.instanceId === ours.instanceId) return 'self'
  const bothInCluster = theirs.clusterId !== null && ours.clusterId !== null
  return bothInCluster && theirs.clusterId !== ours.clusterId ? 'cluster' : null
}

/** One of two connections between the same two processes, as both of them see it. */
export interface DialFacts {
  readonly dialledByUs: boolean
  /** Of the side that dialled. */
  readonly dialNumber: number
}

/**
 * True when `candidate` is kept and `current` given up. Both sides come to the same answer: what the smaller member id has
 * dialled is kept; of two connections dialled by the same side, the later one.
 */
export function supersedes(candidate: DialFacts, current: DialFacts, ours: Hello, theirs: Hello): boolean {
  if (candidate.dialledByUs === current.dialledByUs) return candidate.dialNumber > current.dialNumber
  return candidate.dialledByUs === comesFirst(ours, theirs)
}

function comesFirst(one: Hello, other: Hello): boolean {
  if (one.memberId !== other.memberId) return one.memberId < other.memberId
  return one.instanceId < other.instanceId
}
