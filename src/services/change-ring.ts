// The newest changes of the entities that are watched on this node, in log order, bounded by count and bytes.
import { WATCH_RING_BYTES_MAX, WATCH_RING_REVISIONS_MAX } from '../contract/limits.ts'
import type { Change } from '../state/changes.ts'
import type { EntityId, Space } from '../state/commands.ts'

export type WriteChange = Extract<Change, { readonly type: 'write' }>

interface RecordedChange {
  readonly space: Space
  readonly key: Buffer
  /** One JSON object. */
  readonly json: string
}

/** What one log entry changed of one entity. */
export interface RecordedRevision {
  readonly entityId: EntityId
  readonly revision: number
  readonly changes: RecordedChange[]
  sizeBytes: number
}

/** Bytes of a change besides its text, roughly. */
const CHANGE_OVERHEAD_BYTES = 128

/** Revisions have places that count up and are never used again. */
export class ChangeRing {
  #revisions: RecordedRevision[] = []
  #firstPlace = 0
  #sizeBytes = 0

  /** The place of the oldest revision. */
  get firstPlace(): number {
    return this.#firstPlace
  }

  /** The place that the next revision will have. */
  get endPlace(): number {
    return this.#firstPlace + this.#revisions.length
  }

  /** The revision at a place that is still held. */
  at(place: number): RecordedRevision | undefined {
    return this.#revisions[place - this.#firstPlace]
  }

  add(change: WriteChange): void {
    const recorded = this.#revisionOf(change)
    const json = changeJson(change)
    const sizeBytes = CHANGE_OVERHEAD_BYTES + change.key.length + json.length
    // Copied: the change may share the memory of something much larger.
    recorded.changes.push({ space: change.space, key: Buffer.from(change.key), json })
    recorded.sizeBytes += sizeBytes
    this.#sizeBytes += sizeBytes
  }

  /** One log entry may change several entities in turn: when records of theirs expire. */
  #revisionOf({ entityId, revision }: WriteChange): RecordedRevision {
    for (let at = this.#revisions.length - 1; this.#revisions[at]?.revision === revision; at -= 1) {
      const known = this.#revisions[at]
      if (known?.entityId === entityId) return known
    }
    const added = { entityId, revision, changes: [], sizeBytes: 0 }
    this.#revisions.push(added)
    return added
  }

  /** Forgets the oldest revisions until the bounds hold again; returns them. */
  trim(): readonly RecordedRevision[] {
    let count = 0
    while (
      count < this.#revisions.length &&
      (this.#sizeBytes > WATCH_RING_BYTES_MAX || this.#revisions.length - count > WATCH_RING_REVISIONS_MAX)
    ) {
      this.#sizeBytes -= this.#revisions[count]?.sizeBytes ?? 0
      count += 1
    }
    this.#firstPlace += count
    return this.#revisions.splice(0, count)
  }

  clear(): void {
    this.#firstPlace = this.endPlace
    this.#revisions = []
    this.#sizeBytes = 0
  }
}

function changeJson({ key, value, expiresAtMs }: WriteChange): string {
  const keyJson = JSON.stringify(key.toString('utf8'))
  if (value === null) return `{"key":${keyJson},"value":null}`
  const valueJson = JSON.stringify(Buffer.from(value.buffer, value.byteOffset, value.length).toString('utf8'))
  const expiryJson = expiresAtMs === 0 ? 'null' : `"${new Date(expiresAtMs).toISOString()}"`
  return `{"key":${keyJson},"value":${valueJson},"expires_at":${expiryJson}}`
}
