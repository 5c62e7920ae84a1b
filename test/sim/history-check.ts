// Checks what clients saw against what the cluster committed. The committed log is one total order of all writes; the history is
// linearizable if every answer is what a sequential store gives at its place in that order, and the order agrees with real time.
import { must } from '../../src/base/assert.ts'
import type { LogIndex } from '../../src/raft/types.ts'
import type { CommittedHistory } from './committed-history.ts'
import type { Operation } from './sim-clients.ts'
import { expectedText } from './sim-reads.ts'
import { stableText } from './stable-text.ts'

/** Characters of an answer that a report repeats. */
const SHOWN_CHARS_MAX = 300

/** The first thing that is wrong with `operations`, or null. */
export function findAnomaly(operations: readonly Operation[], history: CommittedHistory): string | null {
  const places = new Map<Operation, LogIndex>()
  for (const operation of operations) {
    const anomaly =
      operation.work.type === 'write' ? checkWrite(operation, history, places) : checkRead(operation, history, places)
    if (anomaly !== null) return `${describe(operation)}: ${anomaly}`
  }
  return checkRealTime(operations, places)
}

function checkWrite(operation: Operation, history: CommittedHistory, places: Map<Operation, LogIndex>): string | null {
  const indexes = history.indexesOf(must(operation.bytes, 'a write has a command'))
  if (indexes.length > 1) return `was applied ${indexes.length} times, at ${indexes.join(', ')}`
  const [index] = indexes
  if (operation.outcome === 'not_applied' && index !== undefined) return `was refused, but applied at ${index}`
  if (operation.outcome !== 'ok') return null
  if (index === undefined) return 'was acknowledged, but is not in the log'
  places.set(operation, index)
  return difference(stableText(operation.result), stableText(history.at(index).result))
}

function checkRead(operation: Operation, history: CommittedHistory, places: Map<Operation, LogIndex>): string | null {
  const { work, outcome, observed } = operation
  if (outcome !== 'ok' || work.type !== 'read') return null
  const observation = must(observed, 'a read that succeeded has seen something')
  places.set(operation, observation.asOf)
  for (let index = observation.asOf + 1; index <= observation.through; index++) {
    if (observation.text === expectedText(history, work.request, observation, index)) return null
  }
  return difference(observation.text, expectedText(history, work.request, observation))
}

function difference(actual: string, expected: string): string | null {
  if (actual === expected) return null
  return `answered ${shown(actual)}, a sequential store answers ${shown(expected)}`
}

function shown(text: string): string {
  return text.length > SHOWN_CHARS_MAX ? `${text.slice(0, SHOWN_CHARS_MAX)}…` : text
}

/** Real-time order: an operation that begins after another one was answered comes after it. */
function checkRealTime(operations: readonly Operation[], places: ReadonlyMap<Operation, LogIndex>): string | null {
  const completed = operations.filter((operation) => operation.outcome === 'ok')
  const byEnd = completed.toSorted((one, other) => one.endedAt - other.endedAt)
  let endedCount = 0
  /** The highest place of anything that was answered so far. */
  let floor = 0
  for (const operation of completed.toSorted((one, other) => one.startedAt - other.startedAt)) {
    for (; (byEnd[endedCount]?.endedAt ?? Number.POSITIVE_INFINITY) < operation.startedAt; endedCount++) {
      floor = Math.max(floor, placeOf(must(byEnd[endedCount], 'within bounds'), places))
    }
    const index = placeOf(operation, places)
    const isAfter = operation.work.type === 'write' ? index > floor : index >= floor
    if (!isAfter) return `${describe(operation)}: has index ${index}, but ${floor} was answered before it began`
  }
  return null
}

function placeOf(operation: Operation, places: ReadonlyMap<Operation, LogIndex>): LogIndex {
  return must(places.get(operation), 'what was answered has a place')
}

function describe({ work, client, nodeId }: Operation): string {
  return `${work.name} by client ${client} at ${nodeId}`
}
