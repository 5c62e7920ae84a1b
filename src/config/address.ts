// `host:port` addresses: parsing, printing, and whether two listeners would collide.
import { isIPv6 } from 'node:net'

/** A listener or a place to dial. `host` is without brackets; port 0 lets the system choose. */
export interface Address {
  readonly host: string
  readonly port: number
}

const PORT_MAX = 65_535
const HOST_NAME = /^[A-Za-z0-9_]([A-Za-z0-9_.-]{0,252})$/

/** Parses `host:port`, `[v6]:port` or `:port` (every interface). Undefined when the text is none of these. */
export function parseAddress(text: string): Address | undefined {
  const match = /^(?:\[([^\]]*)\]|([^:[\]]*)):(\d{1,5})$/.exec(text.trim())
  if (match === null) return undefined
  const [, bracketed, plain, digits] = match
  const port = Number(digits)
  if (port > PORT_MAX) return undefined
  if (bracketed !== undefined) return isIPv6(bracketed) ? { host: bracketed, port } : undefined
  if (plain === undefined || plain === '') return { host: '0.0.0.0', port }
  return HOST_NAME.test(plain) ? { host: plain, port } : undefined
}

/** The inverse of parseAddress. */
export function formatAddress(address: Address): string {
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`
}

/** True for a host that stands for every interface. */
export function isWildcardHost(host: string): boolean {
  return host === '0.0.0.0' || host === '::' || host === '0:0:0:0:0:0:0:0' || host === '*'
}

/** Where others dial a listener that does not say so itself: a wildcard host becomes `domain`, or this machine. */
export function dialledAddress({ host, port }: Address, domain: string | null): Address {
  return { host: isWildcardHost(host) ? (domain ?? '127.0.0.1') : host, port }
}

/** True for a host that only this machine can reach. */
export function isLoopbackHost(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)
}

/** True when two listeners on one machine cannot both open. */
export function addressesCollide(left: Address, right: Address): boolean {
  if (left.port !== right.port || left.port === 0) return false
  if (isWildcardHost(left.host) || isWildcardHost(right.host)) return true
  return canonicalHost(left.host) === canonicalHost(right.host)
}

function canonicalHost(host: string): string {
  const lower = host.toLowerCase()
  return lower === 'localhost' ? '127.0.0.1' : lower
}
