// Refuses clients whose address is not permitted, before anything about them is looked at.
import { insiError } from '../../contract/errors.ts'
import { clientAddress, NetworkList } from '../addresses.ts'
import type { Middleware, RequestContext } from '../context.ts'

export interface AddressFilterOptions {
  /** Addresses and CIDRs; empty permits everyone. */
  readonly permitted: readonly string[]
  readonly trustedProxies: readonly string[]
  /** `*` in the list counts on the public listener only: administration is never open to everyone by a wildcard. */
  readonly wildcard: boolean
}

export function filterAddress(options: AddressFilterOptions): Middleware {
  const permitted = new NetworkList(options.permitted)
  const trustedProxies = new NetworkList(options.trustedProxies)
  if (permitted.isEmpty || (options.wildcard && permitted.includesEveryone)) return (_ctx, next) => next()
  return (ctx, next) => {
    if (!permitted.has(clientAddressOf(ctx, trustedProxies))) throw insiError('ADDRESS_NOT_PERMITTED')
    return next()
  }
}

/** Who really sent the request, as far as it can be known. */
export function clientAddressOf({ req }: RequestContext, trustedProxies: NetworkList): string {
  const forwardedFor = req.headers['x-forwarded-for']
  const peer = req.socket.remoteAddress ?? ''
  return clientAddress(peer, Array.isArray(forwardedFor) ? forwardedFor.join(',') : forwardedFor, trustedProxies)
}
