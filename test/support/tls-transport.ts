// Peer transports on real sockets for tests: they record what happens and are all closed at the end.
import { eventually } from './eventually.ts'
import { systemClock } from '../../src/base/clock.ts'
import type { Clock } from '../../src/base/clock.ts'
import { silentLog } from '../../src/base/log.ts'
import type { Log } from '../../src/base/log.ts'
import { systemRandom } from '../../src/base/random.ts'
import { TlsPeerTransport } from '../../src/replication/transport/peer-transport.ts'
import type { PeerCredentials } from '../../src/replication/transport/credentials.ts'
import type { LocalPeerIdentity } from '../../src/replication/transport/handshake.ts'
import type { PeerDeadlines } from '../../src/replication/transport/limits.ts'
import type { SuiteNode } from '../conformance/transport-suite.ts'

export const SECRET = 'a-secret-for-tests-that-is-long-enough'

export interface TlsNode extends SuiteNode {
  readonly transport: TlsPeerTransport
  /** May be changed while the node runs. */
  readonly identity: { -readonly [Field in keyof LocalPeerIdentity]: LocalPeerIdentity[Field] }
  readonly errors: unknown[]
}

export interface TlsNodeOptions {
  readonly secrets?: readonly string[]
  readonly credentials?: PeerCredentials
  readonly host?: string
  readonly port?: number
  readonly clusterId?: string | null
  readonly memberId?: string
  readonly deadlines?: Partial<PeerDeadlines>
  readonly log?: Log
  readonly clock?: Clock
  /** Called for each message, after it was recorded. */
  readonly onMessage?: () => void
}

/** Starts transports and closes them all. */
export class TlsNodes {
  readonly #running: TlsNode[] = []

  async start(name: string, options: TlsNodeOptions = {}): Promise<TlsNode> {
    const host = options.host ?? '127.0.0.1'
    const identity = {
      nodeId: name,
      memberId: options.memberId ?? `${name}/1`,
      raftAddress: `${host}:${options.port ?? 0}`,
      clusterId: options.clusterId ?? null,
    }
    const errors: unknown[] = []
    const transport = new TlsPeerTransport({
      listen: { host, port: options.port ?? 0 },
      credentials: options.credentials ?? { type: 'secrets', secrets: options.secrets ?? [SECRET] },
      identity: () => identity,
      clock: options.clock ?? systemClock,
      random: systemRandom,
      log: options.log ?? silentLog,
      onError: (error) => errors.push(error),
      ...(options.deadlines === undefined ? {} : { deadlines: options.deadlines }),
    })
    const received: TlsNode['received'] = []
    const disconnects: string[] = []
    await transport.start({
      onMessage: (from, message) => {
        received.push({ from, message })
        options.onMessage?.()
      },
      onDisconnect: (address) => disconnects.push(address),
    })
    identity.raftAddress = `${host}:${transport.port}`
    const node = { address: identity.raftAddress, transport, identity, received, disconnects, errors }
    this.#running.push(node)
    return node
  }

  async closeAll(): Promise<void> {
    await Promise.all(this.#running.splice(0).map((node) => node.transport.close()))
  }
}

/** Waits until a message from `from` to `address` has come to `to`. */
export async function reach(from: TlsNode, address: string, to: TlsNode): Promise<void> {
  const before = to.received.length
  await eventually(`${from.identity.nodeId} reaches ${address}`, () => {
    from.transport.send(address, { type: 'ProbeRequest', requestId: 1 })
    return to.received.length > before ? true : undefined
  })
}
