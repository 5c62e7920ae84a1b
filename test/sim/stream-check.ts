// Checks what subscribers and watchers received against what was committed: all of it, once and in order, but for what they
// were told to have missed.
import type { EntityId, Space } from '../../src/state/commands.ts'
import type { CommittedHistory } from './committed-history.ts'
import type { ModelWrite } from './model-entity.ts'

/** What a stream received, over all of its connections. */
export type Received =
  /** A connection begins after `position`. `isNew`: whatever was before is not wanted, or was declared to be lost. */
  | { readonly type: 'begin'; readonly position: number; readonly isNew: boolean }
  | { readonly type: 'item'; readonly position: number; readonly json: string }
  /** Events after `after` up to `through` were declared to be missed; the node had removed those up to `trimmedThrough`. */
  | { readonly type: 'gap'; readonly after: number; readonly through: number; readonly trimmedThrough: number }

interface Expected {
  readonly position: number
  readonly json: string
}

/** What a stream wants. */
export type Interest = { readonly entityId: EntityId } & (
  | { readonly type: 'events'; readonly scope: string; readonly topics: readonly string[] }
  | { readonly type: 'writes'; readonly space: Space; readonly prefix: string }
)

/** All that was committed after a position of what a stream wants, in order. */
export function expectedOf(interest: Interest, history: CommittedHistory, after = 0): readonly Expected[] {
  const { entityId } = interest
  if (interest.type === 'events') {
    const { scope, topics } = interest
    return history.events
      .filter((event) => event.eventId > after && event.entityId === entityId && topics.includes(event.topic))
      .map(({ eventId, topic, data, timeMs }) => {
        const at = new Date(timeMs).toISOString()
        return {
          position: eventId,
          json: `{"topic":"${scope}:${topic}","data":${data},"emitted_at":"${at}","id":${eventId}}`,
        }
      })
  }
  const revisions = new Map<number, string[]>()
  for (const write of history.writes) {
    const { revision, space, key } = write
    if (revision <= after) continue
    if (write.entityId !== entityId || space !== interest.space || !key.startsWith(interest.prefix)) continue
    revisions.set(revision, [...(revisions.get(revision) ?? []), changeJson(write)])
  }
  return [...revisions].map(([revision, changes]) => ({
    position: revision,
    json: `{"revision":${revision},"changes":[${changes.join(',')}]}`,
  }))
}

/** The first thing that is wrong with what was received, or null. */
export function findStreamAnomaly(received: readonly Received[], expected: readonly Expected[]): string | null {
  let position = 0
  for (const one of received) {
    if (one.type === 'begin') {
      if (!one.isNew && one.position !== position) return `resumed after ${one.position}, not after ${position}`
      position = one.position
      continue
    }
    const until = one.type === 'item' ? one.position : one.after
    if (until < position) return `received ${until} after ${position}`
    const skipped = expected.find((item) => item.position > position && item.position < until)
    if (skipped !== undefined) return `never received ${skipped.json}, but ${until} after ${position}`
    if (one.type === 'gap') {
      if (one.through > one.trimmedThrough) return `was told of a gap up to ${one.through}, which is stored`
      position = Math.max(position, one.through)
      continue
    }
    if (one.position === position) return `received ${position} twice`
    const item = expected.find((item) => item.position === one.position)
    if (item?.json !== one.json) return `received ${one.json} instead of ${item?.json ?? 'nothing'}`
    position = one.position
  }
  return null
}

/** The newest position that a stream knows of. */
export function positionOf(received: readonly Received[]): number {
  const newest = received.at(-1)
  if (newest === undefined) return 0
  return newest.type === 'gap' ? newest.through : newest.position
}

function changeJson({ key, record }: ModelWrite): string {
  if (record === null) return `{"key":${JSON.stringify(key)},"value":null}`
  const { value, expiresAtMs } = record
  const expiry = expiresAtMs === 0 ? 'null' : `"${new Date(expiresAtMs).toISOString()}"`
  return `{"key":${JSON.stringify(key)},"value":${JSON.stringify(value)},"expires_at":${expiry}}`
}
