// Peer messages as bytes: a version byte, a type byte, then the fields in a fixed order. Fields are written by hand because
// generic objects cost several times the bytes and the time on the hot path (AppendEntries with hundreds of entries).
// Only the results of commands, whose shape is the state machine's own, travel as msgpack.
import { Packr } from 'msgpackr'
import { unreachable } from '../../base/assert.ts'
import { messageOf } from '../../base/errors.ts'
import { PeerReader, PeerWriter, protocolError } from './codec-bytes.ts'
import {
  readMembership,
  readRaftMessage,
  readSnapshotMeta,
  writeMembership,
  writeRaftMessage,
  writeSnapshotMeta,
} from './codec-raft.ts'
import { readServiceMessage, writeServiceMessage } from './codec-services.ts'
import type { JoinResponse, PeerMessage, ProbeResponse, ProposeResponse } from '../peer-messages.ts'

/**
 * Version of everything that peers exchange, handshake and frames included.
 * 1: first release.
 */
export const PEER_PROTOCOL_VERSION = 1

/** Largest encoded message; a larger one is neither sent nor accepted. */
export const PEER_MESSAGE_SIZE_BYTES_MAX = 8 * 1024 * 1024

const TYPES = [
  'Raft',
  'ProposeRequest',
  'ProposeResponse',
  'ProbeRequest',
  'ProbeResponse',
  'JoinRequest',
  'JoinResponse',
  'SnapshotChunk',
  'SnapshotChunkAck',
  'StateHash',
  'AdminRequest',
  'AdminResponse',
  'TokenRequest',
  'TokenGrant',
  'OperationsRequest',
  'OperationsReport',
  'CatchUpRequest',
  'CatchUpReport',
] as const satisfies readonly PeerMessage['type'][]

const results = new Packr({ useRecords: false, copyBuffers: true })
const scratch = new PeerWriter(PEER_MESSAGE_SIZE_BYTES_MAX)

/**
 * The bytes of `message`, in memory of their own, behind `headroomBytes` that the caller fills.
 * Throws InsiError PEER_PROTOCOL when they are too many.
 */
export function encodePeerMessage(message: PeerMessage, headroomBytes = 0): Buffer {
  scratch.reset(headroomBytes)
  scratch.byte(PEER_PROTOCOL_VERSION)
  scratch.byte(TYPES.indexOf(message.type))
  writeFields(scratch, message)
  const sizeBytes = scratch.length - headroomBytes
  if (sizeBytes > PEER_MESSAGE_SIZE_BYTES_MAX) {
    throw protocolError(`a ${message.type} of ${sizeBytes} bytes is too large for a peer`)
  }
  return scratch.finish()
}

/**
 * The message that encodePeerMessage() wrote. The byte strings of one message share one piece of memory of at most the
 * message's size, so whoever keeps a small one for long copies it. It is a copy, unless `owned` says that nobody else changes
 * or keeps the memory of `bytes`. Throws InsiError PEER_PROTOCOL when `bytes` are anything else.
 */
export function decodePeerMessage(bytes: Uint8Array, owned = false): PeerMessage {
  if (bytes.length > PEER_MESSAGE_SIZE_BYTES_MAX) throw protocolError(`a message of ${bytes.length} bytes is too large`)
  const reader = new PeerReader(bytes, owned)
  const version = reader.byte()
  if (version !== PEER_PROTOCOL_VERSION) throw protocolError(`version ${version} of the peer protocol is unknown`)
  const type = TYPES[reader.byte()]
  if (type === undefined) throw protocolError('unknown type of message')
  const message = readFields(reader, type)
  reader.end()
  return message
}

function writeFields(writer: PeerWriter, message: PeerMessage): void {
  switch (message.type) {
    case 'Raft':
      return writeRaftMessage(writer, message.message)
    case 'ProposeRequest':
      writer.uint(message.requestId)
      writeCommands(writer, message.commands)
      return writer.boolean(message.traced)
    case 'ProposeResponse':
      return writeProposeResponse(writer, message)
    case 'ProbeRequest':
      return writer.uint(message.requestId)
    case 'ProbeResponse':
      return writeProbeResponse(writer, message)
    case 'JoinRequest':
      writer.uint(message.requestId)
      writer.text(message.nodeId)
      writer.text(message.memberId)
      writer.text(message.raftAddress)
      return
    case 'JoinResponse':
      return writeJoinResponse(writer, message)
    case 'SnapshotChunk':
      writer.uint(message.transferId)
      writer.uint(message.term)
      writer.uint(message.sequence)
      writer.boolean(message.meta !== null)
      if (message.meta !== null) writeSnapshotMeta(writer, message.meta)
      writer.boolean(message.last)
      writer.bytes(message.data)
      return
    case 'SnapshotChunkAck':
      writer.uint(message.transferId)
      writer.uint(message.sequence)
      writer.boolean(message.ok)
      return
    case 'StateHash':
      writer.uint(message.index)
      writer.double(message.hash)
      return
    case 'AdminRequest':
      writer.uint(message.requestId)
      return writer.text(message.request)
    case 'AdminResponse':
      writer.uint(message.requestId)
      return writer.text(message.answer)
    case 'TokenRequest':
    case 'TokenGrant':
    case 'OperationsRequest':
    case 'OperationsReport':
    case 'CatchUpRequest':
    case 'CatchUpReport':
      return writeServiceMessage(writer, message)
    default:
      unreachable(message)
  }
}

