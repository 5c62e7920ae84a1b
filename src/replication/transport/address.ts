// Addresses of peers: `host:port`, IPv6 hosts in brackets, and which one a node gives to others as its own.

const WILDCARD_HOSTS: ReadonlySet<string> = new Set(['', '0.0.0.0', '::', '*'])
const LOOPBACK_HOST = '127.0.0.1'
const PORT_MAX = 65_535

export interface HostPort {
  /** Without brackets. Empty: every interface. */
  readonly host: string
  readonly port: number
}

/** Reads `host:port`; null when it is no such text. */
export function parseAddress(address: string): HostPort | null {
  const match = /^(?:\[([^\]]*)\]|([^:]*)):(\d{1,5})$/.exec(address)
  if (match === null) return null
  const port = Number(match[3])
  return port > PORT_MAX ? null : { host: match[1] ?? match[2] ?? '', port }
}

/** Writes `host:port`. */
export function formatAddress({ host, port }: HostPort): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/**
 * How others reach a listener bound to `binding` (`host:port`): a wildcard host is replaced by `clientDomain`, or by the
 * loopback address when there is none. A binding that is no `host:port` is returned as it is.
 */
export function advertisedAddress(binding: string, clientDomain?: string): string {
  const parsed = parseAddress(binding)
  if (parsed === null || !WILDCARD_HOSTS.has(parsed.host)) return binding
  const domain = clientDomain === undefined || clientDomain === '' ? LOOPBACK_HOST : clientDomain
  return formatAddress({ host: domain, port: parsed.port })
}
