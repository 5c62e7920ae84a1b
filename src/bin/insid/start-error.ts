// One clear sentence for each reason why a node cannot start, with what to do about it.
import { InsiError, messageOf } from '../../base/errors.ts'
import { isErrorCode, errorEntry } from '../../contract/errors.ts'
import type { ErrorCode } from '../../contract/errors.ts'
import type { NodeConfig } from '../../config/config.ts'

/** Errors of the operating system, as Node reports them. */
interface SystemError extends Error {
  readonly code?: string
  readonly syscall?: string
  readonly address?: string
  readonly port?: number
  readonly path?: string
}

export interface StartContext {
  readonly nodeId: string
  readonly node: NodeConfig
  readonly configPath: string
  readonly dataDirectory: string
}

const BINDING_NAMES = ['publicBinding', 'privateBinding', 'raftBinding', 'opsBinding'] as const

/** Why the node cannot start, for the person who started it. */
export function describeStartError(error: unknown, context: StartContext): string {
  for (const cause of causesOf(error)) {
    const sentence = cause.syscall === 'listen' ? listenSentence(cause, context) : fileSentence(cause, context)
    if (sentence !== undefined) return sentence
  }
  if (error instanceof InsiError && error.code === 'DATA_DIRECTORY_LOCKED') {
    return `${context.nodeId} cannot start: ${error.message}. Stop that process first, or set another insiHome in ${context.configPath}.`
  }
  if (error instanceof InsiError && isErrorCode(error.code)) {
    const message = error.message.replace(/\.$/, '')
    return `${context.nodeId} cannot start: ${message} [${error.code}]. ${startHint(error.code)}`
  }
  return `${context.nodeId} cannot start: ${messageOf(error)}`
}

const NO_PEERS_HINT = 'A node that has no peers needs a backup.'
const DAMAGED_HINT = `Let the node be rebuilt from its peers: move its data directory away, and start it with an empty one. ${NO_PEERS_HINT}`

/** What to do about an error for which the catalogue sends callers of the API to the logs. */
const START_HINTS: Partial<Record<ErrorCode, string>> = {
  INTERNAL: 'This is a fault of insid: report it with this line.',
  STORAGE_FAILED: 'Check that its disk works and has room.',
  LOG_CORRUPT: NO_PEERS_HINT,
  STATE_CORRUPT: DAMAGED_HINT,
  RECORD_CORRUPT: DAMAGED_HINT,
  SNAPSHOT_CORRUPT: DAMAGED_HINT,
  IDENTITY_CORRUPT: NO_PEERS_HINT,
  IDENTITY_MISMATCH: 'Check that the data directory is the one of this node.',
}

function startHint(code: ErrorCode): string {
  return START_HINTS[code] ?? errorEntry(code).hint
}

function* causesOf(error: unknown): Generator<SystemError> {
  const seen = new Set<unknown>()
  for (let at = error; at instanceof Object && !seen.has(at); at = (at as Error).cause) {
    seen.add(at)
    yield at as SystemError
    if (at instanceof AggregateError) for (const part of at.errors) yield* causesOf(part)
  }
}

function listenSentence(error: SystemError, context: StartContext): string | undefined {
  const where = `${error.address ?? ''}:${error.port ?? ''}`
  const binding = BINDING_NAMES.find((name) => context.node[name]?.port === error.port)
  const start = `${context.nodeId} cannot listen on ${where}`
  const change = `change nodes.${context.nodeId}.${binding ?? 'publicBinding'} in ${context.configPath}`
  switch (error.code) {
    case 'EADDRINUSE':
      return `${start}: another program uses this port. Stop it, or ${change}. (Which one: lsof -i :${error.port ?? ''})`
    case 'EACCES':
      return `${start}: this port needs privileges. Use a port above 1023: ${change}.`
    case 'EADDRNOTAVAIL':
      return `${start}: this machine has no such address. Use 0.0.0.0 for every address, or ${change}.`
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `${start}: the host name is not known. Check the name, or ${change}.`
    case undefined:
    default:
      return undefined
  }
}

function fileSentence(error: SystemError, context: StartContext): string | undefined {
  const where = error.path ?? context.dataDirectory
  const start = `${context.nodeId} cannot start`
  switch (error.code) {
    case 'EACCES':
    case 'EPERM':
      return `${start}: no permission for ${where}. Let the user that runs insid read and write it.`
    case 'EROFS':
      return `${start}: ${where} is on a file system that cannot be written. Set insiHome to a directory that can.`
    case 'ENOSPC':
    case 'EDQUOT':
      return `${start}: no space left for ${where}. Free some, or set insiHome to a larger disk.`
    case 'ENOTDIR':
    case 'EEXIST':
      return `${start}: ${where} is not a directory. Set insiHome in ${context.configPath} to a directory.`
    case 'ENOENT':
      return `${start}: ${where} does not exist and cannot be made. Check the path in ${context.configPath}, and that its file system can be written.`
    case 'EMFILE':
    case 'ENFILE':
      return `${start}: too many open files. Raise the limit: ulimit -n 65536`
    case undefined:
    default:
      return undefined
  }
}