function readFields(reader: PeerReader, type: PeerMessage['type']): PeerMessage {
  switch (type) {
    case 'Raft':
      return { type, message: readRaftMessage(reader) }
    case 'ProposeRequest': {
      const requestId = reader.uint()
      const commands: Uint8Array[] = []
      for (let left = reader.count(); left > 0; left -= 1) commands.push(reader.bytes())
      return { type, requestId, commands, traced: reader.boolean() }
    }
    case 'ProposeResponse':
      return readProposeResponse(reader)
    case 'ProbeRequest':
      return { type, requestId: reader.uint() }
    case 'ProbeResponse':
      return readProbeResponse(reader)
    case 'JoinRequest': {
      const requestId = reader.uint()
      const nodeId = reader.text()
      const memberId = reader.text()
      return { type, requestId, nodeId, memberId, raftAddress: reader.text() }
    }
    case 'JoinResponse':
      return readJoinResponse(reader)
    case 'SnapshotChunk': {
      const transferId = reader.uint()
      const term = reader.uint()
      const sequence = reader.uint()
      const meta = reader.boolean() ? readSnapshotMeta(reader) : null
      const last = reader.boolean()
      return { type, transferId, term, sequence, meta, last, data: reader.bytes() }
    }
    case 'SnapshotChunkAck': {
      const transferId = reader.uint()
      const sequence = reader.uint()
      return { type, transferId, sequence, ok: reader.boolean() }
    }
    case 'StateHash': {
      const index = reader.uint()
      return { type, index, hash: reader.double() }
    }
    case 'AdminRequest': {
      const requestId = reader.uint()
      return { type, requestId, request: reader.text() }
    }
    case 'AdminResponse': {
      const requestId = reader.uint()
      return { type, requestId, answer: reader.text() }
    }
    case 'TokenRequest':
    case 'TokenGrant':
    case 'OperationsRequest':
    case 'OperationsReport':
    case 'CatchUpRequest':
    case 'CatchUpReport':
      return readServiceMessage(reader, type)
    default:
      return unreachable(type)
  }
}

function writeCommands(writer: PeerWriter, commands: readonly Uint8Array[]): void {
  let sizeBytes = 0
  for (const command of commands) sizeBytes += command.length
  writer.count(commands.length)
  writer.expect(commands.length, sizeBytes)
  for (const command of commands) writer.bytes(command)
}

function writeProposeResponse(writer: PeerWriter, message: ProposeResponse): void {
  writer.uint(message.requestId)
  writer.boolean('results' in message)
  if ('results' in message) {
    writer.bytes(results.pack(message.results))
    writer.count(message.phasesMs.length)
    for (const phaseMs of message.phasesMs) writer.double(phaseMs)
    return
  }
  writer.text(message.error.code)
  writer.text(message.error.message)
  writer.boolean(message.error.outcomeUnknown)
}

function readProposeResponse(reader: PeerReader): ProposeResponse {
  const type = 'ProposeResponse'
  const requestId = reader.uint()
  if (reader.boolean()) {
    const unpacked = unpackResults(reader.bytes())
    const phasesMs: number[] = []
    for (let left = reader.count(); left > 0; left -= 1) phasesMs.push(reader.double())
    return { type, requestId, results: unpacked, phasesMs }
  }
  const code = reader.text()
  const message = reader.text()
  return { type, requestId, error: { code, message, outcomeUnknown: reader.boolean() } }
}

function unpackResults(bytes: Uint8Array): readonly unknown[] {
  let unpacked: unknown
  try {
    unpacked = results.unpack(bytes)
  } catch (error) {
    throw protocolError(`the results of a peer are not msgpack: ${messageOf(error)}`)
  }
  if (!Array.isArray(unpacked)) throw protocolError('the results of a peer are no array')
  return unpacked
}

function writeProbeResponse(writer: PeerWriter, message: ProbeResponse): void {
  writer.uint(message.requestId)
  writer.text(message.nodeId)
  writeOptionalText(writer, message.clusterId)
  writer.boolean(message.leader !== null)
  if (message.leader === null) return
  writer.text(message.leader.memberId)
  writer.text(message.leader.raftAddress)
}

function readProbeResponse(reader: PeerReader): ProbeResponse {
  const requestId = reader.uint()
  const nodeId = reader.text()
  const clusterId = readOptionalText(reader)
  const leader = reader.boolean() ? { memberId: reader.text(), raftAddress: reader.text() } : null
  return { type: 'ProbeResponse', requestId, nodeId, clusterId, leader }
}

function writeJoinResponse(writer: PeerWriter, message: JoinResponse): void {
  writer.uint(message.requestId)
  writer.boolean(message.accepted)
  if (message.accepted) {
    writer.text(message.clusterId)
    writeMembership(writer, message.membership)
    return
  }
  writer.text(message.reason)
  writeOptionalText(writer, message.leaderAddress)
}

function readJoinResponse(reader: PeerReader): JoinResponse {
  const type = 'JoinResponse'
  const requestId = reader.uint()
  const accepted = reader.boolean()
  if (accepted) {
    const clusterId = reader.text()
    return { type, requestId, accepted, clusterId, membership: readMembership(reader) }
  }
  const reason = reader.text()
  return { type, requestId, accepted, reason, leaderAddress: readOptionalText(reader) }
}

function writeOptionalText(writer: PeerWriter, value: string | null): void {
  writer.boolean(value !== null)
  if (value !== null) writer.text(value)
}

function readOptionalText(reader: PeerReader): string | null {
  return reader.boolean() ? reader.text() : null
}
