// The log as a list of changes: what a durable log must show, and which states a crash may leave.
import type { Entry, HardState, LogIndex, SnapshotMeta } from '../../../src/raft/types.ts'
import type { DurableLog } from '../../../src/replication/ports.ts'

export type LogChange =
  | { readonly type: 'append'; readonly entry: Entry }
  | { readonly type: 'truncate'; readonly from: LogIndex }
  | { readonly type: 'cut' | 'reset'; readonly base: SnapshotMeta }
  | { readonly type: 'hardState'; readonly hardState: HardState }

export interface LogState {
  readonly base: SnapshotMeta
  readonly entries: readonly Entry[]
  readonly hardState: HardState
}

export const EMPTY_LOG: LogState = {
  base: { index: 0, term: 0, membership: { members: [] } },
  entries: [],
  hardState: { term: 0, votedFor: null },
}

export function changed(state: LogState, change: LogChange): LogState {
  switch (change.type) {
    case 'append':
      return { ...state, entries: [...state.entries, change.entry] }
    case 'truncate':
      return { ...state, entries: state.entries.filter((entry) => entry.index < change.from) }
    case 'cut':
      return { ...state, base: change.base, entries: state.entries.filter((entry) => entry.index > change.base.index) }
    case 'reset':
      return { ...state, base: change.base, entries: [] }
    case 'hardState':
      return { ...state, hardState: change.hardState }
  }
}

export function lastOf(state: LogState): { index: LogIndex; term: number } {
  const { index, term } = state.entries.at(-1) ?? state.base
  return { index, term }
}

/** The state that an owner sees after a restart: a term that only entries prove is the node's own. */
export function restarted(state: LogState): LogState {
  const { term } = lastOf(state)
  return state.hardState.term >= term ? state : { ...state, hardState: { term, votedFor: null } }
}

/** `state` and every state on the way through `changes`. */
export function statesAlong(state: LogState, changes: readonly LogChange[]): LogState[] {
  const states = [state]
  for (const change of changes) states.push(changed(states.at(-1) ?? state, change))
  return states
}

/** Everything that the log shows, read in pieces of about `sizeBytesMax`. */
export function stateOf(log: DurableLog, sizeBytesMax = Number.MAX_SAFE_INTEGER): LogState {
  const entries: Entry[] = []
  while (log.firstIndex + entries.length <= log.lastIndex) {
    const from = log.firstIndex + entries.length
    const piece = log.entries(from, log.lastIndex + 1, sizeBytesMax)
    if (piece === undefined || piece.length === 0) throw new Error(`entry ${from} is not there`)
    const sizeBytes = piece.slice(1).reduce((sum, entry) => sum + entry.data.length, piece[0]?.data.length ?? 0)
    if (piece.length > 1 && sizeBytes > sizeBytesMax)
      throw new Error(`${sizeBytes} bytes where ${sizeBytesMax} were asked for`)
    entries.push(...piece.map((entry) => ({ ...entry, data: Buffer.from(entry.data) })))
  }
  return { base: log.base, entries, hardState: log.hardState }
}

/** A string that is equal for equal states. */
export function fingerprint(state: LogState): string {
  const entries = state.entries.map(({ index, term, kind, data }) => [
    index,
    term,
    kind,
    Buffer.from(data).toString('hex'),
  ])
  return JSON.stringify([state.base, state.hardState, entries])
}
