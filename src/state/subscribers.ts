// How many subscribers each entity has on which member: slots that a limit holds down cluster-wide.
//
//   subscribers row  epoch u48 | memberCount u16 | for each: memberId text | count u32
import { subscribersKey } from '../storage/keyspace.ts'
import type {
  CommandResult,
  EntityId,
  SubscriptionAcquireCommand,
  SubscriptionReleaseCommand,
  SubscriptionReportCommand,
  SubscriptionShakeCommand,
} from './commands.ts'
import { accepted, rejected } from './results.ts'
import { RowTable } from './row-table.ts'
import type { Transaction } from './transaction.ts'

interface SubscribersRow {
  readonly epoch: number
  readonly total: number
  /** Members with at least one. */
  readonly byMember: ReadonlyMap<string, number>
}

export class SubscriberTable extends RowTable<SubscribersRow> {
  constructor() {
    super({
      keyOf: subscribersKey,
      empty: { epoch: 0, total: 0, byMember: new Map() },
      write: (writer, { epoch, byMember }) => {
        writer.uint48(epoch).uint16(byMember.size)
        for (const [memberId, count] of byMember) writer.text(memberId).uint32(count)
      },
      read: (reader) => {
        const epoch = reader.uint48()
        const counts = Array.from({ length: reader.uint16() }, () => [reader.text(), reader.uint32()] as const)
        return { epoch, ...summed(new Map(counts)) }
      },
    })
  }

  /** Sets what a member holds of an entity. */
  setCount(tx: Transaction, entityId: EntityId, memberId: string, count: number): void {
    const { epoch, byMember } = this.get(entityId)
    if ((byMember.get(memberId) ?? 0) === count) return
    // In the order of ids, because replicas that loaded the row and those that made it must write the same bytes.
    const counts = [...byMember].filter(([id]) => id !== memberId)
    if (count > 0) counts.push([memberId, count])
    this.setRow(tx, entityId, { epoch, ...summed(new Map(counts.sort(([a], [b]) => (a < b ? -1 : 1)))) })
  }

  setRow(tx: Transaction, entityId: EntityId, row: SubscribersRow): void {
    tx.writes.fold(row.total)
    tx.writes.fold(row.epoch >>> 0)
    this.set(tx, entityId, row)
  }
}

export function applySubscriptionAcquire(tx: Transaction, command: SubscriptionAcquireCommand): CommandResult {
  const { entityId, memberId } = command
  const { entities, subscribers } = tx.tables
  const entity = entities.activeEntity(entityId)
  if (entity === undefined) return rejected('ENTITY_NOT_FOUND')
  const { total, epoch, byMember } = subscribers.get(entityId)
  const limit = entity.limits.subscribers
  if (limit !== null && total >= limit) return rejected('SUBSCRIBER_LIMIT_EXCEEDED', { current: total, limit })
  subscribers.setCount(tx, entityId, memberId, (byMember.get(memberId) ?? 0) + 1)
  return accepted(tx.index, { epoch })
}

/** Giving back more than the member holds gives back all of it. */
export function applySubscriptionRelease(tx: Transaction, command: SubscriptionReleaseCommand): CommandResult {
  const { entityId, memberId, count } = command
  const { entities, subscribers } = tx.tables
  if (entities.entity(entityId) === undefined) return rejected('ENTITY_NOT_FOUND')
  const { epoch, byMember } = subscribers.get(entityId)
  if (command.epoch === epoch) {
    subscribers.setCount(tx, entityId, memberId, Math.max(0, (byMember.get(memberId) ?? 0) - count))
  }
  return accepted(tx.index, { epoch })
}

/** Entities that are unknown or being deleted are left out. */
export function applySubscriptionReport(tx: Transaction, command: SubscriptionReportCommand): CommandResult {
  const { memberId } = command
  const { entities, subscribers } = tx.tables
  const counts = new Map(command.counts)
  for (const entityId of subscribers.entityIds()) {
    if (!counts.has(entityId)) subscribers.setCount(tx, entityId, memberId, 0)
  }
  for (const [entityId, count] of counts) {
    if (entities.activeEntity(entityId) !== undefined) subscribers.setCount(tx, entityId, memberId, count)
  }
  return accepted(tx.index)
}

export function applySubscriptionShake(tx: Transaction, command: SubscriptionShakeCommand): CommandResult {
  const { entityId } = command
  const { entities, subscribers } = tx.tables
  if (entities.activeEntity(entityId) === undefined) return rejected('ENTITY_NOT_FOUND')
  const { epoch: previousEpoch, total } = subscribers.get(entityId)
  const epoch = previousEpoch + 1
  subscribers.setRow(tx, entityId, { epoch, total: 0, byMember: new Map() })
  tx.changes.add({ type: 'shake', entityId, epoch })
  return accepted(tx.index, { removedCount: total, epoch })
}

function summed(byMember: ReadonlyMap<string, number>) {
  let total = 0
  for (const count of byMember.values()) total += count
  return { total, byMember }
}
