// Checks what clients saw against what the cluster committed. The committed log is one total order of all writes; the history is
// linearizable if every answer is what a sequential store gives at its place in that order, and the order agrees with real time.
import { must } from '../../src/base/assert.ts'
import type { LogIndex } from '../../src/raft/types.ts'
import { decodeCommand } from '../../src/state/command-codec.ts'
import type { Command, CommandResult } from '../../src/state/commands.ts'
import type { CommittedLog } from './committed-log.ts'
import type { Operation } from './sim-clients.ts'

/** One value of a key: from its write until the next one. */
interface Version {
  readonly from: LogIndex
  /** Exclusive; Infinity for the newest. */
  to: LogIndex
  /** Null: the key is missing. */
  readonly value: string | null
}

interface History {
  /** Versions of each key, oldest first; the first one is "missing" from index 0. */
  readonly versions: ReadonlyMap<string, readonly Version[]>
  /** Encoded command (latin1) → where it was committed. */
  readonly indexes: ReadonlyMap<string, readonly LogIndex[]>
  /** What a sequential store answers at each index. */
  readonly answers: ReadonlyMap<LogIndex, CommandResult>
}

/** Replays the committed commands on a plain map. */
function replay(committed: CommittedLog): History {
  const versions = new Map<string, Version[]>()
  const indexes = new Map<string, LogIndex[]>()
  const answers = new Map<LogIndex, CommandResult>()
  committed.entries.forEach(({ data, kind }, position) => {
    const index = position + 1
    if (kind !== 'command') return
    const text = data.toString('latin1')
    indexes.set(text, [...(indexes.get(text) ?? []), index])
    const command = must(decodeCommand(data), `the command at ${index} is readable`)
    if (!('key' in command)) return
    const key = Buffer.from(command.key).toString('utf8')
    const history = versions.get(key) ?? [{ from: 0, to: Number.POSITIVE_INFINITY, value: null }]
    versions.set(key, history)
    const newest = must(history.at(-1), 'every key has a version')
    const { answer, value } = evaluate(command, newest.value, index)
    answers.set(index, answer)
    if (value === undefined) return
    newest.to = index
    history.push({ from: index, to: Number.POSITIVE_INFINITY, value })
  })
  return { versions, indexes, answers }
}

/** The answer of a sequential store, and the key's new value; undefined when it stays as it is. */
function evaluate(
  command: Command,
  current: string | null,
  index: LogIndex,
): { readonly answer: CommandResult; readonly value: string | null | undefined } {
  const ok: CommandResult = { ok: true, revision: index }
  switch (command.type) {
    case 'kv.set':
      return { answer: ok, value: textOf(command.value) }
    case 'kv.setnx':
      if (current !== null) return { answer: { ok: false, code: 'KEY_EXISTS' }, value: undefined }
      return { answer: ok, value: textOf(command.value) }
    case 'kv.cas':
      if (current === null) return { answer: { ok: false, code: 'CAS_KEY_MISSING' }, value: undefined }
      if (current !== textOf(command.oldValue)) return { answer: { ok: false, code: 'CAS_MISMATCH' }, value: undefined }
      return { answer: ok, value: textOf(command.newValue) }
    case 'kv.bump': {
      const sum = BigInt(current ?? '0') + command.delta
      const value = (command.min !== null && sum < command.min ? command.min : sum).toString()
      return { answer: { ...ok, value }, value }
    }
    case 'kv.delete':
      return { answer: ok, value: current === null ? undefined : null }
    default:
      throw new Error(`clients do not send ${command.type}`)
  }
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1')
}

/** The first thing that is wrong with `operations`, or null. */
export function findAnomaly(operations: readonly Operation[], committed: CommittedLog): string | null {
  const history = replay(committed)
  const places = new Map<Operation, LogIndex>()
  for (const operation of operations) {
    const anomaly =
      operation.type === 'write' ? checkWrite(operation, history, places) : checkRead(operation, history, places)
    if (anomaly !== null) return `${describe(operation)}: ${anomaly}`
  }
  return checkRealTime(operations, history, places)
}

function checkWrite(operation: Operation, history: History, places: Map<Operation, LogIndex>): string | null {
  const indexes = history.indexes.get(must(operation.command, 'a write has a command').toString('latin1')) ?? []
  if (indexes.length > 1) return `was applied ${indexes.length} times, at ${indexes.join(', ')}`
  const [index] = indexes
  if (operation.outcome === 'not_applied' && index !== undefined) return `was refused, but applied at ${index}`
  if (operation.outcome !== 'ok') return null
  if (index === undefined) return 'was acknowledged, but is not in the log'
  places.set(operation, index)
  const expected = JSON.stringify(sorted(history.answers.get(index)))
  const actual = JSON.stringify(sorted(operation.result))
  return actual === expected ? null : `answered ${actual}, a sequential store answers ${expected}`
}

/** Members in a fixed order, so that equal answers have equal text. */
function sorted(value: object | null | undefined): unknown {
  if (value === null || value === undefined) return value
  return Object.fromEntries(Object.entries(value).toSorted(([one], [other]) => one.localeCompare(other)))
}

function checkRead(operation: Operation, history: History, places: Map<Operation, LogIndex>): string | null {
  if (operation.outcome !== 'ok') return null
  const versions = history.versions.get(operation.key) ?? []
  if (operation.readRevision === null) return null
  const version = versions.find(({ from }) => from === operation.readRevision)
  if (version === undefined || version.value === null)
    return `read revision ${operation.readRevision}, which is no write`
  places.set(operation, version.from)
  return null
}

/**
 * Real-time order: an operation that begins after another one was answered comes after it. Reads have a range of places (the
 * life of the version that they saw), writes one.
 */
function checkRealTime(
  operations: readonly Operation[],
  history: History,
  places: ReadonlyMap<Operation, LogIndex>,
): string | null {
  const completed = operations.filter((operation) => operation.outcome === 'ok')
  const byEnd = completed.toSorted((one, other) => one.endedAt - other.endedAt)
  let endedCount = 0
  /** The highest place of anything that was answered so far. */
  let floor = 0
  for (const operation of completed.toSorted((one, other) => one.startedAt - other.startedAt)) {
    for (; (byEnd[endedCount]?.endedAt ?? Number.POSITIVE_INFINITY) < operation.startedAt; endedCount++) {
      floor = Math.max(floor, places.get(must(byEnd[endedCount], 'within bounds')) ?? 0)
    }
    const anomaly = comesAfter(operation, floor, history, places)
    if (anomaly !== null) return `${describe(operation)}: ${anomaly}`
  }
  return null
}

function comesAfter(
  operation: Operation,
  floor: LogIndex,
  history: History,
  places: ReadonlyMap<Operation, LogIndex>,
): string | null {
  if (operation.type === 'write') {
    const index = must(places.get(operation), 'an acknowledged write has a place')
    return index > floor ? null : `has index ${index}, but ${floor} was answered before it began`
  }
  const versions = history.versions.get(operation.key) ?? []
  const isCurrent = versions.some(({ from, to, value }) => {
    if (to <= floor) return false
    return operation.readRevision === null ? value === null : from === operation.readRevision
  })
  if (isCurrent || versions.length === 0) return null
  return `read revision ${String(operation.readRevision)}, which was overwritten before ${floor}, answered before it began`
}

function describe(operation: Operation): string {
  return `${operation.type} of ${operation.key} by client ${operation.client} at ${operation.nodeId}`
}
