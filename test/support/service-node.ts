// One node's services over the real state machine in memory, for tests that need no listener.
import { silentLog } from '../../src/base/log.ts'
import { systemRandom } from '../../src/base/random.ts'
import type { Config } from '../../src/config/config.ts'
import { parseConfig } from '../../src/config/load.ts'
import { createServices } from '../../src/services/services.ts'
import type { Services } from '../../src/services/services.ts'
import { StateMachine } from '../../src/state/state-machine.ts'
import { ReplaceableMemoryStore } from '../../src/storage/replaceable-memory-store.ts'
import { SingleNodeAdmin } from './single-node-admin.ts'
import { SingleNodeReplicator } from './single-node-replicator.ts'
import { VirtualClock } from './virtual-clock.ts'

export interface ServiceNode {
  readonly services: Services
  readonly state: StateMachine
  readonly replicator: SingleNodeReplicator
  readonly clock: VirtualClock
}

const NODES = 'nodes: { node0: { publicBinding: 127.0.0.1:0, privateBinding: 127.0.0.1:0, raftBinding: 127.0.0.1:0 } }'
const SECRET = 'a-secret-for-tests-that-is-long-enough-0123456789'

export function configOf(lines = '', secret = SECRET): Config {
  return parseConfig(`instanceSecret: ${secret}\n${lines}\n${NODES}\n`, { path: 'cluster.yaml' }).config
}

/** `state`: of a node that was there before, to look at it with another configuration. */
export async function serviceNode(
  options: { readonly config?: Config; readonly state?: StateMachine; readonly clock?: VirtualClock } = {},
): Promise<ServiceNode> {
  const state = options.state ?? (await StateMachine.open(new ReplaceableMemoryStore()))
  const replicator = new SingleNodeReplicator(state)
  const clock = options.clock ?? new VirtualClock()
  const config = options.config ?? configOf()
  const clusterAdmin = new SingleNodeAdmin()
  const deps = { config, clock, random: systemRandom, log: silentLog, reader: state.reader, replicator, clusterAdmin }
  const services = createServices({ ...deps, snapshots: state, version: '1.2.3' })
  state.setChangeListener(services.changes)
  return { services, state, replicator, clock }
}
