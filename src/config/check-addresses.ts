// Whether the nodes' listeners can all open, and whether their secret is fit for who can reach them.
import { addressesCollide, formatAddress, isLoopbackHost, isWildcardHost } from './address.ts'
import type { Address } from './address.ts'
import type { Draft } from './draft.ts'
import type { Fault } from './faults.ts'
import { secretWeakness } from './secret-strength.ts'

const BINDINGS = ['publicBinding', 'privateBinding', 'raftBinding', 'opsBinding'] as const

interface Listener {
  readonly nodeId: string
  /** `nodes.<id>.<binding>`. */
  readonly name: string
  readonly address: Address
}

/**
 * Adds a fault for each listener that another one already uses. Nodes whose raftAdvertise names different hosts run on
 * different machines and may share ports, unless `oneMachine`.
 */
export function checkAddresses(draft: Draft, options: { oneMachine: boolean }, faults: Fault[]): void {
  const listeners = listenersOf(draft)
  for (const [at, listener] of listeners.entries()) {
    const earlier = listeners
      .slice(0, at)
      .find(
        (other) =>
          addressesCollide(other.address, listener.address) &&
          (options.oneMachine || !onDifferentMachines(draft, other.nodeId, listener.nodeId)),
      )
    if (earlier === undefined) continue
    const message = `${listener.name} ${formatAddress(listener.address)} is already used by ${earlier.name} ${formatAddress(earlier.address)}`
    faults.push({ place: draft.placeOf(listener.name), message, hint: 'Give each listener a port of its own.' })
  }
  checkRaftAddresses(draft, faults)
}

function checkRaftAddresses(draft: Draft, faults: Fault[]): void {
  const seen = new Map<string, string>()
  for (const [id, node] of Object.entries(draft.nodes)) {
    const { raftBinding, raftAdvertise } = node
    if (raftBinding?.port === 0 && Object.keys(draft.nodes).length > 1) {
      const message = `nodes.${id}.raftBinding must name its port, because the other nodes dial it`
      faults.push({ place: draft.placeOf(`nodes.${id}.raftBinding`), message })
    }
    if (raftAdvertise === undefined) continue
    const name = `nodes.${id}.raftAdvertise`
    const earlier = seen.get(formatAddress(raftAdvertise))
    if (isWildcardHost(raftAdvertise.host)) {
      const message = `${name} must name a host that the other nodes can dial, not ${raftAdvertise.host}`
      faults.push({ place: draft.placeOf(name), message })
    } else if (earlier !== undefined) {
      const message = `${name} ${formatAddress(raftAdvertise)} is the same as ${earlier}`
      faults.push({ place: draft.placeOf(name), message })
    }
    seen.set(formatAddress(raftAdvertise), name)
  }
}

/** Adds a fault for each secret that is too weak while other machines can reach a listener. */
export function checkSecrets(draft: Draft, faults: Fault[]): void {
  const reachable = listenersOf(draft).find((listener) => !isLoopbackHost(listener.address.host))
  const { instanceSecret, previousInstanceSecret } = draft.values
  for (const [name, secret] of Object.entries({ instanceSecret, previousInstanceSecret })) {
    const weakness = secret === undefined || reachable === undefined ? null : secretWeakness(secret)
    if (weakness === null || reachable === undefined) continue
    faults.push({
      place: draft.placeOf(name),
      message: `${name} ${weakness}, and other machines can reach ${reachable.name} ${formatAddress(reachable.address)}`,
      hint:
        'Make a secret, and put it there in place of the present one:\n' +
        '    openssl rand -base64 32\n' +
        'Or bind every listener to 127.0.0.1 while you try things out.',
    })
  }
  if (instanceSecret !== undefined && instanceSecret === previousInstanceSecret) {
    const place = draft.placeOf('previousInstanceSecret')
    faults.push({ place, message: 'previousInstanceSecret must differ from instanceSecret' })
  }
}

/** Nodes that other machines cannot reach although they bind every interface: nobody told them their own name. */
export function unreachableNodes(draft: Draft): string[] {
  const nodes = Object.entries(draft.nodes)
  if (nodes.length < 2) return []
  return nodes.flatMap(([id, { raftBinding, raftAdvertise, clientDomain }]) =>
    raftBinding !== undefined &&
    isWildcardHost(raftBinding.host) &&
    raftAdvertise === undefined &&
    clientDomain === undefined
      ? [id]
      : [],
  )
}

function listenersOf(draft: Draft): Listener[] {
  return Object.entries(draft.nodes).flatMap(([nodeId, node]) =>
    BINDINGS.flatMap((binding) => {
      const address = node[binding]
      return address === undefined ? [] : [{ nodeId, name: `nodes.${nodeId}.${binding}`, address }]
    }),
  )
}

function onDifferentMachines(draft: Draft, left: string, right: string): boolean {
  if (left === right) return false
  const leftHost = draft.nodes[left]?.raftAdvertise?.host
  const rightHost = draft.nodes[right]?.raftAdvertise?.host
  return leftHost !== undefined && rightHost !== undefined && leftHost.toLowerCase() !== rightHost.toLowerCase()
}
