// What clients read: one key, or the keys with a prefix in several ways. What a node answers is noted as text, with the index
// and the time that it answered for, so that the model can be asked the same question later.
import type { LogIndex } from '../../src/raft/types.ts'
import type { EntityId, Space } from '../../src/state/commands.ts'
import type { StateReader, StoredRecord } from '../../src/state/state-reader.ts'
import type { CommittedHistory, FoundRecord } from './committed-history.ts'
import { textOf } from './model-operations.ts'

interface OnKeys {
  readonly space: Space
  readonly entityId: EntityId
  /** The key, or the prefix of the keys. */
  readonly key: string
}

export type ReadRequest = OnKeys &
  (
    | { readonly type: 'get' }
    | { readonly type: 'count' }
    | { readonly type: 'keys'; readonly offset: number; readonly limit: number }
    | { readonly type: 'entries'; readonly after: string | null; readonly reverse: boolean; readonly limit: number }
  )

export interface Observation {
  /** The index that the node had applied when it was read. */
  readonly asOf: LogIndex
  /** The batch that was being written went up to here: the store may show it already. */
  readonly through: LogIndex
  readonly nowMs: number
  readonly text: string
}

const DENIED = 'the entity is deleted'

/** Reads as a node's services do, behind the barrier. */
export async function observe(
  { reader, applyingThrough: through }: { readonly reader: StateReader; readonly applyingThrough: LogIndex },
  request: ReadRequest,
  wallMs: number,
): Promise<Observation> {
  const nowMs = Math.max(wallMs, reader.timeMs)
  const asOf = reader.appliedIndex
  const isActive = reader.entity(request.entityId)?.status === 'active'
  return { asOf, through, nowMs, text: isActive ? await answerOf(reader, request, nowMs) : DENIED }
}

async function answerOf(reader: StateReader, request: ReadRequest, nowMs: number): Promise<string> {
  const { space, entityId } = request
  const key = Buffer.from(request.key, 'latin1')
  switch (request.type) {
    case 'get': {
      const record = reader.get(space, entityId, key, nowMs)
      return record === undefined ? '' : lineOf(request.key, record)
    }
    case 'count':
      return String(await reader.count(space, entityId, key, nowMs))
    case 'keys': {
      const { offset, limit } = request
      const keys = await reader.listKeys({ space, entityId, prefix: key, offset, limit }, nowMs)
      return keys.map(textOf).join(' ')
    }
    case 'entries': {
      const { reverse, limit, after } = request
      const page = { space, entityId, prefix: key, reverse, limit, sizeBytesMax: Number.POSITIVE_INFINITY }
      const behind = after === null ? {} : { after: Buffer.from(after, 'latin1') }
      const { records, hasMore } = await reader.list({ ...page, ...behind }, nowMs)
      const lines = records.map((record) => lineOf(textOf(record.key), record))
      return [...lines, hasMore ? 'more' : 'end'].join(' ')
    }
  }
}

/** What a sequential store answers at a place. */
export function expectedText(
  history: CommittedHistory,
  request: ReadRequest,
  { asOf, nowMs }: Observation,
  index = asOf,
): string {
  const { space, entityId, key } = request
  if (!history.isActive(entityId, asOf)) return DENIED
  const found = history.recordsAt(space, entityId, key, index, nowMs)
  switch (request.type) {
    case 'get':
      return found
        .filter((record) => record.key === key)
        .map(lineOfModel)
        .join('')
    case 'count':
      return String(found.length)
    case 'keys':
      return found
        .slice(request.offset, request.offset + request.limit)
        .map((record) => record.key)
        .join(' ')
    case 'entries': {
      const { after, reverse, limit } = request
      const inOrder = reverse ? found.toReversed() : found
      const behind = inOrder.filter((record) => after === null || (reverse ? record.key < after : record.key > after))
      return [...behind.slice(0, limit).map(lineOfModel), behind.length > limit ? 'more' : 'end'].join(' ')
    }
  }
}

function lineOf(key: string, { value, revision, expiresAtMs }: StoredRecord): string {
  return `${key}=${value.toString('latin1')}@${revision}!${expiresAtMs}`
}

function lineOfModel({ key, value, revision, expiresAtMs }: FoundRecord): string {
  return `${key}=${value}@${revision}!${expiresAtMs}`
}
