// Mistakes in what the log carries out and in the services, planted to prove that the model and the streams' checks find them.
import type { Clock } from '../../src/base/clock.ts'
import type { Entry } from '../../src/raft/types.ts'
import { EventHub } from '../../src/services/events/hub.ts'
import type { EventSink } from '../../src/services/events/subscriber.ts'
import { AuthorizationLease } from '../../src/services/authorization/lease.ts'
import { Revocations } from '../../src/services/authorization/revocations.ts'
import { SubscriptionSlots } from '../../src/services/events/subscription-slots.ts'
import { WatchService } from '../../src/services/watches.ts'
import type { WatchAdmission } from '../../src/services/watches.ts'
import { decodeCommand, encodeCommand } from '../../src/state/command-codec.ts'
import { EntityTable } from '../../src/state/entity-table.ts'
import { PendingWrites } from '../../src/state/pending-writes.ts'
import { StoreStateReader } from '../../src/state/store-state-reader.ts'
import { UsageTable } from '../../src/state/usage.ts'
import { replaceMethod } from './replace-method.ts'
import type { PlantedBug } from './sim-node.ts'

/** Commands count as if each node had made them itself, when it applies them. */
const EXPIRY_BY_LOCAL_CLOCK: PlantedBug = {
  name: 'expiry judged by the local clock',
  seen: (entries, clock) => entries.map((entry) => restamped(entry, clock)),
}

function restamped(entry: Entry, clock: Clock): Entry {
  const command = entry.kind === 'command' ? decodeCommand(entry.data) : undefined
  return command === undefined ? entry : { ...entry, data: encodeCommand({ ...command, timeMs: clock.nowMs() }) }
}

const TXN_APPLIED_PARTLY: PlantedBug = {
  name: 'txn applied partly',
  activate: () =>
    replaceMethod(PendingWrites.prototype, 'rollback', () => {
      return function keepInstead(this: PendingWrites) {
        this.keep()
      }
    }),
}

const USAGE_NOT_GIVEN_BACK: PlantedBug = {
  name: 'usage not given back',
  activate: () =>
    replaceMethod(UsageTable.prototype, 'charge', (original) => {
      return function chargeOnly(this: UsageTable, tx, entityId, space, deltaBytes) {
        if (deltaBytes > 0) original.call(this, tx, entityId, space, deltaBytes)
      }
    }),
}

const KEY_LEFT_BEHIND: PlantedBug = {
  name: 'key of a deleted entity left behind',
  activate: () => replaceMethod(EntityTable.prototype, 'deleteKey', () => () => undefined),
}

/** The first change that a watcher has missed while it was away is left out. */
const WATCH_SKIPS_ON_RESUME: PlantedBug = {
  name: 'watch skips on resume',
  activate: () =>
    replaceMethod(WatchService.prototype, 'admit', (original) => {
      return async function admitAndSkip(this: WatchService, caller, request) {
        const admission = await original.call(this, caller, request)
        return request.since === null ? admission : { ...admission, attach: (sink) => attachAndSkip(admission, sink) }
      }
    }),
}

function attachAndSkip(admission: WatchAdmission, sink: EventSink): ReturnType<WatchAdmission['attach']> {
  let [frameCount, isAttached] = [0, false]
  const skipping: EventSink = {
    send: (frame, onSent) => {
      frameCount += 1
      if (frameCount !== 2 || isAttached) sink.send(frame, onSent)
    },
    close: (end) => sink.close(end),
  }
  const watcher = admission.attach(skipping)
  isAttached = true
  return watcher
}

const GAP_NOT_ANNOUNCED: PlantedBug = {
  name: 'gap of events not announced',
  activate: () =>
    replaceMethod(EventHub.prototype, 'attach', (original) => {
      return function attachWithoutGaps(this: EventHub, request, sink) {
        return original.call(this, request, {
          send: (frame, onSent) => {
            if (frame.eventId !== null) sink.send(frame, onSent)
          },
          close: (end) => sink.close(end),
        })
      }
    }),
}

const STREAM_OUTLIVES_KEY: PlantedBug = {
  name: 'subscriber outlives its key',
  activate: () =>
    replaceMethod(EventHub.prototype, 'onApplied', (original) => {
      return function passOver(this: EventHub, changes) {
        original.call(
          this,
          changes.filter(({ type }) => type !== 'key-deleted'),
        )
      }
    }),
}

/** A new process takes slots beside those that the one before it had. */
const SLOT_COUNTED_TWICE: PlantedBug = {
  name: 'slot counted twice after a restart',
  activate: () => {
    const undo = replaceMethod(SubscriptionSlots.prototype, 'start', () => () => undefined)
    const undoToo = replaceMethod(StoreStateReader.prototype, 'membersWithSubscribers', () => () => [])
    return () => {
      undo()
      undoToo()
    }
  },
}

const DELETION_NOT_WAITED_FOR: PlantedBug = {
  name: 'deletion of a key acknowledged before every node refuses it',
  activate: () => replaceMethod(Revocations.prototype, 'settle', () => () => Promise.resolve()),
}

/** A node that was sure once goes on to believe its own state. */
const LEASE_NEVER_ENDS: PlantedBug = {
  name: 'lease that never ends',
  activate: () =>
    replaceMethod(AuthorizationLease.prototype, 'isHeld', (original) => {
      const sure = new WeakSet<AuthorizationLease>()
      return function remember(this: AuthorizationLease) {
        if (original.call(this)) sure.add(this)
        return sure.has(this)
      }
    }),
}

export const PLANTED_SERVICE_BUGS: readonly PlantedBug[] = [
  EXPIRY_BY_LOCAL_CLOCK,
  TXN_APPLIED_PARTLY,
  USAGE_NOT_GIVEN_BACK,
  KEY_LEFT_BEHIND,
  WATCH_SKIPS_ON_RESUME,
  GAP_NOT_ANNOUNCED,
  STREAM_OUTLIVES_KEY,
  SLOT_COUNTED_TWICE,
  DELETION_NOT_WAITED_FOR,
  LEASE_NEVER_ENDS,
]
