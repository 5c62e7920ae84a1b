// The production services of a simulated node: subscribers, watchers, their slots, and the removal of deleted entities.
import { delay } from '../../src/base/clock.ts'
import type { Clock } from '../../src/base/clock.ts'
import { silentLog } from '../../src/base/log.ts'
import type { Random } from '../../src/base/random.ts'
import type { Replica } from '../../src/replication/replica/replica.ts'
import { createServices } from '../../src/services/services.ts'
import type { Services } from '../../src/services/services.ts'
import type { StateMachine } from '../../src/state/state-machine.ts'
import { configOf } from '../support/service-node.ts'

const CONFIG = configOf()
/** How long services may take to end, as in production. */
const STOP_MS_MAX = 2_000

export interface SimServices {
  readonly services: Services
  start(): void
  /** Resolves at the latest after STOP_MS_MAX. */
  stop(): Promise<void>
}

export function createSimServices(
  { clock, random }: { readonly clock: Clock; readonly random: Random },
  state: StateMachine,
  replica: Replica,
): SimServices {
  const services = createServices({
    config: CONFIG,
    clock,
    random,
    log: silentLog,
    reader: state.reader,
    replicator: replica,
    clusterAdmin: replica.admin,
    snapshots: state,
    version: '1.2.3',
    liveMembers: () => liveMembersOf(replica),
  })
  state.setChangeListener(services.changes)
  return {
    services,
    start: () => {
      services.purgeDriver.start()
      services.subscriptions.start()
    },
    stop: async () => {
      const ended = Promise.all([services.subscriptions.stop(), services.purgeDriver.stop()])
      await Promise.race([ended, delay(clock, STOP_MS_MAX)])
    },
  }
}

function liveMembersOf(replica: Replica): ReadonlySet<string> | null {
  const raft = replica.raftStatus()
  if (raft === undefined || raft.role !== 'leader') return null
  const live = [...raft.peers].filter(([, peer]) => peer.active).map(([memberId]) => memberId)
  return new Set([replica.status().memberId, ...live])
}
