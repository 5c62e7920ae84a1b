// Client addresses: lists of networks, and who really sent a request that came through proxies.
import { BlockList, isIP, isIPv4 } from 'node:net'

const MAPPED_IPV4 = '::ffff:'
const EVERYONE = '*'

/** Addresses and CIDRs. `*` is everyone where the owner of the list allows it. */
export class NetworkList {
  readonly #networks = new BlockList()
  readonly includesEveryone: boolean
  readonly isEmpty: boolean

  constructor(entries: readonly string[]) {
    this.isEmpty = entries.length === 0
    this.includesEveryone = entries.includes(EVERYONE)
    for (const entry of entries) {
      if (entry !== EVERYONE) this.#add(entry)
    }
  }

  has(address: string): boolean {
    const plain = plainAddress(address)
    return isIP(plain) !== 0 && this.#networks.check(plain, isIPv4(plain) ? 'ipv4' : 'ipv6')
  }

  #add(entry: string): void {
    const [network = '', bits] = entry.split('/')
    const family = isIPv4(network) ? 'ipv4' : 'ipv6'
    if (bits === undefined) this.#networks.addAddress(network, family)
    else this.#networks.addSubnet(network, Number(bits), family)
  }
}

/**
 * The address of the client: the peer's, or, when the peer is a trusted proxy, the rightmost entry of X-Forwarded-For that
 * is not one. What stands further left was written by the client itself and proves nothing.
 */
export function clientAddress(peer: string, forwardedFor: string | undefined, trustedProxies: NetworkList): string {
  let address = plainAddress(peer)
  if (forwardedFor === undefined) return address
  const hops = forwardedFor.split(',')
  while (hops.length > 0 && trustedProxies.has(address)) {
    const hop = withoutPort(hops.pop()?.trim() ?? '')
    if (isIP(hop) === 0) break
    address = hop
  }
  return address
}

/** `::ffff:192.0.2.1` is how a dual-stack listener shows `192.0.2.1`. */
function plainAddress(address: string): string {
  return address.startsWith(MAPPED_IPV4) && isIPv4(address.slice(MAPPED_IPV4.length))
    ? address.slice(MAPPED_IPV4.length)
    : address
}

function withoutPort(hop: string): string {
  const bracketed = /^\[([^\]]+)\](?::\d+)?$/.exec(hop)?.[1]
  const withPort = /^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(hop)?.[1]
  return plainAddress(bracketed ?? withPort ?? hop)
}
