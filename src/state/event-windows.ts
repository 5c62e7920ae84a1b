// What is kept of an entity's events besides the events: which are stored, and how many count towards the quota.
import { eventWindowKey } from '../storage/keyspace.ts'
import { RowTable } from './row-table.ts'

/** The event quota counts within this time from the first counted event on, and then begins anew. */
export const EVENT_QUOTA_WINDOW_MS = 24 * 60 * 60 * 1000

export interface EventWindowRow {
  readonly quotaStartMs: number
  readonly quotaCount: number
  /** The stored events have the numbers from `firstNumber` up to, without, `nextNumber`. */
  readonly firstNumber: number
  readonly nextNumber: number
  /** Of the stored events; see sizeOf() in events.ts. */
  readonly sizeBytes: number
  /** Time of the event `firstNumber`, when there is one. */
  readonly oldestTimeMs: number
  readonly trimmedThrough: number
  readonly lastEventId: number
}

export class EventWindowTable extends RowTable<EventWindowRow> {
  constructor() {
    super({
      keyOf: eventWindowKey,
      empty: {
        quotaStartMs: 0,
        quotaCount: 0,
        firstNumber: 0,
        nextNumber: 0,
        sizeBytes: 0,
        oldestTimeMs: 0,
        trimmedThrough: 0,
        lastEventId: 0,
      },
      write: (writer, row) =>
        writer
          .uint48(row.quotaStartMs)
          .uint48(row.quotaCount)
          .uint48(row.firstNumber)
          .uint48(row.nextNumber)
          .uint48(row.sizeBytes)
          .uint48(row.oldestTimeMs)
          .safeInteger(row.trimmedThrough)
          .safeInteger(row.lastEventId),
      read: (reader) => ({
        quotaStartMs: reader.uint48(),
        quotaCount: reader.uint48(),
        firstNumber: reader.uint48(),
        nextNumber: reader.uint48(),
        sizeBytes: reader.uint48(),
        oldestTimeMs: reader.uint48(),
        trimmedThrough: reader.safeInteger(),
        lastEventId: reader.safeInteger(),
      }),
    })
  }
}

/** Events that count at `timeMs`. */
export function quotaCountAt({ quotaStartMs, quotaCount }: EventWindowRow, timeMs: number): number {
  return timeMs >= quotaStartMs + EVENT_QUOTA_WINDOW_MS ? 0 : quotaCount
}
