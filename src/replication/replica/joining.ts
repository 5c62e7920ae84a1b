// The way of a node without a cluster into one: finds or begins it, and remembers it durably before the node acts as a member.
import { InsiError, messageOf } from '../../base/errors.ts'
import { clearFirstEntry, findCluster, writeFirstEntry } from '../membership/bootstrap.ts'
import type { ConfiguredPeer, ReplicaDeps, ReplicaOptions } from '../replica-options.ts'
import type { PeerRequests } from '../peer-requests.ts'

export interface JoiningDeps extends Pick<
  ReplicaDeps,
  'clock' | 'identity' | 'log' | 'logger' | 'random' | 'readMarker'
> {
  readonly options: ReplicaOptions
  readonly requests: PeerRequests
  /** Every other node, as the configuration says now. */
  readonly peers: () => readonly ConfiguredPeer[]
  readonly signal: AbortSignal
}

export class Joining {
  readonly #deps: JoiningDeps
  #obstacle: string | null = null

  constructor(deps: JoiningDeps) {
    this.#deps = deps
  }

  /** Why the node is no member yet, and what would help; null before it is known, and once the node is a member. */
  get obstacle(): string | null {
    return this.#obstacle
  }

  /** True while the node would begin a cluster if the evidence allowed it. */
  get isBootstrapRefused(): boolean {
    return this.#deps.options.mayBootstrap && this.#obstacle !== null
  }

  /** Resolves with the cluster that the node belongs to from now on. Rejects when the signal aborts or a disk fails. */
  async run(): Promise<string> {
    const { identity, log, logger, options } = this.#deps
    const onObstacle = (reason: string): void => {
      this.#obstacle = reason
    }
    const { clusterId, type } = await findCluster({ ...this.#deps, onObstacle })
    if (type === 'bootstrapped') await writeFirstEntry(log, identity, options.raftAddress)
    else await clearFirstEntry(log)
    await identity.setClusterId(clusterId)
    this.#obstacle = null
    logger.info({ clusterId }, type === 'bootstrapped' ? 'cluster bootstrapped' : 'cluster joined')
    return clusterId
  }

  /** A node that belongs to a cluster already must not belong to another one than the marker's. Throws IDENTITY_MISMATCH. */
  async checkMarker(): Promise<void> {
    const { identity, logger, readMarker } = this.#deps
    const marked = await readMarker().catch((error: unknown) => {
      logger.warn({ reason: messageOf(error) }, 'the identity marker cannot be read')
      return null
    })
    if (marked === null || identity.clusterId === null || marked === identity.clusterId) return
    throw new InsiError(
      'IDENTITY_MISMATCH',
      `the data directory belongs to the cluster ${identity.clusterId}, but the identity marker names ${marked}. After ` +
        'insid recover-alone, put the new id into the marker. If the marker is right, this is the disk of another cluster: ' +
        'start the node with an empty data directory, so that it joins as a new member',
      { details: { found: identity.clusterId, expected: marked } },
    )
  }
}
